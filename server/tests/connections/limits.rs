//! What peers may take of the server, and what they get who want more.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use swampdragon_server::settings::Settings;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    bare_websocket::{BareWebSocket, CLOSE, FIN, Frame, PING, PONG},
    peer::{Peer, Seen},
    running::{PATIENCE, connect_from, run},
};

/// What comes until the server closes.
async fn rest(socket: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, socket.read_to_end(&mut rest)).await.expect("the server neither answers nor closes");
    // A reset is an end, too.
    let _ = read;
    String::from_utf8(rest).unwrap()
}

/// Asks for something on a connection of its own.
async fn ask(socket: &mut TcpStream) -> String {
    let request = "GET /data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    // Fails on a connection that the server has refused already.
    let _ = socket.write_all(request.as_bytes()).await;
    rest(socket).await
}

/// Asks on new connections until the answer starts like this.
async fn eventually_answers(from: Ipv4Addr, server: SocketAddr, start: &str) {
    let started = Instant::now();
    loop {
        let answer = ask(&mut connect_from(from, server).await).await;
        if answer.starts_with(start) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{answer}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn connections_count_from_the_moment_they_are_accepted() {
    let server = run(Settings { max_connections: 2, ..Settings::default() }).await;
    let silent = [TcpStream::connect(server).await.unwrap(), TcpStream::connect(server).await.unwrap()];
    let answer = ask(&mut TcpStream::connect(server).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("\r\nRetry-After: 10\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nThe server is full: max_connections is 2."), "{answer}");
    drop(silent);
    eventually_answers(Ipv4Addr::LOCALHOST, server, "HTTP/1.1 200").await;
}

#[tokio::test]
async fn one_address_has_no_more_connections_than_it_may() {
    let server = run(Settings { max_connections_per_address: 2, ..Settings::default() }).await;
    // One of them has become a WebSocket, and counts on.
    let websocket = Peer::sockjs(server).await;
    let _silent = TcpStream::connect(server).await.unwrap();
    let crowded = "Too many connections from this address: max_connections_per_address is 2.";
    let answer = ask(&mut TcpStream::connect(server).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.ends_with(crowded), "{answer}");
    let answer = ask(&mut connect_from(Ipv4Addr::new(127, 0, 0, 2), server).await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "another address may: {answer}");
    drop(websocket);
    eventually_answers(Ipv4Addr::LOCALHOST, server, "HTTP/1.1 200").await;
}

#[tokio::test]
async fn sockjs_sessions_count_for_their_address() {
    let server = run(Settings { max_connections_per_address: 2, ..Settings::default() }).await;
    let mut socket = TcpStream::connect(server).await.unwrap();
    let mut open = async |session: &str| {
        let head = format!("POST /data/0/{session}/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 4096];
        let read = timeout(PATIENCE, socket.read(&mut answer)).await.expect("no answer").unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    let first = open("first").await;
    assert!(first.starts_with("HTTP/1.1 200") && first.ends_with("o\n"), "{first}");
    let second = open("second").await;
    assert!(second.starts_with("HTTP/1.1 429") && second.contains("retry-after: 10"), "{second}");
}

#[tokio::test]
async fn a_peer_that_does_not_finish_its_request_is_closed() {
    let server = run(Settings { handshake_timeout: Duration::from_millis(100), ..Settings::default() }).await;
    for beginning in ["", "G", "GET /data HTTP/1.1\r\nHost: x\r\n"] {
        let mut socket = TcpStream::connect(server).await.unwrap();
        socket.write_all(beginning.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut socket).await, "", "{beginning}");
    }
}

#[tokio::test]
async fn an_idle_http_connection_is_closed_after_its_own_time() {
    let settings = Settings {
        handshake_timeout: Duration::from_millis(100),
        keep_alive_timeout: Duration::from_millis(600),
        ..Settings::default()
    };
    let server = run(settings).await;
    let mut socket = TcpStream::connect(server).await.unwrap();
    let started = Instant::now();
    socket.write_all(b"GET /data HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let answer = rest(&mut socket).await;
    assert!(answer.ends_with("Welcome to SockJS!\n"), "{answer}");
    assert!(started.elapsed() >= Duration::from_millis(600), "closed after {:?}", started.elapsed());
}

#[tokio::test]
async fn a_request_head_that_is_too_long_is_refused() {
    let ask = async |settings, bytes| {
        let mut socket = TcpStream::connect(run(settings).await).await.unwrap();
        let padding = "x".repeat(bytes);
        let request = format!("GET /data HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: {padding}\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        rest(&mut socket).await
    };
    let answer = ask(Settings::default(), 9000).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let answer = ask(Settings { max_request_head: 16 * 1024, ..Settings::default() }, 9000).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn peers_that_dawdle_do_not_keep_others_waiting() {
    let server = run(Settings::default()).await;
    let mut dawdling = Vec::new();
    for _ in 0..300 {
        let mut socket = TcpStream::connect(server).await.unwrap();
        socket.write_all(b"G").await.unwrap();
        dawdling.push(socket);
    }
    let _peer = timeout(Settings::default().handshake_timeout / 2, Peer::sockjs(server)).await.expect("it waits");
}

#[tokio::test]
async fn a_peer_that_sends_too_many_messages_is_closed_and_told_why() {
    let settings = Settings { max_messages_per_second: 1, max_message_burst: 20, ..Settings::default() };
    let server = run(settings).await;
    let heartbeat = r#"{"heartbeat":"tick"}"#;
    let close = (4029, "Too many messages".to_owned());

    let mut raw = Peer::raw(server).await;
    for _ in 0..50 {
        raw.send(heartbeat).await;
    }
    assert_eq!(raw.rest().await, [Seen::Close(Some(close.clone()))]);

    let too_many = serde_json::to_string(&vec![heartbeat; 50]).unwrap();
    for frames in [vec![too_many.as_str()], vec!["[]"; 50]] {
        let mut sockjs = Peer::sockjs(server).await;
        for frame in frames {
            sockjs.send(frame).await;
        }
        assert_eq!(sockjs.rest().await, [Seen::Text("c[4029,\"Too many messages\"]".into()), Seen::Close(None)]);
    }

    let mut within = Peer::sockjs(server).await;
    within.send(&serde_json::to_string(&vec![heartbeat; 20]).unwrap()).await;
    within.0.close(None).await.unwrap();
    assert_eq!(within.next().await, Seen::Close(None), "its own close is answered");
}

#[tokio::test]
async fn a_flood_of_pings_counts_as_one_of_messages() {
    let settings = Settings {
        max_messages_per_second: 1,
        max_message_burst: 20,
        close_timeout: Duration::from_millis(100),
        ..Settings::default()
    };
    let mut socket = BareWebSocket::open(run(settings).await, "/data/websocket").await;
    for _ in 0..50 {
        socket.send_frame(FIN | PING, b"").await;
    }
    let mut last = None;
    while let Some(frame) = socket.next().await {
        if frame.0 != FIN | PONG {
            last = Some(frame);
        }
    }
    assert_eq!(last, Some(Frame(FIN | CLOSE, [&4029_u16.to_be_bytes()[..], b"Too many messages"].concat())));
}
