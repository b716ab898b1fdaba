//! The SockJS 0.3 service: its URLs below the prefix, one file per transport.

mod info;
mod raw_websocket;
mod websocket;

use std::sync::Arc;

use axum::{Router, extract::State, routing::get};

use crate::service::Service;

/// The service's routes, to be nested at its prefix.
pub(crate) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/", get(greeting))
        .route("/info", get(info::info))
        .route("/websocket", get(raw_websocket::connect))
        .route("/{server}/{session}/websocket", get(websocket::connect))
}

/// SockJS 0.3.3, "Greeting url".
pub(crate) async fn greeting(State(_): State<Arc<Service>>) -> &'static str {
    "Welcome to SockJS!\n"
}
