//! Clients that come through a proxy: what counts is theirs, not the proxy's.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use swampdragon_server::settings::{ProxyHeader, Settings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::running::{PATIENCE, connect_from, run};

/// The proxy, as far as the server can see. Everybody else has another address.
const PROXY: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n";

fn behind_a_proxy() -> Settings {
    Settings { trusted_proxies: vec![IpAddr::V4(PROXY).into()], ..Settings::default() }
}

/// Sends a request and reads the beginning of the answer, which for all that is asked here is all of it.
async fn ask(socket: &mut TcpStream, line: &str, headers: &str) -> String {
    let length = if line.starts_with("POST") { "Content-Length: 0\r\n" } else { "" };
    let request = format!("{line} HTTP/1.1\r\nHost: inside:9999\r\n{length}{headers}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    let read = timeout(PATIENCE, socket.read(&mut answer)).await.expect("no answer").unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

async fn ask_from(from: Ipv4Addr, server: SocketAddr, line: &str, headers: &str) -> String {
    ask(&mut connect_from(from, server).await, line, headers).await
}

#[tokio::test]
async fn limits_by_address_count_the_clients_of_a_proxy() {
    let server = run(Settings { max_connections_per_address: 1, ..behind_a_proxy() }).await;
    let open = async |client: &str| {
        let mut socket = connect_from(PROXY, server).await;
        let headers = format!("{HANDSHAKE}X-Forwarded-For: 198.51.100.66, {client}\r\n");
        let answer = ask(&mut socket, "GET /data/websocket", &headers).await;
        (answer.lines().next().unwrap_or_default().to_owned(), answer, socket)
    };
    let (status, _, first) = open("192.0.2.1").await;
    assert_eq!(status, "HTTP/1.1 101 Switching Protocols");
    let (status, answer, _) = open("192.0.2.1").await;
    assert_eq!(status, "HTTP/1.1 429 Too Many Requests");
    assert!(answer.contains("retry-after: 10\r\n"), "{answer}");
    assert!(answer.ends_with("max_connections_per_address is 1."), "{answer}");
    let (status, _, _other) = open("192.0.2.2").await;
    assert_eq!(status, "HTTP/1.1 101 Switching Protocols", "another client of the same proxy");

    drop(first);
    let started = Instant::now();
    while !open("192.0.2.1").await.0.contains("101") {
        assert!(started.elapsed() < PATIENCE, "the place has not been given up");
    }
}

#[tokio::test]
async fn what_a_stranger_says_of_its_address_is_not_heeded() {
    let server = run(Settings { max_connections_per_address: 1, ..behind_a_proxy() }).await;
    let _first = connect_from(ELSEWHERE, server).await;
    let answer = ask_from(ELSEWHERE, server, "GET /data", "X-Forwarded-For: 192.0.2.9\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    // And no more than the one header is heeded of what a proxy passes on.
    let mut clients = Vec::new();
    for (client, status) in [("192.0.2.1", "101"), ("192.0.2.2", "429")] {
        let mut socket = connect_from(PROXY, server).await;
        let headers = format!("{HANDSHAKE}X-Forwarded-For: 192.0.2.77\r\nForwarded: for={client}\r\n");
        let answer = ask(&mut socket, "GET /data/websocket", &headers).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        clients.push(socket);
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_understood_is_refused() {
    let server = run(behind_a_proxy()).await;
    let answer = ask_from(PROXY, server, "GET /data", "X-Forwarded-For: somebody\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("cannot be read (proxy_header)."), "{answer}");
    // A proxy that only asks how the server is.
    let answer = ask_from(PROXY, server, "GET /data", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_session_serves_the_client_that_opened_it_and_no_other_of_the_proxy() {
    for (header, name) in
        [(ProxyHeader::XForwardedFor, "X-Forwarded-For: "), (ProxyHeader::Forwarded, "Forwarded: for=")]
    {
        let server = run(Settings { proxy_header: header, ..behind_a_proxy() }).await;
        let mut pooled = connect_from(PROXY, server).await;
        let own = format!("{name}192.0.2.1\r\n");
        let answer = ask(&mut pooled, "POST /data/0/abc/xhr", &own).await;
        assert!(answer.ends_with("o\n"), "{answer}");
        // Proxies send requests of several clients on one connection.
        let answer = ask(&mut pooled, "POST /data/0/abc/xhr", &format!("{name}192.0.2.2\r\n")).await;
        assert!(answer.ends_with("This session belongs to another address (sockjs_same_address)."), "{answer}");
        let answer = ask_from(ELSEWHERE, server, "POST /data/0/abc/xhr", &own).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
}

#[tokio::test]
async fn origins_are_compared_with_the_host_that_the_client_asked_for() {
    let forwarded = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: example.com\r\n";
    let standard = "Forwarded: for=192.0.2.1;host=example.com;proto=https\r\n";
    for (header, proxied) in [(ProxyHeader::XForwardedFor, forwarded), (ProxyHeader::Forwarded, standard)] {
        let server = run(Settings { proxy_header: header, ..behind_a_proxy() }).await;
        for (from, origin, status) in [
            (PROXY, "https://example.com", "200"),
            (PROXY, "http://example.com", "200"),
            (PROXY, "https://example.com:8443", "403"),
            (PROXY, "https://inside:9999", "403"),
            (PROXY, "https://evil.example", "403"),
            (PROXY, "null", "403"),
            (ELSEWHERE, "https://example.com", "403"),
            (ELSEWHERE, "https://inside:9999", "200"),
        ] {
            let session = format!("POST /data/0/{}/xhr", origin.replace([':', '/', '.'], "_"));
            let answer = ask_from(from, server, &session, &format!("{proxied}Origin: {origin}\r\n")).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{from}, {origin}: {answer}");
        }
        let answer = ask_from(PROXY, server, "GET /settings.js", proxied).await;
        assert!(answer.contains("window.swampdragon_host = \"//example.com\""), "{answer}");
    }
}
