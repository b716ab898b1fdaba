//! How sessions end, and what their clients and the application hear of it.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use swampdragon_server::{Connection, ConnectionHandler, Message, protocol::close_code, settings::Settings};
use tokio::sync::mpsc;

use crate::{
    client::{self, Exchange, connect_from, poll, post, say, session},
    server::{Close, Running, builder, echo, eventually, run, settings},
};

/// Reports its hooks, and does what messages say.
struct Reporter(mpsc::UnboundedSender<String>);

#[async_trait]
impl ConnectionHandler for Reporter {
    async fn on_open(&mut self, _: &Connection) {
        self.0.send("open".into()).unwrap();
    }

    async fn on_message(&mut self, connection: &Connection, message: Message<'_>) {
        match message.text() {
            "close" => connection.close(close_code::CONNECTION_ABORTED),
            "panic" => panic!("a fault in a handler"),
            "flood" => {
                while connection.is_open() {
                    connection.send_text(&"x".repeat(1000));
                }
            }
            text => self.0.send(text.to_owned()).unwrap(),
        }
    }

    async fn on_close(&mut self, connection: &Connection, code: u16) {
        assert!(!connection.is_open());
        self.0.send(format!("close {code}")).unwrap();
    }
}

async fn reporting(settings: Settings) -> (Running, mpsc::UnboundedReceiver<String>) {
    let (reporter, reports) = mpsc::unbounded_channel();
    (run(builder(settings).connection(move || Reporter(reporter.clone()))).await, reports)
}

#[tokio::test]
async fn a_second_receiver_is_turned_away_and_the_first_goes_on() {
    let server = echo(settings()).await;
    let session = session("/echo");
    let mut first = Exchange::begin(server, &format!("POST {session}/xhr_streaming"), "", "").await;
    assert_eq!(first.chunk().await.len(), 2049);
    assert_eq!(first.chunk().await, "o\n");
    let refusal = "c[2010,\"Another connection still open\"]";
    assert_eq!(poll(server, &session).await, refusal);
    let mut second = Exchange::begin(server, &format!("POST {session}/xhr_streaming"), "", "").await;
    assert_eq!(second.chunk().await.len(), 2049);
    assert_eq!(second.chunk().await, format!("{refusal}\n"));
    assert_eq!(second.chunk().await, "");
    say(server, &session, "[\"a\"]").await;
    assert_eq!(first.chunk().await, "a[\"a\"]\n");
}

#[tokio::test]
async fn a_receiver_that_is_cut_off_ends_the_session() {
    let (running, mut reports) = reporting(settings()).await;
    let server = running.address;
    for streaming in [true, false] {
        let session = session("/data");
        if streaming {
            let mut stream = Exchange::begin(server, &format!("POST {session}/xhr_streaming"), "", "").await;
            assert_eq!(stream.chunk().await.len(), 2049);
            assert_eq!(stream.chunk().await, "o\n");
            assert_eq!(reports.recv().await.unwrap(), "open");
            drop(stream);
        } else {
            assert_eq!(poll(server, &session).await, "o");
            assert_eq!(reports.recv().await.unwrap(), "open");
            let mut socket = connect_from(Ipv4Addr::LOCALHOST, server).await;
            client::send(&mut socket, &format!("POST {session}/xhr"), "", "").await;
            // That it waits there shows in that no other may.
            while poll(server, &session).await != "c[2010,\"Another connection still open\"]" {}
        }
        assert_eq!(poll(server, &session).await, "c[1002,\"Connection interrupted\"]");
        assert_eq!(reports.recv().await.unwrap(), "close 1006");
        assert_eq!(post(server, &format!("{session}/xhr_send"), "[]").await.status, 404);
    }
}

