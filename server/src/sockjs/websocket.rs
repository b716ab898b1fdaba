use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
};
use swampdragon_protocol::close_code;

use crate::{
    connection::Connection,
    service::Service,
    websocket::{Driver, Framing, Handshake, accept},
};

/// `PREFIX/<server>/<session>/websocket`. The two names are the client's own and mean nothing on this transport.
pub(super) async fn connect(
    State(service): State<Arc<Service>>,
    Path((server, session)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    // SockJS 0.3.3, "URLs": neither may be empty or have a dot.
    if [server, session].iter().any(|name| name.is_empty() || name.contains('.')) {
        return StatusCode::NOT_FOUND.into_response();
    }
    open(service, request, Framing::SockJs)
}

/// Turns a request into a connection.
pub(super) fn open(service: Arc<Service>, request: Request<Body>, framing: Framing) -> Response {
    let allowed = service.allowed_origins.allow(request.headers());
    if service.connections.len() >= service.settings.max_connections {
        let sentence = format!("The server is full: max_connections is {}.", service.settings.max_connections);
        return (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response();
    }
    let (response, socket) = match accept(request).map(Handshake::split) {
        Ok(accepted) => accepted,
        Err(refusal) => return *refusal,
    };
    tokio::spawn(async move {
        let Some((stream, read_ahead)) = socket.await else { return };
        // Heartbeats and replies are small and must not wait for more.
        let _ = stream.set_nodelay(true);
        let connection = Connection::register(&service, stream, framing);
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
