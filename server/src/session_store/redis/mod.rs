mod address;
mod error;
mod link;
mod max_age;
mod refresh;

use std::{fmt, io::Write, time::Duration};

use ::redis::{Cmd, FromRedisValue, RedisResult, RedisWrite, ToRedisArgs, aio::MultiplexedConnection};
use async_trait::async_trait;
use swampdragon_protocol::SessionKey;

pub(crate) use self::{address::parse as parse_address, link::Link};
use self::{error::store_error, max_age::MaxAge};
use super::{Lifetime, SessionStore, SessionStoreError, SessionStoreOptions};

pub use self::{error::ConnectRedisError, refresh::RefreshCommand};

/// Keeps sessions in Redis (or Valkey), where other programs find them: the value of a session is a string under
/// the [key prefix](SessionStoreOptions::key_prefix) and the session key.
///
/// No command names a key outside the prefix. A refresh lengthens a TTL that exists and does nothing else: a key
/// without a TTL keeps having none, one that lives longer than the store's TTL keeps its time, and one that does not
/// exist is not made. It works on keys of any type, so that hashes which a web framework keeps as sessions can be
/// refreshed.
///
/// With a [`max_age`](SessionStoreOptions::max_age), a key stands beside each session, named by the prefix, `?age:` and
/// the session key, from which all nodes know how much longer the session may live; it takes some 100 bytes until five
/// minutes after the session's end. A session that another program made has its end counted from its first refresh; one
/// that it gave more time is cut at its end. Without a TTL, a session has no end either.
///
/// One connection is shared by all requests and made anew when it is lost; a request that cannot be answered meanwhile
/// fails with an error that [is "unavailable"](SessionStoreError::is_unavailable).
pub struct RedisSessionStore {
    link: Link,
    key_prefix: String,
    ttl_ms: u64,
    refresh: RefreshCommand,
    max_age: Option<MaxAge>,
}

impl RedisSessionStore {
    /// Connects to the server at `address`: `redis://[USER][:PASSWORD]@HOST[:PORT][/DB]`, or
    /// `redis+unix:///PATH[?db=DB&user=USER&pass=PASSWORD]`. The port is 6379 and the database 0 unless given.
    ///
    /// # Errors
    /// The address is wrong, nobody answers there, or the server is not fit to be a session store. The error tells
    /// which server, and never a password.
    pub async fn connect(address: &str, options: &SessionStoreOptions) -> Result<Self, ConnectRedisError> {
        Self::open(address, options, None).await
    }

    /// [Connects](Self::connect), and refreshes by the command given instead of finding out what the server can.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with_refresh_command(
        address: &str,
        options: &SessionStoreOptions,
        refresh: RefreshCommand,
    ) -> Result<Self, ConnectRedisError> {
        Self::open(address, options, Some(refresh)).await
    }

    async fn open(
        address: &str,
        options: &SessionStoreOptions,
        refresh: Option<RefreshCommand>,
    ) -> Result<Self, ConnectRedisError> {
        let info = address::parse(address)?;
        let server = address::describe(info.addr());
        let key_prefix = options.key_prefix.clone();
        let ttl_ms = u64::try_from(options.ttl.as_millis()).unwrap_or(u64::MAX);

        let connected = async {
            let link = Link::new(info, options)?;
            let detected = link.with(|connection| RefreshCommand::detect(connection, &key_prefix)).await?;
            RedisResult::Ok((link, refresh.unwrap_or(detected)))
        };
        match connected.await {
            Ok((link, refresh)) => {
                let max_age = MaxAge::of(options, refresh == RefreshCommand::Script);
                Ok(Self { link, key_prefix, ttl_ms, refresh, max_age })
            }
            Err(error) => Err(ConnectRedisError::new(server, error)),
        }
    }

    /// How this server is asked to refresh.
    #[must_use]
    pub fn refresh_command(&self) -> RefreshCommand {
        self.refresh
    }

    fn prefixed<'a>(&'a self, key: &'a SessionKey) -> PrefixedKey<'a> {
        PrefixedKey { prefix: &self.key_prefix, key: key.as_str() }
    }

    /// Asks something about one key. `command` has its name; the key and `arguments` follow.
    async fn ask<T: FromRedisValue>(
        &self,
        command: &str,
        key: &PrefixedKey<'_>,
        arguments: impl FnOnce(&mut Cmd),
    ) -> RedisResult<T> {
        let mut command = ::redis::cmd(command);
        command.arg(key);
        arguments(&mut command);
        self.ask_command(command).await
    }

    async fn ask_command<T: FromRedisValue>(&self, command: Cmd) -> RedisResult<T> {
        let ask = |mut connection: MultiplexedConnection| async move { command.query_async(&mut connection).await };
        self.link.with(ask).await
    }
}

#[async_trait]
impl SessionStore for RedisSessionStore {
    async fn save(&self, key: &SessionKey, value: &[u8]) -> Result<(), SessionStoreError> {
        let saved = match &self.max_age {
            Some(max_age) => max_age.save(self, key, value).await,
            None => {
                self.ask("SET", &self.prefixed(key), |command| {
                    command.arg(value).arg("PX").arg(self.ttl_ms);
                })
                .await
            }
        };
        saved.map_err(store_error)
    }

    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        self.ask("GET", &self.prefixed(key), |_| ()).await.map_err(store_error)
    }

    async fn refresh_key_timeout(&self, key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        let lifetimes = self.refresh_key_timeouts(std::slice::from_ref(key)).await?;
        Ok(lifetimes.first().copied().expect("there is one answer a key"))
    }

    async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Lifetime>, SessionStoreError> {
        if let Some(max_age) = &self.max_age {
            return max_age.refresh(self, keys).await.map_err(store_error);
        }
        let keys: Vec<_> = keys.iter().map(|key| self.prefixed(key)).collect();
        self.link.with(|connection| self.refresh.run(connection, &keys, self.ttl_ms)).await.map_err(store_error)
    }

    async fn lifetime(&self, key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        self.ask("PTTL", &self.prefixed(key), |_| ()).await.map(refresh::lifetime).map_err(store_error)
    }

    async fn ping(&self) -> Result<(), SessionStoreError> {
        self.ask_command(::redis::cmd("PING")).await.map_err(store_error)
    }

    async fn delete(&self, key: &SessionKey) -> Result<bool, SessionStoreError> {
        let deleted = self.ask("DEL", &self.prefixed(key), |_| ()).await.map_err(store_error)?;
        if let Some(max_age) = &self.max_age {
            // Afterwards: the session never stands alone.
            max_age.forget(self, key).await.map_err(store_error)?;
        }
        Ok(deleted)
    }

    fn max_age(&self) -> Option<Duration> {
        self.max_age.as_ref().map(MaxAge::duration)
    }
}

impl fmt::Debug for RedisSessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSessionStore")
            .field("link", &self.link)
            .field("key_prefix", &self.key_prefix)
            .field("ttl_ms", &self.ttl_ms)
            .field("refresh", &self.refresh)
            .finish()
    }
}

/// A key as Redis knows it. Written straight into the command, without a string in between.
struct PrefixedKey<'a> {
    prefix: &'a str,
    key: &'a str,
}

impl ToRedisArgs for PrefixedKey<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        let mut argument = out.writer_for_next_arg();
        for part in [self.prefix, self.key] {
            argument.write_all(part.as_bytes()).expect("a command is written to memory");
        }
    }
}
