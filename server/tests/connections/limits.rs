//! What peers may take of the server, and what they get who want more.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use swampdragon_server::{
    Server,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::Settings,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::peer::Peer;

/// Far longer than anything here takes: a peer that waits this long waits in vain.
const PATIENCE: Duration = Duration::from_secs(20);

async fn run(settings: Settings) -> SocketAddr {
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    let server = Server::builder().settings(settings).session_store(store).bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run_until(std::future::pending()));
    address
}

async fn connect_from(address: Ipv4Addr, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    socket.connect(server).await.unwrap()
}

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
