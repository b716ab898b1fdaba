use swampdragon_protocol::HeartbeatReply;

use crate::{Transport, Types};

/// What the shell must do, in the order polled.
#[derive(Debug, Clone)]
pub enum Action<T: Types> {
    /// Open a socket to this endpoint, or whatever takes its place. None exists at this point.
    Open {
        /// As given to [`crate::Client::handle_connect`].
        endpoint: T::Text,
        /// What the socket has to be. `None`: a question to the SockJS service for its `/info`, which is closed like a
        /// socket. What it brings goes to [`crate::Client::handle_info`], or to [`crate::Client::handle_closed`] when
        /// it brings nothing.
        transport: Option<Transport>,
    },
    /// Send this message.
    Send(Outgoing<T>),
    /// Close the socket with this code and forget it: whatever it says from now on is of no interest.
    Close(u16),
    /// Call [`crate::Client::handle_timer`] after so many milliseconds. There is one timer; this replaces it.
    Arm(u32),
    /// The timer is not needed any more.
    Disarm,
}

/// A message to send.
#[derive(Debug, Clone)]
pub enum Outgoing<T: Types> {
    /// What the application sends.
    Request(T::Request),
    /// The answer to a heartbeat message.
    HeartbeatReply(HeartbeatReply<T>),
}
