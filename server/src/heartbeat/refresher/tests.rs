use super::*;
use crate::{
    connection::KeyHasher,
    metrics::Counted,
    session_store::{MemorySessionStore, SessionStoreOptions},
};
use proptest::prelude::*;

use async_trait::async_trait;
use std::sync::LazyLock;

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
    /// The part of it is away that has keys which begin with `far`.
    far_away: AtomicBool,
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
    async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Refreshed>, SessionStoreError> {
        let has = |name: Option<&str>| keys.iter().any(|key| Some(key.as_str()) == name);
        if self.away.load(Ordering::Relaxed) {
            return Err(SessionStoreError::unavailable("away"));
        }
        if has(self.refused) {
            return Err(SessionStoreError::failed("not this one"));
        }
        assert!(!has(self.panics), "a fault in a store");
        let answered = keys.iter().filter(|key| Some(key.as_str()) != self.left_out);
        let is_far = |key: &SessionKey| self.far_away.load(Ordering::Relaxed) && key.as_str().starts_with("far");
        let answers: Vec<_> = answered
            .map(|key| match key.as_str().starts_with("live") {
                _ if is_far(key) => Err(SessionStoreError::unavailable("a part of it is away")),
                true => Ok(Lifetime::Expires(TTL)),
                false => Ok(Lifetime::Missing),
            })
            .collect();
        if answers.len() == keys.len() {
            let refreshed = keys.iter().filter(|key| !is_far(key));
            self.batches.lock().unwrap().push(refreshed.map(|key| key.as_str().to_owned()).collect());
        }
        Ok(answers)
    }
}

const TTL: Duration = Duration::from_secs(30 * 60);

fn running(max_pending: usize) -> (Arc<Scripted>, Arc<Refresher>) {
    let (store, refresher, _) = running_with(Scripted::default(), max_pending);
    (store, refresher)
}

fn running_with(store: Scripted, max_pending: usize) -> (Arc<Scripted>, Arc<Refresher>, Counted) {
    let store = Arc::new(store);
    let settings = RefresherSettings {
        gather_time: Duration::from_millis(5),
        max_pending,
        session_ttl: TTL,
        expiring_notice: Duration::ZERO,
        notices: Notices::default(),
    };
    let (metrics, counted) = Metrics::counted();
    let refresher =
        Arc::new(Refresher::new(Arc::clone(&store) as Arc<dyn SessionStore>, settings, Arc::new(metrics), None));
    let serving = Arc::clone(&refresher);
    tokio::spawn(async move { serving.run().await });
    (store, refresher, counted)
}

fn submit(refresher: &Refresher, key: SessionKey) {
    static HASHER: LazyLock<KeyHasher> = LazyLock::new(KeyHasher::default);
    refresher.submit(key.clone(), HASHER.hash(&key), None);
}

