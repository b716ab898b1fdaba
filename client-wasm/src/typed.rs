//! The client for front ends written in Rust, with payloads as Rust types.
//!
//! Only with the feature `typed`: the npm package carries none of this.
//!
//! ```no_run
//! # use swampdragon_wasm::typed::{Connection, Event};
//! #[derive(serde::Deserialize)]
//! struct News {
//!     title: String,
//! }
//!
//! let connection = Connection::new(Default::default(), |event| {
//!     if let Event::Publication { message, .. } = event {
//!         match message.data::<News>() {
//!             Ok(news) => web_sys::console::log_1(&news.title.into()),
//!             Err(error) => web_sys::console::error_1(&error.into()),
//!         }
//!     }
//! });
//! connection.connect("wss://example.com/data");
//! # Ok::<(), swampdragon_wasm::typed::Error>(())
//! ```

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use js_sys::{Array, Function, JSON, JsString, Math, Object, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
pub use serde_wasm_bindgen::Error;
use swampdragon_client::{Config, Transports};
use swampdragon_protocol::{SessionKey, retry_after};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::WebSocket;

use crate::bridge::{Command, Delivery, Host};
use crate::shell;

/// The handle of every logout. Those of calls are texts.
const LOGOUT: JsValue = JsValue::TRUE;

/// A message of the server, read where it is looked at.
#[derive(Debug, Clone)]
pub struct Message(JsValue);

impl Message {
    /// The message's `data` as a type of yours.
    ///
    /// # Errors
    /// When the data has another shape.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_wasm_bindgen::from_value(self.field("data"))
    }

    /// The whole message as a type of yours.
    ///
    /// # Errors
    /// When the message has another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_wasm_bindgen::from_value(self.0.clone())
    }

    /// The message as JavaScript has it.
    #[must_use]
    pub fn as_js(&self) -> &JsValue {
        &self.0
    }

    fn field(&self, name: &str) -> JsValue {
        // Fails on what is no object, which has no fields either.
        Reflect::get(&self.0, &name.into()).unwrap_or(JsValue::UNDEFINED)
    }
}

/// What a connection tells.
#[derive(Debug, Clone)]
pub enum Event {
    /// It is open.
    Open,
    /// It has ended.
    Close {
        /// Why, see [`swampdragon_protocol::close_code`].
        code: u16,
        /// Whether the client comes back by itself.
        reconnecting: bool,
    },
    /// A heartbeat message came, and was answered when a key is set, or when the server needs none.
    Heartbeat,
    /// A router replied; the call's name, if one waited for it.
    Reply {
        /// The name given to [`Connection::call`].
        callback_name: Option<String>,
        /// The reply, context included.
        message: Message,
    },
    /// A call ended without a reply.
    CallFailed {
        /// The name given to [`Connection::call`].
        callback_name: Option<String>,
    },
    /// Something was published.
    Publication {
        /// Your names for the channel.
        local_channels: Vec<String>,
        /// What was published.
        message: Message,
    },
    /// What became of the session, as the server tells it: fields `session`, `state` and, where they apply, `ttl`
    /// (milliseconds) and `reason`. Once it is `expired`, [give the connection](Connection::set_session) another key or
    /// none. Where the server finds the session by a cookie, `session` is `null`; with `touch_ms`, the cookie should be
    /// issued anew (`POST` to the endpoint's `/touch`, with credentials) unless that was done within so many
    /// milliseconds.
    Session {
        /// Whether this is the answer to [`Connection::logout`]: the state is `expired`, or `refused` with the reason.
        answers_logout: bool,
        /// The notice.
        message: Message,
    },
    /// A logout ended without an answer. Whether the session has ended is unknown.
    LogoutFailed,
    /// Any other message.
    Message(Message),
}

/// A connection that lasts until it is dropped.
#[must_use = "a connection ends when it is dropped"]
pub struct Connection {
    dispatch: Dispatch,
    /// The host's methods, which the client calls as long as it lives.
    _deliver: Closure<dyn FnMut(u32, JsValue, JsValue) -> JsValue>,
    _retry_after: Closure<dyn Fn(JsValue) -> u32>,
}

