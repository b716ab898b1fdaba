//! Peers that have vanished without a word are found; those that only have nothing to say stay.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use swampdragon_server::{
    Connection, ConnectionHandler, Message, Server,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
};
use tokio::sync::mpsc;

use crate::{
    bare_websocket::{BareWebSocket, FIN, Frame, PING, PONG, TEXT},
    peer::Peer,
};

const INTERVAL: Duration = Duration::from_millis(200);

fn settings() -> Settings {
    Settings {
        heartbeat_enabled: false,
        heartbeat_frame_interval: INTERVAL,
        peer_timeout: 3 * INTERVAL,
        ..Settings::default()
    }
}

/// Reports how each connection ends. A message keeps it busy for as many milliseconds as it says.
struct Reporter(mpsc::UnboundedSender<u16>);

#[async_trait]
impl ConnectionHandler for Reporter {
    async fn on_message(&mut self, connection: &Connection, message: Message<'_>) {
        tokio::time::sleep(Duration::from_millis(message.text().parse().unwrap())).await;
        connection.send_text("\"done\"");
    }

    async fn on_close(&mut self, _: &Connection, code: u16) {
        self.0.send(code).unwrap();
    }
}

async fn run() -> (SocketAddr, mpsc::UnboundedReceiver<u16>) {
    let (reporter, reports) = mpsc::unbounded_channel();
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let builder = Server::builder().settings(settings()).session_store(store);
    let server = builder.connection(move || Reporter(reporter.clone())).bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run_until(std::future::pending()));
    (address, reports)
}

#[tokio::test]
async fn a_peer_that_has_vanished_is_found_and_reported_as_lost() {
    let (server, mut reports) = run().await;
    for path in ["/data/0/abc/websocket", "/data/websocket"] {
        let started = Instant::now();
        // To the server this is like a machine without power: its socket is open, and nothing ever comes.
        let _vanished = BareWebSocket::open(server, path).await;
        assert_eq!(reports.recv().await.unwrap(), 1006, "{path}");
        assert!(started.elapsed() >= INTERVAL, "{path}: it had no time to answer");
    }
}

#[tokio::test]
async fn a_peer_that_answers_pings_stays_and_is_not_pinged_while_it_talks() {
    let (server, mut reports) = run().await;
    let mut quiet = BareWebSocket::open(server, "/data/0/quiet/websocket").await;
    let mut pings = 0;
    while pings < 4 {
        match quiet.next().await.expect("it has been closed") {
            Frame(first, payload) if first == FIN | PING => {
                pings += 1;
                quiet.send_frame(FIN | PONG, &payload).await;
            }
            Frame(first, _) => assert_eq!(first, FIN | TEXT),
        }
    }
    assert!(reports.try_recv().is_err());

    let mut talking = BareWebSocket::open(server, "/data/0/talking/websocket").await;
    let mut heartbeat_frames = 0;
    while heartbeat_frames < 4 {
        talking.send_frame(FIN | TEXT, b"[\"0\"]").await;
        let Frame(first, payload) = talking.next().await.expect("it has been closed");
        assert_eq!(first, FIN | TEXT, "a ping, which it needs not");
        heartbeat_frames += usize::from(payload == b"h");
    }
}

#[tokio::test]
async fn a_peer_is_not_to_blame_for_what_a_handler_takes() {
    let (server, mut reports) = run().await;
    let mut peer = Peer::sockjs(server).await;
    // Longer than a silent peer has; the pongs wait to be read.
    let busy = 8 * INTERVAL;
    peer.send(&format!("[\"{}\"]", busy.as_millis())).await;
    while peer.text().await != "a[\"\\\"done\\\"\"]" {}
    assert!(reports.try_recv().is_err());
}
