//! What every session store must do, as one case each, and the macro that makes tests of them for a kind of store.

use std::{collections::HashSet, time::Duration};

use swampdragon_protocol::SessionKey;
use swampdragon_server::session_store::{Lifetime, SessionStore};

/// The TTL of every store under test.
pub(crate) const TTL: Duration = Duration::from_secs(60);

/// How long a session may live in all, where a store under test sees to that.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(150);

/// A store and the power over its clock.
pub(crate) trait StoreUnderTest {
    type Store: SessionStore;

    fn store(&self) -> &Self::Store;

    /// Lets `time` pass for the store. It need not pass for the test.
    async fn pass(&self, time: Duration);
}

/// A store that may hold keys without a TTL, which others put there.
pub(crate) trait HoldsPersistentKeys: StoreUnderTest {
    async fn put_persistent(&self, key: &SessionKey, value: &[u8]);
}

pub(crate) fn key(name: &str) -> SessionKey {
    SessionKey::parse(name).unwrap()
}

/// How long `key` still lives is `expected`, give or take the time the test itself took.
pub(crate) fn assert_lives(lifetime: Lifetime, expected: Duration) {
    let Lifetime::Expires(left) = lifetime else { panic!("{lifetime:?} instead of {expected:?}") };
    assert!(left <= expected && left + Duration::from_secs(5) > expected, "{left:?} instead of {expected:?}");
}

pub(crate) async fn a_saved_value_comes_back(test: impl StoreUnderTest) {
    test.store().save(&key("a"), b"value").await.unwrap();
    assert_eq!(test.store().get(&key("a")).await.unwrap().as_deref(), Some(&b"value"[..]));
    assert_lives(test.store().lifetime(&key("a")).await.unwrap(), TTL);
}

pub(crate) async fn what_was_never_saved_is_missing(test: impl StoreUnderTest) {
    assert_eq!(test.store().get(&key("a")).await.unwrap(), None);
    assert_eq!(test.store().lifetime(&key("a")).await.unwrap(), Lifetime::Missing);
}

pub(crate) async fn bytes_come_back_untouched(test: impl StoreUnderTest) {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    test.store().save(&key("binary"), &bytes).await.unwrap();
    test.store().save(&key("empty"), b"").await.unwrap();
    assert_eq!(test.store().get(&key("binary")).await.unwrap(), Some(bytes));
    assert_eq!(test.store().get(&key("empty")).await.unwrap(), Some(Vec::new()));
}

pub(crate) async fn every_character_of_a_key_counts(test: impl StoreUnderTest) {
    let keys = ["a", "A", "a.b", "a_b", "a~b", "a-b", &"k".repeat(128)].map(key);
    for key in &keys {
        test.store().save(key, key.as_str().as_bytes()).await.unwrap();
    }
    for key in &keys {
        assert_eq!(test.store().get(key).await.unwrap().as_deref(), Some(key.as_str().as_bytes()));
    }
}

pub(crate) async fn saving_again_replaces_the_value_and_restarts_its_time(test: impl StoreUnderTest) {
    test.store().save(&key("a"), b"old").await.unwrap();
    test.pass(TTL / 2).await;
    test.store().save(&key("a"), b"new").await.unwrap();
    assert_eq!(test.store().get(&key("a")).await.unwrap().as_deref(), Some(&b"new"[..]));
    assert_lives(test.store().lifetime(&key("a")).await.unwrap(), TTL);
}

pub(crate) async fn a_value_is_gone_when_its_time_is_up(test: impl StoreUnderTest) {
    test.store().save(&key("a"), b"value").await.unwrap();
    test.pass(TTL / 2).await;
    test.store().save(&key("b"), b"value").await.unwrap();
    test.pass(TTL / 2).await;
    assert_eq!(test.store().get(&key("a")).await.unwrap(), None);
    assert_eq!(test.store().lifetime(&key("a")).await.unwrap(), Lifetime::Missing);
    assert_eq!(test.store().refresh_key_timeout(&key("a")).await.unwrap(), Lifetime::Missing);
    assert!(!test.store().delete(&key("a")).await.unwrap());
    assert!(test.store().get(&key("b")).await.unwrap().is_some());
}

