use swampdragon_client::Types;
use swampdragon_protocol::Wire;
use wasm_bindgen::JsValue;

/// What the client is made of in a page: JavaScript values throughout.
#[derive(Debug, Clone)]
pub(crate) struct Page;

impl Wire for Page {
    type Text = JsValue;
    type Payload = JsValue;
}

impl Types for Page {
    /// JSON text.
    type Request = JsValue;
    /// Whatever the page's object knows the call by.
    type Handle = JsValue;
}