fn key(text: &str) -> SessionKey {
    SessionKey::parse(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn replies_within_the_gather_time_share_a_batch_and_each_key_is_in_it_once() {
    let (store, refresher) = running(100);
    submit(&refresher, key("a"));
    sleep(Duration::from_millis(2)).await;
    submit(&refresher, key("b"));
    submit(&refresher, key("a"));
    sleep(Duration::from_millis(10)).await;
    submit(&refresher, key("a"));
    sleep(Duration::from_millis(10)).await;
    assert_eq!(store.batches(), [vec!["a", "b"], vec!["a"]]);
}

#[tokio::test(start_paused = true)]
async fn replies_that_come_while_the_store_is_away_are_refreshed_when_it_is_back() {
    let (store, refresher) = running(100);
    store.is_away(true);
    submit(&refresher, key("a"));
    sleep(Duration::from_secs(60)).await;
    submit(&refresher, key("b"));
    submit(&refresher, key("a"));
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
        submit(&refresher, key(name));
    }
    sleep(Duration::from_secs(60)).await;
    // Answering again while it waits makes none younger.
    submit(&refresher, key(&names[0]));
    store.is_away(false);
    sleep(RETRY.1 + Duration::from_secs(1)).await;
    assert_eq!(store.batches().concat(), names);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_an_absent_store_is_bounded_and_what_finds_no_room_is_counted() {
    let (store, refresher, counted) = running_with(Scripted::default(), 2);
    store.is_away(true);
    for name in ["a", "b", "c"] {
        submit(&refresher, key(name));
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
    submit(&refresher, key("gone"));
    sleep(Duration::from_secs(1)).await;
    store.is_away(true);
    submit(&refresher, key("live"));
    submit(&refresher, key("lost"));
    sleep(TTL).await;
    store.is_away(false);
    sleep(RETRY.1 + Duration::from_secs(1)).await;
    submit(&refresher, key("gone"));
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
    let (store, refresher, counted) = running_with(Scripted { refused: Some("live13"), ..Scripted::default() }, 100);
    for number in 0..40 {
        submit(&refresher, key(&format!("live{number}")));
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
        submit(&refresher, key(name));
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
        async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Refreshed>, SessionStoreError> {
            if !self.1.swap(true, Ordering::Relaxed) {
                self.0.is_away(true);
                return Err(SessionStoreError::failed("too many"));
            }
            self.0.refresh_key_timeouts(keys).await
        }
    }
    let store = Arc::new(RefusesThenAway::default());
    let settings = RefresherSettings {
        gather_time: Duration::from_millis(5),
        max_pending: 100,
        session_ttl: TTL,
        expiring_notice: Duration::ZERO,
        notices: Notices::default(),
    };
    let (metrics, counted) = Metrics::counted();
    let refresher = Refresher::new(Arc::clone(&store) as Arc<dyn SessionStore>, settings, Arc::new(metrics), None);
    for name in ["live1", "live2", "live3", "live4"] {
        submit(&refresher, key(name));
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
    submit(&refresher, key("a"));
    submit(&refresher, key("b"));
    sleep(Duration::from_secs(1)).await;
    refresher.give_up();
    assert_eq!(counted.refreshes("given_up"), 2);
}

#[tokio::test(start_paused = true)]
async fn while_a_part_of_the_store_is_away_only_its_sessions_wait() {
    let (store, refresher) = running(10_000);
    store.far_away.store(true, Ordering::Relaxed);
    // More than a batch holds, and older: they must not stand before the others.
    for number in 0..1500 {
        submit(&refresher, key(&format!("far{number}")));
    }
    for number in 0..1500 {
        submit(&refresher, key(&format!("live{number}")));
    }
    sleep(Duration::from_millis(20)).await;
    assert_eq!(store.batches().concat().len(), 1500);
    store.far_away.store(false, Ordering::Relaxed);
    sleep(RETRY.1 + Duration::from_secs(1)).await;
    assert_eq!(store.batches().concat().len(), 3000);
}

#[tokio::test(start_paused = true)]
async fn many_keys_go_in_several_batches() {
    let (store, refresher) = running(10_000);
    for number in 0..2500 {
        submit(&refresher, key(&number.to_string()));
    }
    sleep(Duration::from_secs(1)).await;
    let sizes: Vec<_> = store.batches().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1024, 1024, 452]);
}

#[tokio::test(start_paused = true)]
async fn a_flush_waits_for_what_is_under_way() {
    let (store, refresher) = running(100);
    store.is_away(true);
    submit(&refresher, key("a"));
    sleep(Duration::from_millis(20)).await;
    store.is_away(false);
    refresher.flush().await;
    assert_eq!(store.batches(), [["a"]]);
}

/// A memory store that can be away.
struct Unsteady {
    store: MemorySessionStore,
    away: AtomicBool,
}

#[async_trait]
impl SessionStore for Unsteady {
    async fn save(&self, key: &SessionKey, value: &[u8]) -> Result<(), SessionStoreError> {
        self.store.save(key, value).await
    }

    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        self.store.get(key).await
    }

    async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Refreshed>, SessionStoreError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(SessionStoreError::unavailable("away"));
        }
        self.store.refresh_key_timeouts(keys).await
    }
}

const BEAT: Duration = Duration::from_secs(600);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Pages answer every ten minutes, each in its own time. The store is away whenever it likes, for less than a session
    /// has left after a beat, and is there for a minute in between. No session ends, and every reply is accounted for.
    #[test]
    fn an_outage_that_leaves_a_session_time_costs_none(
        phases in prop::collection::vec(0..BEAT.as_secs(), 1..20),
        outages in prop::collection::vec((60_u64..3600, 1_u64..(TTL - BEAT).as_secs() - 60), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let options = SessionStoreOptions { ttl: TTL, ..SessionStoreOptions::default() };
            let store = Arc::new(Unsteady { store: MemorySessionStore::new(&options), away: AtomicBool::new(false) });
            let settings = RefresherSettings {
                gather_time: Duration::from_millis(5),
                max_pending: 1000,
                session_ttl: TTL,
                expiring_notice: Duration::ZERO,
                notices: Notices::default(),
            };
            let (metrics, counted) = Metrics::counted();
            let shared = Arc::clone(&store) as Arc<dyn SessionStore>;
            let refresher = Arc::new(Refresher::new(shared, settings, Arc::new(metrics), None));
            let serving = Arc::clone(&refresher);
            tokio::spawn(async move { serving.run().await });
            let mut pages = tokio::task::JoinSet::new();
            for (number, phase) in phases.iter().enumerate() {
                let key = key(&format!("page{number}"));
                store.save(&key, b"value").await.unwrap();
                let (refresher, phase) = (Arc::clone(&refresher), Duration::from_secs(*phase));
                pages.spawn(async move {
                    sleep(phase).await;
                    loop {
                        submit(&refresher, key.clone());
                        sleep(BEAT).await;
                    }
                });
            }
            for (there, away) in outages {
                sleep(Duration::from_secs(there)).await;
                store.is_away(true);
                sleep(Duration::from_secs(away)).await;
                store.is_away(false);
            }
            sleep(RETRY.1 + Duration::from_secs(1)).await;
            for number in 0..phases.len() {
                let lifetime = store.store.lifetime(&key(&format!("page{number}"))).await.unwrap();
                assert!(matches!(lifetime, Lifetime::Expires(_)), "page {number}: {lifetime:?}");
            }
            for lost in ["missing", "expired_in_outage", "failed", "no_room", "given_up"] {
                assert_eq!(counted.refreshes(lost), 0, "{lost}");
            }
        });
    }
}

impl Unsteady {
    fn is_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }
}
