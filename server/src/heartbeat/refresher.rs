use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use swampdragon_protocol::SessionKey;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{
    notice::{self, Notices, Refusal},
    pending::{Pending, PendingRefresh, Submitted},
    watch::SessionWatch,
};
use crate::{
    binding::Binding,
    connection::{KeyHash, WeakConnection},
    log_limit::LogLimit,
    metrics::Metrics,
    session_store::{Lifetime, Refreshed, SessionStore, SessionStoreError},
};

/// The most keys in one request to the store. Redis gains nothing from longer pipelines.
const MAX_BATCH: usize = 1024;

/// How long the refresher waits before it asks a store again that was away: at first, and at most. What the store is
/// late in being found again, sessions lose of their time, and some have little left.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));

/// How often it is logged at most that sessions could not be refreshed, for each reason.
const LOG_PAUSE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
pub(crate) struct RefresherSettings {
    /// How long the first reply waits for others to share a request to the store with.
    pub(crate) gather_time: Duration,
    /// How many keys may wait for a store that is away.
    pub(crate) max_pending: usize,
    /// How long a session lives without a refresh.
    pub(crate) session_ttl: Duration,
    /// How long before the end of a session its pages are told; zero is never.
    pub(crate) expiring_notice: Duration,
    pub(crate) notices: Notices,
}

/// Has sessions refreshed: gathers the replies of all connections, asks the store for many at once, and keeps what it
/// could not have refreshed until the store is back. What it could not save is counted, logged, and told to those who
/// asked.
pub(crate) struct Refresher {
    store: Arc<dyn SessionStore>,
    settings: RefresherSettings,
    metrics: Arc<Metrics>,
    /// Where the sessions are an app's.
    binding: Option<Arc<Binding>>,
    watch: SessionWatch,
    pending: Mutex<Pending>,
    submitted: Notify,
    /// Held while batches are at the store, so that one flush does not overtake another.
    flushing: tokio::sync::Mutex<()>,
    not_supported_logged: AtomicBool,
    no_room: LogLimit,
    given_up: LogLimit,
    failed: LogLimit,
}

