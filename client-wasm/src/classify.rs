use js_sys::Array;
use swampdragon_client::{Incoming, IncomingReply};
use swampdragon_protocol::{ChannelData, HeartbeatMessage, HeartbeatValue, ReplyState, SessionState};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::page::Page;
use crate::words::Words;

/// How many remote channels one message may name; a list that claims more is cut off.
const MAX_REMOTE_CHANNELS: u32 = 1024;

/// The states that can answer a logout.
const SETTLING: [&str; 2] = [SessionState::Expired.as_str(), SessionState::Refused.as_str()];

#[wasm_bindgen]
extern "C" {
    /// Any part of a server's message. A field that is missing reads as `undefined`, also on numbers and strings; only
    /// `null` and `undefined` have no fields, and those an `Option` keeps out.
    type Part;

    #[wasm_bindgen(method, getter)]
    fn channel(this: &Part) -> Option<Part>;
    #[wasm_bindgen(method, getter)]
    fn context(this: &Part) -> Option<Part>;
    #[wasm_bindgen(method, getter)]
    fn heartbeat(this: &Part) -> Option<Part>;
    #[wasm_bindgen(method, getter)]
    fn ack(this: &Part) -> bool;
    #[wasm_bindgen(method, getter)]
    fn bound(this: &Part) -> bool;
    #[wasm_bindgen(method, getter)]
    fn session(this: &Part) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn state(this: &Part) -> Option<Part>;
    #[wasm_bindgen(method, getter)]
    fn channel_data(this: &Part) -> Option<Part>;
    #[wasm_bindgen(method, getter)]
    fn client_callback_name(this: &Part) -> Option<Part>;
    #[wasm_bindgen(method, getter)]
    fn local_channel(this: &Part) -> Option<Part>;
    #[wasm_bindgen(method, getter)]
    fn remote_channels(this: &Part) -> Option<Array>;
}

/// Tells what kind of message a value is, the frequent kinds first.
pub(crate) fn classify(value: &JsValue, words: &Words) -> Incoming<Page> {
    if value.is_falsy() {
        return Incoming::Other;
    }
    let message: &Part = value.unchecked_ref();
    if let Some(channel) = message.channel() {
        return Incoming::Publication(channel.into());
    }
    if let Some(context) = message.context() {
        return Incoming::Reply(IncomingReply {
            callback_name: context.client_callback_name().map(Into::into),
            state: match context.state() {
                Some(state) if *state == words.success => ReplyState::Success,
                // To log in or to correct the arguments is the page's business; the client acts on both alike.
                _ => ReplyState::Error,
            },
            channel_data: message.channel_data().and_then(|part| channels(&part)),
        });
    }
    if let Some(value) = message.heartbeat().and_then(|value| heartbeat_value(&value, words)) {
        return Incoming::Heartbeat(HeartbeatMessage { value, ack: message.ack(), bound: message.bound() });
    }
    let session = message.session();
    match message.state() {
        Some(state) if session != JsValue::UNDEFINED => {
            let key = if session == JsValue::NULL { None } else { Some(session) };
            Incoming::Session { key, settles: SETTLING.iter().any(|name| *state == JsValue::from_str(name)) }
        }
        _ => Incoming::Other,
    }
}

fn heartbeat_value(value: &JsValue, words: &Words) -> Option<HeartbeatValue> {
    if *value == words.tick {
        Some(HeartbeatValue::Tick)
    } else if value.loose_eq(&words.one) {
        // Both 1 and "1".
        Some(HeartbeatValue::One)
    } else {
        None
    }
}

fn channels(data: &Part) -> Option<ChannelData<Page>> {
    let remote = data.remote_channels()?;
    Some(ChannelData {
        local_channel: data.local_channel()?.into(),
        remote_channels: (0..remote.length().min(MAX_REMOTE_CHANNELS)).map(|index| remote.get(index)).collect(),
    })
}
