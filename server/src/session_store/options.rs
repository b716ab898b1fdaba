use std::time::Duration;

use super::RedisTls;
use crate::session_layout::RedisLayout;

/// What every kind of session store is told when it is opened. A store takes from it what concerns it.
///
/// ```
/// use std::time::Duration;
/// use swampdragon_server::session_store::SessionStoreOptions;
///
/// let options = SessionStoreOptions { ttl: Duration::from_secs(20 * 60), ..SessionStoreOptions::default() };
/// assert_eq!(options.key_prefix, "swampdragon:session:");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStoreOptions {
    /// How long a value is kept after it was saved or refreshed; whole milliseconds, at least one. Default: 30 minutes.
    pub ttl: Duration,
    /// How long a session may live in all, counted from when it was made, however often it is refreshed or saved again.
    /// Default: for ever. A store that keeps to it says so by [`SessionStore::max_age`](super::SessionStore::max_age).
    pub max_age: Option<Duration>,
    /// What stands before each session key where the store is shared with others (Redis). Default:
    /// `swampdragon:session:`.
    pub key_prefix: String,
    /// How another program has its sessions in Redis, where the store is to keep those. Default: none; the sessions are
    /// our own.
    pub layout: Option<RedisLayout>,
    /// How many sessions a store may hold that has the machine's own memory or disk to lose (memory and embedded).
    /// One more is refused. Default: 1,000,000, which is some 200 MB in memory with small values.
    pub max_sessions: usize,
    /// How long connecting to the store may take, once. Default: 5 s.
    pub connect_timeout: Duration,
    /// How long the store may take to answer one request before the connection counts as lost. Default: 2 s; Redis
    /// answers in well under a millisecond unless something is wrong.
    pub response_timeout: Duration,
    /// How long opening the store may wait for a server that does not answer yet. Default: 10 s.
    pub start_wait: Duration,
    /// Certificates for a Redis that is reached by TLS. Default: none of its own.
    pub redis_tls: RedisTls,
}

impl Default for SessionStoreOptions {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(30 * 60),
            max_age: None,
            key_prefix: "swampdragon:session:".to_owned(),
            layout: None,
            max_sessions: 1_000_000,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(2),
            start_wait: Duration::from_secs(10),
            redis_tls: RedisTls::default(),
        }
    }
}

/// A store with a limit of its own holds as many sessions as it may; a new one was refused, all others live on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session store holds {limit} sessions and may hold no more (setting `max_stored_sessions`)")]
pub struct SessionStoreFull {
    /// How many sessions the store may hold.
    pub limit: usize,
}
