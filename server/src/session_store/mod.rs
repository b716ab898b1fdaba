//! Where sessions are kept.
//!
//! A [`SessionStore`] keeps values under [`SessionKey`]s, each for a limited time: the TTL. Saving a value starts its
//! TTL anew; [`refresh_key_timeout`](SessionStore::refresh_key_timeout), which every heartbeat reply leads to, only
//! ever lengthens it.

mod embedded;
mod error;
mod memory;
mod options;
mod redact;
mod redis;
mod registry;

use std::time::Duration;

use async_trait::async_trait;
use swampdragon_protocol::SessionKey;
use uuid::Uuid;

pub use embedded::{EmbeddedSessionStore, EmbeddedStoreError, OpenEmbeddedError, WallClock};
pub use error::SessionStoreError;
pub use memory::MemorySessionStore;
pub use options::{SessionStoreFull, SessionStoreOptions};
pub use redact::redacted;
pub(crate) use redis::{
    Backoff, FORMS as REDIS_FORMS, Link as RedisLink, is_redis as is_redis_address,
    is_unavailable as is_redis_unavailable, parse_address as parse_redis_address, wait_for as wait_for_redis,
};
pub use redis::{ConnectRedisError, RedisSessionStore, RedisTls, RefreshCommand};
pub use registry::{BoxedError, OpenStoreError, RegisterStoreError, SessionStoreRegistry};

/// Keeps session values, each for a limited time.
///
/// [`save`](Self::save) and [`get`](Self::get) are all a store must have. One that leaves out
/// [`refresh_key_timeout`](Self::refresh_key_timeout) works, but its sessions are not kept alive by heartbeats, which
/// the server logs once.
///
/// Values are bytes: text, JSON or whatever the application puts in. A store is shared by all connections, so every
/// method takes `&self` and may be called at the same time as any other.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Keeps `value` under `key` for the store's TTL, replacing what was there.
    ///
    /// # Errors
    /// The value was not kept.
    async fn save(&self, key: &SessionKey, value: &[u8]) -> Result<(), SessionStoreError>;

    /// The value under `key`; `None` if there is none, or its time is up.
    ///
    /// # Errors
    /// The store could not be asked.
    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError>;

    /// Keeps `value` under a [generated key](Self::generate_key) and returns the key.
    ///
    /// # Errors
    /// The value was not kept.
    async fn save_get_key(&self, value: &[u8]) -> Result<SessionKey, SessionStoreError> {
        let key = self.generate_key();
        self.save(&key, value).await?;
        Ok(key)
    }

    /// A key that nobody can guess and nobody has: a random UUID (version 4) in 32 hex digits.
    fn generate_key(&self) -> SessionKey {
        let hex = Uuid::new_v4().simple().to_string();
        SessionKey::parse(&hex).expect("32 hex digits are a session key")
    }

    /// Gives `key` the store's full TTL again, unless more than that is left or it has no TTL at all, and says how the
    /// key stands then.
    ///
    /// # Errors
    /// The store could not be asked; the server tries again while [`SessionStoreError::is_unavailable`].
    async fn refresh_key_timeout(&self, _key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        Ok(Lifetime::NotSupported)
    }

    /// [Refreshes](Self::refresh_key_timeout) many keys, each at most once in `keys`. The answer holds what became of
    /// each, in the order of `keys`: a key that cannot be refreshed keeps none of the others from it.
    ///
    /// The server gathers heartbeat replies and calls this; a store on the far side of a network does well to send all
    /// of them in one round trip.
    ///
    /// # Errors
    /// What kept every key from being refreshed. Some may have been nevertheless; refreshing all again does no harm.
    async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Refreshed>, SessionStoreError> {
        let mut refreshed = Vec::with_capacity(keys.len());
        for key in keys {
            refreshed.push(self.refresh_key_timeout(key).await);
        }
        Ok(refreshed)
    }

    /// How long `key` still lives. Changes nothing.
    ///
    /// # Errors
    /// The store could not be asked.
    async fn lifetime(&self, _key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        Ok(Lifetime::NotSupported)
    }

    /// Asks the store whether it is there, for probes of the server's readiness. A store in the same process always is,
    /// and says so by default.
    ///
    /// # Errors
    /// The store cannot be reached, or not be used.
    async fn ping(&self) -> Result<(), SessionStoreError> {
        Ok(())
    }

    /// Removes `key` and its value. Says whether there was one.
    ///
    /// # Errors
    /// The store could not be asked, or cannot delete ([`SessionStoreError::not_supported`], the default).
    async fn delete(&self, _key: &SessionKey) -> Result<bool, SessionStoreError> {
        Err(SessionStoreError::not_supported("delete"))
    }

    /// How many sessions there are whose keys begin with `prefix`; all of them if it is empty. For operators, and not
    /// often: a store may have to look at every key.
    ///
    /// While sessions come and go the number is about right.
    ///
    /// # Errors
    /// The store could not be asked, or cannot count ([`SessionStoreError::not_supported`], the default).
    async fn count(&self, _prefix: &str) -> Result<u64, SessionStoreError> {
        Err(SessionStoreError::not_supported("count"))
    }

    /// How long a session may live in all, if this store sees to that: counted from when it was first saved, it is gone
    /// then, even if it was refreshed the moment before. A server whose setting `session_max_age` asks for another does
    /// not start.
    fn max_age(&self) -> Option<Duration> {
        None
    }
}

/// What became of one key of [several](SessionStore::refresh_key_timeouts). An error [may
/// pass](SessionStoreError::is_unavailable), and then the key is asked for again, or it concerns this key for good.
pub type Refreshed = Result<Lifetime, SessionStoreError>;

/// How long a key still lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until this much time has passed, unless it is refreshed.
    Expires(Duration),
    /// For ever: it has no TTL, and a refresh must not give it one.
    Persistent,
    /// There is no such key (any more).
    Missing,
    /// The store cannot tell, or cannot refresh.
    NotSupported,
}
