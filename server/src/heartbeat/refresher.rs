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
    log_limit::LogLimit,
    notice::{self, Refusal},
    pending::{Pending, PendingRefresh, Submitted},
};
use crate::{
    connection::WeakConnection,
    metrics::Metrics,
    session_store::{Lifetime, SessionStore, SessionStoreError},
};

/// The most keys in one request to the store. Redis gains nothing from longer pipelines.
const MAX_BATCH: usize = 1024;

/// How long the refresher waits before it asks a store again that was away: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

#[derive(Debug, Clone, Copy)]
pub(crate) struct RefresherSettings {
    /// How long the first reply waits for others to share a request to the store with.
    pub(crate) gather_time: Duration,
    /// How many keys may wait for a store that is away.
    pub(crate) max_pending: usize,
    /// How long a session lives without a refresh.
    pub(crate) session_ttl: Duration,
}

/// Has sessions refreshed: gathers the replies of all connections, asks the store for many at once, and keeps what it
/// could not have refreshed until the store is back. What it could not save is counted, logged, and told to those who
/// asked.
pub(crate) struct Refresher {
    store: Arc<dyn SessionStore>,
    settings: RefresherSettings,
    metrics: Arc<Metrics>,
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
    pub(crate) fn new(store: Arc<dyn SessionStore>, settings: RefresherSettings, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            settings,
            metrics,
            pending: Mutex::default(),
            submitted: Notify::new(),
            flushing: tokio::sync::Mutex::new(()),
            not_supported_logged: AtomicBool::new(false),
            no_room: LogLimit::default(),
            given_up: LogLimit::default(),
            failed: LogLimit::default(),
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `key` refreshed with the next batch, and `asker` told how the session stands then.
    pub(crate) fn submit(&self, key: SessionKey, asker: Option<WeakConnection>) {
        // Needed only for an asker who is told at once that there is no room.
        let named = asker.is_some().then(|| key.clone());
        let (submitted, waiting) = {
            let mut pending = self.pending();
            let submitted = pending.submit(key, asker, self.settings.max_pending, self.settings.session_ttl);
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
                notice::tell(&late.askers, || notice::refused(&late.key, Refusal::StoreAwayTooLong));
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
                    notice::tell(&[asker], || notice::refused(&key, Refusal::NoRoom));
                }
            }
        }
    }

    /// Forgets a session that is no more: nobody is told that it lives.
    pub(crate) fn withdraw(&self, key: &SessionKey) {
        self.pending().withdraw(key);
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
    async fn ask(
        &self,
        refreshes: &[PendingRefresh],
    ) -> Result<Vec<Result<Lifetime, SessionStoreError>>, SessionStoreError> {
        let keys: Vec<_> = refreshes.iter().map(|refresh| refresh.key.clone()).collect();
        // A store is the application's code, perhaps. No session of the others may end for a fault in it.
        let answer = AssertUnwindSafe(self.store.refresh_key_timeouts(&keys)).catch_unwind().await;
        let answer = match answer.unwrap_or_else(|_| Err(SessionStoreError::failed("the session store panicked"))) {
            Ok(lifetimes) if lifetimes.len() != keys.len() => Err(SessionStoreError::failed(format!(
                "the session store gave {} answers for {} keys",
                lifetimes.len(),
                keys.len()
            ))),
            Ok(lifetimes) => Ok(lifetimes.into_iter().map(Ok).collect()),
            Err(error) => Err(error),
        };
        if answer.is_err() {
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
        if lifetime == Lifetime::NotSupported && !self.not_supported_logged.swap(true, Ordering::Relaxed) {
            tracing::warn!("this session store does not support refresh_key_timeout: heartbeats keep no session");
        }
        if self.pending().answered(refresh) {
            notice::tell(&refresh.askers, || notice::of(&refresh.key, lifetime));
        }
    }

    fn refused(&self, refresh: &PendingRefresh, error: SessionStoreError, refused: &mut Refused) {
        refused.count += 1;
        refused.first.get_or_insert(error);
        self.metrics.refreshes_failed.increment(1);
        if self.pending().answered(refresh) {
            notice::tell(&refresh.askers, || notice::refused(&refresh.key, Refusal::StoreRefused));
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
mod tests {
    use super::*;
    use crate::metrics::Counted;
    use async_trait::async_trait;

    /// A store that may be away, refuse or fail, and remembers what it was asked. Real stores cannot on demand.
    #[derive(Default)]
    struct Scripted {
        away: AtomicBool,
        /// It refuses requests that name this key.
        refused: Option<&'static str>,
        /// It panics over this key.
        panics: Option<&'static str>,
        /// It gives no answer for this key.
        left_out: Option<&'static str>,
        batches: Mutex<Vec<Vec<String>>>,
    }

    impl Scripted {
        fn batches(&self) -> Vec<Vec<String>> {
            self.batches.lock().unwrap().clone()
        }

        fn is_away(&self, away: bool) {
            self.away.store(away, Ordering::Relaxed);
        }
    }

    #[async_trait]
    impl SessionStore for Scripted {
        async fn save(&self, _: &SessionKey, _: &[u8]) -> Result<(), SessionStoreError> {
            Ok(())
        }

        async fn get(&self, _: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
            Ok(None)
        }

        /// Keys that begin with `live` live.
        async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Lifetime>, SessionStoreError> {
            let has = |name: Option<&str>| keys.iter().any(|key| Some(key.as_str()) == name);
            if self.away.load(Ordering::Relaxed) {
                return Err(SessionStoreError::unavailable("away"));
            }
            if has(self.refused) {
                return Err(SessionStoreError::failed("not this one"));
            }
            assert!(!has(self.panics), "a fault in a store");
            let answered = keys.iter().filter(|key| Some(key.as_str()) != self.left_out);
            let lifetimes: Vec<_> = answered
                .map(|key| match key.as_str().starts_with("live") {
                    true => Lifetime::Expires(TTL),
                    false => Lifetime::Missing,
                })
                .collect();
            if lifetimes.len() == keys.len() {
                self.batches.lock().unwrap().push(keys.iter().map(|key| key.as_str().to_owned()).collect());
            }
            Ok(lifetimes)
        }
    }

    const TTL: Duration = Duration::from_secs(30 * 60);

    fn running(max_pending: usize) -> (Arc<Scripted>, Arc<Refresher>) {
        let (store, refresher, _) = running_with(Scripted::default(), max_pending);
        (store, refresher)
    }

    fn running_with(store: Scripted, max_pending: usize) -> (Arc<Scripted>, Arc<Refresher>, Counted) {
        let store = Arc::new(store);
        let settings = RefresherSettings { gather_time: Duration::from_millis(5), max_pending, session_ttl: TTL };
        let (metrics, counted) = Metrics::counted();
        let refresher =
            Arc::new(Refresher::new(Arc::clone(&store) as Arc<dyn SessionStore>, settings, Arc::new(metrics)));
        let serving = Arc::clone(&refresher);
        tokio::spawn(async move { serving.run().await });
        (store, refresher, counted)
    }

    fn key(text: &str) -> SessionKey {
        SessionKey::parse(text).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn replies_within_the_gather_time_share_a_batch_and_each_key_is_in_it_once() {
        let (store, refresher) = running(100);
        refresher.submit(key("a"), None);
        sleep(Duration::from_millis(2)).await;
        refresher.submit(key("b"), None);
        refresher.submit(key("a"), None);
        sleep(Duration::from_millis(10)).await;
        refresher.submit(key("a"), None);
        sleep(Duration::from_millis(10)).await;
        assert_eq!(store.batches(), [vec!["a", "b"], vec!["a"]]);
    }

    #[tokio::test(start_paused = true)]
    async fn replies_that_come_while_the_store_is_away_are_refreshed_when_it_is_back() {
        let (store, refresher) = running(100);
        store.is_away(true);
        refresher.submit(key("a"), None);
        sleep(Duration::from_secs(60)).await;
        refresher.submit(key("b"), None);
        refresher.submit(key("a"), None);
        sleep(Duration::from_secs(60)).await;
        assert!(store.batches().is_empty());
        store.is_away(false);
        sleep(RETRY.1 + Duration::from_secs(1)).await;
        assert_eq!(store.batches(), [["a", "b"]]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_outage_the_oldest_replies_go_first() {
        let (store, refresher) = running(10_000);
        store.is_away(true);
        let names: Vec<_> = (0..2500).map(|number| format!("s{}", number * 7919 % 2500)).collect();
        for name in &names {
            refresher.submit(key(name), None);
        }
        sleep(Duration::from_secs(60)).await;
        // Answering again while it waits makes none younger.
        refresher.submit(key(&names[0]), None);
        store.is_away(false);
        sleep(RETRY.1 + Duration::from_secs(1)).await;
        assert_eq!(store.batches().concat(), names);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_an_absent_store_is_bounded_and_what_finds_no_room_is_counted() {
        let (store, refresher, counted) = running_with(Scripted::default(), 2);
        store.is_away(true);
        for name in ["a", "b", "c"] {
            refresher.submit(key(name), None);
        }
        assert_eq!(counted.pending(), 2.0);
        assert_eq!(counted.refreshes("no_room"), 1);
        store.is_away(false);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(store.batches(), [["a", "b"]]);
        assert_eq!(refresher.pending().len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_that_an_outage_has_cost_are_counted_apart() {
        let (store, refresher, counted) = running_with(Scripted::default(), 100);
        refresher.submit(key("gone"), None);
        sleep(Duration::from_secs(1)).await;
        store.is_away(true);
        refresher.submit(key("live"), None);
        refresher.submit(key("lost"), None);
        sleep(TTL).await;
        store.is_away(false);
        sleep(RETRY.1 + Duration::from_secs(1)).await;
        refresher.submit(key("gone"), None);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(counted.refreshes("active"), 1);
        assert_eq!(counted.refreshes("expired_in_outage"), 1);
        assert_eq!(counted.refreshes("missing"), 2);
        // The two that waited, and the two that did not.
        let delays = counted.delays();
        assert_eq!(delays.iter().filter(|delay| **delay >= TTL.as_secs_f64()).count(), 2);
        assert_eq!(delays.iter().filter(|delay| **delay < 1.0).count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_key_that_the_store_refuses_costs_no_other_its_refresh() {
        let (store, refresher, counted) =
            running_with(Scripted { refused: Some("live13"), ..Scripted::default() }, 100);
        for number in 0..40 {
            refresher.submit(key(&format!("live{number}")), None);
        }
        sleep(Duration::from_secs(1)).await;
        let mut refreshed = store.batches().concat();
        refreshed.sort();
        let mut others: Vec<_> = (0..40).filter(|number| *number != 13).map(|number| format!("live{number}")).collect();
        others.sort();
        assert_eq!(refreshed, others);
        assert_eq!((counted.refreshes("active"), counted.refreshes("failed")), (39, 1));
        assert_eq!(refresher.pending().len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_panics_or_leaves_out_answers_costs_no_other_its_refresh() {
        let store = Scripted { panics: Some("panics"), left_out: Some("left-out"), ..Scripted::default() };
        let (store, refresher, counted) = running_with(store, 100);
        for name in ["live1", "panics", "live2", "left-out", "live3"] {
            refresher.submit(key(name), None);
        }
        sleep(Duration::from_secs(1)).await;
        assert_eq!(store.batches().concat(), ["live1", "live2", "live3"]);
        assert_eq!((counted.refreshes("active"), counted.refreshes("failed")), (3, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_goes_away_in_the_middle_of_a_refused_batch_loses_nothing() {
        /// Refuses the whole, then is away until told otherwise.
        #[derive(Default)]
        struct RefusesThenAway(Scripted, AtomicBool);
        #[async_trait]
        impl SessionStore for RefusesThenAway {
            async fn save(&self, _: &SessionKey, _: &[u8]) -> Result<(), SessionStoreError> {
                Ok(())
            }
            async fn get(&self, _: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
                Ok(None)
            }
            async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Lifetime>, SessionStoreError> {
                if !self.1.swap(true, Ordering::Relaxed) {
                    self.0.is_away(true);
                    return Err(SessionStoreError::failed("too many"));
                }
                self.0.refresh_key_timeouts(keys).await
            }
        }
        let store = Arc::new(RefusesThenAway::default());
        let settings = RefresherSettings { gather_time: Duration::from_millis(5), max_pending: 100, session_ttl: TTL };
        let (metrics, counted) = Metrics::counted();
        let refresher = Refresher::new(Arc::clone(&store) as Arc<dyn SessionStore>, settings, Arc::new(metrics));
        for name in ["live1", "live2", "live3", "live4"] {
            refresher.submit(key(name), None);
        }
        let back = async {
            sleep(Duration::from_secs(60)).await;
            store.0.is_away(false);
        };
        tokio::join!(refresher.flush(), back);
        assert_eq!(store.0.batches().concat(), ["live1", "live2", "live3", "live4"]);
        assert_eq!(counted.refreshes("active"), 4);
        assert_eq!(refresher.pending().len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_end_of_the_server_leaves_behind_is_counted() {
        let (store, refresher, counted) = running_with(Scripted::default(), 100);
        store.is_away(true);
        refresher.submit(key("a"), None);
        refresher.submit(key("b"), None);
        sleep(Duration::from_secs(1)).await;
        refresher.give_up();
        assert_eq!(counted.refreshes("given_up"), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn many_keys_go_in_several_batches() {
        let (store, refresher) = running(10_000);
        for number in 0..2500 {
            refresher.submit(key(&number.to_string()), None);
        }
        sleep(Duration::from_secs(1)).await;
        let sizes: Vec<_> = store.batches().iter().map(Vec::len).collect();
        assert_eq!(sizes, [1024, 1024, 452]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flush_waits_for_what_is_under_way() {
        let (store, refresher) = running(100);
        store.is_away(true);
        refresher.submit(key("a"), None);
        sleep(Duration::from_millis(20)).await;
        store.is_away(false);
        refresher.flush().await;
        assert_eq!(store.batches(), [["a"]]);
    }
}
