//! Two servers and one Redis.

use std::net::SocketAddr;

use serde_json::json;
use swampdragon_server::{Server, Sessions, settings::Settings};

use crate::{
    key,
    peer::{Peer, Seen},
    redis_server::RedisServer,
};

struct Node {
    address: SocketAddr,
    sessions: Sessions,
    _stop: tokio::sync::oneshot::Sender<()>,
}

async fn node(redis: &RedisServer) -> Node {
    let settings = Settings { session_store: redis.url(), ..Settings::default() };
    let server = Server::builder().settings(settings).bind("127.0.0.1:0").await.unwrap();
    let (address, sessions) = (server.local_addr().unwrap(), server.sessions());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    Node { address, sessions, _stop: stop }
}

async fn backend(redis: &RedisServer) -> redis::aio::MultiplexedConnection {
    redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

async fn save(redis: &RedisServer, session: &str) {
    let name = format!("swampdragon:session:{session}");
    redis::cmd("SET").arg(name).arg("value").arg("EX").arg(60).exec_async(&mut backend(redis).await).await.unwrap();
}

/// Waits until this many nodes hear each other.
async fn until_nodes_listen(redis: &RedisServer, nodes: usize) {
    let mut backend = backend(redis).await;
    for _ in 0..4000 {
        let (_, listening): (String, usize) = redis::cmd("PUBSUB")
            .arg("NUMSUB")
            .arg("swampdragon:session:nodes")
            .query_async(&mut backend)
            .await
            .unwrap();
        if listening == nodes {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the nodes do not listen");
}

/// A page of this session, which has been acknowledged.
async fn page(node: &Node, session: &str) -> Peer {
    let mut page = Peer::raw(node.address).await;
    page.send(&json!({"heartbeat": "tick", "session": session, "ack": true}).to_string()).await;
    let notice = page.text().await;
    assert!(notice.contains("\"active\""), "{notice}");
    page
}

#[tokio::test]
async fn a_logout_reaches_the_pages_of_every_node() {
    let redis = RedisServer::start();
    let (one, other) = (node(&redis).await, node(&redis).await);
    until_nodes_listen(&redis, 2).await;
    save(&redis, "mine").await;
    save(&redis, "theirs").await;
    let (mut asking, mut here, mut there) =
        (page(&one, "mine").await, page(&one, "mine").await, page(&other, "mine").await);
    let mut stranger = page(&other, "theirs").await;
    asking.send(r#"{"logout": true, "session": "mine"}"#).await;
    let closed = Seen::Close(Some((4001, "Logged out".to_owned())));
    assert_eq!(here.next().await, closed);
    assert_eq!(there.next().await, closed);
    assert_eq!(asking.text().await, r#"{"session":"mine","state":"expired","reason":"logged out"}"#);
    assert!(
        !redis::AsyncCommands::exists::<_, bool>(&mut backend(&redis).await, "swampdragon:session:mine").await.unwrap()
    );
    // The others go on, that which asked among them.
    for page in [&mut asking, &mut stranger] {
        page.send(r#"{"heartbeat": "tick", "session": "mine", "ack": true}"#).await;
        assert_eq!(page.text().await, r#"{"session":"mine","state":"expired"}"#);
    }
}

#[tokio::test]
async fn a_program_on_one_node_ends_a_session_of_another() {
    let redis = RedisServer::start();
    let (one, other) = (node(&redis).await, node(&redis).await);
    until_nodes_listen(&redis, 2).await;
    save(&redis, "mine").await;
    let mut there = page(&other, "mine").await;
    assert!(one.sessions.log_out(&key("mine")).await.unwrap());
    assert_eq!(there.next().await, Seen::Close(Some((4001, "Logged out".to_owned()))));
}

#[tokio::test]
async fn a_logout_while_redis_is_away_is_refused_and_closes_nothing() {
    let mut redis = RedisServer::start();
    let node = node(&redis).await;
    save(&redis, "mine").await;
    let (mut asking, mut other) = (page(&node, "mine").await, page(&node, "mine").await);
    redis.kill();
    asking.send(r#"{"logout": true, "session": "mine"}"#).await;
    let refused = r#"{"session":"mine","state":"refused","reason":"the session store cannot be reached"}"#;
    assert_eq!(asking.text().await, refused);
    other.send(r#"{"logout": true, "session": "a b"}"#).await;
    assert!(other.text().await.contains("refused"), "it was closed");
}
