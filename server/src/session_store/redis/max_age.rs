use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use ::redis::{ErrorKind, RedisResult, ServerErrorKind};
use futures_util::future::{join_all, try_join};
use swampdragon_protocol::SessionKey;

use super::{RedisKey, RedisSessionStore, refresh::lifetime};
use crate::{
    session_layout::{KeyTemplate, RefreshRule},
    session_store::{Lifetime, SessionStoreOptions},
};

/// How much longer than a session may live the key beside it lives. Far longer than a command can be under way, so that
/// no session outlives the knowledge of its end.
const GRACE_MS: u64 = 5 * 60 * 1000;

/// How many sessions are under way at once. Their commands share the way to the server.
const AT_ONCE: usize = 128;

/// Keeps sessions to an end that no refresh moves.
///
/// Beside the session `PREFIX KEY` stands a key `PREFIX ?age: KEY`, made when the store first sees the session. Its own
/// TTL tells how much longer the session may live, by the server's clock alone: it runs out a grace after the session's
/// end. No session key has a `?`. A key is asked for by itself always, for the two may be on different nodes.
pub(super) struct MaxAge {
    max_age_ms: u64,
    beside: KeyTemplate,
    /// The server's `PEXPIRE` has no `GT`. It may turn out so later, when a server takes over from another.
    by_script: AtomicBool,
}

/// What is left of a session.
struct Left {
    /// Of its TTL, as `PTTL` says it.
    ttl: i64,
    /// Until its end, at most; `None` if that was never set.
    age_ms: Option<u64>,
}

impl MaxAge {
    pub(super) fn of(options: &SessionStoreOptions, by_script: bool) -> Option<Self> {
        let max_age = options.max_age?;
        Some(Self {
            max_age_ms: u64::try_from(max_age.as_millis()).unwrap_or(u64::MAX / 2),
            beside: KeyTemplate::behind(&format!("{}?age:", options.key_prefix)),
            by_script: AtomicBool::new(by_script),
        })
    }

    pub(super) fn duration(&self) -> Duration {
        Duration::from_millis(self.max_age_ms)
    }

    fn beside<'a>(&'a self, key: &'a SessionKey) -> RedisKey<'a> {
        RedisKey { template: &self.beside, id: key.as_str() }
    }

    async fn left(&self, store: &RedisSessionStore, key: &SessionKey) -> RedisResult<Left> {
        let (session, beside) = (store.refresh.key(key), self.beside(key));
        let (ttl, beside) =
            try_join(store.ask::<i64>("PTTL", &session, |_| ()), store.ask::<i64>("PTTL", &beside, |_| ())).await?;
        Ok(Left { ttl, age_ms: u64::try_from(beside).ok().map(|left| left.saturating_sub(GRACE_MS)) })
    }

    async fn begin(&self, store: &RedisSessionStore, key: &SessionKey) -> RedisResult<()> {
        store
            .ask("SET", &self.beside(key), |command| {
                command.arg("").arg("PX").arg(self.max_age_ms.saturating_add(GRACE_MS));
            })
            .await
    }

    /// Saves a value. What is there already keeps its end; a new session has all of its time.
    pub(super) async fn save(&self, store: &RedisSessionStore, key: &SessionKey, value: &[u8]) -> RedisResult<()> {
        let age_ms = match self.left(store, key).await? {
            Left { ttl: -1 | 1.., age_ms: Some(age_ms @ 1..) } => age_ms,
            _ => {
                // Before the session, which never stands alone.
                self.begin(store, key).await?;
                self.max_age_ms
            }
        };
        store
            .ask("SET", &store.refresh.key(key), |command| {
                command.arg(value).arg("PX").arg(store.refresh.ttl_ms.min(age_ms));
            })
            .await
    }

    /// Refreshes sessions, and answers in the order of `keys`. While a part of the servers is away, the sessions of the
    /// others do not wait for it.
    pub(super) async fn refresh(&self, store: &RedisSessionStore, keys: &[SessionKey]) -> Vec<RedisResult<Lifetime>> {
        let mut lifetimes = Vec::with_capacity(keys.len());
        for keys in keys.chunks(AT_ONCE) {
            lifetimes.extend(join_all(keys.iter().map(|key| self.refresh_one(store, key))).await);
        }
        lifetimes
    }

    async fn refresh_one(&self, store: &RedisSessionStore, key: &SessionKey) -> RedisResult<Lifetime> {
        let left = self.left(store, key).await?;
        let Ok(ttl_ms) = u64::try_from(left.ttl) else { return Ok(lifetime(left.ttl)) };
        let session = store.refresh.key(key);
        let age_ms = match left.age_ms {
            Some(age_ms) => age_ms,
            // A backend has made it; its time counts from here on. What does not exist has returned above, so that
            // nobody can fill Redis with such keys.
            None => {
                self.begin(store, key).await?;
                self.max_age_ms
            }
        };
        if age_ms == 0 {
            store.ask::<i64>("DEL", &session, |_| ()).await?;
            self.forget(store, key).await?;
            return Ok(Lifetime::Missing);
        }
        if ttl_ms > age_ms {
            // Somebody gave it more than it may have.
            let cut: i64 = store
                .ask("PEXPIRE", &session, |command| {
                    command.arg(age_ms);
                })
                .await?;
            return Ok(lifetime(if cut == 1 { i64::try_from(age_ms).unwrap_or(i64::MAX) } else { -2 }));
        }
        self.lengthen(store, &session, store.refresh.ttl_ms.min(age_ms), ttl_ms).await
    }

    async fn lengthen(
        &self,
        store: &RedisSessionStore,
        session: &RedisKey<'_>,
        to_ms: u64,
        before_ms: u64,
    ) -> RedisResult<Lifetime> {
        if !self.by_script.load(Ordering::Relaxed) {
            let lengthened = store.ask::<i64>("PEXPIRE", session, |command| {
                command.arg(to_ms).arg("GT");
            });
            match lengthened.await {
                Ok(1) => return Ok(lifetime(i64::try_from(to_ms).unwrap_or(i64::MAX))),
                Ok(_) if to_ms <= before_ms => return Ok(lifetime(i64::try_from(before_ms).unwrap_or(i64::MAX))),
                Ok(_) => return store.ask("PTTL", session, |_| ()).await.map(lifetime),
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::ResponseError) => {
                    self.by_script.store(true, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
        self.by_script(store, session, to_ms).await
    }

    async fn by_script(&self, store: &RedisSessionStore, session: &RedisKey<'_>, to_ms: u64) -> RedisResult<Lifetime> {
        let mut command = ::redis::cmd("EVAL");
        command.arg(RefreshRule::TimeToLive.script()).arg(1).arg(session).arg(to_ms);
        store.ask_command(session, &command).await.map(lifetime)
    }

    /// Nothing is left to know of a session.
    pub(super) async fn forget(&self, store: &RedisSessionStore, key: &SessionKey) -> RedisResult<()> {
        store.ask::<i64>("DEL", &self.beside(key), |_| ()).await.map(drop)
    }
}
