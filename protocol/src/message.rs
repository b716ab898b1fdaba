use alloc::vec::Vec;
use core::{fmt, str::FromStr};

/// What text and payloads are made of on one side of the wire.
///
/// Natively that is [`crate::json::Json`]; a browser uses its own strings and values, so that a payload crosses the
/// client without being taken apart.
pub trait Wire: Clone + fmt::Debug {
    /// A name or key: only compared, copied and handed on.
    type Text: Clone + PartialEq + fmt::Debug;
    /// Any JSON value, handed on unread.
    type Payload: Clone + fmt::Debug;
}

/// What a page sends.
#[derive(Debug, Clone)]
pub enum ClientMessage<W: Wire> {
    /// A call of a router.
    Call(Call<W>),
    /// The answer to a heartbeat message.
    HeartbeatReply(HeartbeatReply<W>),
    /// `{"logout": true, "session": KEY}`: ends this session everywhere.
    Logout(W::Text),
}

/// `{"route", "verb", "args", "callbackname"}`: a page calls a router.
#[derive(Debug, Clone)]
pub struct Call<W: Wire> {
    /// Which router.
    pub route: W::Text,
    /// Which of its methods.
    pub verb: W::Text,
    /// The method's arguments. Absent and `null` are the same; a router reads both as `{}`.
    pub args: Option<W::Payload>,
    /// Comes back as the reply's `client_callback_name`.
    pub callback_name: Option<W::Text>,
}

/// `{"heartbeat": "tick", "session": KEY}`: a page answers a heartbeat message. A [`HeartbeatMessage::bound`] one is
/// answered without a key.
#[derive(Debug, Clone)]
pub struct HeartbeatReply<W: Wire> {
    /// The value of the heartbeat message that is answered.
    pub value: HeartbeatValue,
    /// The key of the session to keep. `None` is the one that the connection is bound to, if it is to any: SwampDragon
    /// 0.2-0.4 pages send none, either.
    pub session: Option<W::Text>,
    /// Asks for a [`SessionNotice`] with the outcome.
    pub ack: bool,
}

/// What a server sends.
#[derive(Debug, Clone)]
pub enum ServerMessage<W: Wire> {
    /// Asks the page for its session key.
    Heartbeat(HeartbeatMessage),
    /// Answers a call.
    Reply(Reply<W>),
    /// Data published on a channel.
    Publication(Publication<W>),
    /// What became of a session.
    Session(SessionNotice<W>),
}

/// `{"heartbeat": "tick"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartbeatMessage {
    /// What the page sends back.
    pub value: HeartbeatValue,
    /// The server answers replies that carry `"ack": true` with a [`SessionNotice`].
    pub ack: bool,
    /// The connection is bound to a session, which the server knows by the cookie that came with its handshake. The page
    /// keeps it with an answer that names none; its key no page ever hears.
    pub bound: bool,
}

/// The value inside a heartbeat message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeartbeatValue {
    /// `"tick"`, SwampDragon 0.1-0.3.
    #[default]
    Tick,
    /// `"1"`, which SwampDragon 0.3.9-0.4 pages wait for. The number 1 is read as the same.
    One,
}

impl HeartbeatValue {
    /// The value as it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::One => "1",
        }
    }
}

impl fmt::Display for HeartbeatValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HeartbeatValue {
    type Err = UnknownHeartbeatValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "tick" => Ok(Self::Tick),
            "1" => Ok(Self::One),
            _ => Err(UnknownHeartbeatValue),
        }
    }
}

/// A heartbeat value other than `tick` and `1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownHeartbeatValue;

impl fmt::Display for UnknownHeartbeatValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a heartbeat value is `tick` or `1`")
    }
}

impl core::error::Error for UnknownHeartbeatValue {}

/// `{"data", "context": {"client_callback_name", "verb", "state"}}`: a router answers a call. The context may also hold
/// `page` and `client_context`.
#[derive(Debug, Clone)]
pub struct Reply<W: Wire> {
    /// What the router sent; `None` is `null`.
    pub data: Option<W::Payload>,
    /// Which call is answered.
    pub callback_name: Option<W::Text>,
    /// The call's verb.
    pub verb: Option<W::Text>,
    /// How the call went.
    pub state: ReplyState,
    /// Present in answers to `subscribe` and `unsubscribe`.
    pub channel_data: Option<ChannelData<W>>,
    /// Stands in the `channel_data` as `action`. SwampDragon 0.4 sends it, 0.3 does not.
    pub channel_action: Option<ChannelAction>,
    /// Stands in the context as `page`: the `_page` that the call asked for.
    pub page: Option<W::Payload>,
    /// Stands in the context: whatever the router has to tell beside the data, such as where a page of a list stands.
    pub client_context: Option<W::Payload>,
}

/// What a page did to a local channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelAction {
    /// `subscribe`
    Subscribe,
    /// `unsubscribe`
    Unsubscribe,
}

impl ChannelAction {
    /// The action as it is sent, which is also the verb it answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyState {
    /// `success`
    Success,
    /// `error`: the data says what was wrong.
    Error,
    /// `login_required`: the data is `null`.
    LoginRequired,
}

impl ReplyState {
    /// The state as it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::LoginRequired => "login_required",
        }
    }
}

/// Which remote channels a page's local channel stands for.
#[derive(Debug, Clone)]
pub struct ChannelData<W: Wire> {
    /// The name that the page chose.
    pub local_channel: W::Text,
    /// The names that publications carry.
    pub remote_channels: Vec<W::Text>,
}

/// `{"data", "action", "channel"}`: data published on a remote channel.
#[derive(Debug, Clone)]
pub struct Publication<W: Wire> {
    /// What was published.
    pub data: W::Payload,
    /// What happened to it: `created`, `updated`, `deleted`, or a word of the application's own.
    pub action: Option<W::Text>,
    /// The remote channel.
    pub channel: W::Text,
}

/// `{"session": KEY, "state", "ttl", "reason", "touch_ms"}`: what became of a session, for pages that asked (`ack`).
#[derive(Debug, Clone)]
pub struct SessionNotice<W: Wire> {
    /// Which session. `None` stands there as `null`: the one that the connection is bound to.
    pub session: Option<W::Text>,
    /// How it stands.
    pub state: SessionState,
    /// How long it still lives, in milliseconds; only with [`SessionState::Active`] and [`SessionState::Expiring`].
    pub ttl_ms: Option<u64>,
    /// Why a reply was refused.
    pub reason: Option<W::Text>,
    /// The page should have its session's cookie issued anew (`POST PREFIX/touch`), unless it knows that this was done
    /// within so many milliseconds.
    pub touch_ms: Option<u64>,
}

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// It lives, and its TTL has been refreshed.
    Active,
    /// It lives, but not for long.
    Expiring,
    /// There is none by this key (any more).
    Expired,
    /// It has no TTL and needs no refresh.
    Persistent,
    /// The session store cannot refresh.
    Unsupported,
    /// The reply was not acted on; the reason says why.
    Refused,
}

impl SessionState {
    /// The state as it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Persistent => "persistent",
            Self::Unsupported => "unsupported",
            Self::Refused => "refused",
        }
    }
}
