use std::{future::pending, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _, future::BoxFuture};
use serde_json::value::RawValue;
use swampdragon_client::{Action, Client, Config, Event, Incoming, JsonTypes, Outgoing, Remembered, classify};
use swampdragon_protocol::{
    ClientMessage, HeartbeatReply, ServerMessage, SessionState, close_code,
    json::{decode_server_message, encode_client_message},
    retry_after,
};
use tokio::{
    net::TcpStream,
    sync::{Semaphore, watch},
    time::{Instant, sleep_until},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message},
};

use crate::{
    Wire,
    counts::{Counts, count},
    dial::dial,
    timings::Recorder,
    wire::Heard,
};

/// What all pages of a load share.
pub(crate) struct Shared {
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) wire: Wire,
    pub(crate) prefix: String,
    pub(crate) opening: Semaphore,
    pub(crate) config: Config,
    pub(crate) stay: Option<Duration>,
    pub(crate) counts: Counts,
    pub(crate) recorder: Recorder,
}

/// One page: the client's machine, its socket and its timer.
pub(crate) struct Page {
    shared: Arc<Shared>,
    number: usize,
    client: Client<JsonTypes>,
    session: String,
    socket: Socket,
    alarm: Option<Instant>,
    /// When another page takes this one's place.
    leaves: Option<Instant>,
    /// Which server the next connection goes to.
    turn: usize,
    is_open: bool,
    told_expired: bool,
    /// When the last heartbeat message came on this connection.
    heartbeat: Option<Instant>,
    made: Instant,
}

enum Socket {
    None,
    Opening(BoxFuture<'static, Result<WebSocketStream<TcpStream>, Error>>),
    Open(Box<WebSocketStream<TcpStream>>),
}

/// What a page's socket does by itself.
enum Happening {
    Opened(Box<WebSocketStream<TcpStream>>),
    Failed,
    Said(Message),
    Ended,
}

impl Page {
    pub(crate) fn new(shared: Arc<Shared>, number: usize, session: String) -> Self {
        let client = Client::new(shared.config);
        Self {
            shared,
            number,
            client,
            session,
            socket: Socket::None,
            alarm: None,
            leaves: None,
            turn: number,
            is_open: false,
            told_expired: false,
            heartbeat: None,
            made: Instant::now(),
        }
    }

    /// In milliseconds, as the client counts.
    fn now(&self) -> u32 {
        // Only the lower bits are wanted.
        self.made.elapsed().as_millis() as u32
    }

    /// Connects at that time and stays connected, for ever.
    pub(crate) async fn run(mut self, at: Instant, mut cuts: watch::Receiver<u64>) {
        sleep_until(at).await;
        self.client.handle_session(Some(self.session.clone()));
        self.come();
        loop {
            self.drain().await;
            tokio::select! {
                happening = self.socket.next() => self.happened(happening).await,
                () = ring(self.alarm) => {
                    self.alarm = None;
                    self.client.handle_timer(self.now(), random());
                }
                () = ring(self.leaves) => {
                    self.leave().await;
                    self.come();
                }
                cut = cuts.changed() => match cut {
                    Ok(()) => {
                        self.reset();
                        self.lost(close_code::ABNORMAL.code, None);
                    }
                    Err(_) => return,
                },
            }
        }
    }

    fn come(&mut self) {
        self.leaves = self.shared.stay.map(|stay| Instant::now() + stay.mul_f64(2.0 * fastrand::f64()));
        self.client.handle_connect(self.shared.prefix.clone(), self.shared.wire.framing(), Remembered::NOTHING);
    }

    async fn leave(&mut self) {
        if fastrand::bool() {
            self.reset();
        }
        self.client.handle_disconnect();
        self.drain().await;
    }

    async fn happened(&mut self, happening: Happening) {
        match happening {
            Happening::Opened(socket) => {
                self.socket = Socket::Open(socket);
                if self.shared.wire.opens_by_itself() {
                    self.opened();
                }
            }
            Happening::Failed => self.lost(close_code::ABNORMAL.code, None),
            Happening::Said(Message::Text(text)) => self.said(&text).await,
            Happening::Said(Message::Close(frame)) => {
                let (code, reason) = frame.map_or((close_code::ABNORMAL.code, None), |frame| {
                    (frame.code.into(), Some(frame.reason.as_str().to_owned()))
                });
                self.lost(code, reason);
            }
            Happening::Said(_) => self.client.handle_heard(self.now()),
            Happening::Ended => self.lost(close_code::ABNORMAL.code, None),
        }
    }

    fn opened(&mut self) {
        self.heartbeat = None;
        self.client.handle_opened(self.now(), self.shared.wire.framing());
    }

    async fn said(&mut self, text: &str) {
        match self.shared.wire.decode(text) {
            Heard::Opened => self.opened(),
            Heard::Messages(messages) => messages.into_iter().for_each(|message| self.message(message)),
            Heard::Closed { code, reason } => self.lost(code, Some(reason)),
            Heard::Asked(answer) => self.send(answer.to_owned()).await,
            Heard::Alive => self.client.handle_heard(self.now()),
            Heard::Malformed => self.lost(close_code::PROTOCOL_ERROR.code, None),
        }
    }

