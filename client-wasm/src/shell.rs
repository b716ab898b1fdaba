use alloc::boxed::Box;
use core::cell::{Cell, RefCell};

use js_sys::{Array, Function, JsString, Math};
use swampdragon_client::{Action, Client, Config, Event, Framing, PageCall, Purpose, Remembered, Transport};
use swampdragon_protocol::{FrameKind, close_code};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use crate::bridge::{Command, Delivery, Host};
use crate::classify::classify;
use crate::page::Page;
use crate::send::encode;
use crate::words::Words;

#[wasm_bindgen]
extern "C" {
    /// web-sys and js-sys pass text on as Rust strings; here it never leaves JavaScript.
    type TextSocket;
    type Ending;
    type CloseFrame;

    #[wasm_bindgen(method, catch)]
    fn send(this: &TextSocket, text: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, getter)]
    fn reason(this: &Ending) -> JsValue;
    /// What is no number becomes 0.
    #[wasm_bindgen(method, structural, indexing_getter)]
    fn code_at(this: &CloseFrame, index: u32) -> u16;
    #[wasm_bindgen(catch, js_namespace = JSON, js_name = parse)]
    fn parse_json(text: &JsValue) -> Result<JsValue, JsValue>;
    // The dispatch function is all that a timer needs to call. docs/client.md, "Page weight": what a crate would add.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(dispatch: &Function, milliseconds: u32, subject: u32, command: u32) -> i32;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: i32);
    /// The time of day, which goes on while the machine sleeps. As a `u32` it is what is left of it modulo 2^32.
    #[wasm_bindgen(js_namespace = Date)]
    fn now() -> u32;
}

/// Past the end of any text. With its highest bit set, a number would reach JavaScript as a negative one.
const END: u32 = i32::MAX as u32;

/// What a question for `/info` is numbered as among the transports.
const INFO: u32 = 3;

/// One page object's client with its socket and its timer.
///
/// No cell is borrowed while JavaScript runs that the page can influence: it may call back into the dispatch function.
struct Shell {
    client: RefCell<Client<Page>>,
    host: Host,
    framing: Cell<Framing>,
    socket: RefCell<Option<WebSocket>>,
    /// The timer's number, which stays when it has fired: clearing it again does nothing. 0 is no timer's.
    timer: Cell<i32>,
    /// The dispatch function, which also hears all socket events.
    dispatch: RefCell<Option<Function>>,
    words: Words,
    /// Somebody further up the stack delivers already and will go on with whatever comes up meanwhile.
    delivering: Cell<bool>,
}

/// Makes a client and returns its dispatch function.
///
/// The client is never freed. Its host and its dispatch function refer to each other across the border of WebAssembly,
/// which no garbage collector sees through, and a page has one client for as long as it lives. What it holds once it is
/// disconnected are a few hundred bytes.
pub(crate) fn start(host: Host, config: Config) -> JsValue {
    let shell: &'static Shell = Box::leak(Box::new(Shell {
        client: RefCell::new(Client::new(config)),
        host,
        framing: Cell::new(Framing::SockJs),
        socket: RefCell::new(None),
        timer: Cell::new(0),
        dispatch: RefCell::new(None),
        words: Words::new(),
        delivering: Cell::new(false),
    }));
    // Six parameters are more than any closure of js-sys has, so that those can be told from it: `xtask/src/indirect.rs`.
    let dispatch = Closure::<dyn Fn(JsValue, u32, u32, JsValue, JsValue, JsValue)>::new(
        move |subject: JsValue, command: u32, number: u32, name: JsValue, call: JsValue, topic: JsValue| {
            if let Some(command) = Command::from_number(command) {
                shell.run(command, number, subject, name, call, topic);
                shell.drain();
            }
        },
    )
    .into_js_value();
    shell.dispatch.replace(Some(dispatch.clone().unchecked_into()));
    dispatch
}

/// A uniform number over all of `u32`.
fn random() -> u32 {
    (Math::random() * 4_294_967_296.0) as u32
}

fn optional(value: JsValue) -> Option<JsValue> {
    if value.is_falsy() { None } else { Some(value) }
}

