use swampdragon_protocol::close_code;

/// What follows a connection's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterClose {
    /// Come back after the backoff.
    Reconnect,
    /// Stay away until the application connects again.
    Stay,
}

/// Decides by the close code of a server, or of a network that failed (1006).
///
/// 1000 from a server is no reason to stay away: load balancers send it when they drain a node. The page's own
/// `disconnect()` never asks here.
#[must_use]
pub fn after_close(code: u16) -> AfterClose {
    const ABORTED: u16 = close_code::CONNECTION_ABORTED.code;
    const INVALID_ORIGIN: u16 = close_code::INVALID_ORIGIN.code;
    const LOGGED_OUT: u16 = close_code::LOGGED_OUT.code;
    match code {
        ABORTED | INVALID_ORIGIN | LOGGED_OUT => AfterClose::Stay,
        _ => AfterClose::Reconnect,
    }
}
