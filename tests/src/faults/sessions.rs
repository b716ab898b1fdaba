use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use anyhow::Result;
use redis::{AsyncCommands as _, aio::MultiplexedConnection};

use crate::redis::SESSION_KEY_PREFIX;

/// The sessions that the pages of a load keep.
pub(crate) struct Sessions {
    keys: Vec<String>,
}

/// A moment on Redis's clock, which is the machine's: milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_millis(Self::now().0.saturating_sub(self.0))
    }
}

/// When each session expires, as Redis has it; `None` for those that are gone.
pub(crate) struct Expiries(Vec<Option<Moment>>);

impl Sessions {
    /// So many, with keys of their own.
    pub(crate) fn new(count: usize) -> Self {
        Self::of((0..count).map(|number| format!("session-{number:06}")).collect())
    }

    /// Those with these keys.
    pub(crate) fn of(keys: Vec<String>) -> Self {
        Self { keys }
    }

    pub(crate) fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Asks those that have them. `PEXPIRETIME` and not `PTTL`, which the nodes use and which is counted.
    pub(crate) async fn look(&self, masters: Vec<MultiplexedConnection>) -> Result<Expiries> {
        let mut expiries = HashMap::new();
        for mut master in masters {
            let names: Vec<String> = master.keys(format!("{SESSION_KEY_PREFIX}*")).await?;
            if names.is_empty() {
                continue;
            }
            let mut asking = redis::pipe();
            for name in &names {
                asking.cmd("PEXPIRETIME").arg(name);
            }
            let answers: Vec<i64> = asking.query_async(&mut master).await?;
            expiries.extend(names.into_iter().zip(answers));
        }
        let expiry = |key: &String| {
            let answer = expiries.get(&format!("{SESSION_KEY_PREFIX}{key}")).copied();
            answer.and_then(|answer| u64::try_from(answer).ok()).map(Moment)
        };
        Ok(Expiries(self.keys.iter().map(expiry).collect()))
    }
}

impl Expiries {
    /// How many sessions are alive.
    pub(crate) fn alive(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// How many live past this moment even if nobody refreshes them.
    pub(crate) fn alive_at(&self, moment: Moment) -> usize {
        self.0.iter().flatten().filter(|expiry| **expiry > moment).count()
    }

    /// How many of those that would have lived past this moment by themselves are gone `later`.
    pub(crate) fn lost(&self, moment: Moment, later: &Self) -> usize {
        let fates = self.0.iter().zip(&later.0);
        fates.filter(|(before, after)| before.is_some_and(|expiry| expiry > moment) && after.is_none()).count()
    }

    /// Whether every session that is alive has been refreshed since then.
    pub(crate) fn all_refreshed_since(&self, moment: Moment, ttl: Duration) -> bool {
        self.alive_at(moment.after(ttl)) == self.alive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_millis(100);

    fn expiries(expiries: &[Option<u64>]) -> Expiries {
        Expiries(expiries.iter().map(|expiry| expiry.map(Moment)).collect())
    }

    #[test]
    fn what_is_gone_is_not_alive() {
        let expiries = expiries(&[Some(200), None, Some(150)]);
        assert_eq!(expiries.alive(), 2);
        assert_eq!(expiries.alive_at(Moment(150)), 1);
    }

    #[test]
    fn a_session_is_lost_that_is_gone_before_its_time() {
        let before = expiries(&[Some(200), Some(200), Some(150), None]);
        assert_eq!(before.lost(Moment(160), &expiries(&[Some(400), None, None, None])), 1);
        assert_eq!(before.lost(Moment(140), &expiries(&[Some(400), None, None, None])), 2);
    }

    #[test]
    fn a_session_counts_as_refreshed_when_it_expires_a_whole_ttl_later() {
        assert!(expiries(&[Some(201), None, Some(250)]).all_refreshed_since(Moment(100), TTL));
        assert!(!expiries(&[Some(199), Some(250)]).all_refreshed_since(Moment(100), TTL));
    }
}
