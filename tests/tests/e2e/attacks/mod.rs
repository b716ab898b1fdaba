//! What an attacker tries and what comes of it: the refusal that `docs/security.md` names, other peers undisturbed, and
//! Redis exactly as it was.

mod backend_api;
mod broken_protocol;
mod crowds;
mod documentation;
mod floods;
mod leaks;
mod other_pages;
mod other_sessions;
mod policies;
mod silent_peers;

use std::{collections::BTreeMap, future::Future, net::Ipv4Addr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use redis::AsyncCommands as _;
use serde_json::{Value, json};
use swampdragon_tests::{
    deadline::PATIENCE,
    peer::Peer,
    redis::{Entry, Redis, SESSION_KEY_PREFIX},
    server::Server,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _, handshake::client::Request, http::HeaderValue},
};

/// A session of somebody else.
const VICTIM: &str = "victim-4f6e1c";

/// How long sessions of other programs live: longer than the server's own.
const LONG: Duration = Duration::from_secs(600);

/// What is attacked.
struct Target {
    server: Server,
    redis: Redis,
    bystander: Peer,
    before: BTreeMap<String, Entry>,
}

/// Lets `attempt` attack a server with these settings, then sees that nobody else was disturbed and that Redis holds what
/// it held.
async fn attack<F, Fut>(settings: &[&str], attempt: F) -> Result<()>
where
    F: FnOnce(Target) -> Fut,
    Fut: Future<Output = Result<Target>>,
{
    let redis = Redis::start().await?;
    let mut connection = redis.connection().await?;
    connection.set::<_, _, ()>("config", "precious").await?;
    connection.set_ex::<_, _, ()>("other:session:k1", "theirs", LONG.as_secs()).await?;
    connection.set::<_, _, ()>(format!("{SESSION_KEY_PREFIX}persistent"), "for ever").await?;
    redis.store_session("long", LONG).await?;
    redis.store_session(VICTIM, Duration::from_secs(90)).await?;
    let url = redis.url();
    let usual =
        [["--session-store", &url], ["--session-ttl", "2m"], ["--heartbeat-interval", "1m"], ["--log", "trace"]];
    let usual = usual.into_iter().filter(|[flag, _]| !settings.contains(flag)).flatten();
    let server = Server::start(usual.chain(settings.iter().copied()))?;
    let mut bystander = Peer::connect(&server).await?;
    bystander.alive().await?;
    let before = redis.snapshot().await?;

    let mut target = attempt(Target { server, redis, bystander, before }).await?;

    target.bystander.alive().await.context("another peer was disturbed")?;
    ensure!(target.redis.snapshot().await? == target.before, "the attack changed what Redis holds");
    for name in ["other:session:k1", &format!("{SESSION_KEY_PREFIX}long")] {
        let left = target.redis.life(name).await?.left()?;
        ensure!(left > LONG - Duration::from_secs(60), "{name} was cut short to {left:?}");
    }
    let left = target.redis.session_life(VICTIM).await?.left()?;
    ensure!(left <= Duration::from_secs(90), "the session of somebody else was prolonged to {left:?}");
    Ok(())
}