    fn message(&mut self, text: String) {
        let incoming = classify(&text);
        match (incoming, RawValue::from_string(text)) {
            (Ok(incoming), Ok(payload)) => {
                if matches!(incoming, Incoming::Heartbeat(_)) {
                    let now = Instant::now();
                    if let Some(last) = self.heartbeat.replace(now) {
                        self.shared.recorder.heartbeat(now - last);
                    }
                }
                self.client.handle_message(self.now(), incoming, payload);
            }
            _ => self.lost(close_code::PROTOCOL_ERROR.code, None),
        }
    }

    fn lost(&mut self, code: u16, reason: Option<String>) {
        let asked = reason.as_deref().and_then(retry_after).unwrap_or_default();
        self.client.handle_closed(code, reason, u32::try_from(asked.as_millis()).unwrap_or(u32::MAX), random());
    }

    /// Ends the connection without a word to the server's WebSocket.
    fn reset(&mut self) {
        if let Socket::Open(socket) = std::mem::replace(&mut self.socket, Socket::None) {
            // Without lingering, the system sends a reset when the socket is dropped.
            let _ = socket.get_ref().set_zero_linger();
        }
    }

    /// Does what the client asks for, and counts what it tells.
    async fn drain(&mut self) {
        loop {
            if let Some(action) = self.client.poll_action() {
                self.perform(action).await;
            } else if let Some(event) = self.client.poll_event() {
                self.tell(event);
            } else {
                return;
            }
        }
    }

    async fn perform(&mut self, action: Action<JsonTypes>) {
        match action {
            Action::Open { endpoint, .. } => {
                let server = self.shared.servers.get(self.turn % self.shared.servers.len().max(1)).copied();
                self.turn = self.turn.wrapping_add(1);
                self.socket = server.map_or(Socket::None, |server| {
                    Socket::Opening(Box::pin(open(Arc::clone(&self.shared), server, endpoint, self.number)))
                });
            }
            Action::Send(message) => {
                let text = match message {
                    Outgoing::Request(text) => text,
                    Outgoing::HeartbeatReply(HeartbeatReply { value, session, ack }) => {
                        count(&self.shared.counts.answers);
                        if let Some(session) = &session {
                            self.shared.recorder.answer(session);
                        }
                        encode_client_message(&ClientMessage::HeartbeatReply(HeartbeatReply { value, session, ack }))
                    }
                };
                self.send(self.shared.wire.encode(text)).await;
            }
            Action::Close(_) => {
                if let Socket::Open(mut socket) = std::mem::replace(&mut self.socket, Socket::None) {
                    let _ = socket.send(Message::Close(None)).await;
                }
            }
            Action::Arm(milliseconds) => {
                self.alarm = Some(Instant::now() + Duration::from_millis(milliseconds.into()));
            }
            Action::Disarm => self.alarm = None,
        }
    }

    async fn send(&mut self, text: String) {
        if let Socket::Open(socket) = &mut self.socket {
            // The socket itself tells when it has ended.
            let _ = socket.send(Message::text(text)).await;
        }
    }

    fn tell(&mut self, event: Event<JsonTypes>) {
        let counts = &self.shared.counts;
        match event {
            Event::Open => {
                self.is_open = true;
                count(&counts.opened);
                self.client.handle_open_delivered();
            }
            Event::Close { .. } => {
                count(if std::mem::take(&mut self.is_open) { &counts.ended } else { &counts.failed });
            }
            Event::Session { message: notice, .. } => {
                let notice = decode_server_message(notice.get());
                let expired = matches!(notice, Ok(ServerMessage::Session(it)) if it.state == SessionState::Expired);
                if expired && !std::mem::replace(&mut self.told_expired, true) {
                    count(&counts.pages_told_expired);
                }
            }
            _ => {}
        }
    }
}

impl Socket {
    /// What happens next, if it does by itself.
    async fn next(&mut self) -> Happening {
        match self {
            Self::None => pending().await,
            Self::Opening(opening) => match opening.await {
                Ok(socket) => Happening::Opened(Box::new(socket)),
                Err(_) => Happening::Failed,
            },
            Self::Open(socket) => match socket.next().await {
                Some(Ok(message)) => Happening::Said(message),
                Some(Err(_)) | None => Happening::Ended,
            },
        }
    }
}

async fn open(
    shared: Arc<Shared>,
    server: SocketAddr,
    prefix: String,
    number: usize,
) -> Result<WebSocketStream<TcpStream>, Error> {
    // Never closed.
    let _turn = shared.opening.acquire().await;
    dial(server, shared.wire, &prefix, number).await
}

async fn ring(alarm: Option<Instant>) {
    match alarm {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

fn random() -> u32 {
    fastrand::u32(..)
}
