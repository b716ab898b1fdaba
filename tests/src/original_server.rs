//! The servers of SwampDragon, played: what they were recorded to send, for what they were recorded to take.

use std::{
    fmt::Write as _,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Result;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::interval,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        self, Message,
        handshake::server::{Request, Response},
    },
};

use crate::deadline::eventually;

/// Which server is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// That of 0.3.0, with the `DataConnection` of its documentation on sessions.
    Documented,
    /// 0.4.2.2.
    Last,
}

/// One original server, with a router `demo` and sessions.
pub struct OriginalServer {
    address: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    publications: watch::Sender<Option<(u32, String)>>,
    task: AbortHandle,
}

/// What happened on one connection.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// The path it asked for.
    pub path: String,
    /// Its frames, to the letter.
    pub frames: Vec<String>,
    /// How many heartbeat messages it was sent.
    pub heartbeats: usize,
    /// Answers to them that were taken.
    pub answers: usize,
    /// Why it was aborted, if it was.
    pub aborted: Option<String>,
}

/// What a message leads to.
enum Outcome {
    Silence,
    Answer(String),
    /// An exception after the answer.
    AnswerAndAbort(String),
    Abort,
    Drop,
}

impl OriginalServer {
    /// Starts one on a free port; the first heartbeat comes after one whole interval.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(era: Era, heartbeat_interval: Duration) -> Result<Self> {
        Self::start_for(era, heartbeat_interval, true).await
    }

    /// Starts one that lets no page in (0.4.2.2 looks at the origin).
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn refusing() -> Result<Self> {
        Self::start_for(Era::Last, Duration::from_secs(60), false).await
    }

    async fn start_for(era: Era, heartbeat_interval: Duration, origin_allowed: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let publications = watch::Sender::new(None);
        let (log, published) = (Arc::clone(&heard), publications.clone());
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let mut play = Play { era, origin_allowed, log: Arc::clone(&log), number: 0, subscribed: false };
                let publications = published.subscribe();
                connections.spawn(async move { play.serve(stream, heartbeat_interval, publications).await });
            }
        })
        .abort_handle();
        Ok(Self { address, heard, publications, task })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What happened on each connection so far.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        lock(&self.heard).clone()
    }

    /// Waits until what was heard is enough.
    ///
    /// # Errors
    /// When it never is.
    pub async fn until(&self, what: &str, enough: impl Fn(&[Heard]) -> bool) -> Result<Vec<Heard>> {
        let waited = eventually(what, || async {
            let heard = self.heard();
            Ok(enough(&heard).then_some(heard))
        });
        waited.await.map_err(|error| error.context(format!("the server heard {:#?}", self.heard())))
    }

    /// Publishes to whoever has subscribed.
    pub fn publish(&self, data: &Value) {
        let text = format!(r#"{{"data": {}, "action": "created", "channel": "demochan"}}"#, python(data, " "));
        self.publications.send_modify(|publication| {
            let number = publication.as_ref().map_or(0, |(number, _)| number + 1);
            *publication = Some((number, text));
        });
    }
}

impl Drop for OriginalServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Socket = WebSocketStream<TcpStream>;

/// One connection as the server sees it.
struct Play {
    era: Era,
    origin_allowed: bool,
    log: Arc<Mutex<Vec<Heard>>>,
    number: usize,
    subscribed: bool,
}

