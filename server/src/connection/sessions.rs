use std::time::Duration;

use swampdragon_protocol::SessionKey;

use super::{Connection, KeyHash, beat_clock::Moment, key_hash::FirstSession};
use crate::heartbeat::Refusal;

/// How a session came to be refreshed on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// The page named it. It may name few, and not too often.
    Page,
    /// The connection keeps it, and the page answered without a name. It may not answer too often.
    Keeping,
    /// The application named it, and knows what it does.
    Application,
}

/// Where a connection remembers a session.
enum Place {
    First,
    NewFirst,
    AmongOthers,
}

/// A session that a connection has beside its first.
pub(super) struct OtherSession {
    hash: KeyHash,
    named: Moment,
}

impl Connection {
    /// Remembers that this connection has a session, or says why it must not be refreshed now.
    pub(super) fn admit(&self, hash: KeyHash, named: NamedBy, uptime: Duration) -> Result<(), Refusal> {
        let service = self.service();
        let settings = &service.settings;
        let min_interval = match named {
            NamedBy::Page | NamedBy::Keeping => settings.min_refresh_interval,
            NamedBy::Application => Duration::ZERO,
        };
        let now = Moment::after(uptime);
        let place = service.connections.with_first_session(self, |first| {
            let minute = FirstSession::minute(uptime);
            let place = match first {
                Some(session) if session.is(hash) => Place::First,
                Some(session) if !is_stale(minutes(session.idle_minutes(minute)), settings.session_ttl) => {
                    return Place::AmongOthers;
                }
                // None, or one whose session is long over.
                _ => Place::NewFirst,
            };
            *first = Some(FirstSession::new(hash, minute));
            place
        });
        match place {
            Some(Place::First) => {
                let in_time = self.inner.beats.refresh(now, min_interval);
                in_time.then_some(()).ok_or(Refusal::TooSoon(min_interval))
            }
            Some(Place::NewFirst) => {
                // It may have been among the others until now.
                self.if_holding(|holdings| holdings.other_sessions.retain(|session| session.hash != hash));
                self.inner.beats.refresh(now, Duration::ZERO);
                Ok(())
            }
            Some(Place::AmongOthers) => self.admit_other(hash, named, now, min_interval),
            // The last words of a connection that has closed.
            None => Ok(()),
        }
    }

    fn admit_other(&self, hash: KeyHash, named: NamedBy, now: Moment, min_interval: Duration) -> Result<(), Refusal> {
        let settings = &self.service().settings;
        let limit = settings.max_keys_per_connection;
        let admitted = self.with_holdings(|holdings| {
            let sessions = &mut holdings.other_sessions;
            if let Some(known) = sessions.iter_mut().find(|session| session.hash == hash) {
                if now.since(known.named) < min_interval {
                    return Err(Refusal::TooSoon(min_interval));
                }
                known.named = now;
                return Ok(());
            }
            let new = OtherSession { hash, named: now };
            // The first has a place of its own.
            if sessions.len() + 1 < limit {
                sessions.push(new);
                return Ok(());
            }
            match sessions.iter_mut().max_by_key(|session| now.since(session.named)) {
                Some(oldest) if named != NamedBy::Page || is_stale(now.since(oldest.named), settings.session_ttl) => {
                    *oldest = new;
                    Ok(())
                }
                _ if named != NamedBy::Page => Ok(()),
                _ => Err(Refusal::TooManyKeys { limit }),
            }
        });
        admitted.unwrap_or(Ok(()))
    }

    /// Forgets a session that is no more.
    pub(crate) fn forget_session(&self, key: &SessionKey, hash: KeyHash) {
        self.service().connections.with_first_session(self, |first| {
            *first = first.filter(|session| !session.is(hash));
        });
        self.if_holding(|holdings| holdings.other_sessions.retain(|session| session.hash != hash));
        self.give_up_kept_session(key);
    }
}

impl OtherSession {
    pub(super) fn hash(&self) -> KeyHash {
        self.hash
    }
}

fn minutes(minutes: u16) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}

/// Whether a session that was not named for this long is over, unless others keep it.
fn is_stale(idle: Duration, ttl: Duration) -> bool {
    idle > ttl
}
