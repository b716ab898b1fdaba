//! A server with an admin listener, run in this process.

use std::{net::SocketAddr, time::Duration};

use swampdragon_server::{
    Server, ServerBuilder,
    session_store::{MemorySessionStore, SessionStoreOptions},
    settings::{Password, Settings},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep},
};

pub(crate) struct Running {
    pub(crate) pages: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<()>,
}

pub(crate) fn settings() -> Settings {
    Settings { admin_listen: Some("127.0.0.1:0".to_owned()), ..Settings::default() }
}

/// What backends show.
pub(crate) const TOKEN: &str = "the-token-of-these-tests";

/// [`settings`] with what is for backends turned on.
pub(crate) fn settings_for_backends() -> Settings {
    Settings { admin_token: Some(Password::new(TOKEN)), ..settings() }
}

pub(crate) fn server() -> ServerBuilder {
    let store = MemorySessionStore::new(&SessionStoreOptions::default());
    Server::builder().settings(settings()).session_store(store)
}

pub(crate) async fn run(builder: ServerBuilder) -> Running {
    let server = builder.bind("127.0.0.1:0").await.unwrap();
    let (pages, admin) = (server.local_addr().unwrap(), server.admin_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    Running { pages, admin, stop, ended }
}

/// Status line and headers, and the body.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (String, String) {
    request(address, &format!("GET {path}"), "", b"").await
}

/// The same for any request, with these lines of headers besides.
pub(crate) async fn request(address: SocketAddr, line: &str, headers: &str, body: &[u8]) -> (String, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request =
        format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
    socket.write_all(&[request.as_bytes(), body].concat()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

impl Running {
    /// The value in the line of `/metrics` that begins with `series`; 0 if there is none.
    pub(crate) async fn number(&self, series: &str) -> f64 {
        let (_, page) = get(self.admin, "/metrics").await;
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or(0.0)
    }

    /// Waits until a number is what the server makes it on its own.
    pub(crate) async fn number_becomes(&self, series: &str, expected: f64) {
        let started = Instant::now();
        loop {
            let number = self.number(series).await;
            if number == expected {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{series} is {number}, expected {expected}");
            sleep(Duration::from_millis(10)).await;
        }
    }
}
