use std::sync::Arc;

use axum::{body::Body, extract::State, http::Request, response::Response};

use super::websocket::open;
use crate::{service::Service, websocket::Framing};

/// `PREFIX/websocket`: messages without SockJS frames, for clients that have no SockJS.
pub(super) async fn connect(State(service): State<Arc<Service>>, request: Request<Body>) -> Response {
    open(service, request, Framing::Raw)
}
