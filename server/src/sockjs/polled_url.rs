use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header, request::Parts},
    response::IntoResponse,
};

use super::{
    cache, cookie,
    cors::{self, Cors},
    endpoint::Endpoint,
    eventsource, htmlfile, jsonp, jsonp_send, method_not_allowed,
    receiver::Receiver,
    refusal::Refusal,
    sessions::PolledSessions,
    xhr, xhr_send, xhr_streaming,
};
use crate::{connection::Connection, peer::Peer, refusals::Limit};

/// A request to one of the URLs of a polled session.
pub(super) struct PolledRequest {
    endpoint: Arc<Endpoint>,
    session: String,
    peer: Arc<Peer>,
    head: Parts,
}

/// The transports of polled sessions: how requests receive for a session and send to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Xhr,
    XhrStreaming,
    XhrSend,
    EventSource,
    HtmlFile,
    Jsonp,
    JsonpSend,
}

impl Transport {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "xhr" => Self::Xhr,
            "xhr_streaming" => Self::XhrStreaming,
            "xhr_send" => Self::XhrSend,
            "eventsource" => Self::EventSource,
            "htmlfile" => Self::HtmlFile,
            "jsonp" => Self::Jsonp,
            "jsonp_send" => Self::JsonpSend,
            _ => return None,
        })
    }

    fn method(self) -> Method {
        match self {
            Self::Xhr | Self::XhrStreaming | Self::XhrSend | Self::JsonpSend => Method::POST,
            Self::EventSource | Self::HtmlFile | Self::Jsonp => Method::GET,
        }
    }

    /// Those that a client may use.
    fn methods(self) -> &'static str {
        match self {
            Self::Xhr | Self::XhrStreaming | Self::XhrSend => "OPTIONS, POST",
            Self::JsonpSend => "POST",
            Self::EventSource | Self::HtmlFile | Self::Jsonp => "GET",
        }
    }

    /// Whether browsers ask first before they let a page of another origin use it.
    fn has_preflight(self) -> bool {
        matches!(self, Self::Xhr | Self::XhrStreaming | Self::XhrSend)
    }

    async fn serve(self, request: &PolledRequest, body: Body) -> Response<Body> {
        let served = match self {
            Self::XhrSend => xhr_send::send(request, body).await,
            Self::JsonpSend => jsonp_send::send(request, body).await,
            Self::Xhr => xhr::poll(request).await,
            Self::XhrStreaming => xhr_streaming::stream(request).await,
            Self::EventSource => eventsource::stream(request).await,
            Self::HtmlFile => htmlfile::stream(request).await,
            Self::Jsonp => jsonp::poll(request).await,
        };
        let mut response = served.unwrap_or_else(Refusal::into_response);
        cache::never(&mut response);
        response
    }
}

/// `PREFIX/<server>/<session>/<transport>`, for all transports without a WebSocket.
pub(super) async fn serve(
    endpoint: Arc<Endpoint>,
    session: String,
    transport: &str,
    mut request: Request<Body>,
) -> Response<Body> {
    // The listener gives every request its peer.
    let Some(peer) = request.extensions_mut().remove::<Arc<Peer>>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Some(transport) = Transport::named(transport) else { return StatusCode::NOT_FOUND.into_response() };
    let origins = &endpoint.service.allowed_origins;
    // A status, where a WebSocket gets a close frame: without the headers of `Cors` the page could not read a frame.
    if !origins.allow_embedded(request.headers()) {
        endpoint.refused_origin(&peer, request.headers());
        return Refusal::Origin.into_response();
    }
    let cors = Cors::of(request.headers(), origins);
    let cookie = endpoint.cookie.then(|| cookie::sticky(request.headers())).flatten();
    let method = request.method().clone();
    let mut response = if method == transport.method() {
        let (head, body) = request.into_parts();
        transport.serve(&PolledRequest { endpoint, session, peer, head }, body).await
    } else if method == Method::OPTIONS && transport.has_preflight() {
        cors::preflight(transport.methods())
    } else {
        method_not_allowed(transport.methods())
    };
    cors.put(&mut response);
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    // Some of the responses are scripts that hold what others sent.
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl PolledRequest {
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    pub(super) fn query(&self) -> Option<&str> {
        self.head.uri.query()
    }

    /// Receives for the session, which this opens if it is new.
    pub(super) async fn receive(&self) -> Result<Receiver, Refusal> {
        let connection = PolledSessions::find_or_open(&self.endpoint, &self.session, &self.peer, self.headers())?;
        self.check_address(&connection)?;
        Ok(Receiver::attach(connection, &self.peer).await)
    }

    /// The session that the request sends to.
    pub(super) fn session(&self) -> Result<Connection, Refusal> {
        let connection = self.endpoint.sessions.find(&self.session).ok_or(Refusal::NoSession)?;
        self.check_address(&connection)?;
        Ok(connection)
    }

    fn check_address(&self, connection: &Connection) -> Result<(), Refusal> {
        let Some(session) = connection.polled() else { return Err(Refusal::NoSession) };
        if !self.endpoint.service.settings.sockjs_same_address || self.peer.is_at(session.address()) {
            return Ok(());
        }
        self.endpoint.service.refusals.note(
            Limit::SockJsSameAddress,
            format_args!(
                "request from {} for a session of {} refused; if clients come through several proxies, turn off \
                 sockjs_same_address",
                self.peer.address(),
                session.address()
            ),
        );
        Err(Refusal::Address)
    }
}