impl Play {
    async fn serve(
        &mut self,
        mut stream: TcpStream,
        heartbeat_interval: Duration,
        mut publications: watch::Receiver<Option<(u32, String)>>,
    ) -> Result<()> {
        if !asks_for_websocket(&stream).await? {
            return answer_info(&mut stream).await;
        }
        let mut path = String::new();
        // The callback's form, large error included, is tungstenite's.
        #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
        let mut socket = accept_hdr_async(stream, |request: &Request, response: Response| {
            path = request.uri().path().to_owned();
            Ok(response)
        })
        .await?;
        let raw = path == "/data/websocket";
        {
            let mut log = lock(&self.log);
            self.number = log.len();
            log.push(Heard { path, ..Heard::default() });
        }
        if !raw {
            socket.send(Message::text("o")).await?;
        }
        if !self.origin_allowed {
            return close(&mut socket, raw, r#"c[4000,"Invalid origin"]"#).await;
        }
        let mut heartbeats = interval(heartbeat_interval);
        heartbeats.tick().await;
        publications.mark_unchanged();
        loop {
            tokio::select! {
                _ = heartbeats.tick() => {
                    socket.send(Message::text(self.heartbeat(raw))).await?;
                    self.heard(|heard| heard.heartbeats += 1);
                }
                Ok(()) = publications.changed() => {
                    let text = publications.borrow_and_update().as_ref().map(|(_, text)| text.clone());
                    if let Some(text) = text.filter(|_| self.subscribed) {
                        // A string in both eras, unlike the last era's direct answers.
                        let frame = if raw { text } else { format!("a[{}]", Value::from(text)) };
                        socket.send(Message::text(frame)).await?;
                    }
                }
                frame = socket.next() => match frame {
                    Some(Ok(Message::Text(text))) => {
                        self.heard(|heard| heard.frames.push(text.to_string()));
                        if self.received(&mut socket, raw, &text).await? {
                            return Ok(());
                        }
                    }
                    // tungstenite echoes a close by itself.
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Ok(()),
                }
            }
        }
    }

    /// Whether the connection is over.
    async fn received(&mut self, socket: &mut Socket, raw: bool, text: &str) -> Result<bool> {
        let Some(messages) = messages(raw, text) else { return Ok(true) };
        for message in messages {
            let outcome = match &message {
                Value::String(message) => self.outcome(raw, message),
                Value::Object(_) => self.outcome(raw, &message.to_string()),
                _ if self.era == Era::Documented => Outcome::Drop,
                _ => Outcome::Abort,
            };
            if let Outcome::Answer(answer) | Outcome::AnswerAndAbort(answer) = &outcome {
                socket.send(Message::text(self.frame(raw, answer))).await?;
            }
            match outcome {
                Outcome::Silence | Outcome::Answer(_) => {}
                Outcome::Drop => return Ok(true),
                Outcome::AnswerAndAbort(_) | Outcome::Abort => {
                    self.heard(|heard| heard.aborted = Some(message.to_string()));
                    close(socket, raw, self.abort()).await?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn outcome(&mut self, raw: bool, text: &str) -> Outcome {
        // The earlier era takes ' for ", which few messages with an apostrophe survive.
        let text = if self.era == Era::Documented { text.replace('\'', "\"") } else { text.to_owned() };
        let Ok(message) = serde_json::from_str::<Value>(&text) else { return Outcome::Abort };
        if message.get("heartbeat").is_some() {
            let taken = match self.era {
                Era::Documented => message["heartbeat"] == "tick" && message["session"].is_string(),
                Era::Last => message == json!({ "heartbeat": "1" }),
            };
            if taken {
                self.heard(|heard| heard.answers += 1);
            }
            return if taken { Outcome::Silence } else { Outcome::Abort };
        }
        let null_args = message.get("args") == Some(&Value::Null);
        if message["route"] != "demo" || null_args && self.era == Era::Documented {
            return Outcome::Abort;
        }
        let args = message.get("args").filter(|args| !args.is_null()).cloned().unwrap_or_else(|| json!({}));
        let verb = message["verb"].as_str().unwrap_or_default();
        let reply = |data, state| Reply { data, callback_name: &message["callbackname"], verb, state, channel: None };
        let blank = self.blank(raw);
        match verb {
            "echo" => Outcome::Answer(reply(args, "success").json(blank)),
            "fail" => Outcome::Answer(reply(json!({ "text": ["too long"] }), "error").json(blank)),
            "private" => Outcome::Answer(reply(Value::Null, "login_required").json(blank)),
            "subscribe" | "unsubscribe" => {
                self.subscribed = verb == "subscribe";
                let action = (self.era == Era::Last).then_some(verb);
                let channel = Some((&args["channel"], action));
                let answer = Reply { channel, ..reply(format!("{verb}d").into(), "success") }.json(blank);
                match (self.era, verb) {
                    (Era::Documented, "unsubscribe") => Outcome::AnswerAndAbort(answer),
                    _ => Outcome::Answer(answer),
                }
            }
            // A handler that sends nothing.
            "silent" => Outcome::Silence,
            _ => Outcome::Abort,
        }
    }

    /// What stands after `,` and `:` in answers. In SockJS frames the last era's are written with the frame around them.
    fn blank(&self, raw: bool) -> &'static str {
        if self.era == Era::Last && !raw { "" } else { " " }
    }

    fn heartbeat(&self, raw: bool) -> &'static str {
        match (self.era, raw) {
            (Era::Documented, false) => r#"a["{\"heartbeat\": \"tick\"}"]"#,
            (Era::Documented, true) => r#"{"heartbeat": "tick"}"#,
            (Era::Last, false) => r#"a[{"heartbeat":"1"}]"#,
            (Era::Last, true) => r#"{"heartbeat": "1"}"#,
        }
    }

    fn frame(&self, raw: bool, answer: &str) -> String {
        match (self.era, raw) {
            (_, true) => answer.to_owned(),
            (Era::Documented, false) => format!("a[{}]", Value::from(answer)),
            // An object, not a string.
            (Era::Last, false) => format!("a[{answer}]"),
        }
    }

    fn abort(&self) -> &'static str {
        match self.era {
            Era::Documented => r#"c[3000,"Go away!"]"#,
            Era::Last => r#"c[3001,"Connection aborted"]"#,
        }
    }

    fn heard(&self, note: impl FnOnce(&mut Heard)) {
        if let Some(heard) = lock(&self.log).get_mut(self.number) {
            note(heard);
        }
    }
}

/// A WebSocket close frame without a code follows every close frame of SockJS.
async fn close(socket: &mut Socket, raw: bool, frame: &'static str) -> Result<()> {
    if !raw {
        socket.send(Message::text(frame)).await?;
    }
    match socket.close(None).await {
        Ok(()) | Err(tungstenite::Error::ConnectionClosed) => {}
        Err(error) => return Err(error.into()),
    }
    // Until the peer has closed, too, so that it sees no broken connection.
    while let Some(Ok(_)) = socket.next().await {}
    Ok(())
}

/// The messages of a frame; a payload that is no JSON drops the connection.
fn messages(raw: bool, text: &str) -> Option<Vec<Value>> {
    if raw {
        return Some(vec![Value::from(text)]);
    }
    if text.is_empty() {
        return Some(vec![]);
    }
    match serde_json::from_str(text).ok()? {
        Value::Array(messages) => Some(messages),
        message => Some(vec![message]),
    }
}

/// What a router answers.
struct Reply<'a> {
    data: Value,
    callback_name: &'a Value,
    verb: &'a str,
    state: &'a str,
    /// The local channel, and what is done with it.
    channel: Option<(&'a Value, Option<&'a str>)>,
}

impl Reply<'_> {
    /// `blank` is what stands after `,` and `:`.
    fn json(&self, blank: &str) -> String {
        let Self { data, callback_name, verb, state, channel } = self;
        let fields = |fields: &[(&str, String)]| {
            let fields = fields.iter().map(|(name, value)| format!("\"{name}\":{blank}{value}"));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(&format!(",{blank}")))
        };
        let context = fields(&[
            ("client_callback_name", callback_name.to_string()),
            ("verb", format!("\"{verb}\"")),
            ("state", format!("\"{state}\"")),
        ]);
        let mut reply = vec![("data", python(data, blank)), ("context", context)];
        if let Some((local, action)) = channel {
            let mut channels =
                vec![("local_channel", local.to_string()), ("remote_channels", r#"["demochan"]"#.to_owned())];
            channels.extend(action.map(|action| ("action", format!("\"{action}\""))));
            reply.push(("channel_data", fields(&channels)));
        }
        fields(&reply)
    }
}

/// JSON as Python writes it: nothing but ASCII, and `blank` after `,` and `:`.
fn python(value: &Value, blank: &str) -> String {
    let comma = format!(",{blank}");
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| python(item, blank)).collect::<Vec<_>>().join(&comma))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                format!("{}:{blank}{}", python(&Value::from(name.as_str()), blank), python(value, blank))
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(&comma))
        }
        plain => plain.to_string().chars().fold(String::new(), |mut text, char| {
            if char.is_ascii() {
                text.push(char);
            } else {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
            text
        }),
    }
}

