//! Whose session a connection keeps, where it is an app's: the one that the session cookie of its request names.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::http::{HeaderMap, header};
use swampdragon_protocol::SessionKey;

use crate::{
    log_limit::LogLimit,
    metrics::Metrics,
    session_layout::{NoSession, SessionLayout},
    session_store::Lifetime,
};

/// How often it is logged at most that sessions are not found, for each reason.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// Binds connections to sessions, and says what to look at when that fails.
pub(crate) struct Binding {
    layout: SessionLayout,
    metrics: Arc<Metrics>,
    refusals: LogLimit,
    absences: LogLimit,
    /// Redis has had a session under the key that the layout says.
    found: AtomicBool,
}

impl Binding {
    pub(crate) fn new(layout: SessionLayout, metrics: Arc<Metrics>) -> Self {
        Self {
            layout,
            metrics,
            refusals: LogLimit::new(LOG_PAUSE),
            absences: LogLimit::new(LOG_PAUSE),
            found: AtomicBool::new(false),
        }
    }

    pub(crate) fn layout(&self) -> &SessionLayout {
        &self.layout
    }

    /// The session that a connection made by this request keeps, if it has one.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<SessionKey> {
        match self.layout.session(headers.get_all(header::COOKIE), SystemTime::now()) {
            Ok(session) => {
                self.metrics.bindings.increment(1);
                tracing::debug!(?session, "bound");
                Some(session)
            }
            Err(NoSession::NoCookie) => {
                self.metrics.bindings_without_cookie.increment(1);
                tracing::debug!(cookie = self.layout.cookie(), "there is no session cookie");
                None
            }
            Err(error) => {
                self.metrics.bindings_refused.increment(1);
                if let Some(refusals) = self.refusals.add(1) {
                    tracing::warn!(
                        cookie = self.layout.cookie(),
                        setting = error.setting(),
                        refusals,
                        "{error}: a connection keeps no session; if that cookie is the app's own, look at the setting"
                    );
                }
                None
            }
        }
    }

    /// The session that a request names, and the cookie by which it does.
    pub(crate) fn session_and_cookie(&self, headers: &HeaderMap) -> Result<(SessionKey, String), NoSession> {
        let cookies: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
        self.layout.session_and_cookie(cookies.iter(), SystemTime::now())
    }

    /// The store has said how a session stands that a cookie named. As long as none has been found, the settings may be
    /// to blame.
    pub(crate) fn seen(&self, lifetime: Lifetime) {
        match lifetime {
            Lifetime::Missing if !self.found.load(Ordering::Relaxed) => {
                if let Some(sessions) = self.absences.add(1) {
                    tracing::warn!(
                        session_layout = %self.layout.name(),
                        session_redis_key = %self.layout.in_redis(),
                        sessions,
                        "a session cookie that counts, and no such session in Redis: it has ended, or session_store \
                         (also its database number), session_redis_key or session_layout is not what the app uses"
                    );
                }
            }
            Lifetime::Expires(_) => self.found.store(true, Ordering::Relaxed),
            Lifetime::Persistent if !self.found.swap(true, Ordering::Relaxed) => tracing::warn!(
                session_redis_key = %self.layout.in_redis(),
                "a session of the app has no time to live in Redis, so it needs no heartbeats"
            ),
            _ => {}
        }
    }
}
