use std::sync::Arc;

use axum::{
    body::Body,
    http::{Method, Request, Response, StatusCode},
    response::IntoResponse,
};
use swampdragon_protocol::close_code;

use super::{endpoint::Endpoint, method_not_allowed};
use crate::{
    connection::Connection,
    peer::Peer,
    websocket::{Driver, Framing, Handshake, accept},
};

/// `PREFIX/<server>/<session>/websocket`. The two names mean nothing on this transport.
pub(super) fn connect(endpoint: Arc<Endpoint>, request: Request<Body>) -> Response<Body> {
    open(endpoint, request, Framing::SockJs)
}

/// Turns a request into a connection.
pub(super) fn open(endpoint: Arc<Endpoint>, mut request: Request<Body>, framing: Framing) -> Response<Body> {
    // The listener gives every request its peer.
    let Some(peer) = request.extensions_mut().remove::<Arc<Peer>>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if !endpoint.websocket {
        return StatusCode::NOT_FOUND.into_response();
    }
    if request.method() != Method::GET {
        return method_not_allowed("GET");
    }
    let allowed = endpoint.service.allowed_origins.allow(request.headers());
    if !allowed {
        endpoint.refused_origin(&peer, request.headers());
    }
    let origin = endpoint.service.origin_names.of(request.headers());
    let session = if allowed { endpoint.session_of(request.headers()) } else { None };
    if let Err(refusal) = endpoint.check_room(&peer) {
        return refusal.into_response();
    }
    let (response, socket) = match accept(request).map(Handshake::split) {
        Ok(accepted) => accepted,
        Err(refusal) => return *refusal,
    };
    tokio::spawn(async move {
        let Some((stream, read_ahead)) = socket.await else { return };
        // Heartbeats and replies are small and must not wait for more.
        let _ = stream.socket().set_nodelay(true);
        let connection = Connection::register(&endpoint, stream, framing, peer.address(), origin);
        if let Some(session) = session {
            connection.keep_session(session);
        }
        connection.span().in_scope(|| tracing::debug!(client = %peer.address(), "opened"));
        // Only now, so that the client is counted all the time.
        drop(peer);
        let driver = Driver::new(connection.clone(), &read_ahead);
        if !allowed {
            // The page can read a close code, but not the status of a refused handshake; so it is told with one, and
            // does not try again.
            connection.refuse(close_code::INVALID_ORIGIN);
        }
        // A task of its own, which is as small as the driver; this one is as large as the handshake.
        tokio::spawn(driver);
    });
    response
}
