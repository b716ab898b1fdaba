use alloc::string::String;

use js_sys::{JsString, Math};
use wasm_bindgen::{JsCast, JsValue};

/// A uniform number over all of `u32`.
pub(crate) fn random() -> u32 {
    (Math::random() * 4_294_967_296.0) as u32
}

/// The URL of a new SockJS session: `BASE/NNN/SESSION/websocket` (SockJS 0.3.3, "Base URL").
///
/// Server number and session id need not be secret: over a WebSocket nobody can take a session up again.
pub(crate) fn sockjs_url(base: &JsValue) -> JsValue {
    let mut path = String::from("/");
    for _ in 0..3 {
        path.push(random_character(b'0', 10));
    }
    path.push('/');
    for _ in 0..12 {
        path.push(random_character(b'a', 26));
    }
    path.push_str("/websocket");
    base.unchecked_ref::<JsString>().concat(&path.into()).into()
}

fn random_character(first: u8, count: u32) -> char {
    char::from(first.wrapping_add((random() % count) as u8))
}
