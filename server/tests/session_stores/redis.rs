use std::{net::TcpListener, time::Duration};

use redis::{AsyncCommands, aio::MultiplexedConnection};
use swampdragon_protocol::SessionKey;
use swampdragon_server::session_store::{
    ConnectRedisError, Lifetime, RedisSessionStore, RefreshCommand, SessionStore, SessionStoreOptions,
    SessionStoreRegistry,
};

use crate::{
    conformance::{self, HoldsPersistentKeys, MAX_AGE, StoreUnderTest, TTL, assert_lives, key},
    redis_server::RedisServer,
};

const PREFIX: &str = "swampdragon:session:";

/// What the tests open stores with, all of which know that Redis is there or is not.
pub(crate) fn options() -> SessionStoreOptions {
    SessionStoreOptions { ttl: TTL, start_wait: Duration::ZERO, ..SessionStoreOptions::default() }
}

/// A store, and the servers behind it as other programs see them.
pub(crate) struct Redis {
    pub(crate) store: RedisSessionStore,
    /// Every server that has keys of its own.
    pub(crate) direct: Vec<MultiplexedConnection>,
    prefix: String,
}

impl Redis {
    pub(crate) fn new(store: RedisSessionStore, direct: Vec<MultiplexedConnection>) -> Self {
        Self { store, direct, prefix: PREFIX.to_owned() }
    }

    /// A store with a key prefix of its own at servers that several tests share.
    pub(crate) async fn shared(address: &str, direct: Vec<MultiplexedConnection>, prefix: &str) -> Self {
        Self::shared_with(address, direct, prefix, options()).await
    }

    pub(crate) async fn shared_with(
        address: &str,
        direct: Vec<MultiplexedConnection>,
        prefix: &str,
        options: SessionStoreOptions,
    ) -> Self {
        let options = SessionStoreOptions { key_prefix: format!("{prefix}:"), ..options };
        let store = RedisSessionStore::connect(address, &options).await.unwrap();
        Self { store, direct, prefix: options.key_prefix }
    }
}

/// A store at a server of its own.
struct Own {
    redis: Redis,
    server: RedisServer,
}

impl Own {
    async fn start(refresh: RefreshCommand) -> Self {
        Self::start_with(&options(), refresh).await
    }

    async fn start_with(options: &SessionStoreOptions, refresh: RefreshCommand) -> Self {
        let server = RedisServer::start();
        let store = RedisSessionStore::connect_with_refresh_command(&server.url(), options, refresh).await.unwrap();
        Self { redis: Redis::new(store, vec![direct(&server).await]), server }
    }

    fn direct(&self) -> MultiplexedConnection {
        self.redis.direct[0].clone()
    }
}

/// A client that sees the server as other programs do.
pub(crate) async fn direct(server: &RedisServer) -> MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

impl StoreUnderTest for Redis {
    type Store = RedisSessionStore;

    fn store(&self) -> &RedisSessionStore {
        &self.store
    }

    /// Redis has no clock to move, but every TTL can be cut by the same time.
    async fn pass(&self, time: Duration) {
        for mut direct in self.direct.clone() {
            let keys: Vec<String> = direct.keys(format!("{}*", self.prefix)).await.unwrap();
            for key in keys {
                let left: i64 = direct.pttl(&key).await.unwrap();
                if left >= 0 {
                    // What would come to nothing or less is deleted by Redis.
                    let () = direct.pexpire(&key, left - time.as_millis() as i64).await.unwrap();
                }
            }
        }
    }
}

impl StoreUnderTest for Own {
    type Store = RedisSessionStore;

    fn store(&self) -> &RedisSessionStore {
        &self.redis.store
    }

    async fn pass(&self, time: Duration) {
        self.redis.pass(time).await;
    }
}

impl HoldsPersistentKeys for Own {
    async fn put_persistent(&self, key: &SessionKey, value: &[u8]) {
        let () = self.direct().set(format!("{PREFIX}{}", key.as_str()), value).await.unwrap();
    }
}

