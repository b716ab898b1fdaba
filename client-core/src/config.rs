use crate::Transports;

/// What a client may be told to do differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Upper bound of the first reconnect delay, in milliseconds; each further attempt doubles it. Default: 500.
    pub reconnect_delay_ms: u32,
    /// The bound that doubling stops at, in milliseconds, and the longest that a server can send a client away beside its
    /// own delay. Default: 30,000, so that a server that comes back is found within half a minute.
    pub reconnect_delay_max_ms: u32,
    /// How long a socket may take to open, in milliseconds. Default: 10,000. Half of that where another transport may
    /// be tried instead.
    pub connect_timeout_ms: u32,
    /// How long an open SockJS connection may be silent, in milliseconds, before it is closed and opened anew; a raw one,
    /// on which silence is no sign, when the page itself has slept for three times as long. 0 never does.
    /// Default: 40,000: SockJS servers send a heartbeat frame every 25 seconds.
    pub silence_timeout_ms: u32,
    /// How many calls wait for a connection; one more fails at once. Default: 256.
    pub max_queued_calls: usize,
    /// How many calls wait for a reply; one more fails the oldest, which a server that answers only some of its verbs
    /// will never answer. Default: 1,024.
    pub max_pending_calls: usize,
    /// How many subscriptions are kept to be restored; one more fails at once. Default: 1,024.
    pub max_subscriptions: usize,
    /// What a connection to a SockJS service may be made over. Default: the WebSocket alone, which every shell has.
    pub transports: Transports,
    /// For how long a visitor counts as present after each word of it, in milliseconds. Default: 0, until the next word.
    pub active_within_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reconnect_delay_ms: 500,
            reconnect_delay_max_ms: 30_000,
            connect_timeout_ms: 10_000,
            silence_timeout_ms: 40_000,
            max_queued_calls: 256,
            max_pending_calls: 1024,
            max_subscriptions: 1024,
            transports: Transports::WEBSOCKET,
            active_within_ms: 0,
        }
    }
}
