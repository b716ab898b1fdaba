use swampdragon_protocol::{HeartbeatValue, ReplyState};
use wasm_bindgen::JsValue;

/// Words of frequent messages as JavaScript has them. Making such a string takes longer than all else that is done with
/// a message, so they are made once.
pub(crate) struct Words {
    pub(crate) success: JsValue,
    pub(crate) tick: JsValue,
    pub(crate) one: JsValue,
}

impl Words {
    pub(crate) fn new() -> Self {
        Self {
            success: ReplyState::Success.as_str().into(),
            tick: HeartbeatValue::Tick.as_str().into(),
            one: HeartbeatValue::One.as_str().into(),
        }
    }

    pub(crate) fn of(&self, value: HeartbeatValue) -> &JsValue {
        match value {
            HeartbeatValue::Tick => &self.tick,
            HeartbeatValue::One => &self.one,
        }
    }
}
