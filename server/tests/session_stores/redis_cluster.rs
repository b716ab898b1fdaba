//! Redis Cluster.

use std::time::Duration;

use redis::AsyncCommands;
use swampdragon_protocol::SessionKey;
use swampdragon_server::{
    session_layout::{LayoutName, SessionLayoutOptions},
    session_store::{
        ConnectRedisError, Lifetime, RedisSessionStore, RefreshCommand, SessionStore, SessionStoreOptions,
    },
};

use crate::{
    conformance::{MAX_AGE, TTL, assert_lives, conforms_in_turn, key},
    redis::{Redis, options},
    redis_cluster_nodes::Cluster,
    redis_server::RedisServer,
};

fn keys(count: usize) -> Vec<SessionKey> {
    (0..count).map(|number| key(&format!("k{number}"))).collect()
}

#[tokio::test]
async fn a_cluster_conforms() {
    let cluster = Cluster::start(3).await;
    conforms_in_turn!(without_max_age async |case| Redis::shared(&cluster.url(), cluster.masters(), case).await);
    let with_max_age = SessionStoreOptions { max_age: Some(MAX_AGE), ..options() };
    conforms_in_turn!(with_max_age async |case| {
        Redis::shared_with(&cluster.url(), cluster.masters(), case, with_max_age.clone()).await
    });

    // One batch is a few packets to each node, not one a key.
    let store = RedisSessionStore::connect(&cluster.url(), &options()).await.unwrap();
    for key in keys(100) {
        store.save(&key, b"value").await.unwrap();
    }
    let (url, options) = (cluster.url(), options());
    let by_script = RedisSessionStore::connect_with_refresh_command(&url, &options, RefreshCommand::Script);
    for store in [store, by_script.await.unwrap()] {
        let before = reads(&cluster).await;
        let lifetimes = store.refresh_key_timeouts(&keys(1000)).await.unwrap();
        let reads = reads(&cluster).await - before;
        assert!(reads < 200, "{reads} reads for 1000 keys");
        for (number, lifetime) in lifetimes.into_iter().map(Result::unwrap).enumerate() {
            if number < 100 { assert_lives(lifetime, TTL) } else { assert_eq!(lifetime, Lifetime::Missing) }
        }
    }
}

/// How often the masters have read from their sockets.
async fn reads(cluster: &Cluster) -> u64 {
    let mut reads = 0;
    for node in 0..3 {
        let info: String = cluster.ask(node, &["INFO", "stats"]).await.unwrap();
        let line = info.lines().find_map(|line| line.strip_prefix("total_reads_processed:")).unwrap();
        reads += line.trim().parse::<u64>().unwrap();
    }
    reads
}

#[tokio::test]
async fn the_sessions_of_an_app_are_refreshed_on_whichever_node_they_are() {
    let cluster = Cluster::start(3).await;
    let layout = SessionLayoutOptions::new(LayoutName::PhpRedis).layout().unwrap().in_redis().clone();
    let put = async |key: &SessionKey, value: &str| {
        let key = layout.key(key);
        let () = cluster.ask(cluster.owner(&key).await, &["SET", &key, value, "PX", "5000"]).await.unwrap();
    };
    let sessions = keys(30);
    for session in &sessions {
        put(session, "user|s:5:\"errol\";").await;
    }
    let empty = key("empty");
    put(&empty, "").await;
    let options = SessionStoreOptions { layout: Some(layout.clone()), ..options() };
    let store = RedisSessionStore::connect(&cluster.url(), &options).await.unwrap();
    for refreshed in store.refresh_key_timeouts(&sessions).await.unwrap() {
        assert_lives(refreshed.unwrap(), TTL);
    }
    assert_eq!(store.refresh_key_timeout(&empty).await.unwrap(), Lifetime::Missing);
    assert!(store.delete(&sessions[0]).await.unwrap());
    assert_eq!(store.lifetime(&sessions[0]).await.unwrap(), Lifetime::Missing);
    // The app makes its sessions itself.
    assert!(store.save(&sessions[1], b"value").await.unwrap_err().is_forbidden());
}