pub(crate) async fn a_refresh_gives_the_full_time_again(test: impl StoreUnderTest) {
    test.store().save(&key("a"), b"value").await.unwrap();
    for _ in 0..4 {
        test.pass(TTL / 2).await;
        assert_lives(test.store().lifetime(&key("a")).await.unwrap(), TTL / 2);
        assert_lives(test.store().refresh_key_timeout(&key("a")).await.unwrap(), TTL);
        assert_lives(test.store().lifetime(&key("a")).await.unwrap(), TTL);
    }
    assert_eq!(test.store().get(&key("a")).await.unwrap().as_deref(), Some(&b"value"[..]));
}

/// `longer` is the same store, but with twice the [`TTL`].
pub(crate) async fn a_refresh_never_shortens(test: impl StoreUnderTest, longer: &dyn SessionStore) {
    longer.save(&key("a"), b"value").await.unwrap();
    assert_lives(test.store().refresh_key_timeout(&key("a")).await.unwrap(), TTL * 2);
    assert_lives(test.store().lifetime(&key("a")).await.unwrap(), TTL * 2);
}

pub(crate) async fn refreshing_what_is_missing_makes_nothing(test: impl StoreUnderTest) {
    assert_eq!(test.store().refresh_key_timeout(&key("a")).await.unwrap(), Lifetime::Missing);
    assert_eq!(test.store().get(&key("a")).await.unwrap(), None);
    assert_eq!(test.store().lifetime(&key("a")).await.unwrap(), Lifetime::Missing);
}

pub(crate) async fn a_batch_is_answered_in_order(test: impl StoreUnderTest) {
    test.store().save(&key("a"), b"value").await.unwrap();
    test.store().save(&key("b"), b"value").await.unwrap();
    test.pass(TTL / 2).await;
    let keys = [key("missing"), key("b"), key("a"), key("missing"), key("b")];
    let lifetimes = test.store().refresh_key_timeouts(&keys).await.unwrap();
    assert_eq!(lifetimes.len(), 5);
    let lifetimes: Vec<_> = lifetimes.into_iter().map(Result::unwrap).collect();
    assert_eq!(lifetimes[0], Lifetime::Missing);
    assert_eq!(lifetimes[3], Lifetime::Missing);
    for refreshed in [1, 2, 4] {
        assert_lives(lifetimes[refreshed], TTL);
    }
    assert!(test.store().refresh_key_timeouts(&[]).await.unwrap().is_empty());
}

pub(crate) async fn a_batch_may_be_large(test: impl StoreUnderTest) {
    let keys: Vec<SessionKey> = (0..10_000).map(|number| key(&format!("k{number}"))).collect();
    for key in keys.iter().step_by(1000) {
        test.store().save(key, b"value").await.unwrap();
    }
    test.pass(TTL / 2).await;
    let lifetimes = test.store().refresh_key_timeouts(&keys).await.unwrap();
    assert_eq!(lifetimes.len(), keys.len());
    for (number, lifetime) in lifetimes.into_iter().map(Result::unwrap).enumerate() {
        if number % 1000 == 0 {
            assert_lives(lifetime, TTL);
        } else {
            assert_eq!(lifetime, Lifetime::Missing);
        }
    }
}

pub(crate) async fn asking_for_the_lifetime_changes_nothing(test: impl StoreUnderTest) {
    test.store().save(&key("a"), b"value").await.unwrap();
    test.pass(TTL / 2).await;
    for _ in 0..3 {
        assert_lives(test.store().lifetime(&key("a")).await.unwrap(), TTL / 2);
    }
    test.store().get(&key("a")).await.unwrap();
    test.pass(TTL / 2).await;
    assert_eq!(test.store().lifetime(&key("a")).await.unwrap(), Lifetime::Missing);
}

pub(crate) async fn generated_keys_are_unique_and_hard_to_guess(test: impl StoreUnderTest) {
    let mut keys = HashSet::new();
    for number in 0..100_u8 {
        let key = test.store().save_get_key(&[number]).await.unwrap();
        assert_eq!(key.as_str().len(), 32);
        assert!(key.as_str().bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()));
        assert_eq!(test.store().get(&key).await.unwrap(), Some(vec![number]));
        keys.insert(key);
    }
    assert_eq!(keys.len(), 100);
}

