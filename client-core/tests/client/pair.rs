//! A client and a scripted server under virtual time: no sockets, no sleeps.

use swampdragon_client::{
    Action, CallFailure, Client, Config, Event, Framing, JsonTypes, Outgoing, PageCall, Purpose, Remembered, State,
    Transport, classify,
};
use swampdragon_protocol::json::{decode_client_message, encode_client_message, to_payload};
use swampdragon_protocol::{Call, ClientMessage, HeartbeatReply};

/// Both sides, and the clock between them.
pub(crate) struct Pair {
    pub(crate) client: Client<JsonTypes>,
    /// Milliseconds since the start.
    pub(crate) now: u64,
    /// When the one timer fires.
    pub(crate) alarm: Option<u64>,
    /// Handed in wherever the client wants a random number.
    pub(crate) random: u32,
    /// How often a socket was opened.
    pub(crate) sockets: u32,
    pub(crate) socket_exists: bool,
    /// What the present socket, or the last one, has to be.
    pub(crate) transport: Transport,
    /// Whether that is a question for `/info`.
    pub(crate) asking: bool,
    /// What the shell keeps between connections.
    pub(crate) remembered: Remembered,
    /// What the server received on the present socket.
    pub(crate) heard: Vec<String>,
    /// What the application was told, in order; sent messages appear as `sent ...`.
    pub(crate) log: Vec<String>,
    calls: u32,
}

