use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use swampdragon_protocol::{ServerMessage, SessionKey, SessionNotice, SessionState};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
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
}

/// Has sessions refreshed: gathers the replies of all connections, asks the store for many at once, and keeps what it
/// could not have refreshed until the store is back.
pub(crate) struct Refresher {
    store: Arc<dyn SessionStore>,
    settings: RefresherSettings,
    metrics: Arc<Metrics>,
    pending: Mutex<Batch>,
    submitted: Notify,
    /// Held while batches are at the store, so that one flush does not overtake another.
    flushing: tokio::sync::Mutex<()>,
    not_supported_logged: AtomicBool,
}

/// Keys to refresh, each once, and who wants to know.
///
/// They are held weakly: while a store is away, connections that close must not keep their sockets.
type Batch = HashMap<SessionKey, Vec<WeakConnection>>;

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
        }
    }

    fn pending(&self) -> MutexGuard<'_, Batch> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `key` refreshed with the next batch, and `asker` told how the session stands then.
    pub(crate) fn submit(&self, key: SessionKey, asker: Option<WeakConnection>) {
        let mut pending = self.pending();
        let first = pending.is_empty();
        let full = pending.len() >= self.settings.max_pending;
        match pending.entry(key) {
            Entry::Occupied(mut askers) => add(askers.get_mut(), asker),
            Entry::Vacant(_) if full => {
                drop(pending);
                tracing::error!(
                    limit = self.settings.max_pending,
                    "a session was not refreshed: too many wait for the session store (max_pending_refreshes)"
                );
                return;
            }
            Entry::Vacant(place) => {
                place.insert(asker.into_iter().collect());
            }
        }
        drop(pending);
        if first {
            self.submitted.notify_one();
        }
    }

    /// Serves submissions, for ever.
    pub(crate) async fn run(&self) {
        loop {
            self.submitted.notified().await;
            sleep(self.settings.gather_time).await;
            self.flush().await;
        }
    }

    /// Has everything refreshed that is pending or under way, however long the store stays away.
    pub(crate) async fn flush(&self) {
        let _flushing = self.flushing.lock().await;
        let mut outage: Option<Outage> = None;
        loop {
            let batch = self.next_batch();
            if batch.is_empty() {
                return;
            }
            match self.refresh(batch).await {
                Ok(()) => {
                    if let Some(outage) = outage.take() {
                        tracing::info!(after = ?outage.since.elapsed(), "the session store is back");
                    }
                }
                Err(error) => {
                    let outage = outage.get_or_insert_with(|| {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "the session store is away; refreshes wait until it is back"
                        );
                        Outage { since: Instant::now(), delay: RETRY.0 }
                    });
                    sleep(outage.delay).await;
                    outage.delay = (outage.delay * 2).min(RETRY.1);
                }
            }
        }
    }

    fn next_batch(&self) -> Batch {
        let mut pending = self.pending();
        if pending.len() <= MAX_BATCH {
            return std::mem::take(&mut pending);
        }
        let keys: Vec<_> = pending.keys().take(MAX_BATCH).cloned().collect();
        keys.into_iter().filter_map(|key| pending.remove_entry(&key)).collect()
    }

    /// Refreshes one batch. While the store is away the batch is pending again.
    async fn refresh(&self, mut batch: Batch) -> Result<(), SessionStoreError> {
        let keys: Vec<_> = batch.keys().cloned().collect();
        let lifetimes = match self.store.refresh_key_timeouts(&keys).await {
            Ok(lifetimes) => lifetimes,
            Err(error) if error.is_unavailable() => {
                self.metrics.store_errors.increment(1);
                self.put_back(batch);
                return Err(error);
            }
            Err(error) => {
                self.metrics.store_errors.increment(1);
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    sessions = keys.len(),
                    "the session store did not refresh"
                );
                return Ok(());
            }
        };
        for (key, lifetime) in keys.iter().zip(lifetimes) {
            tracing::debug!(?key, ?lifetime, "refreshed");
            if lifetime == Lifetime::NotSupported && !self.not_supported_logged.swap(true, Ordering::Relaxed) {
                tracing::warn!("this session store does not support refresh_key_timeout: heartbeats keep no session");
            }
            let Some(askers) = batch.remove(key) else { continue };
            if askers.is_empty() {
                continue;
            }
            let notice = ServerMessage::Session(notice(key, lifetime));
            askers.iter().filter_map(WeakConnection::upgrade).for_each(|asker| asker.send_message(&notice));
        }
        Ok(())
    }

    fn put_back(&self, batch: Batch) {
        let mut pending = self.pending();
        for (key, askers) in batch {
            let waiting = pending.entry(key).or_default();
            askers.into_iter().for_each(|asker| add(waiting, Some(asker)));
        }
    }
}

