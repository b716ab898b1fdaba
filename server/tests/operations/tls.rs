//! Pages that connect by TLS.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use nix::sys::signal::Signal;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use swampdragon_server::settings::Settings;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::{
    binary::Binary,
    server::{get, run, server, settings},
};

/// A certificate for `localhost` and its key, in files.
struct Files {
    folder: tempfile::TempDir,
    certificate: CertificateDer<'static>,
}

impl Files {
    fn new() -> Self {
        let mut files = Self { folder: tempfile::tempdir().unwrap(), certificate: Vec::new().into() };
        files.renew();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts another certificate and key in place.
    fn renew(&mut self) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(self.path("certificate.pem"), cert.pem()).unwrap();
        std::fs::write(self.path("key.pem"), signing_key.serialize_pem()).unwrap();
        self.certificate = cert.der().clone();
    }

    fn settings(&self) -> Settings {
        Settings {
            tls_certificate: Some(self.path("certificate.pem")),
            tls_key: Some(self.path("key.pem")),
            open_sessions: true,
            ..settings()
        }
    }

    async fn connect(&self, address: SocketAddr, version: &'static SupportedProtocolVersion) -> TlsStream<TcpStream> {
        self.try_connect(address, version).await.unwrap()
    }

    async fn try_connect(
        &self,
        address: SocketAddr,
        version: &'static SupportedProtocolVersion,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), socket).await
    }

    async fn websocket(&self, address: SocketAddr, version: &'static SupportedProtocolVersion) -> WebSocket {
        let stream = self.connect(address, version).await;
        WebSocket(client_async("wss://localhost/data/websocket", stream).await.unwrap().0)
    }
}

struct WebSocket(WebSocketStream<TlsStream<TcpStream>>);

impl WebSocket {
    async fn call(&mut self, verb: &str, args: Value) {
        let call = json!({"route": "session", "verb": verb, "args": args}).to_string();
        self.0.send(Message::text(call)).await.unwrap();
    }

