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

/// How a session stands after it was asked for.
pub(super) fn of(key: &SessionKey, lifetime: Lifetime) -> SessionNotice<Json> {
    match lifetime {
        Lifetime::Expires(ttl) => notice(key, SessionState::Active, Some(ttl)),
        Lifetime::Persistent => notice(key, SessionState::Persistent, None),
        Lifetime::Missing => notice(key, SessionState::Expired, None),
        Lifetime::NotSupported => notice(key, SessionState::Unsupported, None),
    }
}

/// It lives, but not for long.
pub(super) fn expiring(key: &SessionKey, left: Duration) -> SessionNotice<Json> {
    notice(key, SessionState::Expiring, Some(left))
}

/// It was not refreshed.
pub(crate) fn refused(key: &SessionKey, why: Refusal) -> SessionNotice<Json> {
    SessionNotice { reason: Some(why.to_string()), ..notice(key, SessionState::Refused, None) }
}

fn notice(key: &SessionKey, state: SessionState, ttl: Option<Duration>) -> SessionNotice<Json> {
    SessionNotice {
        session: Some(key.as_str().to_owned()),
        state,
        ttl_ms: ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)),
        reason: None,
        touch_ms: None,
    }
}

/// Sends a notice to those who are still there.
pub(super) fn tell(askers: &[WeakConnection], notice: impl FnOnce() -> SessionNotice<Json>) {
    if askers.is_empty() {
        return;
    }
    let message = ServerMessage::Session(notice());
    askers.iter().filter_map(WeakConnection::upgrade).for_each(|asker| asker.send_message(&message));
}