impl Shell {
    fn run(
        &'static self,
        command: Command,
        number: u32,
        subject: JsValue,
        callback_name: JsValue,
        handle: JsValue,
        topic: JsValue,
    ) {
        if command == Command::SocketEvent {
            return self.socket_event(&subject);
        }
        // Before the client is borrowed, since a page may have put functions of its own there.
        let (now, random) = (now(), random());
        let mut client = self.client.borrow_mut();
        let purpose = match command {
            // It borrows the client by itself, above.
            Command::SocketEvent => return,
            Command::Timer => return client.handle_timer(now, random),
            Command::Call => Purpose::Ordinary,
            Command::Subscribe => Purpose::Subscribe(topic),
            Command::Unsubscribe => Purpose::Unsubscribe(topic),
            Command::ConnectRaw | Command::ConnectSockJs => {
                let framing = if command == Command::ConnectRaw { Framing::Raw } else { Framing::SockJs };
                self.framing.set(framing);
                let remembered = Remembered::from_number(number);
                return client.handle_connect(subject, framing, remembered);
            }
            Command::Disconnect => return client.handle_disconnect(),
            Command::Rebind => return client.handle_rebind(),
            Command::Send => return client.handle_send(subject),
            Command::Session => return client.handle_session(optional(subject)),
            Command::Suspend => return client.handle_suspend(),
            Command::Wake => return client.handle_wake(now, number == 0),
            Command::Presence => return client.handle_presence(now, number == 1),
            Command::Info => return client.handle_info(number & 1 == 1, number >> 1),
        };
        client.handle_call(PageCall { request: subject, callback_name, purpose, handle });
    }

    /// A socket's event is known by its fields: only a message has `data`, only a close has a `code`.
    fn socket_event(&'static self, event: &JsValue) {
        let data = event.unchecked_ref::<MessageEvent>().data();
        if data.is_string() {
            match self.framing.get() {
                Framing::Raw => self.message(data),
                Framing::SockJs => self.frame(&data),
            }
            return;
        }
        let close: &CloseEvent = event.unchecked_ref();
        match close.code() {
            0 if self.framing.get() == Framing::Raw => self.client.borrow_mut().handle_opened(now(), Framing::Raw),
            0 => {}
            code => self.closed(code, close.unchecked_ref::<Ending>().reason()),
        }
    }

    fn frame(&'static self, frame: &JsValue) {
        let text: &JsString = frame.unchecked_ref();
        // An empty text has no first character; the conversion makes 0 of that, which is no kind of frame.
        let Some(kind) = FrameKind::of(text.char_code_at(0) as u32) else { return };
        match kind {
            FrameKind::Open => self.client.borrow_mut().handle_opened(now(), Framing::SockJs),
            FrameKind::Heartbeat => self.client.borrow_mut().handle_heard(now()),
            FrameKind::Message | FrameKind::Messages | FrameKind::Close => {
                // What is not JSON is dropped, as a message that no page could read.
                let Ok(body) = parse_json(&text.slice(1, END)) else { return };
                if kind == FrameKind::Message {
                    return self.message(body);
                }
                // An object may claim any length, and counting to it would stop the page.
                if !body.is_array() {
                    return;
                }
                let list: Array = body.unchecked_into();
                if kind == FrameKind::Close {
                    self.closed(list.unchecked_ref::<CloseFrame>().code_at(0), list.get(1));
                } else {
                    for index in 0..list.length() {
                        self.message(list.get(index));
                    }
                }
            }
        }
    }

    fn closed(&self, code: u16, reason: JsValue) {
        let (retry_after, random) = (self.host.retry_after_ms(&reason), random());
        self.client.borrow_mut().handle_closed(code, optional(reason), retry_after, random);
    }

    /// A message stands in its frame as JSON text, or, from SwampDragon 0.4, as it is.
    fn message(&'static self, message: JsValue) {
        let message = if message.is_string() {
            let Ok(parsed) = parse_json(&message) else { return };
            parsed
        } else {
            message
        };
        let incoming = classify(&message, &self.words);
        self.client.borrow_mut().handle_message(now(), incoming, message);
        // Delivered one by one: a page that disconnects in its callback hears none of the messages behind.
        self.drain();
    }