/// All of this holds whichever way the server is asked to refresh.
macro_rules! redis_tests {
    ($($name:ident: $refresh:expr;)*) => {$(
        mod $name {
            use super::*;
            use crate::conformance::conforms;

            async fn redis() -> Own {
                Own::start($refresh).await
            }

            conforms!(without_max_age redis());

            async fn with_max_age() -> Own {
                Own::start_with(&SessionStoreOptions { max_age: Some(MAX_AGE), ..options() }, $refresh).await
            }

            conforms!(with_max_age with_max_age());

            #[tokio::test]
            async fn a_key_without_a_ttl_keeps_having_none() {
                conformance::a_key_without_a_ttl_keeps_having_none(redis().await).await;
            }

            #[tokio::test]
            async fn a_refresh_never_shortens() {
                let redis = redis().await;
                let options = SessionStoreOptions { ttl: TTL * 2, ..options() };
                let longer = RedisSessionStore::connect(&redis.server.url(), &options).await.unwrap();
                conformance::a_refresh_never_shortens(redis, &longer).await;
            }

            #[tokio::test]
            async fn a_batch_tells_all_kinds_of_keys_apart() {
                super::a_batch_tells_all_kinds_of_keys_apart(redis().await).await;
            }

            #[tokio::test]
            async fn a_value_of_another_type_is_refreshed_and_nothing_else() {
                super::a_value_of_another_type_is_refreshed_and_nothing_else(redis().await).await;
            }

            #[tokio::test]
            async fn a_user_confined_to_the_prefix_can_do_everything() {
                super::a_user_confined_to_the_prefix_can_do_everything(redis().await, $refresh).await;
            }
        }
    )*};
}

redis_tests! {
    by_pexpire_gt: RefreshCommand::PexpireGt;
    by_script: RefreshCommand::Script;
}

async fn a_batch_tells_all_kinds_of_keys_apart(redis: Own) {
    let mut direct = redis.direct();
    redis.store().save(&key("due"), b"value").await.unwrap();
    redis.pass(TTL / 2).await;
    redis.put_persistent(&key("persistent"), b"value").await;
    let () = direct.pset_ex(format!("{PREFIX}longer"), "value", 10 * TTL.as_millis() as u64).await.unwrap();
    let keys = [key("longer"), key("missing"), key("due"), key("persistent")];
    let lifetimes = redis.store().refresh_key_timeouts(&keys).await.unwrap();
    let lifetimes: Vec<_> = lifetimes.into_iter().map(Result::unwrap).collect();
    assert_lives(lifetimes[0], 10 * TTL);
    assert_eq!(lifetimes[1], Lifetime::Missing);
    assert_lives(lifetimes[2], TTL);
    assert_eq!(lifetimes[3], Lifetime::Persistent);
}

async fn a_value_of_another_type_is_refreshed_and_nothing_else(redis: Own) {
    let mut direct = redis.direct();
    let hash = format!("{PREFIX}hash");
    let () = direct.hset(&hash, "field", "value").await.unwrap();
    let () = direct.pexpire(&hash, 5000).await.unwrap();

    assert_lives(redis.store().refresh_key_timeout(&key("hash")).await.unwrap(), TTL);
    assert!(direct.pttl::<_, i64>(&hash).await.unwrap() > 50_000);
    assert_eq!(direct.hget::<_, _, String>(&hash, "field").await.unwrap(), "value");
    let error = redis.store().get(&key("hash")).await.unwrap_err();
    assert!(!error.is_unavailable());
}

async fn a_user_confined_to_the_prefix_can_do_everything(redis: Own, refresh: RefreshCommand) {
    let mut direct = redis.direct();
    let rules = ["SETUSER", "app", "on", ">p@ss/word", "resetkeys", "~swampdragon:session:*", "+@all"];
    let () = redis::cmd("ACL").arg(&rules).query_async(&mut direct).await.unwrap();
    let () = direct.pset_ex("other:a", "value", 5000).await.unwrap();

    let url = format!("{}?user=app&pass=p%40ss%2Fword", redis.server.url());
    let store = RedisSessionStore::connect_with_refresh_command(&url, &options(), refresh).await.unwrap();
    let saved = store.save_get_key(b"value").await.unwrap();
    assert_eq!(store.get(&saved).await.unwrap().as_deref(), Some(&b"value"[..]));
    assert_lives(store.refresh_key_timeout(&saved).await.unwrap(), TTL);
    assert_eq!(store.refresh_key_timeout(&key("a")).await.unwrap(), Lifetime::Missing);
    assert_lives(store.lifetime(&saved).await.unwrap(), TTL);
    assert!(store.delete(&saved).await.unwrap());

    assert!(direct.pttl::<_, i64>("other:a").await.unwrap() <= 5000);
    let shown = format!("{store:?}");
    assert!(!shown.contains("p@ss"), "{shown}");
}

