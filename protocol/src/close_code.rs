//! The close codes that cross the wire, each with the text sent beside it.
//!
//! The 2xxx-4xxx codes travel in a SockJS close frame (`c[3000,"Go away!"]`), which a WebSocket close frame follows;
//! 1xxx codes are WebSocket's own (RFC 6455, section 7.4.1).

/// A code that ends a connection, and the text that explains it to people. Peers act on the number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCode {
    /// The number a peer decides by.
    pub code: u16,
    /// What the number means, for logs and for `onclose`.
    pub reason: &'static str,
}

const fn close_code(code: u16, reason: &'static str) -> CloseCode {
    CloseCode { code, reason }
}

/// Every code below, for whoever counts or explains them.
pub const ALL: [CloseCode; 14] = [
    NORMAL,
    GOING_AWAY,
    PROTOCOL_ERROR,
    ABNORMAL,
    INVALID_PAYLOAD,
    MESSAGE_TOO_BIG,
    ANOTHER_CONNECTION,
    INTERRUPTED,
    GO_AWAY,
    CONNECTION_ABORTED,
    INVALID_ORIGIN,
    LOGGED_OUT,
    SLOW_READER,
    TOO_MANY_MESSAGES,
];

/// The peer closed on purpose and nothing is wrong.
pub const NORMAL: CloseCode = close_code(1000, "Normal closure");
/// The server is shutting down; a raw WebSocket client should come back later.
pub const GOING_AWAY: CloseCode = close_code(1001, "Going away");
/// The peer broke the WebSocket protocol.
pub const PROTOCOL_ERROR: CloseCode = close_code(1002, "Protocol error");
/// The connection ended without a close frame. Never sent, only reported.
pub const ABNORMAL: CloseCode = close_code(1006, "Connection lost");
/// The frame's text is not what its endpoint carries, such as broken JSON on a SockJS transport.
pub const INVALID_PAYLOAD: CloseCode = close_code(1007, "Invalid payload");
/// One message was longer than the server's `max_message_size`.
pub const MESSAGE_TOO_BIG: CloseCode = close_code(1009, "Message too big");
/// SockJS: another request already receives for this session. Told to the later one; the session goes on.
pub const ANOTHER_CONNECTION: CloseCode = close_code(2010, "Another connection still open");
/// SockJS: the request that received was cut off, and what it carried may be lost. Told to the next one.
pub const INTERRUPTED: CloseCode = close_code(1002, "Connection interrupted");
/// SockJS: the session is over. Clients reconnect after their backoff. Also SwampDragon 0.1-0.3's answer to a message
/// that no router takes.
pub const GO_AWAY: CloseCode = close_code(3000, "Go away!");
/// SwampDragon 0.4's abort. Clients of every generation stay away after it.
pub const CONNECTION_ABORTED: CloseCode = close_code(3001, "Connection aborted");
/// The page's origin is not among the server's `allowed_origins`; coming back would not help.
pub const INVALID_ORIGIN: CloseCode = close_code(4000, "Invalid origin");
/// The session that this connection kept has been ended by a logout, here or on another page. Pages stay away until the
/// application connects them again.
pub const LOGGED_OUT: CloseCode = close_code(4001, "Logged out");
/// The peer read too slowly and its outgoing queue was full (`max_outgoing_bytes`).
pub const SLOW_READER: CloseCode = close_code(4008, "Reading too slowly");
/// The peer sent more messages than it may (`max_messages_per_second`). It may come back, and should do less.
pub const TOO_MANY_MESSAGES: CloseCode = close_code(4029, "Too many messages");
