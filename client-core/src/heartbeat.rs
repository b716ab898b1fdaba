use swampdragon_protocol::{HeartbeatMessage, HeartbeatReply, HeartbeatValue};

use crate::Types;

/// What a heartbeat message is answered with, if anything.
///
/// The session's key is the answer; a page that has none stays silent. The exception is the value `1` without `ack`,
/// which is SwampDragon 0.4: that server closes the connection on any answer but its own message, and knows no keys.
pub(crate) fn answer<T: Types>(message: HeartbeatMessage, session: Option<&T::Text>) -> Option<HeartbeatReply<T>> {
    let echo_only = message.value == HeartbeatValue::One && !message.ack;
    if echo_only {
        return Some(HeartbeatReply { value: message.value, session: None, ack: false });
    }
    session.map(|key| HeartbeatReply { value: message.value, session: Some(key.clone()), ack: message.ack })
}