/// How often the server has run a command. One that it never ran is not in its statistics.
pub(crate) async fn calls(direct: &mut MultiplexedConnection, command: &str) -> u64 {
    let statistics: String = redis::cmd("INFO").arg("commandstats").query_async(direct).await.unwrap();
    let line = statistics.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_server_of_today_is_asked_by_pexpire_gt() {
    let server = RedisServer::start();
    let store = RedisSessionStore::connect(&server.url(), &options()).await.unwrap();
    store.save(&key("a"), b"value").await.unwrap();
    assert_lives(store.refresh_key_timeout(&key("a")).await.unwrap(), TTL);
    assert_eq!(calls(&mut direct(&server).await, "evalsha").await, 0);
}

#[tokio::test]
async fn a_server_whose_pexpire_cannot_do_it_is_asked_by_script() {
    let server = RedisServer::start_with(&["--rename-command", "PEXPIRE", ""]);
    let store = RedisSessionStore::connect(&server.url(), &options()).await.unwrap();
    // The script could not lengthen here either, but it need not.
    assert_eq!(store.refresh_key_timeout(&key("a")).await.unwrap(), Lifetime::Missing);
    assert!(calls(&mut direct(&server).await, "evalsha").await > 0);
}

#[tokio::test]
async fn redis_itself_ends_a_session() {
    let server = RedisServer::start();
    let options = SessionStoreOptions { ttl: Duration::from_millis(50), ..options() };
    let store = RedisSessionStore::connect(&server.url(), &options).await.unwrap();
    store.save(&key("a"), b"value").await.unwrap();
    while store.lifetime(&key("a")).await.unwrap() != Lifetime::Missing {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
}

#[tokio::test]
async fn a_database_and_a_prefix_of_its_own() {
    let server = RedisServer::start();
    let options = SessionStoreOptions { key_prefix: "mine:".to_owned(), ..options() };
    let store = RedisSessionStore::connect(&format!("{}?db=3", server.url()), &options).await.unwrap();
    store.save(&key("a"), b"value").await.unwrap();

    let mut direct = direct(&server).await;
    assert_eq!(direct.keys::<_, Vec<String>>("*").await.unwrap(), [""; 0]);
    let () = redis::cmd("SELECT").arg(3).query_async(&mut direct).await.unwrap();
    assert_eq!(direct.keys::<_, Vec<String>>("*").await.unwrap(), ["mine:a"]);
}

#[tokio::test]
async fn of_all_that_redis_has_only_sessions_are_counted() {
    let server = RedisServer::start();
    let mut direct = direct(&server).await;
    for name in ["a[1]*?:x:y", "a[1]*?:", "a[1]*?:?age:x", "a1b?:x", "a[1]bc:x", "other"] {
        let () = direct.set(name, "value").await.unwrap();
    }
    let options = SessionStoreOptions { key_prefix: "a[1]*?:".to_owned(), ..options() };
    let store = RedisSessionStore::connect(&server.url(), &options).await.unwrap();
    assert_eq!(store.count("").await.unwrap(), 0);
    // More than one question asks for.
    for number in 0..2500 {
        store.save(&key(&format!("k{number}")), b"value").await.unwrap();
    }
    assert_eq!((store.count("").await.unwrap(), store.count("k24").await.unwrap()), (2500, 111));
    assert!(calls(&mut direct, "scan").await > 4);
}

#[tokio::test]
async fn a_restart_of_redis_is_an_outage_and_no_more() {
    let mut server = RedisServer::start();
    let store = RedisSessionStore::connect(&server.url(), &options()).await.unwrap();
    store.save(&key("a"), b"value").await.unwrap();

    server.kill();
    for _ in 0..5 {
        assert!(store.save(&key("a"), b"value").await.unwrap_err().is_unavailable());
        assert!(store.get(&key("a")).await.unwrap_err().is_unavailable());
        assert!(store.refresh_key_timeout(&key("a")).await.unwrap_err().is_unavailable());
        assert!(store.lifetime(&key("a")).await.unwrap_err().is_unavailable());
        assert!(store.delete(&key("a")).await.unwrap_err().is_unavailable());
    }

    server.restart();
    saved_again(&store).await;
    assert_lives(store.refresh_key_timeout(&key("a")).await.unwrap(), TTL);
}

/// Saves under `a` as soon as the store can be reached; fails the test if it cannot within 10 s.
pub(crate) async fn saved_again(store: &RedisSessionStore) {
    let saved = async {
        while let Err(error) = store.save(&key("a"), b"value").await {
            assert!(error.is_unavailable(), "{error:?}");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), saved).await.expect("the store finds Redis again");
}

/// The redis crate's own connection manager would stay broken for good after this.
#[tokio::test]
async fn a_reconnection_refused_for_lack_of_room_is_tried_again() {
    let server = RedisServer::start();
    let store = RedisSessionStore::connect(&server.url(), &options()).await.unwrap();
    let mut direct = direct(&server).await;
    let () = redis::cmd("CONFIG").arg(&["SET", "maxclients", "1"]).query_async(&mut direct).await.unwrap();
    let () =
        redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]).query_async(&mut direct).await.unwrap();

    for _ in 0..3 {
        assert!(store.get(&key("a")).await.unwrap_err().is_unavailable());
    }
    let () = redis::cmd("CONFIG").arg(&["SET", "maxclients", "100"]).query_async(&mut direct).await.unwrap();
    saved_again(&store).await;
}

