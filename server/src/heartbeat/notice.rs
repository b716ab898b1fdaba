use std::time::Duration;

use swampdragon_protocol::{ServerMessage, SessionKey, SessionNotice, SessionState, json::Json};

use crate::{connection::WeakConnection, session_store::Lifetime};

/// Why a session is not refreshed. The words go to the page, which needs to know nothing of the store behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("too many sessions wait for the session store")]
    NoRoom,
    #[error("the session store was away for longer than a session lives")]
    StoreAwayTooLong,
    #[error("the session store refused")]
    StoreRefused,
    #[error("it was refreshed less than {}s ago", .0.as_secs_f32())]
    TooSoon(Duration),
    #[error("too many sessions on one connection: max_keys_per_connection is {limit}")]
    TooManyKeys { limit: usize },
}

/// How pages are told of their sessions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Notices {
    /// Pages do not hold the keys of their sessions, and must not learn them.
    pub(crate) without_key: bool,
    /// How long a page may let pass until it has its session cookie set anew.
    pub(crate) touch: Option<Duration>,
}

impl Notices {
    /// How a session stands after it was asked for.
    pub(super) fn of(self, key: &SessionKey, lifetime: Lifetime) -> SessionNotice<Json> {
        match lifetime {
            Lifetime::Expires(ttl) => SessionNotice {
                touch_ms: self.touch.map(milliseconds),
                ..self.notice(key, SessionState::Active, Some(ttl))
            },
            Lifetime::Persistent => self.notice(key, SessionState::Persistent, None),
            Lifetime::Missing => self.notice(key, SessionState::Expired, None),
            Lifetime::NotSupported => self.notice(key, SessionState::Unsupported, None),
        }
    }

    /// It lives, but not for long.
    pub(super) fn expiring(self, key: &SessionKey, left: Duration) -> SessionNotice<Json> {
        self.notice(key, SessionState::Expiring, Some(left))
    }

    /// It was not refreshed.
    pub(crate) fn refused(self, key: &SessionKey, why: Refusal) -> SessionNotice<Json> {
        SessionNotice { reason: Some(why.to_string()), ..self.notice(key, SessionState::Refused, None) }
    }

    fn notice(self, key: &SessionKey, state: SessionState, ttl: Option<Duration>) -> SessionNotice<Json> {
        let session = (!self.without_key).then(|| key.as_str().to_owned());
        SessionNotice { session, state, ttl_ms: ttl.map(milliseconds), reason: None, touch_ms: None }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Sends a notice to those who are still there.
pub(super) fn tell(askers: &[WeakConnection], notice: impl FnOnce() -> SessionNotice<Json>) {
    if askers.is_empty() {
        return;
    }
    let message = ServerMessage::Session(notice());
    askers.iter().filter_map(WeakConnection::upgrade).for_each(|asker| asker.send_message(&message));
}
