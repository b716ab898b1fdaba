use std::{error::Error, iter::successors, sync::Arc, time::Duration};

use axum::{extract::State as Extract, http::StatusCode};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::State;
use crate::session_store::SessionStore;

/// How long the store may take to say that it is there. Those who probe mostly give up after a second themselves.
const STORE_TIME: Duration = Duration::from_millis(800);

/// How long an answer of the store holds. However many probe, the store is asked no more often.
const HOLDS: Duration = Duration::from_secs(1);

/// Whether the store was there when it was last asked, and if not, what was wrong.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Result<(), String>)>>);

impl Readiness {
    /// Asks the store, unless it has been asked just now. Whoever asks meanwhile shares the answer.
    async fn of(&self, store: &dyn SessionStore) -> Result<(), String> {
        let mut last = self.0.lock().await;
        if let Some((asked, answer)) = &*last
            && asked.elapsed() < HOLDS
        {
            return answer.clone();
        }
        let answer = match timeout(STORE_TIME, store.ping()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => Err(format!("the session store does not answer within {STORE_TIME:?}")),
        };
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

/// What went wrong, from the outermost error to its first cause.
pub(super) fn told(error: &(dyn Error + 'static)) -> String {
    let causes: Vec<_> = successors(Some(error), |&error| error.source()).map(ToString::to_string).collect();
    causes.join(": ")
}

/// `/healthz`: the process answers. A store that is away is no reason to start it anew.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `/readyz`: whether pages should be sent here, and if not, why.
pub(super) async fn readyz(Extract(state): Extract<Arc<State>>) -> (StatusCode, String) {
    let ready = match state.service.get() {
        None => Err("starting".to_owned()),
        Some(service) if service.drain.has_begun() => Err("shutting down".to_owned()),
        Some(service) => state.readiness.of(&*service.store).await,
    };
    match ready {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session_store::SessionStoreError;
    use async_trait::async_trait;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use swampdragon_protocol::SessionKey;

    /// A store that may hang or be away, and counts how often it is asked.
    #[derive(Default)]
    struct Scripted {
        hangs: AtomicBool,
        away: AtomicBool,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl SessionStore for Scripted {
        async fn save(&self, _: &SessionKey, _: &[u8]) -> Result<(), SessionStoreError> {
            Ok(())
        }

        async fn get(&self, _: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
            Ok(None)
        }

        async fn ping(&self) -> Result<(), SessionStoreError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if self.hangs.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            if self.away.load(Ordering::Relaxed) {
                return Err(SessionStoreError::unavailable("connection refused"));
            }
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_probes_asks_the_store_once_a_second() {
        let (store, readiness) = (Scripted::default(), Readiness::default());
        for _ in 0..1000 {
            assert_eq!(readiness.of(&store).await, Ok(()));
        }
        assert_eq!(store.asked.load(Ordering::Relaxed), 1);
        tokio::time::advance(HOLDS).await;
        store.away.store(true, Ordering::Relaxed);
        let away = "the session store cannot be reached: connection refused";
        assert_eq!(readiness.of(&store).await, Err(away.to_owned()));
        assert_eq!(store.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_is_not_waited_for() {
        let (store, readiness) = (Scripted::default(), Readiness::default());
        store.hangs.store(true, Ordering::Relaxed);
        let started = Instant::now();
        let hangs = "the session store does not answer within 800ms";
        let probes = tokio::join!(readiness.of(&store), readiness.of(&store));
        assert_eq!(probes, (Err(hangs.to_owned()), Err(hangs.to_owned())));
        assert_eq!(started.elapsed(), STORE_TIME);
    }
}