#[wasm_bindgen]
extern "C" {
    type Dispatch;

    #[wasm_bindgen(method, js_name = call)]
    fn run(
        this: &Dispatch,
        this_arg: u32,
        subject: &JsValue,
        command: u32,
        number: u32,
        name: &JsValue,
        handle: &JsValue,
        topic: &JsValue,
    );
}

impl Connection {
    /// A connection that is not open yet, and what hears its events.
    pub fn new(config: Config, mut hear: impl FnMut(Event) + 'static) -> Self {
        let deliver = Closure::<dyn FnMut(u32, JsValue, JsValue) -> JsValue>::new(
            move |what: u32, first: JsValue, second: JsValue| {
                if what == Delivery::OpenSocket as u32 {
                    let socket = first.as_string().and_then(|service| WebSocket::new(&session_url(&service)).ok());
                    return socket.map_or(JsValue::UNDEFINED, Into::into);
                }
                if let Some(event) = event(what, first, &second) {
                    hear(event);
                }
                JsValue::UNDEFINED
            },
        );
        let retry_after = Closure::<dyn Fn(JsValue) -> u32>::new(|reason: JsValue| {
            let delay = reason.as_string().and_then(|reason| retry_after(&reason)).unwrap_or_default();
            u32::try_from(delay.as_millis()).unwrap_or(u32::MAX)
        });
        let host = Object::new();
        // Defining a field of a new object cannot fail.
        let _ = Reflect::set(&host, &"deliver".into(), deliver.as_ref());
        let _ = Reflect::set(&host, &"retryAfter".into(), retry_after.as_ref());
        // The other transports are JavaScript, which comes with the npm package.
        let config = Config { transports: Transports::WEBSOCKET, ..config };
        let dispatch: Function = shell::start(host.unchecked_into::<Host>(), config).unchecked_into();
        Self { dispatch: dispatch.unchecked_into(), _deliver: deliver, _retry_after: retry_after }
    }

    /// Connects to the SockJS service at this URL, such as `wss://example.com/data`, and keeps connected.
    pub fn connect(&self, endpoint: &str) {
        self.tell(Command::ConnectSockJs, endpoint.into());
    }

    /// Ends the connection.
    pub fn disconnect(&self) {
        self.tell(Command::Disconnect, JsValue::UNDEFINED);
    }

    /// Makes the connection anew at once, so that the server reads the page's cookies again: for when they have changed,
    /// as by a login, and the server finds the session by them. To the application it is a lost connection that came
    /// back, with [`close_code::NORMAL`]. Does nothing before [`Self::connect`] and after [`Self::disconnect`].
    ///
    /// [`close_code::NORMAL`]: swampdragon_protocol::close_code::NORMAL
    pub fn rebind(&self) {
        self.tell(Command::Rebind, JsValue::UNDEFINED);
    }

    /// Answers heartbeat messages with this key, or with none, while the visitor is
    /// [present](Self::set_presence).
    pub fn set_session(&self, key: Option<&SessionKey>) {
        self.tell(Command::Session, key.map_or(JsValue::UNDEFINED, |key| key.as_str().into()));
    }

    /// Ends this session everywhere: the server deletes it, and closes the other connections that kept it with
    /// [`close_code::LOGGED_OUT`]. What comes of it is an [`Event::Session`] that answers this, or
    /// [`Event::LogoutFailed`].
    ///
    /// [`close_code::LOGGED_OUT`]: swampdragon_protocol::close_code::LOGGED_OUT
    ///
    /// # Errors
    /// When the browser has no memory for the message.
    pub fn logout(&self, key: &SessionKey) -> Result<(), Error> {
        let key = JsValue::from_str(key.as_str());
        let text = object([("logout", &JsValue::TRUE), ("session", &key)])?;
        // What a call is named by comes back with its failure, where a key has no business.
        self.dispatch.run(0, &text, Command::Call as u32, 0, &key, &LOGOUT, &JsValue::UNDEFINED);
        Ok(())
    }