impl Refresher {
    pub(crate) fn new(
        store: Arc<dyn SessionStore>,
        settings: RefresherSettings,
        metrics: Arc<Metrics>,
        binding: Option<Arc<Binding>>,
    ) -> Self {
        let watch =
            SessionWatch::new(Arc::clone(&store), settings.expiring_notice, settings.notices, Arc::clone(&metrics));
        Self {
            store,
            settings,
            metrics,
            binding,
            watch,
            pending: Mutex::default(),
            submitted: Notify::new(),
            flushing: tokio::sync::Mutex::new(()),
            not_supported_logged: AtomicBool::new(false),
            no_room: LogLimit::new(LOG_PAUSE),
            given_up: LogLimit::new(LOG_PAUSE),
            failed: LogLimit::new(LOG_PAUSE),
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `key` refreshed with the next batch, and `asker` told how the session stands then.
    pub(crate) fn submit(&self, key: SessionKey, hash: KeyHash, asker: Option<WeakConnection>) {
        // Needed only for an asker who is told at once that there is no room.
        let named = asker.is_some().then(|| key.clone());
        let (submitted, waiting) = {
            let mut pending = self.pending();
            let submitted = pending.submit(key, hash, asker, self.settings.max_pending, self.settings.session_ttl);
            (submitted, pending.len())
        };
        self.metrics.refreshes_pending.set(waiting as f64);
        match submitted {
            Submitted::First => self.submitted.notify_one(),
            Submitted::Waits => {}
            Submitted::InPlaceOf(late) => {
                self.metrics.refreshes_given_up.increment(1);
                if let Some(sessions) = self.given_up.add(1) {
                    tracing::error!(
                        sessions,
                        ttl = ?self.settings.session_ttl,
                        "not refreshed: the session store was away for longer than sessions live (session_ttl)"
                    );
                }
                notice::tell(&late.askers, || self.settings.notices.refused(&late.key, Refusal::StoreAwayTooLong));
            }
            Submitted::NoRoom(asker) => {
                self.metrics.refreshes_no_room.increment(1);
                if let Some(sessions) = self.no_room.add(1) {
                    tracing::error!(
                        sessions,
                        limit = self.settings.max_pending,
                        "not refreshed: too many wait for the session store (max_pending_refreshes)"
                    );
                }
                if let (Some(asker), Some(key)) = (asker, named) {
                    notice::tell(&[asker], || self.settings.notices.refused(&key, Refusal::NoRoom));
                }
            }
        }
    }

    /// Forgets a session that is no more: nobody is told that it lives.
    pub(crate) fn withdraw(&self, key: &SessionKey, hash: KeyHash) {
        self.pending().withdraw(key, hash);
        self.watch.forget(hash);
    }

    /// Who sees to it that pages hear of their session's end.
    pub(crate) fn watch(&self) -> &SessionWatch {
        &self.watch
    }

    /// Serves submissions, for ever.
    pub(crate) async fn run(&self) {
        loop {
            self.submitted.notified().await;
            sleep(self.settings.gather_time).await;
            self.flush().await;
        }
    }

    /// Has everything refreshed that is pending or under way, the oldest first, however long the store stays away.
    pub(crate) async fn flush(&self) {
        let _flushing = self.flushing.lock().await;
        let mut outage: Option<Outage> = None;
        while let Err(error) = self.refresh_pending(&mut outage).await {
            let outage = outage.get_or_insert_with(|| {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the session store is away; refreshes wait until it is back"
                );
                Outage::begin()
            });
            outage.latest_failure = Instant::now();
            sleep(outage.delay).await;
            outage.delay = (outage.delay * 2).min(RETRY.1);
        }
        match outage {
            Some(Outage { since, answered, expired: 0, .. }) => {
                tracing::info!(after = ?since.elapsed(), answered, "the session store is back");
            }
            Some(Outage { since, answered, expired, .. }) => {
                let after = since.elapsed();
                tracing::error!(?after, answered, expired, "sessions expired while the session store was away");
            }
            None => {}
        }
    }

    /// Refreshes what is pending, until nothing is. What the store cannot refresh just now is pending again at the end,
    /// with the reason; while a part of the store is away, the sessions of the other parts do not wait for it.
    async fn refresh_pending(&self, outage: &mut Option<Outage>) -> Result<(), SessionStoreError> {
        let mut away = Away::default();
        while !away.altogether {
            let batch = self.pending().take(MAX_BATCH);
            if batch.is_empty() {
                break;
            }
            self.refresh(batch, &mut away, outage).await;
        }
        let mut pending = self.pending();
        pending.put_back(away.sessions);
        self.metrics.refreshes_pending.set(pending.len() as f64);
        away.reason.map_or(Ok(()), Err)
    }

    /// What still waits is not refreshed any more, since the server ends. It is counted and logged.
    pub(crate) fn give_up(&self) {
        let sessions = self.pending().len();
        if sessions > 0 {
            self.metrics.refreshes_given_up.increment(sessions as u64);
            tracing::error!(sessions, "not refreshed: the server ended before the session store answered (drain_time)");
        }
    }

    /// Refreshes one batch. Of one that the store refuses, each half is tried, and so on, until those are found that it
    /// refuses alone.
    async fn refresh(&self, batch: Vec<PendingRefresh>, away: &mut Away, outage: &mut Option<Outage>) {
        let mut parts = vec![batch];
        let mut refused = Refused::default();
        while let Some(mut part) = parts.pop() {
            match self.ask(&part).await {
                Ok(answers) => {
                    for (refresh, answer) in part.into_iter().zip(answers) {
                        match answer {
                            Ok(lifetime) => self.refreshed(&refresh, lifetime, outage.as_mut()),
                            Err(error) if error.is_unavailable() => away.add([refresh], error),
                            Err(error) => self.refused(&refresh, error, &mut refused),
                        }
                    }
                }
                Err(error) if error.is_unavailable() => {
                    away.altogether = true;
                    away.add(part.into_iter().chain(parts.drain(..).flatten()), error);
                }
                Err(error) => match part.as_slice() {
                    [alone] => self.refused(alone, error, &mut refused),
                    _ => {
                        let second_half = part.split_off(part.len() / 2);
                        parts.extend([second_half, part]);
                    }
                },
            }
        }
        if let Some(error) = refused.first
            && let Some(sessions) = self.failed.add(refused.count)
        {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                sessions,
                "not refreshed: the session store refused"
            );
        }
    }

