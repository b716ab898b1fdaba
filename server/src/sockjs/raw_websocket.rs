use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{Request, Response},
};

use super::{endpoint::Endpoint, websocket::open};
use crate::websocket::Framing;

/// `PREFIX/websocket`: messages without SockJS frames, for clients that have no SockJS.
pub(super) async fn connect(State(endpoint): State<Arc<Endpoint>>, request: Request<Body>) -> Response<Body> {
    open(endpoint, request, Framing::Raw)
}
