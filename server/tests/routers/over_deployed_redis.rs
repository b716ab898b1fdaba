//! Publications and sessions by way of Redis as it is deployed, and while nodes of the server itself are replaced.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use redis::AsyncCommands;
use serde_json::{Value, json};
use swampdragon_server::{Server, protocol::ChannelName, settings::Settings};
use tokio::{net::TcpStream, sync::oneshot, task::JoinHandle, time::sleep};
use tokio_tungstenite::{client_async, tungstenite::Message};

use crate::{
    notes::Notes,
    over_redis::{backend, node, subscriber},
    peer::Peer,
    redis_cluster_nodes::Cluster,
    redis_sentinels::{PASSWORD, Sentinels, command},
    redis_server::RedisServer,
};

/// Publishes this number until the page hears it. It may hear others before, from earlier.
async fn hears(page: &mut Peer, number: u64, mut publish: impl AsyncFnMut()) {
    let hearing = async {
        loop {
            let publication: Value = serde_json::from_str(&page.text().await).unwrap();
            if publication["data"] == json!(number) || publication["data"]["id"] == json!(number) {
                return;
            }
        }
    };
    let publishing = async {
        loop {
            publish().await;
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = hearing => {}
        () = publishing => {}
        () = sleep(Duration::from_secs(30)) => panic!("{number} was not heard"),
    }
}

fn over(address: String) -> Settings {
    let redis_response_timeout = Duration::from_millis(500);
    Settings { pubsub: Some(address), redis_response_timeout, ..Settings::default() }
}

#[tokio::test]
async fn all_nodes_hear_what_is_published_anywhere_in_a_cluster() {
    let mut cluster = Cluster::start(3).await;
    let nodes = [node(over(cluster.url())).await, node(over(cluster.url())).await];
    let mut pages = [
        subscriber(&nodes[0], json!({"channel": "mine"})).await,
        subscriber(&nodes[1], json!({"channel": "mine"})).await,
    ];
    for (number, from) in (1..).zip(0..3) {
        for page in &mut pages {
            let publication = json!({"data": number}).to_string();
            hears(page, number, async || {
                let _: i64 = cluster.ask(from, &["PUBLISH", "note|", &publication]).await.unwrap();
            })
            .await;
        }
    }
    // Whose channels those are is known to other nodes of the cluster alone.
    for (number, publisher) in (10..).zip([&nodes[0].publisher, &nodes[1].publisher]) {
        for page in &mut pages {
            hears(page, number, async || {
                publisher.publish_item("note", "created", &json!({"id": number})).await.unwrap();
            })
            .await;
        }
    }

    // The node of the cluster by which the first server hears dies.
    let mut followed = 3;
    for place in 0..3 {
        let (_, followers): (String, i64) = cluster.ask(place, &["PUBSUB", "NUMSUB", "note|"]).await.unwrap();
        if followers > 0 {
            followed = place;
        }
    }
    cluster.nodes[followed].kill();
    let other = (followed + 1) % 3;
    for page in &mut pages {
        let publication = json!({"data": 20}).to_string();
        hears(page, 20, async || {
            let _: i64 = cluster.ask(other, &["PUBLISH", "note|", &publication]).await.unwrap();
        })
        .await;
        // A publisher whose own connection was to the dead node says so until it has another.
        hears(page, 21, async || {
            let published = nodes[0].publisher.publish_item("note", "created", &json!({"id": 21})).await;
            assert!(published.as_ref().err().is_none_or(swampdragon_server::pubsub::PubSubError::is_unavailable));
        })
        .await;
    }
}

#[tokio::test]
async fn pages_hear_again_when_sentinels_have_made_another_master() {
    let mut sentinels = Sentinels::start().await;
    let node = node(over(sentinels.url())).await;
    let mut page = subscriber(&node, json!({"channel": "mine"})).await;
    let channel = ChannelName::parse("note|").unwrap();
    hears(&mut page, 1, async || node.publisher.publish(&channel, "created", &1).await.unwrap()).await;
    sentinels.servers[0].kill();
    let port = sentinels.servers[1].port();
    sentinels.until_master(port).await;
    // Another program, by the new master.
    let _ = hears(&mut page, 2, async || {
        let _: i64 = command(port, PASSWORD, "PUBLISH note| {\"data\":2}").await.unwrap();
    })
    .await;
    hears(&mut page, 3, async || drop(node.publisher.publish(&channel, "created", &3).await)).await;
}

const TTL: Duration = Duration::from_secs(4);
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(200);
const PAGES: usize = 40;

/// One of several servers, which can be replaced.
struct Replaceable {
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Replaceable {
    async fn start(address: &str, redis: &RedisServer) -> (Self, SocketAddr) {
        let settings = Settings {
            session_store: redis.url(),
            session_ttl: TTL,
            heartbeat_interval: HEARTBEAT_INTERVAL,
            ..Settings::default()
        };
        let server = Server::builder().settings(settings).router(Notes::default()).bind(address).await.unwrap();
        let address = server.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(server.run_until(async {
            let _ = stopped.await;
        }));
        (Self { stop, running }, address)
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
    }
}

/// A page: connects to whichever server takes it, subscribes, answers heartbeats, and begins anew when it is cut off.
async fn browse(servers: [SocketAddr; 2], page: usize, heard: Arc<Mutex<HashMap<usize, u64>>>) {
    for attempt in page.. {
        let server = servers[attempt % 2];
        let Ok(stream) = TcpStream::connect(server).await else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok((mut socket, _)) = client_async(format!("ws://{server}/data/websocket"), stream).await else { continue };
        let subscribe = json!({"route": "notes", "verb": "subscribe", "args": {"channel": "mine"}}).to_string();
        let mut sent = socket.send(Message::text(subscribe)).await;
        while sent.is_ok()
            && let Some(Ok(message)) = socket.next().await
        {
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            if message.get("heartbeat").is_some() {
                let answer = json!({"heartbeat": "tick", "session": format!("page{page}")}).to_string();
                sent = socket.send(Message::text(answer)).await;
            } else if let Some(number) = message["data"].as_u64() {
                heard.lock().unwrap().insert(page, number);
            }
        }
    }
}

#[tokio::test]
async fn replacing_the_servers_one_by_one_loses_no_session_and_no_subscription() {
    let redis = RedisServer::start();
    let mut backend = backend(&redis).await;
    for page in 0..PAGES {
        let ttl = TTL.as_millis() as u64;
        let () = backend.pset_ex(format!("swampdragon:session:page{page}"), page, ttl).await.unwrap();
    }
    let (one, first) = Replaceable::start("127.0.0.1:0", &redis).await;
    let (other, second) = Replaceable::start("127.0.0.1:0", &redis).await;
    let mut servers = [Some(one), Some(other)];
    let addresses = [first, second];
    let heard = Arc::new(Mutex::new(HashMap::new()));
    let pages: Vec<_> = (0..PAGES).map(|page| tokio::spawn(browse(addresses, page, Arc::clone(&heard)))).collect();

    let started = Instant::now();
    let mut number = 0;
    // Longer than a session lives that nobody refreshes.
    while started.elapsed() < TTL + TTL / 2 {
        for (server, address) in servers.iter_mut().zip(addresses) {
            server.take().unwrap().stop().await;
            *server = Some(Replaceable::start(&address.to_string(), &redis).await.0);
            number += 1;
            let publication = json!({"data": number}).to_string();
            let waiting = Instant::now();
            while heard.lock().unwrap().values().filter(|heard| **heard == number).count() < PAGES {
                assert!(waiting.elapsed() < Duration::from_secs(20), "not all heard {number}: {:?}", heard.lock());
                let () = backend.publish("note|", &publication).await.unwrap();
                sleep(Duration::from_millis(20)).await;
            }
            // Pages have time for a heartbeat before they are cut off again.
            sleep(3 * HEARTBEAT_INTERVAL).await;
        }
    }
    for page in 0..PAGES {
        let value: Option<usize> = backend.get(format!("swampdragon:session:page{page}")).await.unwrap();
        assert_eq!(value, Some(page));
    }
    pages.iter().for_each(JoinHandle::abort);
}