#[tokio::test]
async fn a_closed_session_gives_what_is_left_and_then_says_so_until_it_is_forgotten() {
    let delay = Duration::from_millis(500);
    let (running, mut reports) = reporting(Settings { sockjs_disconnect_delay: delay, ..settings() }).await;
    let (server, session) = (running.address, session("/data"));
    assert_eq!(poll(server, &session).await, "o");
    say(server, &session, "[\"one\",\"close\",\"two\"]").await;
    let closed = Instant::now();
    let mut told = 0;
    while poll(server, &session).await == "c[3001,\"Connection aborted\"]" {
        told += 1;
        assert_eq!(post(server, &format!("{session}/xhr_send"), "[]").await.status, 404);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The poll that ended it opened a session anew.
    assert!(told > 1);
    assert!(closed.elapsed() >= delay);
    for report in ["open", "one", "close 3001", "open"] {
        assert_eq!(reports.recv().await.unwrap(), report);
    }
}

#[tokio::test]
async fn a_session_that_nobody_receives_for_ends() {
    let delay = Duration::from_millis(100);
    let (running, mut reports) = reporting(Settings { sockjs_disconnect_delay: delay, ..settings() }).await;
    let (server, session) = (running.address, session("/data"));
    assert_eq!(poll(server, &session).await, "o");
    assert_eq!(reports.recv().await.unwrap(), "open");
    assert_eq!(reports.recv().await.unwrap(), "close 1006");
    eventually("the session is still counted", || (running.connections)() == 0).await;
    assert_eq!(poll(server, &session).await, "o", "a new session under the old name");
}

#[tokio::test]
async fn a_session_with_a_receiver_stays() {
    let settings = Settings {
        sockjs_disconnect_delay: Duration::from_millis(400),
        heartbeat_frame_interval: Duration::from_millis(500),
        ..settings()
    };
    let (running, _reports) = reporting(settings).await;
    let (server, session) = (running.address, session("/data"));
    assert_eq!(poll(server, &session).await, "o");
    for _ in 0..2 {
        assert_eq!(poll(server, &session).await, "h");
    }
}

#[tokio::test]
async fn a_client_that_fetches_nothing_is_closed_at_the_limit() {
    let (running, mut reports) = reporting(Settings { max_outgoing_bytes: 64 * 1024, ..settings() }).await;
    let (server, session) = (running.address, session("/data"));
    assert_eq!(poll(server, &session).await, "o");
    say(server, &session, "[\"flood\"]").await;
    assert_eq!(poll(server, &session).await, "c[4008,\"Reading too slowly\"]");
    assert_eq!(reports.recv().await.unwrap(), "open");
    assert_eq!(reports.recv().await.unwrap(), "close 4008");
}

#[tokio::test]
async fn a_client_that_stops_reading_its_stream_is_cut_off() {
    let settings = Settings {
        max_outgoing_bytes: 64 * 1024,
        close_timeout: Duration::from_millis(100),
        sockjs_response_limit: 64 << 20,
        ..settings()
    };
    struct Torrent;
    #[async_trait]
    impl ConnectionHandler for Torrent {
        async fn on_open(&mut self, connection: &Connection) {
            while connection.is_open() {
                connection.send_text(&"x".repeat(16 * 1024));
                tokio::task::yield_now().await;
            }
        }
    }
    let running = run(builder(settings).connection(|| Torrent)).await;
    let session = session("/data");
    let mut stream = Exchange::begin(running.address, &format!("POST {session}/xhr_streaming"), "", "").await;
    eventually("the session is still counted", || (running.connections)() == 0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Ends without the last chunk, since the server cut the connection off.
    let mut rest = Vec::new();
    let ended = tokio::io::AsyncReadExt::read_to_end(&mut stream.socket, &mut rest);
    let _ = tokio::time::timeout(Duration::from_secs(20), ended).await.expect("the connection is still there");
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

#[tokio::test]
async fn a_panic_in_a_handler_ends_its_own_session_only() {
    let (running, _reports) = reporting(settings()).await;
    let (server, other, session) = (running.address, session("/data"), session("/data"));
    assert_eq!(poll(server, &other).await, "o");
    assert_eq!(poll(server, &session).await, "o");
    let answer = post(server, &format!("{session}/xhr_send"), "[\"panic\"]").await;
    assert_eq!(answer.status, 404);
    eventually("the session is still counted", || (running.connections)() == 1).await;
    say(server, &other, "[\"fine\"]").await;
}

#[tokio::test]
async fn a_panic_in_a_handler_tells_the_request_that_receives() {
    let (running, _reports) = reporting(settings()).await;
    let (server, session) = (running.address, session("/data"));
    let mut stream = Exchange::begin(server, &format!("POST {session}/xhr_streaming"), "", "").await;
    assert_eq!(stream.chunk().await.len(), 2049);
    assert_eq!(stream.chunk().await, "o\n");
    post(server, &format!("{session}/xhr_send"), "[\"panic\"]").await;
    assert_eq!(stream.chunk().await, "c[3000,\"Go away!\"]\n");
    assert_eq!(stream.chunk().await, "");
}

#[tokio::test]
async fn a_server_that_stops_says_so_to_those_that_receive() {
    let (running, mut reports) = reporting(settings()).await;
    let (server, waiting, session) = (running.address, session("/data"), session("/data"));
    assert_eq!(poll(server, &waiting).await, "o");
    let mut stream = Exchange::begin(server, &format!("POST {session}/xhr_streaming"), "", "").await;
    assert_eq!(stream.chunk().await.len(), 2049);
    assert_eq!(stream.chunk().await, "o\n");
    assert_eq!(reports.recv().await.unwrap(), "open");
    assert_eq!(reports.recv().await.unwrap(), "open");
    running.stop.send(()).unwrap();
    let told = stream.chunk().await;
    assert!(told.starts_with("c[3000,\"Go away! (retry after ") && told.ends_with(" ms)\"]\n"), "{told}");
    assert_eq!(stream.chunk().await, "");
    let started = Instant::now();
    running.ended.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "it does not wait out the disconnect delay");
    assert_eq!(reports.recv().await.unwrap(), "close 3000");
    assert_eq!(reports.recv().await.unwrap(), "close 3000");
}

#[tokio::test]
async fn a_session_closed_as_it_opens_is_first_opened() {
    let running = run(builder(settings()).connection(|| Close)).await;
    let (server, session) = (running.address, session("/data"));
    assert_eq!(poll(server, &session).await, "o");
    for _ in 0..3 {
        assert_eq!(poll(server, &session).await, "c[3000,\"Go away!\"]");
    }
}

#[tokio::test]
async fn a_closed_session_tells_every_transport_that_asks() {
    let server = echo(settings()).await;
    let go_away = "c[3000,\"Go away!\"]";
    let jsonp = session("/close");
    for frame in ["o", "c[3000,\\\"Go away!\\\"]", "c[3000,\\\"Go away!\\\"]"] {
        let answer = client::get(server, &format!("{jsonp}/jsonp?c=x")).await;
        assert_eq!(answer.body, format!("/**/x(\"{frame}\");\r\n"));
    }
    let eventsource = session("/close");
    let mut stream = Exchange::begin(server, &format!("GET {eventsource}/eventsource"), "", "").await;
    let mut body = String::new();
    while !body.contains(go_away) {
        let chunk = stream.chunk().await;
        assert_ne!(chunk, "", "the stream ends after {body:?}");
        body += &chunk;
    }
    assert_eq!(body, format!("\r\ndata: o\r\n\r\ndata: {go_away}\r\n\r\n"));
}