    /// Does what the client asks for and tells the page what it says, until there is neither.
    fn drain(&'static self) {
        if self.delivering.replace(true) {
            return;
        }
        loop {
            let action = self.client.borrow_mut().poll_action();
            if let Some(action) = action {
                self.perform(action);
                continue;
            }
            let event = self.client.borrow_mut().poll_event();
            let Some(event) = event else { break };
            self.tell(event);
        }
        self.delivering.set(false);
    }

    fn perform(&'static self, action: Action<Page>) {
        match action {
            Action::Open { endpoint, transport } => self.open_socket(&endpoint, transport),
            Action::Send(message) => {
                let text = encode(message, self.framing.get(), &self.words);
                let socket = self.socket.borrow().clone();
                if let (Some(text), Some(socket)) = (text, socket) {
                    // A socket that closes meanwhile says so in an event of its own.
                    let _ = socket.unchecked_ref::<TextSocket>().send(&text);
                }
            }
            Action::Close(code) => {
                let socket = self.socket.take();
                if let Some(socket) = socket {
                    socket.set_onopen(None);
                    socket.set_onmessage(None);
                    socket.set_onclose(None);
                    let _ = socket.close_with_code(code);
                }
            }
            Action::Arm(milliseconds) => {
                clear_timeout(self.timer.get());
                let dispatch = self.dispatch.borrow().clone();
                if let Some(dispatch) = dispatch {
                    self.timer.set(set_timeout(&dispatch, milliseconds, 0, Command::Timer as u32));
                }
            }
            Action::Disarm => clear_timeout(self.timer.get()),
        }
    }

    fn open_socket(&self, endpoint: &JsValue, transport: Option<Transport>) {
        let raw = self.framing.get() == Framing::Raw;
        let Some(socket) = self.deliver(
            Delivery::OpenSocket,
            endpoint,
            &JsValue::from(transport.map_or(INFO, |transport| transport as u32)),
        ) else {
            // Refused by a security policy, say. That may change, so it is a failed attempt like any other.
            return self.closed(close_code::ABNORMAL.code, JsValue::UNDEFINED);
        };
        let socket: WebSocket = socket.unchecked_into();
        let dispatch = self.dispatch.borrow().clone();
        if raw {
            socket.set_onopen(dispatch.as_ref());
        }
        socket.set_onmessage(dispatch.as_ref());
        socket.set_onclose(dispatch.as_ref());
        self.socket.replace(Some(socket));
    }

    fn tell(&self, event: Event<Page>) {
        let nothing = JsValue::UNDEFINED;
        let (what, first, second) = match event {
            Event::Open => {
                let remembered = self.client.borrow().remembered();
                (Delivery::Open, JsValue::from(remembered.number()), nothing)
            }
            Event::Close { code, reason, reconnecting } => {
                let code = i32::from(code);
                (Delivery::Close, reason.unwrap_or(nothing), JsValue::from(if reconnecting { -code } else { code }))
            }
            Event::Heartbeat(message) => (Delivery::Heartbeat, message, nothing),
            Event::Reply { handle, message, .. } => (Delivery::Reply, message, handle.unwrap_or(nothing)),
            Event::CallFailed { handle, reason } => (Delivery::CallFailed, handle, JsValue::from(reason as i32)),
            Event::Publication { local_channels, message } => {
                (Delivery::Publication, message, local_channels.into_iter().collect::<Array>().into())
            }
            Event::Session { logout, message } => (Delivery::Session, message, logout.unwrap_or(nothing)),
            Event::Message(message) => (Delivery::Message, message, nothing),
        };
        self.deliver(what, &first, &second);
        if what == Delivery::Open {
            self.client.borrow_mut().handle_open_delivered();
        }
    }

    fn deliver(&self, what: Delivery, first: &JsValue, second: &JsValue) -> Option<JsValue> {
        self.host.deliver(what as u32, first, second).ok().filter(|value| !value.is_falsy())
    }
}
