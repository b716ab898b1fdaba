//! A connection from open to close: its hooks, its heartbeats, and that nothing of it stays behind.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::peer::{Peer, Seen};
use async_trait::async_trait;
use serde_json::json;
use swampdragon_server::{
    Connection, ConnectionHandler, HeartbeatReply, Message, Server, ServerBuilder,
    protocol::retry_after,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
};
use tokio::{sync::mpsc, task::JoinHandle};

fn server() -> ServerBuilder {
    Server::builder().session_store(MemorySessionStore::new(&SessionStoreOptions::default()))
}

struct Running {
    address: SocketAddr,
    connections: Box<dyn Fn() -> usize>,
    stop: tokio::sync::oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn run(builder: ServerBuilder) -> Running {
    let server = builder.bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let connections = Box::new(server.connection_count());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let ended = tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    Running { address, connections, stop, ended }
}

/// Waits until a condition holds that the server brings about on its own.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Reports each of its hooks.
struct Reporter(mpsc::UnboundedSender<String>);

impl Reporter {
    fn report(&self, hook: String) {
        self.0.send(hook).unwrap();
    }
}

#[async_trait]
impl ConnectionHandler for Reporter {
    async fn on_open(&mut self, connection: &Connection) {
        connection.set_heartbeat_interval(None);
        connection.send(&json!({"hello": 1})).unwrap();
        self.report("open".into());
    }

    async fn on_heartbeat(&mut self, _: &Connection, reply: HeartbeatReply) {
        self.report(format!("heartbeat {:?}", reply.session.unwrap().unwrap().as_str()));
    }

    async fn on_message(&mut self, connection: &Connection, message: Message<'_>) {
        // The next message has to wait for this one, however long it takes.
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.report(format!("message {}", message.text()));
        if message.call().is_ok() {
            connection.route(message).await;
        }
    }

    async fn on_close(&mut self, connection: &Connection, code: u16) {
        assert!(!connection.is_open());
        self.report(format!("close {code}"));
    }
}

#[tokio::test]
async fn hooks_run_one_at_a_time_in_the_order_of_the_messages() {
    let (reporter, mut reports) = mpsc::unbounded_channel();
    let running = run(server().connection(move || Reporter(reporter.clone()))).await;
    let mut peer = Peer::sockjs(running.address).await;
    assert_eq!(peer.text().await, "a[\"{\\\"hello\\\":1}\"]");
    for text in ["\"one\"", "{\"heartbeat\":\"tick\",\"session\":\"key\"}", "\"two\""] {
        peer.send(&json!([text]).to_string()).await;
    }
    peer.0.close(None).await.unwrap();
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|last: &String| last.starts_with("close")) {
        seen.push(reports.recv().await.unwrap());
    }
    assert_eq!(seen, ["open", "message \"one\"", "heartbeat \"key\"", "message \"two\"", "close 1000"]);
}

#[tokio::test]
async fn the_application_never_hears_of_a_page_that_may_not_connect() {
    let (reporter, mut reports) = mpsc::unbounded_channel();
    let running = run(server().connection(move || Reporter(reporter.clone()))).await;
    let path = "/data/000/abc/websocket";
    let mut stranger = Peer::connect_from(running.address, path, Some("https://evil.example")).await;
    while stranger.next().await != Seen::End {}
    let _own = Peer::sockjs(running.address).await;
    assert_eq!(reports.recv().await.unwrap(), "open");
    assert!(reports.try_recv().is_err(), "the stranger was reported too");
}

#[tokio::test]
async fn a_lost_connection_is_reported_with_1006() {
    let (reporter, mut reports) = mpsc::unbounded_channel();
    let running = run(server().connection(move || Reporter(reporter.clone()))).await;
    let peer = Peer::sockjs(running.address).await;
    assert_eq!(reports.recv().await.unwrap(), "open");
    drop(peer);
    assert_eq!(reports.recv().await.unwrap(), "close 1006");
}

/// Beats at its own pace.
struct Fast;

#[async_trait]
impl ConnectionHandler for Fast {
    async fn on_open(&mut self, connection: &Connection) {
        connection.set_heartbeat_interval(Some(Duration::from_millis(50)));
    }
}

#[tokio::test]
async fn a_connection_may_have_its_own_heartbeat_interval() {
    let running = run(server().connection(|| Fast)).await;
    let mut peer = Peer::sockjs(running.address).await;
    for _ in 0..3 {
        assert_eq!(peer.text().await, "a[\"{\\\"heartbeat\\\": \\\"tick\\\"}\"]");
    }
}

#[tokio::test]
async fn a_page_that_has_just_come_is_asked_soon() {
    let settings = Settings {
        heartbeat_first_delay: Duration::from_millis(50),
        heartbeat_interval: Duration::from_secs(600),
        ..Settings::default()
    };
    let running = run(server().settings(settings)).await;
    let mut peer = Peer::sockjs(running.address).await;
    assert_eq!(peer.text().await, "a[\"{\\\"heartbeat\\\": \\\"tick\\\"}\"]");
}

