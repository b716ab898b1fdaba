//! What happens to Redis in the field, and what becomes of sessions then.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use redis::{AsyncCommands, aio::MultiplexedConnection};
use swampdragon_server::{
    protocol::ChannelName,
    pubsub::{PubSub, RedisPubSub, Subscribers},
    session_store::{
        ConnectRedisError, Lifetime, RedisSessionStore, RefreshCommand, SessionStore, SessionStoreOptions,
    },
};

use crate::{
    conformance::{TTL, assert_lives, key},
    old_redis::old_redis,
    redis::{calls, direct, options, saved_again},
    redis_server::RedisServer,
};

async fn set(direct: &mut MultiplexedConnection, name: &str, value: &str) {
    let () = redis::cmd("CONFIG").arg(&["SET", name, value]).query_async(direct).await.unwrap();
}

#[tokio::test]
async fn a_full_redis_refuses_new_sessions_and_keeps_those_it_has() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "noeviction"]);
    let mut direct = direct(&server).await;
    for refresh in [RefreshCommand::PexpireGt, RefreshCommand::Script] {
        set(&mut direct, "maxmemory", "0").await;
        let short = SessionStoreOptions { ttl: TTL / 2, ..options() };
        let shorter = RedisSessionStore::connect(&server.url(), &short).await.unwrap();
        shorter.save(&key("a"), b"value").await.unwrap();
        let store = RedisSessionStore::connect_with_refresh_command(&server.url(), &options(), refresh).await.unwrap();
        set(&mut direct, "maxmemory", "1").await;

        let refused = store.save(&key("b"), b"value").await.unwrap_err();
        assert!(refused.is_full() && !refused.is_unavailable());
        assert!(refused.source().unwrap().to_string().contains("maxmemory"), "{:?}", refused.source());
        assert_lives(store.refresh_key_timeout(&key("a")).await.unwrap(), TTL);
        assert_eq!(store.get(&key("a")).await.unwrap().as_deref(), Some(&b"value"[..]));
        assert!(store.delete(&key("a")).await.unwrap());
    }
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_has_no_session_and_none_is_revived() {
    let mut server = RedisServer::start();
    let store = RedisSessionStore::connect(&server.url(), &options()).await.unwrap();
    store.save(&key("a"), b"value").await.unwrap();
    server.restart();
    let refreshed = async {
        loop {
            match store.refresh_key_timeout(&key("a")).await {
                Ok(lifetime) => return lifetime,
                Err(error) => assert!(error.is_unavailable(), "{error:?}"),
            }
            tokio::task::yield_now().await;
        }
    };
    let refreshed = tokio::time::timeout(Duration::from_secs(10), refreshed).await.unwrap();
    assert_eq!(refreshed, Lifetime::Missing);
    assert_eq!(direct(&server).await.keys::<_, Vec<String>>("*").await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_redis_that_hangs_is_noticed_and_nobody_waits_long() {
    let server = RedisServer::start();
    let limits = SessionStoreOptions { response_timeout: Duration::from_millis(100), ..options() };
    let store = RedisSessionStore::connect(&server.url(), &limits).await.unwrap();
    store.save(&key("a"), b"value").await.unwrap();
    server.pause();
    let started = Instant::now();
    for _ in 0..5 {
        assert!(store.refresh_key_timeout(&key("a")).await.unwrap_err().is_unavailable());
    }
    // Connecting may take 5 s, which nobody waits for who can know that something is wrong.
    assert!(started.elapsed() < limits.connect_timeout, "{:?}", started.elapsed());
    server.resume();
    saved_again(&store).await;
}

#[tokio::test]
async fn a_password_that_changes_is_an_outage_until_it_is_ours_again() {
    let server = RedisServer::start();
    let mut direct = direct(&server).await;
    let store = RedisSessionStore::connect(&format!("{}?pass=any", server.url()), &options()).await;
    assert!(matches!(store, Err(ConnectRedisError::PasswordWrong { .. })), "{store:?}");
    let store = RedisSessionStore::connect(&server.url(), &options()).await.unwrap();
    store.save(&key("a"), b"value").await.unwrap();
    set(&mut direct, "requirepass", "new").await;
    let () =
        redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]).query_async(&mut direct).await.unwrap();
    for _ in 0..3 {
        assert!(store.refresh_key_timeout(&key("a")).await.unwrap_err().is_unavailable());
    }
    set(&mut direct, "requirepass", "").await;
    saved_again(&store).await;
}

