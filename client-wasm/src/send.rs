use js_sys::{Array, JSON, JsString};
use swampdragon_client::{Framing, Outgoing};
use swampdragon_protocol::HeartbeatReply;
use wasm_bindgen::{JsCast, JsValue};

use crate::page::Page;

/// The text of a message as it goes into the socket. A SockJS client sends an array of strings.
pub(crate) fn encode(message: Outgoing<Page>, framing: Framing) -> Option<JsValue> {
    let text = match message {
        Outgoing::Request(text) => text,
        Outgoing::HeartbeatReply(reply) => heartbeat_reply(reply),
    };
    match framing {
        Framing::Raw => Some(text),
        Framing::SockJs => JSON::stringify(&Array::of1(&text)).ok().map(Into::into),
    }
}

/// The page's object lets only session keys through whose characters JSON takes as they are.
fn heartbeat_reply(reply: HeartbeatReply<Page>) -> JsValue {
    let mut text = concat(&"{\"heartbeat\":\"".into(), &reply.value.as_str().into());
    if let Some(key) = reply.session {
        text = concat(&text, &"\",\"session\":\"".into());
        text = concat(&text, &key);
    }
    concat(&text, &if reply.ack { "\",\"ack\":true}" } else { "\"}" }.into())
}

fn concat(text: &JsValue, more: &JsValue) -> JsValue {
    text.unchecked_ref::<JsString>().concat(more).into()
}