    async fn reply(&mut self) -> Value {
        loop {
            let next = timeout(Duration::from_secs(20), self.0.next()).await.expect("the server sends nothing");
            if let Message::Text(text) = next.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Has a value stored and read back.
    async fn round_trip(&mut self, value: &str) {
        self.call("save_get_key", json!({ "value": value })).await;
        let key = self.reply().await["data"]["key"].clone();
        self.call("get", json!({ "key": key })).await;
        assert_eq!(self.reply().await["data"]["value"], *value);
    }
}

#[tokio::test]
async fn pages_connect_by_tls_1_2_and_1_3() {
    let files = Files::new();
    let running = run(server().settings(files.settings())).await;
    for version in [&TLS12, &TLS13] {
        let mut page = files.websocket(running.pages, version).await;
        page.round_trip("small").await;
        // Many records, each way.
        page.round_trip(&"x".repeat(100_000)).await;
        page.0.close(None).await.unwrap();
        while page.0.next().await.is_some() {}
    }
    running.number_becomes(r#"swampdragon_connections_closed_total{code="1000"}"#, 2.0).await;
}

#[tokio::test]
async fn an_idle_page_gets_its_heartbeats_and_a_cut_is_noticed() {
    let files = Files::new();
    let settings = Settings { heartbeat_interval: Duration::from_millis(100), ..files.settings() };
    let running = run(server().settings(settings)).await;
    let mut page = files.websocket(running.pages, &TLS13).await;
    for _ in 0..3 {
        assert_eq!(page.reply().await, json!({"heartbeat": "tick"}));
    }
    drop(page);
    running.number_becomes(r#"swampdragon_connections_closed_total{code="1006"}"#, 1.0).await;
}

#[tokio::test]
async fn what_a_full_socket_does_not_take_comes_later() {
    let files = Files::new();
    let settings = Settings { max_outgoing_bytes: 64 << 20, ..files.settings() };
    let running = run(server().settings(settings)).await;
    let mut page = files.websocket(running.pages, &TLS13).await;
    let value = "x".repeat(100_000);
    page.call("save_get_key", json!({ "value": value })).await;
    let key = page.reply().await["data"]["key"].clone();
    // More than the sockets' buffers hold, before anything is read.
    const CALLS: usize = 150;
    for _ in 0..CALLS {
        page.call("get", json!({ "key": key })).await;
    }
    sleep(Duration::from_millis(200)).await;
    for _ in 0..CALLS {
        assert_eq!(page.reply().await["data"]["value"], *value);
    }
    page.round_trip("and on").await;
}

#[tokio::test]
async fn a_request_without_tls_is_told_so() {
    let files = Files::new();
    let running = run(server().settings(files.settings())).await;
    let (head, body) = get(running.pages, "/data/info").await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert_eq!(body, "This port speaks TLS only: ask for https://.\n");
}

#[tokio::test]
async fn the_handshake_has_its_time() {
    let files = Files::new();
    let settings = Settings { handshake_timeout: Duration::from_millis(100), ..files.settings() };
    let running = run(server().settings(settings)).await;
    let mut socket = TcpStream::connect(running.pages).await.unwrap();
    // The beginning of a handshake, and no more of it.
    socket.write_all(&[22, 3, 1]).await.unwrap();
    let mut answer = Vec::new();
    let ended = timeout(Duration::from_secs(20), socket.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "it waits for ever");
    assert!(answer.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn files_that_do_not_fit_are_refused_at_start() {
    let (files, other) = (Files::new(), Files::new());
    let refused = async |settings: Settings| {
        server().settings(settings).bind("127.0.0.1:0").await.err().expect("it starts").to_string()
    };
    let half = Settings { tls_key: None, ..files.settings() };
    assert_eq!(refused(half).await, "tls_certificate is set and tls_key is not; TLS needs both");

    let missing = Settings { tls_certificate: Some(files.path("none.pem")), ..files.settings() };
    let told = refused(missing).await;
    assert!(
        told.starts_with("tls_certificate is `") && told.contains("none.pem`, from which no certificate"),
        "{told}"
    );

    let wrong = Settings { tls_key: Some(files.path("certificate.pem")), ..files.settings() };
    let told = refused(wrong).await;
    assert!(
        told.starts_with("tls_key is `") && told.contains("from which no private key in PEM can be read"),
        "{told}"
    );

    let stranger = Settings { tls_key: Some(other.path("key.pem")), ..files.settings() };
    let told = refused(stranger).await;
    assert!(told.starts_with("tls_certificate `") && told.contains("cannot be used: "), "{told}");
}

/// Waits until new connections get the certificate in place.
async fn renewed(files: &Files, address: SocketAddr) {
    for _ in 0..1000 {
        if files.try_connect(address, &TLS13).await.is_ok() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the new certificate is not taken");
}

#[tokio::test]
async fn at_a_hang_up_new_connections_get_the_new_certificate_and_old_ones_go_on() {
    let mut files = Files::new();
    let argument = |path: &Path| path.to_str().unwrap().to_owned();
    let (certificate, key) = (argument(&files.path("certificate.pem")), argument(&files.path("key.pem")));
    let mut binary = Binary::start(&["--tls-certificate", &certificate, "--tls-key", &key, "--open-sessions"], None, 2);
    let address: SocketAddr = binary.address("https://").parse().unwrap();
    let mut old = files.websocket(address, &TLS13).await;

    files.renew();
    assert!(files.try_connect(address, &TLS13).await.is_err(), "nobody has told the server yet");
    binary.signal(Signal::SIGHUP);
    renewed(&files, address).await;
    old.round_trip("still here").await;

    // A renewal that went wrong is no outage.
    std::fs::write(&certificate, "no certificate").unwrap();
    binary.signal(Signal::SIGHUP);
    sleep(Duration::from_millis(200)).await;
    files.websocket(address, &TLS12).await.round_trip("as before").await;
    binary.signal(Signal::SIGTERM);
    drop(old);
    assert!(binary.ended().success());
}
