//! What a SwampDragon page and its server say to each other.
//!
//! Two layers travel on a connection. [`SockJsFrame`]s (`o`, `h`, `a[...]`, `m`, `c[...]`) are the transport's units;
//! the JSON inside them is a [`ClientMessage`] or a [`ServerMessage`]. The raw WebSocket endpoint carries messages
//! without frames.
//!
//! Two heartbeats exist and are never mixed up in a name: the heartbeat *frame* (`h`, keeps proxies from dropping an
//! idle socket) and the heartbeat *message* (`{"heartbeat": "tick"}`, keeps a web session alive).
//!
//! The message types are generic over [`Wire`]: natively text is a `String` and a payload is unparsed JSON
//! ([`json::Json`]); in a browser both are JavaScript values that pass through untouched. Nothing here does any I/O.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod close_code;
mod frame;
#[cfg(feature = "json")]
pub mod json;
mod message;
mod name;
mod plain_reply;
mod retry_after;
mod session_key;

pub use close_code::CloseCode;
pub use frame::FrameKind;
#[cfg(feature = "json")]
pub use frame::{MalformedFrame, MessageForm, SockJsFrame, decode_client_frame, encode_elements};
pub use message::{
    Call, ChannelAction, ChannelData, ClientMessage, HeartbeatMessage, HeartbeatReply, HeartbeatValue, Publication,
    Reply, ReplyState, ServerMessage, SessionNotice, SessionState, UnknownHeartbeatValue, Wire,
};
pub use name::{ChannelName, InvalidName, RouteName};
pub use plain_reply::PlainReply;
pub use retry_after::{retry_after, with_retry_after};
pub use session_key::{InvalidSessionKey, SessionKey};
