use swampdragon_protocol::{CloseCode, HeartbeatValue, close_code};

/// In what the generations of SwampDragon differ on the wire, beside the value of the heartbeat message, which tells
/// them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Ends a connection over a message that cannot be dealt with.
    pub(crate) abort: CloseCode,
    /// `channel_data` says whether it answers `subscribe` or `unsubscribe`.
    pub(crate) channel_action: bool,
    /// Heartbeat replies name no session: the server has to know which ones a page keeps.
    pub(crate) replies_without_session: bool,
}

impl Dialect {
    pub(crate) const fn of(value: HeartbeatValue) -> Self {
        match value {
            HeartbeatValue::Tick => {
                Self { abort: close_code::GO_AWAY, channel_action: false, replies_without_session: false }
            }
            HeartbeatValue::One => {
                Self { abort: close_code::CONNECTION_ABORTED, channel_action: true, replies_without_session: true }
            }
        }
    }
}