#[tokio::test]
async fn heartbeat_frames_go_to_sockjs_peers_and_messages_only_where_enabled() {
    let settings = Settings {
        heartbeat_enabled: false,
        heartbeat_frame_interval: Duration::from_millis(50),
        ..Settings::default()
    };
    let running = run(server().settings(settings)).await;
    let mut peer = Peer::sockjs(running.address).await;
    for _ in 0..3 {
        assert_eq!(peer.text().await, "h");
    }
}

/// Panics over one message.
struct Panicky;

#[async_trait]
impl ConnectionHandler for Panicky {
    async fn on_message(&mut self, _: &Connection, _: Message<'_>) {
        panic!("a fault in a handler");
    }
}

#[tokio::test]
async fn a_panic_in_a_handler_ends_its_own_connection_only() {
    let running = run(server().connection(|| Panicky)).await;
    let mut other = Peer::sockjs(running.address).await;
    let mut peer = Peer::sockjs(running.address).await;
    peer.send("[\"{}\"]").await;
    assert_eq!(peer.next().await, Seen::End);
    eventually("the connection is still counted", || (running.connections)() == 1).await;
    other.send("[\"{\\\"heartbeat\\\":\\\"tick\\\"}\"]").await;
    other.0.close(None).await.unwrap();
    assert!(matches!(other.next().await, Seen::Close(_)));
}

/// Sends more than any socket takes.
struct Torrent;