#[tokio::test]
async fn a_server_that_stops_answering_is_unavailable() {
    let server = RedisServer::start();
    let options = SessionStoreOptions { response_timeout: Duration::from_millis(100), ..options() };
    let store = RedisSessionStore::connect(&server.url(), &options).await.unwrap();
    let mut direct = direct(&server).await;
    let () = redis::cmd("CLIENT").arg(&["PAUSE", "500", "ALL"]).query_async(&mut direct).await.unwrap();
    assert!(store.get(&key("a")).await.unwrap_err().is_unavailable());
    saved_again(&store).await;
}

#[tokio::test]
async fn a_replica_is_no_session_store() {
    let server = RedisServer::start();
    let store = RedisSessionStore::connect(&server.url(), &options()).await.unwrap();
    let mut direct = direct(&server).await;
    let () = redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).query_async(&mut direct).await.unwrap();
    assert!(store.save(&key("a"), b"value").await.unwrap_err().is_unavailable());
    assert!(store.refresh_key_timeout(&key("a")).await.unwrap_err().is_unavailable());

    let refused = RedisSessionStore::connect(&server.url(), &options()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("Redis at {} cannot serve as the session store", server.socket().display())
    );
}

#[tokio::test]
async fn nobody_there_is_told_with_host_and_port() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("redis://app:secret@127.0.0.1:{port}/1");
    let error = RedisSessionStore::connect(&url, &options()).await.unwrap_err();
    assert!(matches!(error, ConnectRedisError::Unreachable { .. }));
    assert_eq!(error.to_string(), unreachable(&format!("127.0.0.1:{port}")));
    assert!(!format!("{error:?}").contains("secret"));
}

#[tokio::test]
async fn a_server_that_takes_connections_and_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let options = SessionStoreOptions { connect_timeout: Duration::from_millis(100), ..options() };
    let error = RedisSessionStore::connect(&format!("redis://{address}"), &options).await.unwrap_err();
    assert_eq!(error.to_string(), unreachable(&address.to_string()));
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_one_are_told_apart() {
    let server = RedisServer::start_with(&["--requirepass", "right"]);
    let at = server.socket().display().to_string();

    let wrong = RedisSessionStore::connect(&format!("{}?pass=wrong-one", server.url()), &options()).await.unwrap_err();
    assert_eq!(wrong.to_string(), format!("Redis at {at} refused the user name or the password"));
    assert!(!format!("{wrong:?}").contains("wrong-one"));

    let missing = RedisSessionStore::connect(&server.url(), &options()).await.unwrap_err();
    assert_eq!(
        missing.to_string(),
        format!(
            "Redis at {at} wants a password; write it into the address, as in redis://:PASSWORD@HOST, or set \
             `redis_password`"
        )
    );
    RedisSessionStore::connect(&format!("{}?pass=right", server.url()), &options()).await.unwrap();
}

#[tokio::test]
async fn the_registry_connects_by_address() {
    let server = RedisServer::start();
    let store = SessionStoreRegistry::new().open(&server.url(), &options()).await.unwrap();
    let saved = store.save_get_key(b"value").await.unwrap();
    assert_lives(store.lifetime(&saved).await.unwrap(), TTL);
}

fn unreachable(server: &str) -> String {
    format!(
        "Redis at {server} cannot be reached; start it, or set `session_store` to another (embedded:PATH needs no Redis)"
    )
}

fn with_max_age() -> SessionStoreOptions {
    SessionStoreOptions { max_age: Some(MAX_AGE), ..options() }
}

/// A session as a backend makes it, which knows nothing of ends.
async fn made_by_a_backend(redis: &Own, name: &str, ttl: Duration) {
    let () = redis.direct().pset_ex(format!("{PREFIX}{name}"), "value", ttl.as_millis() as u64).await.unwrap();
}