async fn asks_for_websocket(stream: &TcpStream) -> io::Result<bool> {
    let mut head = [0; 4096];
    loop {
        let length = stream.peek(&mut head).await?;
        let text = String::from_utf8_lossy(&head[..length]).to_ascii_lowercase();
        if text.contains("\r\n\r\n") || length == 0 || length == head.len() {
            return Ok(text.contains("upgrade: websocket"));
        }
        // The rest of the head is under way.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What both answer at `/data/info`; other requests get it, too.
async fn answer_info(stream: &mut TcpStream) -> Result<()> {
    let mut request = vec![0; 4096];
    let length = stream.read(&mut request).await?;
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let origin = request.lines().find_map(|line| line.strip_prefix("Origin: ")).unwrap_or("*");
    let body = r#"{"websocket":true,"cookie_needed":true,"origins":["*:*"],"entropy":1234567890}"#;
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nAccess-Control-Allow-Origin: {origin}\r\n\
         Access-Control-Allow-Credentials: true\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    Ok(stream.write_all(response.as_bytes()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo<'a>(data: Value, callback_name: &'a Value) -> Reply<'a> {
        Reply { data, callback_name, verb: "echo", state: "success", channel: None }
    }

    #[test]
    fn answers_are_written_as_recorded() {
        let name = Value::from("cb_0");
        assert_eq!(
            echo(json!({ "a": 1 }), &name).json(" "),
            r#"{"data": {"a": 1}, "context": {"client_callback_name": "cb_0", "verb": "echo", "state": "success"}}"#
        );
        let local = Value::from("local");
        let subscribed = Reply { channel: Some((&local, Some("subscribe"))), ..echo(json!(["é", null]), &name) };
        assert_eq!(
            subscribed.json(""),
            concat!(
                r#"{"data":["\u00e9",null],"context":{"client_callback_name":"cb_0","verb":"echo","state":"success"},"#,
                r#""channel_data":{"local_channel":"local","remote_channels":["demochan"],"action":"subscribe"}}"#
            )
        );
    }
}