#[async_trait]
impl ConnectionHandler for Torrent {
    async fn on_open(&mut self, connection: &Connection) {
        let text = json!("x".repeat(64 * 1024)).to_string();
        while connection.is_open() {
            connection.send_text(&text);
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_disconnected_at_the_limit() {
    let settings = Settings { max_outgoing_bytes: 256 * 1024, ..Settings::default() };
    let running = run(server().settings(settings).connection(|| Torrent)).await;
    let peer = Peer::sockjs(running.address).await;
    eventually("the slow peer is still connected", || (running.connections)() == 0).await;
    drop(peer);
}

#[tokio::test]
async fn a_peer_that_reads_again_hears_why_it_was_closed() {
    struct Burst;
    #[async_trait]
    impl ConnectionHandler for Burst {
        async fn on_open(&mut self, connection: &Connection) {
            let text = json!("x".repeat(64 * 1024)).to_string();
            while connection.is_open() {
                connection.send_text(&text);
            }
        }
    }
    let settings = Settings { max_outgoing_bytes: 256 * 1024, ..Settings::default() };
    let running = run(server().settings(settings).connection(|| Burst)).await;
    let rest = Peer::sockjs(running.address).await.rest().await;
    let told = Seen::Text("c[4008,\"Reading too slowly\"]".into());
    assert!(rest.ends_with(&[told, Seen::Close(None)]), "{:?}", rest.last());
}

#[tokio::test]
async fn a_slow_peer_below_the_limit_gets_everything_in_order() {
    struct Numbers;
    #[async_trait]
    impl ConnectionHandler for Numbers {
        async fn on_open(&mut self, connection: &Connection) {
            for number in 0..2000 {
                connection.send_text(&json!([number, "x".repeat(4096)]).to_string());
            }
        }
    }
    let settings = Settings { max_outgoing_bytes: 64 * 1024 * 1024, ..Settings::default() };
    let running = run(server().settings(settings).connection(|| Numbers)).await;
    let mut peer = Peer::raw(running.address).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    for number in 0..2000 {
        let text = peer.text().await;
        assert!(text.starts_with(&format!("[{number},")), "{}", &text[..20]);
    }
}

#[tokio::test]
async fn a_server_that_stops_says_so_to_every_peer() {
    let running = run(server()).await;
    let mut sockjs = Peer::sockjs(running.address).await;
    let mut raw = Peer::raw(running.address).await;
    eventually("two connections", || (running.connections)() == 2).await;
    running.stop.send(()).unwrap();
    let sockjs = sockjs.rest().await;
    let [Seen::Text(frame), Seen::Close(None)] = &sockjs[..] else { panic!("{sockjs:?}") };
    let (code, reason): (u16, String) = serde_json::from_str(frame.strip_prefix('c').unwrap()).unwrap();
    assert_eq!((code, reason.split_once(" (").unwrap().0), (3000, "Go away!"));
    let raw = raw.rest().await;
    let [Seen::Close(Some((1001, raw_reason)))] = &raw[..] else { panic!("{raw:?}") };
    for reason in [&reason, raw_reason] {
        let stay_away = retry_after(reason).unwrap_or_else(|| panic!("it does not say for how long: {reason}"));
        assert!(stay_away <= Settings::default().drain_retry_after, "{reason}");
    }
    running.ended.await.unwrap();
    assert!(tokio::net::TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn without_a_time_to_stay_away_closes_are_to_the_letter_the_originals() {
    let running = run(server().settings(Settings { drain_retry_after: Duration::ZERO, ..Settings::default() })).await;
    let mut sockjs = Peer::sockjs(running.address).await;
    let mut raw = Peer::raw(running.address).await;
    eventually("two connections", || (running.connections)() == 2).await;
    running.stop.send(()).unwrap();
    assert_eq!(sockjs.rest().await, [Seen::Text("c[3000,\"Go away!\"]".into()), Seen::Close(None)]);
    assert_eq!(raw.rest().await, [Seen::Close(Some((1001, "Going away".into())))]);
}

/// A peer that never reads its socket, and so never answers a close frame.
async fn hanging(running: &Running) -> Peer {
    let before = (running.connections)();
    let peer = Peer::sockjs(running.address).await;
    eventually("one more connection", || (running.connections)() == before + 1).await;
    peer
}

async fn ask(server: SocketAddr, head: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(server).await.unwrap();
    socket.write_all(format!("{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn those_who_come_while_a_server_stops_are_told_when_to_come_back() {
    let running = run(server()).await;
    let mut hanging = hanging(&running).await;
    running.stop.send(()).unwrap();
    assert!(hanging.text().await.starts_with("c[3000,"), "it is being closed");
    let handshake = "GET /data/websocket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nX:";
    for head in [handshake, "GET /data/info", "POST /data/0/abc/xhr", "GET /data/0/abc/eventsource"] {
        let answer = ask(running.address, head).await.to_lowercase();
        assert!(answer.starts_with("http/1.1 503 "), "{head}: {answer}");
        let (_, seconds) = answer.split_once("\r\nretry-after: ").unwrap_or_else(|| panic!("{head}: {answer}"));
        let seconds: u64 = seconds.split_once('\r').unwrap().0.parse().unwrap();
        assert!((1..=5).contains(&seconds), "{head}: {answer}");
    }
    assert_eq!((running.connections)(), 1);
}

#[tokio::test]
async fn a_server_goes_on_serving_until_load_balancers_have_noticed() {
    let settings = Settings { drain_delay: Duration::from_millis(500), ..Settings::default() };
    let bound = server().settings(settings).bind("127.0.0.1:0").await.unwrap();
    let (address, is_stopping) = (bound.local_addr().unwrap(), bound.is_stopping());
    assert!(!is_stopping());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let ended = tokio::spawn(bound.run_until(async { stopped.await.unwrap() }));
    stop.send(()).unwrap();
    eventually("it is not known that it stops", &is_stopping).await;
    let started = Instant::now();
    let mut late = Peer::sockjs(address).await;
    assert!(late.text().await.starts_with("c[3000,"), "it is closed with the others");
    assert!(started.elapsed() > Duration::from_millis(100), "{:?}", started.elapsed());
    drop(late);
    ended.await.unwrap();
}

#[tokio::test]
async fn a_second_signal_ends_a_server_at_once() {
    let settings = Settings { close_timeout: HOUR, drain_time: HOUR, ..Settings::default() };
    let bound = server().settings(settings).bind("127.0.0.1:0").await.unwrap();
    let address = bound.local_addr().unwrap();
    let (first, stopped) = tokio::sync::oneshot::channel::<()>();
    let (second, hurried) = tokio::sync::oneshot::channel::<()>();
    let ended = tokio::spawn(bound.run_until_or(async { stopped.await.unwrap() }, async { hurried.await.unwrap() }));
    let mut hanging = Peer::sockjs(address).await;
    first.send(()).unwrap();
    assert!(hanging.text().await.starts_with("c[3000,"), "it is being closed, and does not answer");
    assert!(!ended.is_finished());
    second.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it goes on").unwrap();
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_a_peer_that_hangs() {
    let settings = Settings { drain_time: Duration::from_millis(200), ..Settings::default() };
    let running = run(server().settings(settings)).await;
    // Never reads its socket, so it never answers the close frame.
    let _hanging = Peer::sockjs(running.address).await;
    eventually("one connection", || (running.connections)() == 1).await;
    let started = Instant::now();
    running.stop.send(()).unwrap();
    running.ended.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn past_max_connections_peers_are_turned_away() {
    let settings = Settings { max_connections: 1, ..Settings::default() };
    let running = run(server().settings(settings)).await;
    let _first = Peer::sockjs(running.address).await;
    eventually("one connection", || (running.connections)() == 1).await;
    let socket = tokio::net::TcpStream::connect(running.address).await.unwrap();
    let url = format!("ws://{}/data/websocket", running.address);
    let refused = tokio_tungstenite::client_async(url, socket).await.unwrap_err();
    assert_eq!(refused.to_string(), "HTTP error: 503 Service Unavailable");
}