pub(crate) async fn a_deleted_value_is_gone(test: impl StoreUnderTest) {
    test.store().save(&key("a"), b"value").await.unwrap();
    assert!(test.store().delete(&key("a")).await.unwrap());
    assert!(!test.store().delete(&key("a")).await.unwrap());
    assert_eq!(test.store().get(&key("a")).await.unwrap(), None);
    test.store().save(&key("a"), b"again").await.unwrap();
    assert_lives(test.store().lifetime(&key("a")).await.unwrap(), TTL);
}

pub(crate) async fn many_at_once_do_not_disturb_each_other(test: impl StoreUnderTest) {
    let store = test.store();
    let work = (0..200_u8).map(|number| async move {
        let key = key(&format!("k{number}"));
        store.save(&key, &[number]).await.unwrap();
        assert_lives(store.refresh_key_timeout(&key).await.unwrap(), TTL);
        assert_eq!(store.get(&key).await.unwrap(), Some(vec![number]));
        assert!(store.delete(&key).await.unwrap());
    });
    futures_util::future::join_all(work).await;
}

/// `test` keeps to [`MAX_AGE`], as all of the following.
pub(crate) async fn a_session_is_gone_at_its_end_even_if_it_was_refreshed_the_moment_before(test: impl StoreUnderTest) {
    assert_eq!(test.store().max_age(), Some(MAX_AGE));
    test.store().save(&key("a"), b"value").await.unwrap();
    let (mut age, step) = (Duration::ZERO, TTL / 2);
    while age + step < MAX_AGE {
        test.pass(step).await;
        age += step;
        let left = TTL.min(MAX_AGE - age);
        assert_lives(test.store().refresh_key_timeout(&key("a")).await.unwrap(), left);
        assert_lives(test.store().lifetime(&key("a")).await.unwrap(), left);
    }
    test.pass(MAX_AGE - age).await;
    assert_eq!(test.store().refresh_key_timeout(&key("a")).await.unwrap(), Lifetime::Missing);
    assert_eq!(test.store().get(&key("a")).await.unwrap(), None);
}

pub(crate) async fn saving_again_gives_no_new_end_and_a_new_session_has_one_of_its_own(test: impl StoreUnderTest) {
    test.store().save(&key("a"), b"1").await.unwrap();
    for value in [b"2", b"3"] {
        test.pass(TTL - Duration::from_secs(10)).await;
        test.store().save(&key("a"), value).await.unwrap();
    }
    // 100 of 150 seconds have passed.
    assert_lives(test.store().lifetime(&key("a")).await.unwrap(), MAX_AGE - Duration::from_secs(100));
    assert_eq!(test.store().get(&key("a")).await.unwrap().as_deref(), Some(&b"3"[..]));
    test.pass(MAX_AGE - Duration::from_secs(100)).await;
    assert_eq!(test.store().get(&key("a")).await.unwrap(), None);
    // By the same key, after the end, after a deletion, and after it expired early.
    for _ in 0..2 {
        test.store().save(&key("a"), b"new").await.unwrap();
        assert_lives(test.store().lifetime(&key("a")).await.unwrap(), TTL);
        test.pass(TTL / 2).await;
        assert_lives(test.store().refresh_key_timeout(&key("a")).await.unwrap(), TTL);
        test.store().delete(&key("a")).await.unwrap();
    }
    test.store().save(&key("a"), b"new").await.unwrap();
    for _ in 0..2 {
        test.pass(TTL).await;
        test.store().save(&key("a"), b"newer").await.unwrap();
    }
    test.pass(TTL / 2).await;
    assert_lives(test.store().refresh_key_timeout(&key("a")).await.unwrap(), TTL);
}

pub(crate) async fn an_end_makes_no_session_of_nothing(test: impl StoreUnderTest) {
    let answers = test.store().refresh_key_timeouts(&[key("a"), key("b")]).await.unwrap();
    assert!(answers.into_iter().all(|answer| answer.unwrap() == Lifetime::Missing));
    test.store().save(&key("a"), b"value").await.unwrap();
    assert_lives(test.store().lifetime(&key("a")).await.unwrap(), TTL);
}

