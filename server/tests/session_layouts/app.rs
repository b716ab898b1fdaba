//! A server that keeps an app's sessions, in a Redis with what the app has put there.

use std::{net::SocketAddr, time::Duration};

use redis::{AsyncCommands as _, aio::MultiplexedConnection};
use serde_json::Value;
use swampdragon_server::{
    Server, Sessions,
    settings::{Invocation, Loaded, Settings},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
};

use crate::{
    peer::{Peer, Seen},
    recording::Recording,
    redis_server::RedisServer,
};

/// What a session has left before a heartbeat.
pub(crate) const LEFT: Duration = Duration::from_secs(60);

pub(crate) struct App {
    pub(crate) server: SocketAddr,
    pub(crate) redis: MultiplexedConnection,
    pub(crate) sessions: Sessions,
    _redis_server: RedisServer,
    _stop: oneshot::Sender<()>,
}

/// The [recordings](Recording) of the plainest sessions.
pub(crate) const EXPRESS: &str = "maxAge of 30 minutes";
pub(crate) const DJANGO: &str = "no set_expiry";

/// What an operator gives for the framework of a recording, whose secret is in a variable.
pub(crate) fn read(recording: &Recording, more: &[&str]) -> Settings {
    let layout = recording.options().layout.to_string();
    let mut command_line = vec!["swampdragon", "--session-layout", &layout, "--heartbeat-first-delay", "50ms"];
    command_line.extend(more);
    let secrets = recording.secrets.join("\n");
    match Loaded::read(command_line, [("SWAMP_DRAGON_SESSION_COOKIE_SECRETS", secrets)]) {
        Ok(Invocation::Run(loaded)) => loaded.settings,
        other => panic!("{other:?}"),
    }
}

impl App {
    pub(crate) async fn run(settings: Settings) -> Self {
        let redis_server = RedisServer::start();
        let client = redis::Client::open(redis_server.url()).unwrap();
        let redis = client.get_multiplexed_async_connection().await.unwrap();
        let settings = Settings { session_store: redis_server.url(), ..settings };
        let server = Server::builder().settings(settings).bind("127.0.0.1:0").await.unwrap();
        let (address, sessions) = (server.local_addr().unwrap(), server.sessions());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server.run_until(async {
            let _ = stopped.await;
        }));
        Self { server: address, redis, sessions, _redis_server: redis_server, _stop: stop }
    }

    /// As the framework of the recording, with the recorded session in Redis.
    pub(crate) async fn of(recording: &Recording) -> Self {
        let mut app = Self::run(read(recording, &[])).await;
        app.put(recording).await;
        app
    }

    pub(crate) async fn put(&mut self, recording: &Recording) {
        let milliseconds = u64::try_from(LEFT.as_millis()).unwrap();
        let () = self.redis.pset_ex(&recording.key, recording.value(), milliseconds).await.unwrap();
    }

    pub(crate) async fn left(&mut self, key: &str) -> Duration {
        Duration::from_millis(self.redis.pttl::<_, i64>(key).await.unwrap().try_into().unwrap_or(0))
    }

    /// A page that connects by SockJS over a WebSocket, with this cookie.
    pub(crate) async fn page(&self, cookie: &str) -> Peer {
        let headers = [("Cookie", cookie), ("Origin", &format!("http://{}", self.server))];
        let mut peer = Peer::connect_with(self.server, "/data/000/abc/websocket", &headers).await;
        assert_eq!(peer.next().await, Seen::Text("o".into()));
        peer
    }

    /// Sends a request with an empty body. Status line and headers, and the body.
    pub(crate) async fn request(&self, line: &str, headers: &[(&str, &str)]) -> (String, String) {
        let mut socket = TcpStream::connect(self.server).await.unwrap();
        let mut request = format!("{line} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n", self.server);
        headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
        socket.write_all((request + "Connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }
}

/// The next message in a SockJS frame.
pub(crate) async fn message(page: &mut Peer) -> Value {
    let frame = page.text().await;
    let messages: Vec<String> = serde_json::from_str(frame.strip_prefix('a').unwrap()).unwrap();
    serde_json::from_str(&messages[0]).unwrap()
}

/// Sends a message in a SockJS frame.
pub(crate) async fn send(page: &mut Peer, message: &Value) {
    page.send(&serde_json::to_string(&[message.to_string()]).unwrap()).await;
}