#[tokio::test]
async fn each_version_behind_the_address_is_asked_in_its_own_way() {
    let mut server = RedisServer::start_program(old_redis(), &[]);
    let store = RedisSessionStore::connect(&server.url(), &options()).await.unwrap();
    for (program, by_script) in [("redis-server".into(), false), (old_redis(), true), ("redis-server".into(), false)] {
        server.restart_as(program);
        saved_again(&store).await;
        let mut direct = direct(&server).await;
        let () = direct.pexpire("swampdragon:session:a", 5000).await.unwrap();
        assert_lives(store.refresh_key_timeout(&key("a")).await.unwrap(), TTL);
        assert_eq!(calls(&mut direct, "evalsha").await > 0, by_script);
    }
}

#[tokio::test]
async fn a_server_that_starts_later_is_waited_for() {
    let mut server = RedisServer::start();
    server.kill();
    let url = server.url();
    let patient = SessionStoreOptions { start_wait: Duration::from_secs(60), ..options() };
    let connecting = tokio::spawn(async move { RedisSessionStore::connect(&url, &patient).await });
    // It has tried and failed at least once when this is over.
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(!connecting.is_finished());
    server.restart();
    let store = connecting.await.unwrap().unwrap();
    store.save(&key("a"), b"value").await.unwrap();
}

#[tokio::test]
async fn one_that_never_starts_is_waited_for_no_longer_than_said() {
    let mut server = RedisServer::start();
    server.kill();
    let started = Instant::now();
    let hasty = SessionStoreOptions { start_wait: Duration::from_millis(300), ..options() };
    let error = RedisSessionStore::connect(&server.url(), &hasty).await.unwrap_err();
    assert!(matches!(error, ConnectRedisError::Unreachable { .. }), "{error:?}");
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn what_waiting_cannot_help_is_told_at_once() {
    let server = RedisServer::start_with(&["--requirepass", "right", "--databases", "1"]);
    let mut direct = redis::Client::open(format!("{}?pass=right", server.url()))
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let rules = ["SETUSER", "app", "on", ">pass", "~other:*", "+@all"];
    let () = redis::cmd("ACL").arg(&rules).query_async(&mut direct).await.unwrap();
    let patient = SessionStoreOptions { start_wait: Duration::from_secs(60), ..options() };
    let started = Instant::now();
    for (parameters, expected) in [
        ("", "PasswordMissing"),
        ("?pass=wrong", "PasswordWrong"),
        ("?user=nobody&pass=right", "PasswordWrong"),
        ("?user=app&pass=pass", "Unfit"),
        ("?pass=right&db=7", "Unfit"),
    ] {
        let error = RedisSessionStore::connect(&format!("{}{parameters}", server.url()), &patient).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{parameters}: {error:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(30));
}

/// The rights of the user in `docs/redis.md`, as words.
fn documented_rights() -> Vec<String> {
    let text = include_str!("../../../docs/redis.md");
    let (_, command) = text.split_once("ACL SETUSER").unwrap();
    let (command, _) = command.split_once("```").unwrap();
    command.split_whitespace().filter(|word| *word != "\\").map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn the_user_of_the_documentation_has_all_the_rights_it_takes() {
    let server = RedisServer::start();
    let rights = documented_rights();
    let () = redis::cmd("ACL").arg("SETUSER").arg(&rights).query_async(&mut direct(&server).await).await.unwrap();
    let url = format!("{}?user={}&pass=secret", server.url(), rights[0]);
    for refresh in [RefreshCommand::PexpireGt, RefreshCommand::Script] {
        let store = RedisSessionStore::connect_with_refresh_command(&url, &options(), refresh).await.unwrap();
        store.ping().await.unwrap();
        store.save(&key("a"), b"value").await.unwrap();
        assert_lives(store.refresh_key_timeout(&key("a")).await.unwrap(), TTL);
        assert_lives(store.lifetime(&key("a")).await.unwrap(), TTL);
        assert_eq!(store.refresh_key_timeout(&key("b")).await.unwrap(), Lifetime::Missing);
        assert_eq!(store.count("").await.unwrap(), 1);
        assert!(store.delete(&key("a")).await.unwrap());
    }
    let publications = RedisPubSub::connect(&url, &options(), Subscribers::default()).await.unwrap();
    let channel = ChannelName::parse("news").unwrap();
    publications.publish(&channel, "{}").await.unwrap();
    assert_eq!(publications.channels("").await.unwrap(), []);
}

/// Valkey is not in every distribution; where it is not installed there is nothing to try.
#[tokio::test]
async fn valkey_is_as_good_where_it_is_installed() {
    let programs = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&programs).any(|folder| folder.join("valkey-server").is_file()) {
        return;
    }
    let server = RedisServer::start_program("valkey-server", &[]);
    let store = RedisSessionStore::connect(&server.url(), &options()).await.unwrap();
    saved_again(&store).await;
    assert_lives(store.refresh_key_timeout(&key("a")).await.unwrap(), TTL);
}
