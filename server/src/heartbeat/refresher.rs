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
            match self.refresh_pending().await {
                Ok(()) => {
                    if let Some(outage) = outage.take() {
                        tracing::info!(after = ?outage.since.elapsed(), "the session store is back");
                    }
                    return;
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

    /// Refreshes what is pending, until nothing is. What the store cannot refresh just now is pending again at the end,
    /// with the reason; while only a part of the store is away, the keys of the other parts do not wait for it.
    async fn refresh_pending(&self) -> Result<(), SessionStoreError> {
        let mut away = Away::default();
        while away.outage.is_none() {
            let batch = self.next_batch();
            if batch.is_empty() {
                break;
            }
            self.refresh(batch, &mut away).await;
        }
        self.put_back(away.keys);
        away.outage.or(away.reason).map_or(Ok(()), Err)
    }

    /// Refreshes one batch.
    async fn refresh(&self, mut batch: Batch, away: &mut Away) {
        let keys: Vec<_> = batch.keys().cloned().collect();
        let refreshed = match self.store.refresh_key_timeouts(&keys).await {
            Ok(refreshed) => refreshed,
            Err(error) => {
                self.metrics.store_errors.increment(1);
                if error.is_unavailable() {
                    away.keys.extend(batch);
                    away.outage = Some(error);
                } else {
                    not_refreshed(&error, keys.len());
                }
                return;
            }
        };
        let mut refused: Option<(SessionStoreError, usize)> = None;
        for (key, refreshed) in keys.iter().zip(refreshed) {
            let lifetime = match refreshed {
                Ok(lifetime) => lifetime,
                Err(error) => {
                    self.metrics.store_errors.increment(1);
                    if error.is_unavailable() {
                        away.keys.extend(batch.remove_entry(key));
                        away.reason.get_or_insert(error);
                    } else {
                        refused.get_or_insert((error, 0)).1 += 1;
                    }
                    continue;
                }
            };
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
        if let Some((error, sessions)) = refused {
            not_refreshed(&error, sessions);
        }
    }

    fn put_back(&self, batch: Batch) {
        let mut pending = self.pending();
        for (key, askers) in batch {
            let waiting = pending.entry(key).or_default();
            askers.into_iter().for_each(|asker| add(waiting, Some(asker)));
        }
    }
}

/// What the store could not refresh just now.
#[derive(Default)]
struct Away {
    keys: Batch,
    /// Why the first of several keys of one batch was not refreshed, while others were.
    reason: Option<SessionStoreError>,
    /// Why none of a batch was.
    outage: Option<SessionStoreError>,
}

fn not_refreshed(error: &SessionStoreError, sessions: usize) {
    tracing::error!(error = error as &dyn std::error::Error, sessions, "the session store did not refresh");
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
    use crate::session_store::Refreshed;
    use async_trait::async_trait;

    /// A store that may be away, and remembers what it was asked. Real stores cannot be away on demand.
    #[derive(Default)]
    struct Scripted {
        away: AtomicBool,
        /// Keys whose part of the store is away.
        keys_away: Mutex<Vec<String>>,
        /// Keys that it will never refresh.
        keys_refused: Mutex<Vec<String>>,
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

        async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Refreshed>, SessionStoreError> {
            if self.away.load(Ordering::Relaxed) {
                return Err(SessionStoreError::unavailable("away"));
            }
            let listed = |list: &Mutex<Vec<String>>, key: &SessionKey| {
                list.lock().unwrap().iter().any(|listed| listed == key.as_str())
            };
            let refresh = |key: &SessionKey| {
                if listed(&self.keys_away, key) {
                    Err(SessionStoreError::unavailable("a part of it is away"))
                } else if listed(&self.keys_refused, key) {
                    Err(SessionStoreError::failed("not this one"))
                } else {
                    Ok(Lifetime::Missing)
                }
            };
            let refreshed: Vec<_> = keys.iter().map(refresh).collect();
            let done = keys.iter().zip(&refreshed).filter(|(_, refreshed)| refreshed.is_ok());
            let mut batch: Vec<_> = done.map(|(key, _)| key.as_str().to_owned()).collect();
            batch.sort();
            self.batches.lock().unwrap().push(batch);
            Ok(refreshed)
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
    async fn a_key_that_cannot_be_refreshed_keeps_no_other_from_it() {
        let (store, refresher) = running(100);
        store.keys_refused.lock().unwrap().push("b".to_owned());
        for name in ["a", "b", "c"] {
            refresher.submit(key(name), None);
        }
        sleep(Duration::from_secs(60)).await;
        assert_eq!(store.batches(), [["a", "c"]]);
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_part_of_the_store_is_away_only_its_keys_wait() {
        let (store, refresher) = running(10_000);
        // More than a batch holds: those that wait must not stand before the others.
        let waiting: Vec<_> = (0..1500).map(|number| format!("waits{number}")).collect();
        store.keys_away.lock().unwrap().extend(waiting.iter().cloned());
        for (number, name) in waiting.iter().enumerate() {
            refresher.submit(key(name), None);
            refresher.submit(key(&format!("live{number}")), None);
        }
        sleep(Duration::from_millis(20)).await;
        assert_eq!(store.batches().concat().len(), 1500);
        store.keys_away.lock().unwrap().clear();
        sleep(RETRY.1 + Duration::from_secs(1)).await;
        assert_eq!(store.batches().concat().len(), 3000);
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
