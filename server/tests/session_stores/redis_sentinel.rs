//! Redis whose master sentinels know.

use std::time::{Duration, Instant};

use swampdragon_server::session_store::{
    ConnectRedisError, Lifetime, RedisSessionStore, SessionStore, SessionStoreOptions,
};

use crate::{
    conformance::{TTL, assert_lives, conforms_in_turn, key},
    redis::{Redis, options},
    redis_sentinels::{MASTER, Sentinels},
};

#[tokio::test]
async fn a_master_found_by_sentinels_conforms() {
    let sentinels = Sentinels::start().await;
    let url = format!("redis+unix://{}?pass=master%27s", sentinels.servers[0].socket().display());
    let direct = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    conforms_in_turn!(async |case| Redis::shared(&sentinels.url(), vec![direct.clone()], case).await);

    // What waiting cannot help is told at once.
    let started = Instant::now();
    let patient = SessionStoreOptions { start_wait: Duration::from_secs(60), ..options() };
    let refusal = async |url: String| RedisSessionStore::connect(&url, &patient).await.unwrap_err();
    let unknown = refusal(sentinels.url().replace(MASTER, "others")).await;
    assert!(matches!(unknown, ConnectRedisError::NoSuchMaster { .. }), "{unknown:?}");
    assert!(unknown.to_string().starts_with("Redis at others by the sentinels 127.0.0.1:1, "), "{unknown}");
    let unasked = refusal(sentinels.url().replace("sentinels%27", "wrong")).await;
    assert!(matches!(unasked, ConnectRedisError::PasswordWrong { .. }), "{unasked:?}");
    let wrong = refusal(sentinels.url().replace("master%27s", "wrong")).await;
    assert!(matches!(wrong, ConnectRedisError::PasswordWrong { .. }), "{wrong:?}");
    let replica = refusal(format!("redis://:master%27s@127.0.0.1:{}", sentinels.servers[1].port())).await;
    assert!(matches!(replica, ConnectRedisError::Unfit { .. }), "{replica:?}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn sessions_outlive_their_master() {
    let mut sentinels = Sentinels::start().await;
    let options = SessionStoreOptions { response_timeout: Duration::from_millis(500), ..options() };
    let store = RedisSessionStore::connect(&sentinels.url(), &options).await.unwrap();
    let ports = [sentinels.servers[0].port(), sentinels.servers[1].port()];
    let short = SessionStoreOptions { ttl: TTL / 2, ..options.clone() };
    let shorter = RedisSessionStore::connect(&sentinels.url(), &short).await.unwrap();
    shorter.save(&key("a"), b"value").await.unwrap();
    sentinels.until_replicated(ports[0]).await;

    // The master dies.
    sentinels.servers[0].kill();
    let lifetime = refreshed(&store).await;
    assert_lives(lifetime, TTL);
    assert_eq!(store.get(&key("a")).await.unwrap().as_deref(), Some(&b"value"[..]));

    // It comes back, thinks for a moment that it is the master still, and is told otherwise.
    sentinels.servers[0].restart();
    sentinels.until_master(ports[1]).await;
    sentinels.until_replica(ports[0]).await;
    store.save(&key("b"), b"value").await.unwrap();
    sentinels.until_replicated(ports[1]).await;

    // The new one hangs, its connections stay, and the old one takes over again.
    sentinels.servers[1].pause();
    assert_lives(refreshed(&store).await, TTL);
    sentinels.until_master(ports[0]).await;
    sentinels.servers[1].resume();
    sentinels.until_replica(ports[1]).await;
    assert!(store.get(&key("b")).await.unwrap().is_some());
    assert_lives(refreshed(&store).await, TTL);
}

/// Refreshes `a` as soon as that can be done; fails the test if it cannot within 30 s.
async fn refreshed(store: &RedisSessionStore) -> Lifetime {
    let refreshing = async {
        loop {
            match store.refresh_key_timeout(&key("a")).await {
                Ok(lifetime) => return lifetime,
                Err(error) => assert!(error.is_unavailable(), "{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refreshing).await.expect("a master is found again")
}