impl Target {
    /// A request for a WebSocket at `path`, with these headers besides.
    fn upgrade(&self, path: &str, headers: &[(&'static str, &str)]) -> Result<Request> {
        let url = format!("{}{path}", self.server.url().replacen("http", "ws", 1));
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value)?);
        }
        Ok(request)
    }

    /// Opens a WebSocket at `path`, with these headers besides.
    async fn websocket(&self, path: &str, headers: &[(&'static str, &str)]) -> Result<Socket> {
        self.websocket_from(Ipv4Addr::LOCALHOST, path, headers).await
    }

    /// The same from another address of this machine's.
    async fn websocket_from(&self, from: Ipv4Addr, path: &str, headers: &[(&'static str, &str)]) -> Result<Socket> {
        let request = self.upgrade(path, headers)?;
        let (socket, _) = client_async(request, self.tcp_from(from).await?).await.context("no WebSocket")?;
        Ok(Socket(socket))
    }

    /// A connection that has said nothing yet.
    async fn tcp(&self) -> Result<TcpStream> {
        self.tcp_from(Ipv4Addr::LOCALHOST).await
    }

    /// The same from another address of this machine's, which has all of 127.0.0.0/8.
    async fn tcp_from(&self, from: Ipv4Addr) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        Ok(socket.connect((Ipv4Addr::LOCALHOST, self.server.port()?).into()).await?)
    }

    /// Host and port of the listener for operators.
    fn admin(&mut self) -> Result<String> {
        Ok(self.server.admin_url()?.replace("http://", ""))
    }

    /// Sends bytes and reads the answer until the server closes.
    async fn answer_to(&self, bytes: impl AsRef<[u8]>) -> Result<String> {
        let mut tcp = self.tcp().await?;
        tcp.write_all(bytes.as_ref()).await?;
        rest(&mut tcp).await
    }

    /// The answer to one HTTP request with these header lines besides.
    async fn request(&self, line: &str, headers: &str, body: &str) -> Result<String> {
        self.request_from(Ipv4Addr::LOCALHOST, line, headers, body).await
    }

    /// The same from another address of this machine's.
    async fn request_from(&self, from: Ipv4Addr, line: &str, headers: &str, body: &str) -> Result<String> {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}",
            self.server.port()?
        );
        let mut tcp = self.tcp_from(from).await?;
        // Fails where the server has turned the connection away, and said why, before it is asked anything.
        let _ = tcp.write_all(request.as_bytes()).await;
        rest(&mut tcp).await
    }
}

/// The first line of the answer to a request whose body comes byte by byte, until the server has had enough.
async fn status_of_slow_body(tcp: TcpStream, head: &str, byte: u8) -> Result<String> {
    let (mut read, mut write) = tcp.into_split();
    write.write_all(head.as_bytes()).await?;
    let slowly = async {
        while write.write_all(&[byte]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut answer = [0; 12];
    let answered = async {
        tokio::select! {
            answered = read.read_exact(&mut answer) => answered.map(drop),
            () = slowly => Ok(()),
        }
    };
    timeout(PATIENCE, answered).await.context("the server listens for ever")??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// What comes until the server closes.
async fn rest(tcp: &mut TcpStream) -> Result<String> {
    let mut rest = Vec::new();
    // A server that hangs up on unread bytes may do so with a reset; what it said before counts.
    let _ = timeout(PATIENCE, tcp.read_to_end(&mut rest)).await.context("the server neither answers nor closes")?;
    Ok(String::from_utf8_lossy(&rest).into_owned())
}

/// A WebSocket in an attacker's hands.
struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn send(&mut self, message: Message) -> Result<()> {
        use futures_util::SinkExt as _;
        Ok(self.0.send(message).await?)
    }

    /// Answers a heartbeat with this as the session, and asks what comes of it.
    async fn answer(&mut self, session: impl Into<Value>) -> Result<Value> {
        self.send_text(json!({ "heartbeat": "tick", "session": session.into(), "ack": true }).to_string()).await?;
        self.notice().await
    }

    /// Asks for the end of this session, and what comes of it.
    async fn log_out(&mut self, session: &str) -> Result<Value> {
        self.send_text(json!({ "logout": true, "session": session }).to_string()).await?;
        self.notice().await
    }

    /// The next word on a session; heartbeat messages pass.
    async fn notice(&mut self) -> Result<Value> {
        loop {
            let message = self.json().await?;
            if message.get("state").is_some() {
                return Ok(message);
            }
        }
    }

    async fn send_text(&mut self, text: impl Into<String>) -> Result<()> {
        self.send(Message::text(text.into())).await
    }

    /// The next text.
    async fn text(&mut self) -> Result<String> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.context("nothing came")? {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => anyhow::bail!("expected a text, but {other:?} came"),
            }
        }
    }

    /// The next message as JSON.
    async fn json(&mut self) -> Result<Value> {
        Ok(serde_json::from_str(&self.text().await?)?)
    }

    /// Reads until the server's close frame; its code.
    async fn close_code(mut self) -> Result<u16> {
        timeout(PATIENCE, async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Close(frame))) => return Ok(frame.map_or(1005, |frame| frame.code.into())),
                    Some(Ok(_)) => {}
                    other => anyhow::bail!("the connection ended without a close frame: {other:?}"),
                }
            }
        })
        .await
        .context("the server did not close")?
    }

    /// The bytes beneath, to break the protocol with.
    fn into_tcp(self) -> TcpStream {
        self.0.into_inner()
    }
}