async fn keys(redis: &Own) -> Vec<String> {
    let mut keys: Vec<String> = redis.direct().keys("*").await.unwrap();
    keys.sort();
    keys
}

#[tokio::test]
async fn the_end_of_a_session_is_the_same_on_every_node() {
    let redis = Own::start_with(&with_max_age(), RefreshCommand::PexpireGt).await;
    let other = RedisSessionStore::connect(&redis.server.url(), &with_max_age()).await.unwrap();
    redis.store().save(&key("a"), b"value").await.unwrap();
    for _ in 0..2 {
        redis.pass(TTL - Duration::from_secs(10)).await;
        assert!(matches!(other.refresh_key_timeout(&key("a")).await.unwrap(), Lifetime::Expires(_)));
    }
    assert_lives(redis.store().refresh_key_timeout(&key("a")).await.unwrap(), MAX_AGE - Duration::from_secs(100));
}

#[tokio::test]
async fn a_session_made_by_a_backend_has_its_end_counted_from_its_first_refresh() {
    let redis = Own::start_with(&with_max_age(), RefreshCommand::PexpireGt).await;
    made_by_a_backend(&redis, "a", TTL).await;
    redis.pass(TTL / 2).await;
    for _ in 0..4 {
        assert_lives(redis.store().refresh_key_timeout(&key("a")).await.unwrap(), TTL);
        // Saved by the backend again, which starts its TTL anew.
        made_by_a_backend(&redis, "a", TTL).await;
        redis.pass(TTL / 2).await;
    }
    assert_lives(redis.store().refresh_key_timeout(&key("a")).await.unwrap(), MAX_AGE - TTL * 2);
    redis.pass(MAX_AGE - TTL * 2).await;
    assert_eq!(redis.store().refresh_key_timeout(&key("a")).await.unwrap(), Lifetime::Missing);
}

#[tokio::test]
async fn a_session_with_more_time_than_it_may_have_is_cut_at_its_end() {
    let redis = Own::start_with(&with_max_age(), RefreshCommand::PexpireGt).await;
    made_by_a_backend(&redis, "a", MAX_AGE * 10).await;
    assert_lives(redis.store().refresh_key_timeout(&key("a")).await.unwrap(), MAX_AGE);
    redis.pass(MAX_AGE / 2).await;
    made_by_a_backend(&redis, "a", MAX_AGE * 10).await;
    assert_lives(redis.store().refresh_key_timeout(&key("a")).await.unwrap(), MAX_AGE / 2);
    // It is given more time after the last refresh before its end.
    made_by_a_backend(&redis, "a", MAX_AGE * 10).await;
    redis.pass(MAX_AGE / 2).await;
    assert_eq!(redis.store().refresh_key_timeout(&key("a")).await.unwrap(), Lifetime::Missing);
    assert_eq!(keys(&redis).await, [] as [&str; 0]);
}

#[tokio::test]
async fn ends_stand_beside_sessions_only_and_go_with_them() {
    let redis = Own::start_with(&with_max_age(), RefreshCommand::PexpireGt).await;
    let many: Vec<_> = (0..500).map(|number| key(&format!("nothing{number}"))).collect();
    let refreshed = redis.store().refresh_key_timeouts(&many).await.unwrap();
    assert!(refreshed.into_iter().all(|refreshed| refreshed.unwrap() == Lifetime::Missing));
    redis.put_persistent(&key("for-ever"), b"value").await;
    assert_eq!(redis.store().refresh_key_timeout(&key("for-ever")).await.unwrap(), Lifetime::Persistent);
    assert_eq!(keys(&redis).await, [format!("{PREFIX}for-ever")]);
    redis.store().save(&key("a"), b"value").await.unwrap();
    assert_eq!(keys(&redis).await, [format!("{PREFIX}?age:a"), format!("{PREFIX}a"), format!("{PREFIX}for-ever")]);
    assert!(redis.store().delete(&key("a")).await.unwrap());
    assert_eq!(keys(&redis).await, [format!("{PREFIX}for-ever")]);
}

#[tokio::test]
async fn without_a_max_age_there_is_nothing_beside_a_session() {
    let redis = Own::start(RefreshCommand::PexpireGt).await;
    redis.store().save(&key("a"), b"value").await.unwrap();
    redis.store().refresh_key_timeout(&key("a")).await.unwrap();
    assert_eq!(redis.store().max_age(), None);
    assert_eq!(keys(&redis).await, [format!("{PREFIX}a")]);
}