impl Pair {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            client: Client::new(config),
            now: 0,
            alarm: None,
            random: u32::MAX,
            sockets: 0,
            socket_exists: false,
            transport: Transport::WebSocket,
            asking: false,
            remembered: Remembered::NOTHING,
            heard: Vec::new(),
            log: Vec::new(),
            calls: 0,
        }
    }

    /// A pair that is connected over SockJS.
    pub(crate) fn open() -> Self {
        Self::open_with(Config::default())
    }

    pub(crate) fn open_with(config: Config) -> Self {
        let mut pair = Self::new(config);
        pair.connect();
        pair.accept();
        pair
    }

    pub(crate) fn connect(&mut self) {
        self.connect_to("wss://example.com/data", Framing::SockJs);
    }

    pub(crate) fn connect_to(&mut self, endpoint: &str, framing: Framing) {
        self.client.handle_connect(endpoint.to_owned(), framing, self.remembered);
        self.drain();
    }

    /// The server answers `/info`.
    pub(crate) fn inform(&mut self, websocket: bool, round_trip_ms: u32) {
        self.client.handle_info(websocket, round_trip_ms);
        self.drain();
    }

    /// Nobody answers `/info`.
    pub(crate) fn inform_nothing(&mut self) {
        self.client.handle_closed(1006, None, 0, self.random);
        self.drain();
    }

    /// The server opens the SockJS session.
    pub(crate) fn accept(&mut self) {
        self.accept_over(Framing::SockJs);
    }

    pub(crate) fn accept_over(&mut self, framing: Framing) {
        assert!(self.socket_exists, "nobody knocks");
        self.client.handle_opened(self.clock(), framing);
        self.drain();
    }

    /// The server says a message.
    pub(crate) fn say(&mut self, message: &str) {
        assert!(self.socket_exists, "nobody listens");
        let incoming = classify(message).expect("a message");
        let payload = serde_json::value::RawValue::from_string(message.to_owned()).expect("JSON");
        self.client.handle_message(self.clock(), incoming, payload);
        self.drain();
    }

    pub(crate) fn heartbeat_frame(&mut self) {
        self.client.handle_heard(self.clock());
        self.drain();
    }

    pub(crate) fn close(&mut self, code: u16) {
        self.close_asking(code, 0);
    }

    /// The server closes, and asks to be left alone for so many milliseconds.
    pub(crate) fn close_asking(&mut self, code: u16, retry_after_ms: u32) {
        self.client.handle_closed(code, None, retry_after_ms, self.random);
        self.drain();
    }

    /// The application wants no connection any more.
    pub(crate) fn disconnect(&mut self) {
        self.client.handle_disconnect();
        self.drain();
    }

    /// The page's cookies have changed.
    pub(crate) fn rebind(&mut self) {
        self.client.handle_rebind();
        self.drain();
    }

    /// The page is hidden away or frozen.
    pub(crate) fn suspend(&mut self) {
        self.client.handle_suspend();
        self.drain();
    }

    /// The page is back, and the browser sees a network.
    pub(crate) fn wake(&mut self) {
        self.client.handle_wake(self.clock(), true);
        self.drain();
    }

    /// The browser sees no network any more.
    pub(crate) fn go_offline(&mut self) {
        self.client.handle_wake(self.clock(), false);
        self.drain();
    }

    /// The machine sleeps: time passes and no timer fires.
    pub(crate) fn sleep(&mut self, milliseconds: u64) {
        self.now += milliseconds;
    }

    /// The machine is awake again, and the first thing to happen is the timer that should have fired meanwhile.
    pub(crate) fn fire_late_timer(&mut self) {
        self.pass(0);
    }

    /// A timer fires that the client has disarmed.
    pub(crate) fn fire_stray_timer(&mut self) {
        self.client.handle_timer(self.clock(), self.random);
        self.drain();
    }

    /// What the shell hands in as the time: a number that overflows early in each test.
    fn clock(&self) -> u32 {
        (u64::from(u32::MAX - 90_000) + self.now) as u32
    }

    /// Lets time pass and fires the timer whenever it is due.
    pub(crate) fn pass(&mut self, milliseconds: u64) {
        let until = self.now + milliseconds;
        while let Some(alarm) = self.alarm.filter(|alarm| *alarm <= until) {
            self.now = self.now.max(alarm);
            self.alarm = None;
            self.client.handle_timer(self.clock(), self.random);
            self.drain();
        }
        self.now = until;
    }

    /// Calls the router `demo`; the callback name is the handle's number.
    pub(crate) fn call(&mut self, verb: &str) -> u32 {
        self.call_for(verb, Purpose::Ordinary)
    }

    pub(crate) fn subscribe(&mut self, subject: &str) -> u32 {
        self.call_for("subscribe", Purpose::Subscribe(subject.to_owned()))
    }

    pub(crate) fn unsubscribe(&mut self, subject: &str) -> u32 {
        self.call_for("unsubscribe", Purpose::Unsubscribe(subject.to_owned()))
    }

    /// The application ends the session of this key.
    pub(crate) fn log_out(&mut self, key: &str) -> u32 {
        let request = encode_client_message(&ClientMessage::Logout(key.to_owned()));
        self.make_call(request, key.to_owned(), Purpose::Ordinary)
    }

    /// The visitor is here, or away.
    pub(crate) fn see(&mut self, present: bool) {
        self.client.handle_presence(self.clock(), present);
        self.drain();
    }

    fn call_for(&mut self, verb: &str, purpose: Purpose<JsonTypes>) -> u32 {
        let name = (self.calls + 1).to_string();
        let request = encode_client_message(&ClientMessage::Call(Call {
            route: "demo".to_owned(),
            verb: verb.to_owned(),
            args: Some(to_payload(&name).expect("a text")),
            callback_name: Some(name.clone()),
        }));
        self.make_call(request, name, purpose)
    }

    fn make_call(&mut self, request: String, callback_name: String, purpose: Purpose<JsonTypes>) -> u32 {
        self.calls += 1;
        let handle = self.calls;
        self.client.handle_call(PageCall { request, callback_name, purpose, handle });
        self.drain();
        handle
    }

    /// The server answers the call.
    pub(crate) fn reply(&mut self, handle: u32, state: &str) {
        self.say(&format!(
            r#"{{"data":{handle},"context":{{"client_callback_name":"{handle}","verb":"v","state":"{state}"}}}}"#
        ));
    }

    /// The server answers a subscribe or unsubscribe call.
    pub(crate) fn reply_channels(&mut self, handle: u32, local: &str, remote: &[&str]) {
        let remote = serde_json::to_string(remote).expect("strings");
        self.say(&format!(
            r#"{{"data":"subscribed","channel_data":{{"local_channel":"{local}","remote_channels":{remote}}},"context":{{"client_callback_name":"{handle}","verb":"v","state":"success"}}}}"#
        ));
    }

    /// How many calls of a verb the server has heard on this connection.
    pub(crate) fn heard_calls(&self, verb: &str) -> usize {
        self.heard
            .iter()
            .filter(|text| matches!(decode_client_message(text), Ok(ClientMessage::Call(call)) if call.verb == verb))
            .count()
    }

    pub(crate) fn state(&self) -> State {
        self.client.state()
    }

    pub(crate) fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// Does what a shell does.
    pub(crate) fn drain(&mut self) {
        loop {
            if let Some(action) = self.client.poll_action() {
                self.perform(action);
            } else if let Some(event) = self.client.poll_event() {
                let opened = matches!(event, Event::Open);
                self.log.push(describe(&event));
                if opened {
                    self.remembered = self.client.remembered();
                    self.client.handle_open_delivered();
                }
            } else {
                break;
            }
        }
    }

    fn perform(&mut self, action: Action<JsonTypes>) {
        match action {
            Action::Open { endpoint, transport } => {
                assert!(endpoint.starts_with("wss://example.com/"));
                self.asking = transport.is_none();
                self.transport = transport.unwrap_or(self.transport);
                assert!(!self.socket_exists, "a second socket beside the first");
                self.socket_exists = true;
                self.sockets += 1;
                self.heard.clear();
            }
            Action::Send(message) => {
                assert!(self.client.state().is_open(), "sent into nothing");
                let text = match message {
                    Outgoing::Request(text) => text,
                    Outgoing::HeartbeatReply(HeartbeatReply { value, session, ack }) => {
                        encode_client_message(&ClientMessage::HeartbeatReply(HeartbeatReply { value, session, ack }))
                    }
                };
                self.log.push(format!("sent {text}"));
                self.heard.push(text);
            }
            Action::Close(_) => {
                assert!(self.socket_exists, "closed what was not open");
                self.socket_exists = false;
                self.asking = false;
            }
            Action::Arm(milliseconds) => self.alarm = Some(self.now + u64::from(milliseconds)),
            Action::Disarm => self.alarm = None,
        }
    }
}