pub(crate) async fn sessions_that_live_are_counted_by_how_their_keys_begin(test: impl StoreUnderTest) {
    let store = test.store();
    assert_eq!(store.count("").await.unwrap(), 0);
    store.save(&key("abandoned"), b"value").await.unwrap();
    test.pass(TTL / 2).await;
    for name in ["ab", "abc", "abd", "aB", "b", &"a".repeat(128)] {
        store.save(&key(name), b"value").await.unwrap();
    }
    for (prefix, count) in [("", 7), ("a", 6), ("ab", 4), ("abc", 1), ("abcd", 0), ("*", 0), ("a?", 0), ("[ab]", 0)] {
        assert_eq!(store.count(prefix).await.unwrap(), count, "{prefix}");
    }
    test.pass(TTL / 2).await;
    assert_eq!(store.count("ab").await.unwrap(), 3);
    store.delete(&key("abd")).await.unwrap();
    assert_eq!(store.count("ab").await.unwrap(), 2);
}

pub(crate) async fn when_a_session_ends_is_no_session(test: impl StoreUnderTest) {
    sessions_that_live_are_counted_by_how_their_keys_begin(test).await;
}

pub(crate) async fn a_key_without_a_ttl_keeps_having_none(test: impl HoldsPersistentKeys) {
    test.put_persistent(&key("a"), b"value").await;
    assert_eq!(test.store().lifetime(&key("a")).await.unwrap(), Lifetime::Persistent);
    assert_eq!(test.store().refresh_key_timeout(&key("a")).await.unwrap(), Lifetime::Persistent);
    assert_eq!(test.store().lifetime(&key("a")).await.unwrap(), Lifetime::Persistent);
    assert_eq!(test.store().get(&key("a")).await.unwrap().as_deref(), Some(&b"value"[..]));
}

/// Hands the names of the cases to the macro `$then`, behind `$arguments`: those that need nothing but a store, or those
/// for one that keeps to [`MAX_AGE`].
macro_rules! cases {
    (without_max_age $then:ident $arguments:tt) => {
        $then! { @cases $arguments
            a_saved_value_comes_back
            what_was_never_saved_is_missing
            bytes_come_back_untouched
            every_character_of_a_key_counts
            saving_again_replaces_the_value_and_restarts_its_time
            a_value_is_gone_when_its_time_is_up
            a_refresh_gives_the_full_time_again
            refreshing_what_is_missing_makes_nothing
            a_batch_is_answered_in_order
            a_batch_may_be_large
            asking_for_the_lifetime_changes_nothing
            generated_keys_are_unique_and_hard_to_guess
            a_deleted_value_is_gone
            sessions_that_live_are_counted_by_how_their_keys_begin
            many_at_once_do_not_disturb_each_other
        }
    };
    (with_max_age $then:ident $arguments:tt) => {
        $then! { @cases $arguments
            a_session_is_gone_at_its_end_even_if_it_was_refreshed_the_moment_before
            saving_again_gives_no_new_end_and_a_new_session_has_one_of_its_own
            an_end_makes_no_session_of_nothing
            when_a_session_ends_is_no_session
        }
    };
}
pub(crate) use cases;

/// Makes a test of each case. `$test` is an async expression that sets up a store; `$attribute` is what tokio's test
/// attribute is given.
macro_rules! conforms {
    (with_max_age $test:expr $(, $attribute:meta)?) => {
        $crate::conformance::cases! { with_max_age conforms [($test) [$($attribute)?]] }
    };
    (without_max_age $test:expr $(, $attribute:meta)?) => {
        $crate::conformance::cases! { without_max_age conforms [($test) [$($attribute)?]] }
    };
    (@cases [$test:tt $attribute:tt] $($case:ident)*) => {
        $(conforms!(@case $test $attribute $case);)*
    };
    (@case ($test:expr) [$($attribute:meta)?] $case:ident) => {
        #[tokio::test($($attribute)?)]
        async fn $case() {
            $crate::conformance::$case($test.await).await;
        }
    };
}
pub(crate) use conforms;

/// Goes through the cases one after the other, for what takes long to set up. `$store` makes of the name of a case a
/// future of a store that nobody else uses.
macro_rules! conforms_in_turn {
    (@cases [$store:expr] $($case:ident)*) => {
        $($crate::conformance::$case($store(stringify!($case)).await).await;)*
    };
    (with_max_age $store:expr) => {
        $crate::conformance::cases! { with_max_age conforms_in_turn [$store] }
    };
    (without_max_age $store:expr) => {
        $crate::conformance::cases! { without_max_age conforms_in_turn [$store] }
    };
}
pub(crate) use conforms_in_turn;
