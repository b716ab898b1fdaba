//! The SockJS 0.3 service: its URLs below the prefix, one file per transport.
//!
//! The WebSocket transports have sockets of their own. The others share a [`PolledSession`]: one request at a time
//! receives for it ([`receiver`]), others send to it ([`sending`]).

mod cache;
mod callback;
mod cookie;
mod cors;
mod endpoint;
mod eventsource;
mod greeting;
mod htmlfile;
mod iframe;
mod info;
mod jsonp;
mod jsonp_send;
mod polled_url;
mod raw_websocket;
mod receiver;
mod refusal;
mod sending;
mod session;
mod session_task;
mod sessions;
mod streaming;
mod touch;
mod websocket;
mod xhr;
mod xhr_send;
mod xhr_streaming;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, Request, Response, StatusCode, header},
    response::IntoResponse,
    routing::any,
};

pub(crate) use endpoint::{Endpoint, NewHandler};
pub(crate) use session::PolledSession;

pub use endpoint::SockJsService;

/// Everything below the endpoint's prefix.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(endpoint: Endpoint) -> Router<S> {
    let prefix = endpoint.prefix.clone();
    let below = |path: &str| format!("{prefix}{path}");
    Router::new()
        .route(&prefix, any(greeting::greet))
        .route(&below("/"), any(greeting::greet))
        .route(&below("/info"), any(info::tell))
        .route(&below("/websocket"), any(raw_websocket::connect))
        .route(&below("/touch"), any(touch::touch))
        .route(&below("/{page}"), any(iframe::page))
        .route(&below("/{server}/{session}/{transport}"), any(session_url))
        .with_state(Arc::new(endpoint))
}

/// The longest name of a session, in bytes. Clients make names of some 8 to 40.
const MAX_SESSION_ID: usize = 128;

/// `PREFIX/<server>/<session>/<transport>`. The client chose both names; the first is for load balancers only.
async fn session_url(
    State(endpoint): State<Arc<Endpoint>>,
    Path((server, session, transport)): Path<(String, String, String)>,
    request: Request<Body>,
) -> Response<Body> {
    // SockJS 0.3.3, "Session URLs": neither may be empty or have a dot.
    let is_name = |name: &str| !name.is_empty() && !name.contains('.') && name.len() <= MAX_SESSION_ID;
    if !is_name(&server) || !is_name(&session) {
        return StatusCode::NOT_FOUND.into_response();
    }
    if transport == "websocket" {
        return websocket::connect(endpoint, request);
    }
    polled_url::serve(endpoint, session, &transport, request).await
}

/// The request's method is none of these.
fn method_not_allowed(allowed: &'static str) -> Response<Body> {
    let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// A response with a body of this type.
fn respond(content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

const PLAIN_TEXT: &str = "text/plain; charset=UTF-8";
const JAVASCRIPT: &str = "application/javascript; charset=UTF-8";
const HTML: &str = "text/html; charset=UTF-8";