#[tokio::test]
async fn a_server_that_is_no_cluster_is_refused() {
    let server = RedisServer::on_port(&["--port", "PORT"]);
    let patient = SessionStoreOptions { start_wait: Duration::from_secs(60), ..options() };
    let url = format!("redis+cluster://127.0.0.1:{}", server.port());
    let refused = RedisSessionStore::connect(&url, &patient).await.unwrap_err();
    assert!(matches!(refused, ConnectRedisError::Unfit { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_slot_moves_without_losing_a_session() {
    let cluster = Cluster::start(3).await;
    for refresh in [RefreshCommand::PexpireGt, RefreshCommand::Script] {
        // All keys of this prefix are in one slot.
        let prefix = format!("{{{refresh:?}}}:");
        let connect = async |ttl| {
            let options = SessionStoreOptions { key_prefix: prefix.clone(), ttl, ..options() };
            RedisSessionStore::connect_with_refresh_command(&cluster.url(), &options, refresh).await.unwrap()
        };
        let (shorter, store) = (connect(TTL / 2).await, connect(TTL).await);
        for key in keys(10) {
            shorter.save(&key, b"value").await.unwrap();
        }
        let from = cluster.owner(&format!("{prefix}k0")).await;
        let to = (from + 1) % 3;
        let slot: u16 = cluster.ask(from, &["CLUSTER", "KEYSLOT", &prefix]).await.unwrap();
        let (slot, from_id, to_id) = (slot.to_string(), cluster.node(from).await.0, cluster.node(to).await.0);
        let () = cluster.ask(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).await.unwrap();
        let () = cluster.ask(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).await.unwrap();
        let port = cluster.nodes[to].port().to_string();
        for moved in ["k3", "k7"] {
            let moved = format!("{prefix}{moved}");
            let () = cluster.ask(from, &["MIGRATE", "127.0.0.1", &port, &moved, "0", "5000"]).await.unwrap();
        }

        // Half-way: some keys are here, some there, and a new one goes there.
        all_live(&store, 10).await;
        assert_eq!(store.get(&key("k3")).await.unwrap().as_deref(), Some(&b"value"[..]));
        assert_eq!(store.get(&key("k4")).await.unwrap().as_deref(), Some(&b"value"[..]));
        store.save(&key("new"), b"value").await.unwrap();
        assert!(store.delete(&key("new")).await.unwrap());
        let left: i64 = cluster.direct[to].clone().pttl(format!("{prefix}k3")).await.unwrap_or_default();
        assert!(left == 0, "a node that does not own the slot yet does not answer others");

        // All the way.
        for rest in keys(10) {
            let rest = format!("{prefix}{}", rest.as_str());
            let _: String = cluster.ask(from, &["MIGRATE", "127.0.0.1", &port, &rest, "0", "5000"]).await.unwrap();
        }
        for node in [to, from] {
            let () = cluster.ask(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]).await.unwrap();
        }
        all_live(&store, 10).await;
        assert_eq!(store.get(&key("k3")).await.unwrap().as_deref(), Some(&b"value"[..]));
        assert!(cluster.direct[to].clone().pttl::<_, i64>(format!("{prefix}k3")).await.unwrap() > 50_000);
        assert!(store.refresh_key_timeout(&key("none")).await.unwrap() == Lifetime::Missing);
    }
}

async fn all_live(store: &RedisSessionStore, count: usize) {
    for lifetime in store.refresh_key_timeouts(&keys(count)).await.unwrap() {
        assert_lives(lifetime.unwrap(), TTL);
    }
}

#[tokio::test]
async fn sessions_outlive_a_node_and_those_of_others_do_not_notice() {
    let mut cluster = Cluster::start(4).await;
    let options = SessionStoreOptions { response_timeout: Duration::from_millis(500), ..options() };
    let store = RedisSessionStore::connect(&cluster.url(), &options).await.unwrap();
    let mut places = Vec::new();
    for key in keys(60) {
        store.save(&key, b"value").await.unwrap();
        places.push(cluster.owner(&format!("swampdragon:session:{}", key.as_str())).await);
    }
    while cluster.ask::<i64>(0, &["WAIT", "1", "100"]).await.unwrap() == 0 {}

    // The second node has no replica. It hangs: its keys wait, all others are refreshed.
    cluster.nodes[1].pause();
    tokio::time::timeout(options.response_timeout, store.ping()).await.expect("other nodes answer").unwrap();
    for _ in 0..3 {
        let lifetimes = store.refresh_key_timeouts(&keys(60)).await.unwrap();
        for (lifetime, place) in lifetimes.into_iter().zip(&places) {
            match lifetime {
                Ok(lifetime) => {
                    assert_ne!(*place, 1);
                    assert_lives(lifetime, TTL);
                }
                Err(error) => {
                    assert_eq!(*place, 1, "{error:?}");
                    assert!(error.is_unavailable(), "{error:?}");
                }
            }
        }
    }
    cluster.nodes[1].resume();
    until_all_are_refreshed(&store).await;

    // The first node dies; its replica takes over.
    cluster.until(3, "the node that hung is back", |info| info.contains("cluster_slots_fail:0")).await;
    cluster.nodes[0].kill();
    until_all_are_refreshed(&store).await;
    for key in keys(60) {
        assert_eq!(store.get(&key).await.unwrap().as_deref(), Some(&b"value"[..]));
    }
}

async fn until_all_are_refreshed(store: &RedisSessionStore) {
    let refreshing = async {
        loop {
            let lifetimes = store.refresh_key_timeouts(&keys(60)).await.unwrap();
            let mut all = true;
            for lifetime in lifetimes {
                match lifetime {
                    Ok(lifetime) => assert_lives(lifetime, TTL),
                    Err(error) => {
                        assert!(error.is_unavailable(), "{error:?}");
                        all = false;
                    }
                }
            }
            if all {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refreshing).await.expect("the cluster serves all slots again");
}