/// Adds an asker once, however often it asks while the store is away, and lets go of those that have gone.
fn add(askers: &mut Vec<WeakConnection>, asker: Option<WeakConnection>) {
    let Some(asker) = asker else { return };
    askers.retain(|other| other.is_alive() && !other.is(&asker));
    askers.push(asker);
}

struct Outage {
    since: Instant,
    delay: Duration,
}

fn notice(key: &SessionKey, lifetime: Lifetime) -> SessionNotice<swampdragon_protocol::json::Json> {
    let (state, ttl) = match lifetime {
        Lifetime::Expires(ttl) => (SessionState::Active, Some(ttl)),
        Lifetime::Persistent => (SessionState::Persistent, None),
        Lifetime::Missing => (SessionState::Expired, None),
        Lifetime::NotSupported => (SessionState::Unsupported, None),
    };
    SessionNotice {
        session: key.as_str().to_owned(),
        state,
        ttl_ms: ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)),
        reason: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;

    /// A store that may be away, and remembers what it was asked. Real stores cannot be away on demand.
    #[derive(Default)]
    struct Scripted {
        away: AtomicBool,
        batches: Mutex<Vec<Vec<String>>>,
    }

    impl Scripted {
        fn batches(&self) -> Vec<Vec<String>> {
            self.batches.lock().unwrap().clone()
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

        async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Lifetime>, SessionStoreError> {
            if self.away.load(Ordering::Relaxed) {
                return Err(SessionStoreError::unavailable("away"));
            }
            let mut batch: Vec<_> = keys.iter().map(|key| key.as_str().to_owned()).collect();
            batch.sort();
            self.batches.lock().unwrap().push(batch);
            Ok(vec![Lifetime::Missing; keys.len()])
        }
    }

    fn running(max_pending: usize) -> (Arc<Scripted>, Arc<Refresher>) {
        let store = Arc::new(Scripted::default());
        let settings = RefresherSettings { gather_time: Duration::from_millis(5), max_pending };
        let refresher = Arc::new(Refresher::new(
            Arc::clone(&store) as Arc<dyn SessionStore>,
            settings,
            Arc::new(Metrics::register()),
        ));
        let serving = Arc::clone(&refresher);
        tokio::spawn(async move { serving.run().await });
        (store, refresher)
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
        store.away.store(true, Ordering::Relaxed);
        refresher.submit(key("a"), None);
        sleep(Duration::from_secs(60)).await;
        refresher.submit(key("b"), None);
        refresher.submit(key("a"), None);
        sleep(Duration::from_secs(60)).await;
        assert!(store.batches().is_empty());
        store.away.store(false, Ordering::Relaxed);
        sleep(RETRY.1 + Duration::from_secs(1)).await;
        assert_eq!(store.batches(), [["a", "b"]]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_an_absent_store_is_bounded() {
        let (store, refresher) = running(2);
        store.away.store(true, Ordering::Relaxed);
        for name in ["a", "b", "c"] {
            refresher.submit(key(name), None);
        }
        store.away.store(false, Ordering::Relaxed);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(store.batches(), [["a", "b"]]);
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
        store.away.store(true, Ordering::Relaxed);
        refresher.submit(key("a"), None);
        sleep(Duration::from_millis(20)).await;
        store.away.store(false, Ordering::Relaxed);
        refresher.flush().await;
        assert_eq!(store.batches(), [["a"]]);
    }
}
