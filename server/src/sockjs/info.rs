use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::IntoResponse,
};
use serde::Serialize;
use uuid::Uuid;

use crate::service::Service;

/// What a SockJS client asks before it connects (SockJS 0.3.3, "Information url").
#[derive(Serialize)]
struct Info {
    /// Whether the websocket transport may be used.
    websocket: bool,
    /// Whether a load balancer needs cookies to find the node of a polled session.
    cookie_needed: bool,
    /// Ignored by clients, present since SockJS 0.1.
    origins: [&'static str; 1],
    /// Fresh randomness for clients that have none of their own.
    entropy: u32,
}

pub(super) async fn info(State(service): State<Arc<Service>>, headers: HeaderMap) -> impl IntoResponse {
    let (entropy, ..) = Uuid::new_v4().as_fields();
    let info = Info { websocket: true, cookie_needed: true, origins: ["*:*"], entropy };
    let mut response = Json(info).into_response();
    let answer = response.headers_mut();
    answer.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-cache, no-transform, must-revalidate, max-age=0"),
    );
    answer.insert(header::VARY, HeaderValue::from_static("Origin"));
    // SockJS 0.3 clients ask with credentials, for which `*` would not do.
    if let Some(origin) = headers.get(header::ORIGIN).filter(|_| service.allowed_origins.allow(&headers)) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    response
}
