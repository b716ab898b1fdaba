use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Method, Response},
    response::IntoResponse,
};
use serde_json::json;
use uuid::Uuid;

use super::{cache, cors, endpoint::Endpoint, method_not_allowed, respond};

/// `PREFIX/info`: what a SockJS client asks before it connects (SockJS 0.3.3, "Information url"). Its fields:
///
/// - `websocket`: whether the websocket transport may be used.
/// - `cookie_needed`: whether a load balancer needs cookies to find the server of a polled session.
/// - `origins`: ignored by clients, present since SockJS 0.1.
/// - `entropy`: fresh randomness for clients that have none of their own.
pub(super) async fn tell(State(endpoint): State<Arc<Endpoint>>, method: Method, headers: HeaderMap) -> Response<Body> {
    let mut response = match method {
        Method::GET if endpoint.service.drain.is_closing() => endpoint.stopping().into_response(),
        Method::GET => {
            let (entropy, ..) = Uuid::new_v4().as_fields();
            let info = json!({
                "websocket": endpoint.websocket,
                "cookie_needed": endpoint.cookie,
                "origins": ["*:*"],
                "entropy": entropy,
            });
            let mut response = respond("application/json; charset=UTF-8", info.to_string());
            cache::never(&mut response);
            response
        }
        Method::OPTIONS => cors::preflight("OPTIONS, GET"),
        _ => method_not_allowed("OPTIONS, GET"),
    };
    let origins = &endpoint.service.allowed_origins;
    if origins.allow(&headers) {
        cors::Cors::of(&headers, origins).put(&mut response);
    }
    response
}
