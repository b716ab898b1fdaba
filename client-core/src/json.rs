use alloc::string::String;

use swampdragon_protocol::json::{Json, MalformedMessage, decode_server_message};
use swampdragon_protocol::{ServerMessage, SessionState};

use crate::{Incoming, IncomingReply, Types};

/// The client over JSON text, for native programs: requests and messages are JSON, calls are known by number.
pub type JsonTypes = Json;

impl Types for Json {
    type Request = String;
    type Handle = u32;
}

/// Tells what kind of message a JSON text is. An object of no known kind is the application's own.
///
/// # Errors
/// Says why the text is no object, or which field has the wrong type.
pub fn classify(text: &str) -> Result<Incoming<Json>, MalformedMessage> {
    let message = match decode_server_message(text) {
        Ok(message) => message,
        Err(MalformedMessage::UnknownShape | MalformedMessage::HeartbeatValue) => return Ok(Incoming::Other),
        Err(error) => return Err(error),
    };
    Ok(match message {
        ServerMessage::Heartbeat(heartbeat) => Incoming::Heartbeat(heartbeat),
        ServerMessage::Reply(reply) => Incoming::Reply(IncomingReply {
            callback_name: reply.callback_name,
            state: reply.state,
            channel_data: reply.channel_data,
        }),
        ServerMessage::Publication(publication) => Incoming::Publication(publication.channel),
        ServerMessage::Session(notice) => Incoming::Session {
            key: notice.session,
            settles: matches!(notice.state, SessionState::Expired | SessionState::Refused),
        },
    })
}
