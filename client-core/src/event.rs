use alloc::vec::Vec;

use swampdragon_protocol::ReplyState;

use crate::{CallFailure, Types};

/// What the application hears, in the order polled.
#[derive(Debug, Clone)]
pub enum Event<T: Types> {
    /// The connection is open. The shell may keep [`crate::Client::remembered`] now. After the application has heard it,
    /// the shell calls [`crate::Client::handle_open_delivered`].
    Open,
    /// The connection, or an attempt to open one, has ended.
    Close {
        /// Why, see [`swampdragon_protocol::close_code`].
        code: u16,
        /// The peer's words, if it had any.
        reason: Option<T::Text>,
        /// Whether the client comes back by itself.
        reconnecting: bool,
    },
    /// A heartbeat message came. Its answer, if there is one and the visitor is present, has been polled before.
    Heartbeat(T::Payload),
    /// A router replied.
    Reply {
        /// The call that is settled. `None` when no call waits by that name, or when the reply refuses to restore a
        /// subscription.
        handle: Option<T::Handle>,
        /// How the call went.
        state: ReplyState,
        /// The whole message.
        message: T::Payload,
    },
    /// A call ended without a reply.
    CallFailed {
        /// Which call.
        handle: T::Handle,
        /// Why.
        reason: CallFailure,
    },
    /// Something was published.
    Publication {
        /// The page's names for the remote channel. Empty when it has none.
        local_channels: Vec<T::Text>,
        /// The whole message.
        message: T::Payload,
    },
    /// The server told how the stored session stands, or one that is logged out.
    Session {
        /// The logout that is settled, if one is.
        logout: Option<T::Handle>,
        /// The whole message.
        message: T::Payload,
    },
    /// Any other message.
    Message(T::Payload),
}
