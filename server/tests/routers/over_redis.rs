//! Publications by way of a real Redis.

use std::{net::SocketAddr, time::Duration};

use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use swampdragon_server::{
    Server, StartError,
    protocol::ChannelName,
    pubsub::Publisher,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
};

use crate::{notes::Notes, peer::Peer, redis_server::RedisServer};

pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) publisher: Publisher,
    _stop: tokio::sync::oneshot::Sender<()>,
}

pub(crate) async fn node(settings: Settings) -> Node {
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let builder = Server::builder().settings(settings).session_store(store).router(Notes::default());
    let server = builder.bind("127.0.0.1:0").await.unwrap();
    let (address, publisher) = (server.local_addr().unwrap(), server.publisher());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    Node { address, publisher, _stop: stop }
}

fn by(redis: &RedisServer) -> Settings {
    Settings { pubsub: Some(redis.url()), ..Settings::default() }
}

/// A connection of another program, such as a backend in Python.
pub(crate) async fn backend(redis: &RedisServer) -> MultiplexedConnection {
    redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

pub(crate) async fn subscriber(node: &Node, args: Value) -> Peer {
    let mut peer = Peer::raw(node.address).await;
    call(&mut peer, "subscribe", args).await;
    peer
}

async fn call(peer: &mut Peer, verb: &str, args: Value) {
    peer.send(&json!({"route": "notes", "verb": verb, "args": args}).to_string()).await;
    let answer = next(peer).await;
    assert_eq!(answer["context"]["state"], json!("success"), "{answer}");
}

async fn next(peer: &mut Peer) -> Value {
    serde_json::from_str(&peer.text().await).unwrap()
}

async fn publish(backend: &mut MultiplexedConnection, channel: &str, message: &str) -> usize {
    redis::cmd("PUBLISH").arg(channel).arg(message).query_async(backend).await.unwrap()
}

/// Publishes until somebody gets it; Redis and the node find each other in their own time.
async fn publish_until_received(backend: &mut MultiplexedConnection, channel: &str, message: &str) {
    for _ in 0..4000 {
        if publish(backend, channel, message).await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody is subscribed to {channel}");
}

/// Waits until Redis has nobody subscribed to a channel.
async fn until_nobody_follows(backend: &mut MultiplexedConnection, channel: &str) {
    for _ in 0..4000 {
        let (_, followers): (String, usize) =
            redis::cmd("PUBSUB").arg("NUMSUB").arg(channel).query_async(backend).await.unwrap();
        if followers == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{channel} is still subscribed to");
}

#[tokio::test]
async fn what_an_old_backend_publishes_reaches_our_pages() {
    let redis = RedisServer::start();
    let node = node(by(&redis)).await;
    let mut backend = backend(&redis).await;
    let mut page = subscriber(&node, json!({"channel": "mine", "text": "foo bar"})).await;
    let channel = "note|text__contains:foo+bar";
    // As Python's json.dumps writes it, in the order of either generation.
    let first =
        r#"{"action": "created", "channel": "note|text__contains:foo+bar", "data": {"id": 1, "text": "caf\u00e9"}}"#;
    publish_until_received(&mut backend, channel, first).await;
    let expected = json!({"action": "created", "channel": channel, "data": {"id": 1, "text": "café"}});
    assert_eq!(next(&mut page).await, expected);
    // `publish_data` of the original says no action.
    let second = format!("{{\"channel\": \"{channel}\", \"data\": [1, 2]}}");
    assert_eq!(publish(&mut backend, channel, &second).await, 1);
    assert_eq!(next(&mut page).await, json!({"channel": channel, "data": [1, 2]}));
    // What would make every page fail is dropped; what follows is not.
    for broken in ["hello", "{\"data\": NaN}", "[1]", "", "{\"data\""] {
        publish(&mut backend, channel, broken).await;
    }
    publish(&mut backend, channel, &second).await;
    assert_eq!(next(&mut page).await["data"], json!([1, 2]));
    // The old backend finds the channels that it filters by.
    let found: Vec<String> =
        redis::cmd("PUBSUB").arg("CHANNELS").arg("note|*").query_async(&mut backend).await.unwrap();
    assert_eq!(found, [channel]);
}

#[tokio::test]
async fn pages_of_one_node_hear_what_another_publishes() {
    let redis = RedisServer::start();
    let (one, other) = (node(by(&redis)).await, node(by(&redis)).await);
    let mut backend = backend(&redis).await;
    let mut page = subscriber(&one, json!({"channel": "mine", "done": false})).await;
    publish_until_received(&mut backend, "note|done:False", r#"{"data": 0}"#).await;
    next(&mut page).await;
    let mut writer = Peer::raw(other.address).await;
    call(&mut writer, "create", json!({"text": "bread", "done": true})).await;
    call(&mut writer, "create", json!({"text": "milk"})).await;
    let milk = json!({"id": 1, "text": "milk", "done": false});
    assert_eq!(next(&mut page).await, json!({"data": milk, "action": "created", "channel": "note|done:False"}));
}

#[tokio::test]
async fn a_page_that_was_answered_misses_nothing_and_one_that_left_hears_nothing() {
    let redis = RedisServer::start();
    let node = node(by(&redis)).await;
    let mut backend = backend(&redis).await;
    let mut first = subscriber(&node, json!({"channel": "mine"})).await;
    publish_until_received(&mut backend, "note|", r#"{"data": 0}"#).await;
    next(&mut first).await;
    for number in 0..20 {
        let text = format!("t{number}");
        let channel = format!("note|text__contains:{text}");
        call(&mut first, "subscribe", json!({"channel": "mine", "text": text})).await;
        assert_eq!(publish(&mut backend, &channel, &json!({"data": number}).to_string()).await, 1);
        assert_eq!(next(&mut first).await, json!({"data": number}));
        call(&mut first, "unsubscribe", json!({"channel": "mine", "text": text})).await;
        until_nobody_follows(&mut backend, &channel).await;
    }
    let second = subscriber(&node, json!({"channel": "mine"})).await;
    drop(first);
    drop(second);
    until_nobody_follows(&mut backend, "note|").await;
}

#[tokio::test]
async fn after_an_outage_pages_hear_publications_again() {
    let mut redis = RedisServer::start();
    let node = node(by(&redis)).await;
    let mut page = subscriber(&node, json!({"channel": "mine"})).await;
    publish_until_received(&mut backend(&redis).await, "note|", r#"{"data": 1}"#).await;
    assert_eq!(next(&mut page).await["data"], json!(1));
    redis.kill();
    let channel = ChannelName::parse("note|").unwrap();
    assert!(node.publisher.publish(&channel, "created", &1).await.unwrap_err().is_unavailable());
    // While Redis is away, pages come and go, and are not kept waiting for it.
    call(&mut page, "subscribe", json!({"channel": "mine", "done": true})).await;
    redis.restart();
    let mut backend = backend(&redis).await;
    publish_until_received(&mut backend, "note|", r#"{"data": 2}"#).await;
    assert_eq!(next(&mut page).await["data"], json!(2));
    publish_until_received(&mut backend, "note|done:True", r#"{"data": 3}"#).await;
    assert_eq!(next(&mut page).await["data"], json!(3));
}

#[tokio::test]
async fn publications_go_by_way_of_the_redis_of_the_sessions_unless_told_otherwise() {
    let redis = RedisServer::start();
    let settings = Settings { session_store: redis.url(), ..Settings::default() };
    let server = Server::builder().settings(settings).router(Notes::default()).bind("127.0.0.1:0").await.unwrap();
    let (address, publisher) = (server.local_addr().unwrap(), server.publisher());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    let node = Node { address, publisher, _stop: stop };
    let mut page = subscriber(&node, json!({"channel": "mine"})).await;
    publish_until_received(&mut backend(&redis).await, "note|", r#"{"data": 1}"#).await;
    assert_eq!(next(&mut page).await["data"], json!(1));
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_an_error_at_start() {
    let store = || MemorySessionStore::new(&SessionStoreOptions::default());
    let start = async |pubsub: &str| {
        let redis_start_wait = Duration::ZERO;
        let settings = Settings { pubsub: Some(pubsub.to_owned()), redis_start_wait, ..Settings::default() };
        Server::builder().settings(settings).session_store(store()).bind("127.0.0.1:0").await
    };
    let Err(StartError::PubSub(error)) = start("redis+unix:///nowhere/redis.sock?pass=secret").await else {
        panic!("it started")
    };
    assert_eq!(error.to_string(), "publications cannot use Redis at redis+unix:///nowhere/redis.sock?pass=***");
    let Err(StartError::PubSub(error)) = start("amqp://user:secret@host").await else { panic!("it started") };
    assert_eq!(
        error.to_string(),
        "`amqp://user:***@host` is no way to carry publications: `pubsub` is local:, redis://HOST:PORT, \
         rediss://HOST:PORT, redis+unix://PATH, redis+sentinel://HOST:PORT,HOST:PORT/MASTER, \
         redis+cluster://HOST:PORT,HOST:PORT"
    );
}
