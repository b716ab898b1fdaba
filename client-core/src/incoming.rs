use swampdragon_protocol::{ChannelData, HeartbeatMessage, ReplyState};

use crate::Types;

/// What kind of message came, with what the client itself needs of it. Reading fields costs a page time, so a shell
/// reads no others.
#[derive(Debug, Clone)]
pub enum Incoming<T: Types> {
    /// Has a `heartbeat` that is known.
    Heartbeat(HeartbeatMessage),
    /// Has a `context`.
    Reply(IncomingReply<T>),
    /// Has a `channel`: the remote channel's name.
    Publication(T::Text),
    /// Has a `state` and a `session`.
    Session {
        /// The session's key; `None` where `session` is `null`: the one that the connection is bound to.
        key: Option<T::Text>,
        /// Whether it can be the answer to a logout: the state is `expired` or `refused`.
        settles: bool,
    },
    /// None of these.
    Other,
}

/// What the client needs of a reply.
#[derive(Debug, Clone)]
pub struct IncomingReply<T: Types> {
    /// Which call is answered.
    pub callback_name: Option<T::Text>,
    /// How it went.
    pub state: ReplyState,
    /// Present in answers to `subscribe` and `unsubscribe`.
    pub channel_data: Option<ChannelData<T>>,
}
