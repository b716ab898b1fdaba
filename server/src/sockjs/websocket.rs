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
    metrics::Refused,
    websocket::{Driver, Framing, Handshake, accept},
};

/// `PREFIX/<server>/<session>/websocket`. The two names mean nothing on this transport.
pub(super) fn connect(endpoint: Arc<Endpoint>, request: Request<Body>) -> Response<Body> {
    open(endpoint, request, Framing::SockJs)
}

/// Turns a request into a connection.
pub(super) fn open(endpoint: Arc<Endpoint>, request: Request<Body>, framing: Framing) -> Response<Body> {
    if !endpoint.websocket {
        return StatusCode::NOT_FOUND.into_response();
    }
    if request.method() != Method::GET {
        return method_not_allowed("GET");
    }
    let allowed = endpoint.service.allowed_origins.allow(request.headers());
    let origin = endpoint.service.origin_names.of(request.headers());
    if endpoint.is_full() {
        endpoint.service.metrics.refused(Refused::Full);
        let sentence = format!("The server is full: max_connections is {}.", endpoint.service.settings.max_connections);
        return (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response();
    }
    let (response, socket) = match accept(request).map(Handshake::split) {
        Ok(accepted) => accepted,
        Err(refusal) => {
            endpoint.service.metrics.refused(Refused::Handshake);
            return *refusal;
        }
    };
    tokio::spawn(async move {
        let Some((stream, read_ahead)) = socket.await else { return };
        // Heartbeats and replies are small and must not wait for more.
        let _ = stream.set_nodelay(true);
        let connection = Connection::register(&endpoint, stream, framing, origin);
        let driver = Driver::new(connection.clone(), &read_ahead);
        if !allowed {
            endpoint.service.metrics.refused(Refused::Origin);
            // The page can read a close code, but not the status of a refused handshake; so it is told with one, and
            // does not try again.
            connection.refuse(close_code::INVALID_ORIGIN);
        }
        // A task of its own, which is as small as the driver; this one is as large as the handshake.
        tokio::spawn(driver);
    });
    response
}