fn describe(event: &Event<JsonTypes>) -> String {
    match event {
        Event::Open => "open".to_owned(),
        Event::Close { code, reconnecting: true, .. } => format!("close {code}, reconnecting"),
        Event::Close { code, .. } => format!("close {code}"),
        Event::Heartbeat(_) => "heartbeat".to_owned(),
        Event::Reply { handle: Some(handle), state, .. } => format!("reply {handle} {}", state.as_str()),
        Event::Reply { handle: None, state, .. } => format!("reply {}", state.as_str()),
        Event::CallFailed { handle, reason } => format!("failed {handle} {}", failure(*reason)),
        Event::Publication { local_channels, .. } => format!("publication {}", local_channels.join(" ")),
        Event::Session { logout: Some(handle), message } => format!("logout {handle} {}", message.get()),
        Event::Session { logout: None, message } => format!("session {}", message.get()),
        Event::Message(_) => "message".to_owned(),
    }
}

fn failure(reason: CallFailure) -> &'static str {
    match reason {
        CallFailure::ConnectionLost => "connection lost",
        CallFailure::NotConnected => "not connected",
        CallFailure::QueueFull => "queue full",
        CallFailure::Unanswered => "unanswered",
        CallFailure::TooManySubscriptions => "too many subscriptions",
    }
}
