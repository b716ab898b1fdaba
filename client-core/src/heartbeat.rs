use swampdragon_protocol::{HeartbeatMessage, HeartbeatReply, HeartbeatValue};

use crate::Types;

/// What a heartbeat message is answered with, if anything.
///
/// The session's key is the answer; a page that has none stays silent. No key goes to two kinds of servers: those that
/// know the session by themselves (`bound`), and SwampDragon 0.4, whose value `1` comes without `ack`: it closes the
/// connection on any answer but its own message.
pub(crate) fn answer<T: Types>(message: HeartbeatMessage, session: Option<&T::Text>) -> Option<HeartbeatReply<T>> {
    let HeartbeatMessage { value, ack, bound } = message;
    let echo_only = value == HeartbeatValue::One && !ack;
    let session = if bound || echo_only { None } else { Some(session?.clone()) };
    Some(HeartbeatReply { value, session, ack })
}
