//! The numbers that the page's object (`js/src/swampdragon.js`) and this crate speak in.

use swampdragon_client::{Config, Transports};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::shell;

/// What the page's object asks for or reports: the dispatch function's second argument. The first is the subject, the
/// third a number that belongs to the command.
///
/// A socket calls the same function with its event alone, which JavaScript fills up to command 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// The subject is a socket's event.
    SocketEvent,
    /// Connect to the SockJS service at this base URL. Number: what came with the last [`Delivery::Open`] there, or 0.
    ConnectSockJs,
    /// Connect to the raw WebSocket at this URL.
    ConnectRaw,
    /// End the connection.
    Disconnect,
    /// Send the text and await a reply. Fourth argument: the callback name, or of a logout the session key; fifth: the
    /// call's handle.
    Call,
    /// The same, to subscribe. Sixth argument: the subject of the subscription.
    Subscribe,
    /// The same, to unsubscribe.
    Unsubscribe,
    /// Send the text and await nothing.
    Send,
    /// Answer heartbeat messages with this session key, or with none.
    Session,
    /// The page is being hidden away or frozen.
    Suspend,
    /// The page is back, or its network has changed. Number: 1 when the browser sees no network.
    Wake,
    /// The timer fired.
    Timer,
    /// The SockJS service has told about itself. Number: how long that took, in milliseconds, times two; and one more
    /// when it offers a WebSocket.
    Info,
    /// The visitor is here (number 1) or away (number 0).
    Presence,
    /// Make the connection anew, so that the server reads the page's cookies again.
    Rebind,
}

impl Command {
    /// The command of this number, if there is one.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::SocketEvent,
            1 => Self::ConnectSockJs,
            2 => Self::ConnectRaw,
            3 => Self::Disconnect,
            4 => Self::Call,
            5 => Self::Subscribe,
            6 => Self::Unsubscribe,
            7 => Self::Send,
            8 => Self::Session,
            9 => Self::Suspend,
            10 => Self::Wake,
            11 => Self::Timer,
            12 => Self::Info,
            13 => Self::Presence,
            14 => Self::Rebind,
            _ => return None,
        })
    }
}

/// What the page's object is told: the first argument of [`Host::deliver`]; two values follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The connection is open. First value: a number to keep for the next connection to this endpoint, or 0.
    Open = 0,
    /// It has ended. First value: the reason or `undefined`; second: the close code, negative when the client comes
    /// back by itself.
    Close = 1,
    /// A message without a meaning to the client.
    Message = 2,
    /// A heartbeat message; its answer is on the way.
    Heartbeat = 3,
    /// A router's reply, and the handle of its call or `undefined`.
    Reply = 4,
    /// A publication, and the array of its local channels.
    Publication = 5,
    /// A session notice, and the handle of the logout that it settles or `undefined`.
    Session = 6,
    /// A call's handle, and the number of the [`swampdragon_client::CallFailure`] that ended it.
    CallFailed = 7,
    /// Asks for a new socket to this endpoint. Throws, or returns `undefined`, when there can be none. Second value: the
    /// number of the [`swampdragon_client::Transport`], of which a raw endpoint has the WebSocket alone; or 3: a question
    /// for the SockJS service's `/info`, which ends in [`Command::Info`] or in a close event.
    OpenSocket = 8,
}

#[wasm_bindgen]
extern "C" {
    /// The page's object, as far as the client sees it.
    #[derive(Debug)]
    pub type Host;

    /// Delivers something; see [`Delivery`] for the values. May call page code, so nothing may be borrowed meanwhile.
    ///
    /// # Errors
    /// What the host threw.
    #[wasm_bindgen(method, catch)]
    pub fn deliver(this: &Host, what: u32, first: &JsValue, second: &JsValue) -> Result<JsValue, JsValue>;

    /// How long the reason of a close asks to be left alone, in milliseconds. What is no number becomes 0.
    #[wasm_bindgen(method, js_name = retryAfter)]
    pub fn retry_after_ms(this: &Host, reason: &JsValue) -> u32;
}

/// Makes a client that delivers to `host`, and returns its dispatch function `(subject, command, ...)`.
///
/// The numbers are [`Config`]'s fields in their order, times in milliseconds, transports as bits.
#[wasm_bindgen]
#[must_use]
#[allow(clippy::too_many_arguments, reason = "numbers cross into WebAssembly for nothing, an object's fields do not")]
pub fn attach(
    host: Host,
    reconnect_delay_ms: u32,
    reconnect_delay_max_ms: u32,
    connect_timeout_ms: u32,
    silence_timeout_ms: u32,
    max_queued_calls: usize,
    max_pending_calls: usize,
    max_subscriptions: usize,
    transports: u32,
    active_within_ms: u32,
) -> JsValue {
    shell::start(
        host,
        Config {
            reconnect_delay_ms,
            reconnect_delay_max_ms,
            connect_timeout_ms,
            silence_timeout_ms,
            max_queued_calls,
            max_pending_calls,
            max_subscriptions,
            transports: Transports::from_bits(transports),
            active_within_ms,
        },
    )
}