    /// Says whether the visitor is here, where a session shall live for its visitor and not for an open page alone.
    /// While nobody is, heartbeat messages are not answered; the last of them is as soon as somebody is back.
    ///
    /// To keep a session while the page is visible, call this with that when you connect, and at each
    /// `visibilitychange`. To keep it while the page is used, set [`Config::active_within_ms`], and call this with `true`
    /// when you connect and at each touch: that holds for so long. Without either, the visitor is always here.
    pub fn set_presence(&self, present: bool) {
        let nothing = JsValue::UNDEFINED;
        self.dispatch.run(0, &nothing, Command::Presence as u32, present.into(), &nothing, &nothing, &nothing);
    }

    /// Calls a router. The reply comes as an [`Event::Reply`] with the callback name. A call of the verb `subscribe` is
    /// made again after each reconnect, until one of `unsubscribe` with the same route and arguments.
    ///
    /// # Errors
    /// When the arguments have no JSON form.
    pub fn call(&self, verb: &str, route: &str, args: &impl Serialize, callback_name: &str) -> Result<(), Error> {
        let args = args.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?;
        let name = JsValue::from_str(callback_name);
        let text =
            object([("route", &route.into()), ("verb", &verb.into()), ("args", &args), ("callbackname", &name)])?;
        let subject = JSON::stringify(&Array::of2(&route.into(), &args))?;
        let command = match verb {
            "subscribe" => Command::Subscribe,
            "unsubscribe" => Command::Unsubscribe,
            _ => Command::Call,
        };
        self.dispatch.run(0, &text, command as u32, 0, &name, &name, &subject);
        Ok(())
    }

    fn tell(&self, command: Command, subject: JsValue) {
        let nothing = JsValue::UNDEFINED;
        self.dispatch.run(0, &subject, command as u32, 0, &nothing, &nothing, &nothing);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.disconnect();
    }
}

/// Where a new session at a SockJS service has its WebSocket (SockJS 0.3.3, "Base URL"). Server number and session id need
/// not be secret: over a WebSocket nobody can take a session up again.
fn session_url(service: &str) -> String {
    let random = |below: f64| (Math::random() * below) as u64;
    format!("{service}/{:03}/{:013}/websocket", random(1e3), random(1e13))
}

/// An object as JSON.
fn object<const N: usize>(fields: [(&str, &JsValue); N]) -> Result<JsString, JsValue> {
    let object = Object::new();
    for (name, value) in fields {
        Reflect::set(&object, &name.into(), value)?;
    }
    JSON::stringify(&object)
}

fn event(what: u32, first: JsValue, second: &JsValue) -> Option<Event> {
    let is = |delivery: Delivery| what == delivery as u32;
    Some(if is(Delivery::Open) {
        Event::Open
    } else if is(Delivery::Close) {
        let code = second.as_f64().unwrap_or_default();
        Event::Close { code: code.abs() as u16, reconnecting: code < 0.0 }
    } else if is(Delivery::Heartbeat) {
        Event::Heartbeat
    } else if is(Delivery::Reply) {
        Event::Reply { callback_name: second.as_string(), message: Message(first) }
    } else if is(Delivery::CallFailed) && first == LOGOUT {
        Event::LogoutFailed
    } else if is(Delivery::CallFailed) {
        Event::CallFailed { callback_name: first.as_string() }
    } else if is(Delivery::Publication) {
        let names: &Array = second.unchecked_ref();
        Event::Publication {
            local_channels: names.iter().filter_map(|name| name.as_string()).collect(),
            message: Message(first),
        }
    } else if is(Delivery::Session) {
        Event::Session { answers_logout: *second == LOGOUT, message: Message(first) }
    } else if is(Delivery::Message) {
        Event::Message(Message(first))
    } else {
        return None;
    })
}
