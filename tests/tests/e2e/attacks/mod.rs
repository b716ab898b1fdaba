//! What an attacker tries and what comes of it: the refusal that `docs/security.md` names, other peers undisturbed, and
//! Redis exactly as it was.

mod broken_protocol;
mod floods;
mod leaks;
mod other_pages;
mod other_sessions;

use std::{collections::BTreeMap, future::Future, time::Duration};

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use redis::AsyncCommands as _;
use serde_json::Value;
use swampdragon_tests::{
    deadline::PATIENCE,
    peer::Peer,
    redis::{Entry, Redis, SESSION_KEY_PREFIX},
    server::Server,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
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
    let fixed = ["--session-store", &url, "--session-ttl", "2m", "--heartbeat-interval", "1m", "--log", "trace"];
    let server = Server::start(fixed.into_iter().chain(settings.iter().copied()))?;
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
        let (socket, _) = connect_async(self.upgrade(path, headers)?).await.context("no WebSocket")?;
        Ok(Socket(socket))
    }

    /// A connection that has said nothing yet.
    async fn tcp(&self) -> Result<TcpStream> {
        Ok(TcpStream::connect(("127.0.0.1", self.server.port()?)).await?)
    }

    /// Sends bytes and reads the answer until the server closes.
    async fn answer_to(&self, bytes: impl AsRef<[u8]>) -> Result<String> {
        let mut tcp = self.tcp().await?;
        tcp.write_all(bytes.as_ref()).await?;
        let mut answer = Vec::new();
        // A server that hangs up on unread bytes may do so with a reset; what it said before counts.
        let _ =
            timeout(PATIENCE, tcp.read_to_end(&mut answer)).await.context("the server neither answers nor closes")?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The answer to one HTTP request with these header lines besides.
    async fn request(&self, line: &str, headers: &str, body: &str) -> Result<String> {
        let length = body.len();
        self.answer_to(format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}",
            self.server.port()?
        ))
        .await
    }
}

/// A WebSocket in an attacker's hands.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn send(&mut self, message: Message) -> Result<()> {
        use futures_util::SinkExt as _;
        Ok(self.0.send(message).await?)
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
    fn into_tcp(self) -> Result<TcpStream> {
        match self.0.into_inner() {
            MaybeTlsStream::Plain(tcp) => Ok(tcp),
            _ => anyhow::bail!("not plain TCP"),
        }
    }
}

/// Every attack in the documentation has its test here, and the other way round.
#[test]
fn the_documentation_names_each_of_these_tests() {
    let documented = include_str!("../../../../docs/security.md");
    let files = [
        ("broken_protocol", include_str!("broken_protocol.rs")),
        ("floods", include_str!("floods.rs")),
        ("leaks", include_str!("leaks.rs")),
        ("other_pages", include_str!("other_pages.rs")),
        ("other_sessions", include_str!("other_sessions.rs")),
    ];
    let mut tests: Vec<String> = Vec::new();
    for (file, source) in files {
        let named = source.split("#[tokio::test]\nasync fn ").skip(1).filter_map(|rest| rest.split('(').next());
        tests.extend(named.map(|name| format!("{file}::{name}")));
    }
    assert!(tests.len() > 20, "only {} tests found", tests.len());
    for test in &tests {
        assert!(documented.contains(&format!("`{test}`")), "docs/security.md does not name `{test}`");
    }
    let named = documented.split('`').skip(1).step_by(2);
    for name in named.filter(|name| files.iter().any(|(file, _)| name.starts_with(&format!("{file}::")))) {
        assert!(tests.iter().any(|test| test == name), "docs/security.md names `{name}`, which is no test");
    }
}
