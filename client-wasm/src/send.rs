use js_sys::{Array, JSON};
use swampdragon_client::{Framing, Outgoing};
use swampdragon_protocol::HeartbeatReply;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::page::Page;
use crate::words::Words;

#[wasm_bindgen]
extern "C" {
    /// The object whose JSON a heartbeat message is answered with.
    #[wasm_bindgen(js_name = Object)]
    type Answer;

    #[wasm_bindgen(constructor, js_class = "Object")]
    fn new() -> Answer;
    #[wasm_bindgen(method, setter)]
    fn set_heartbeat(this: &Answer, value: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_session(this: &Answer, key: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_ack(this: &Answer, ack: bool);
}

/// The text of a message as it goes into the socket. A SockJS client sends an array of strings.
pub(crate) fn encode(message: Outgoing<Page>, framing: Framing, words: &Words) -> Option<JsValue> {
    let text = match message {
        Outgoing::Request(text) => text,
        Outgoing::HeartbeatReply(reply) => json(&heartbeat_reply(reply, words))?,
    };
    match framing {
        Framing::Raw => Some(text),
        Framing::SockJs => json(&Array::of1(&text)),
    }
}

fn heartbeat_reply(reply: HeartbeatReply<Page>, words: &Words) -> Answer {
    let answer = Answer::new();
    answer.set_heartbeat(words.of(reply.value));
    if let Some(key) = reply.session {
        answer.set_session(&key);
    }
    if reply.ack {
        answer.set_ack(true);
    }
    answer
}

fn json(value: &JsValue) -> Option<JsValue> {
    JSON::stringify(value).ok().map(Into::into)
}
