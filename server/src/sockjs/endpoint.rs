use std::{any::TypeId, fmt, sync::Arc};

use axum::http::{HeaderMap, header};
use swampdragon_protocol::{MessageForm, SessionKey};

use super::{refusal::Refusal, sessions::PolledSessions};
use crate::{
    admission::TurnedAway,
    connection::{ConnectionHandler, DataConnection},
    peer::Peer,
    refusals::Limit,
    service::Service,
    settings::Settings,
};

/// The most of an origin that stands in a log line, in characters: a host name has at most 253.
const MAX_LOGGED_ORIGIN: usize = 270;

/// Makes a handler for each connection of a service.
pub(crate) struct NewHandler {
    make: Box<dyn Fn() -> Box<dyn ConnectionHandler> + Send + Sync>,
    is_data_connection: bool,
}

impl NewHandler {
    pub(crate) fn of<H: ConnectionHandler>(new: impl Fn() -> H + Send + Sync + 'static) -> Self {
        Self {
            make: Box::new(move || Box::new(new())),
            is_data_connection: TypeId::of::<H>() == TypeId::of::<DataConnection>(),
        }
    }

    pub(crate) fn make(&self) -> Box<dyn ConnectionHandler> {
        (self.make)()
    }

    /// Whether all hooks are the default ones.
    pub(crate) fn is_data_connection(&self) -> bool {
        self.is_data_connection
    }
}

/// One SockJS service of a server: the path where pages find it, and what its connections do. A server has one at the
/// setting `prefix`, and those that [`ServerBuilder::sockjs`](crate::ServerBuilder::sockjs) adds.
///
/// What is not set here is as the server's settings say.
#[must_use]
pub struct SockJsService {
    prefix: String,
    new_handler: NewHandler,
    websocket: Option<bool>,
    cookie: Option<bool>,
    response_limit: Option<usize>,
    message_form: Option<MessageForm>,
}

impl SockJsService {
    /// A service at `prefix`, such as `/chat`; `new` makes one handler per connection.
    pub fn new<H: ConnectionHandler>(prefix: impl Into<String>, new: impl Fn() -> H + Send + Sync + 'static) -> Self {
        Self::with_handlers(prefix.into(), NewHandler::of(new))
    }

    pub(crate) fn with_handlers(prefix: String, new_handler: NewHandler) -> Self {
        Self { prefix, new_handler, websocket: None, cookie: None, response_limit: None, message_form: None }
    }

    /// Whether the service offers WebSockets, beside what works without them (`sockjs_websocket`).
    pub fn websocket(mut self, offered: bool) -> Self {
        self.websocket = Some(offered);
        self
    }

    /// Whether responses set the cookie `JSESSIONID`, by which load balancers keep a client on one server
    /// (`sockjs_cookie`).
    pub fn cookie(mut self, set: bool) -> Self {
        self.cookie = Some(set);
        self
    }

    /// How much one streaming response carries, in bytes, before the client has to ask for another
    /// (`sockjs_response_limit`).
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.response_limit = Some(bytes);
        self
    }

    /// How messages stand in SockJS frames (`message_form`).
    pub fn message_form(mut self, form: MessageForm) -> Self {
        self.message_form = Some(form);
        self
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn open(self, service: &Arc<Service>) -> Endpoint {
        let settings: &Settings = &service.settings;
        Endpoint {
            prefix: self.prefix,
            new_handler: self.new_handler,
            websocket: self.websocket.unwrap_or(settings.sockjs_websocket),
            cookie: self.cookie.unwrap_or(settings.sockjs_cookie),
            response_limit: self.response_limit.unwrap_or(settings.sockjs_response_limit),
            message_form: self.message_form.unwrap_or(settings.message_form),
            sessions: PolledSessions::new(),
            service: Arc::clone(service),
        }
    }
}

impl fmt::Debug for SockJsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SockJsService").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// A SockJS service of a running server, with everything that its connections share.
pub(crate) struct Endpoint {
    pub(crate) service: Arc<Service>,
    pub(crate) prefix: String,
    pub(crate) new_handler: NewHandler,
    pub(crate) websocket: bool,
    pub(crate) cookie: bool,
    /// In bytes.
    pub(crate) response_limit: usize,
    pub(crate) message_form: MessageForm,
    pub(crate) sessions: PolledSessions,
}

impl Endpoint {
    /// Whether the server may have another session, be it for a WebSocket or for requests.
    pub(super) fn check_room(&self, peer: &Peer) -> Result<(), Refusal> {
        if self.service.drain.is_closing() {
            return Err(self.stopping());
        }
        let limit = self.service.settings.max_connections;
        if self.service.connections.len() < limit {
            return Ok(());
        }
        Err(self.turned_away(peer, TurnedAway::Full(limit)))
    }

    /// The session that the cookie of a request names, where sessions are an app's.
    pub(super) fn session_of(&self, headers: &HeaderMap) -> Option<SessionKey> {
        self.service.binding.as_ref()?.session(headers)
    }

    /// Notes that a page may not connect.
    pub(super) fn refused_origin(&self, peer: &Peer, headers: &HeaderMap) {
        let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or("none");
        let origin: String = origin.chars().take(MAX_LOGGED_ORIGIN).collect();
        let what =
            format_args!("{} refused: its page is of the origin {origin}, which may not connect", peer.address());
        self.service.refusals.note(Limit::AllowedOrigins, what);
    }

    /// Refuses everybody, since the server stops.
    pub(super) fn stopping(&self) -> Refusal {
        Refusal::Stopping { retry_after_seconds: self.service.drain.retry_after_seconds() }
    }

    /// Refuses a peer a session.
    pub(super) fn turned_away(&self, peer: &Peer, reason: TurnedAway) -> Refusal {
        self.service.refusals.note(reason.into(), format_args!("{} refused: {reason}", peer.address()));
        Refusal::TurnedAway(reason)
    }
}