    /// Asks the store, which gives one answer a session, or none at all.
    async fn ask(&self, refreshes: &[PendingRefresh]) -> Result<Vec<Refreshed>, SessionStoreError> {
        let keys: Vec<_> = refreshes.iter().map(|refresh| refresh.key.clone()).collect();
        // A store is the application's code, perhaps. No session of the others may end for a fault in it.
        let answer = AssertUnwindSafe(self.store.refresh_key_timeouts(&keys)).catch_unwind().await;
        let answer = match answer.unwrap_or_else(|_| Err(SessionStoreError::failed("the session store panicked"))) {
            Ok(answers) if answers.len() != keys.len() => Err(SessionStoreError::failed(format!(
                "the session store gave {} answers for {} keys",
                answers.len(),
                keys.len()
            ))),
            answer => answer,
        };
        if answer.as_ref().map_or(true, |answers| answers.iter().any(Result::is_err)) {
            self.metrics.store_errors.increment(1);
        }
        answer
    }

    fn refreshed(&self, refresh: &PendingRefresh, lifetime: Lifetime, outage: Option<&mut Outage>) {
        tracing::debug!(key = ?refresh.key, ?lifetime, "refreshed");
        self.metrics.refresh_delay.record(refresh.arrived.elapsed().as_secs_f64());
        let waited = outage.filter(|outage| refresh.arrived <= outage.latest_failure);
        match lifetime {
            Lifetime::Expires(_) => &self.metrics.refreshes_active,
            Lifetime::Persistent => &self.metrics.refreshes_persistent,
            Lifetime::Missing if waited.is_some() => &self.metrics.refreshes_expired_in_outage,
            Lifetime::Missing => &self.metrics.refreshes_missing,
            Lifetime::NotSupported => &self.metrics.refreshes_unsupported,
        }
        .increment(1);
        if let Some(outage) = waited {
            *(if lifetime == Lifetime::Missing { &mut outage.expired } else { &mut outage.answered }) += 1;
        }
        if let Some(binding) = &self.binding {
            binding.seen(lifetime);
        }
        if lifetime == Lifetime::NotSupported && !self.not_supported_logged.swap(true, Ordering::Relaxed) {
            tracing::warn!("this session store does not support refresh_key_timeout: heartbeats keep no session");
        }
        if self.pending().answered(refresh) {
            notice::tell(&refresh.askers, || self.settings.notices.of(&refresh.key, lifetime));
            self.watch.seen(refresh.hash, &refresh.key, lifetime, &refresh.askers);
        }
    }

    fn refused(&self, refresh: &PendingRefresh, error: SessionStoreError, refused: &mut Refused) {
        refused.count += 1;
        refused.first.get_or_insert(error);
        self.metrics.refreshes_failed.increment(1);
        if self.pending().answered(refresh) {
            notice::tell(&refresh.askers, || self.settings.notices.refused(&refresh.key, Refusal::StoreRefused));
        }
    }
}

/// What the store could not refresh just now.
#[derive(Default)]
struct Away {
    sessions: Vec<PendingRefresh>,
    /// Why the first of them was not refreshed.
    reason: Option<SessionStoreError>,
    /// Nothing can be refreshed just now.
    altogether: bool,
}

impl Away {
    fn add(&mut self, sessions: impl IntoIterator<Item = PendingRefresh>, reason: SessionStoreError) {
        self.sessions.extend(sessions);
        self.reason.get_or_insert(reason);
    }
}

/// What the store will never refresh.
#[derive(Default)]
struct Refused {
    count: u64,
    first: Option<SessionStoreError>,
}

/// A time in which the store, or a part of it, cannot be reached.
struct Outage {
    since: Instant,
    latest_failure: Instant,
    /// How long to wait before the store is asked again.
    delay: Duration,
    /// Of those that had to wait: whose session the store found.
    answered: u64,
    /// Whose it did not find.
    expired: u64,
}

impl Outage {
    fn begin() -> Self {
        let now = Instant::now();
        Self { since: now, latest_failure: now, delay: RETRY.0, answered: 0, expired: 0 }
    }
}

#[cfg(test)]
mod tests;
