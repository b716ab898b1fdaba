use axum::{
    body::Body,
    http::{Method, Response},
};

use super::{PLAIN_TEXT, method_not_allowed, respond};

/// `PREFIX`: tells people that this is the right place (SockJS 0.3.3, "Greeting url").
pub(super) async fn greet(method: Method) -> Response<Body> {
    match method {
        Method::GET | Method::HEAD => respond(PLAIN_TEXT, "Welcome to SockJS!\n"),
        _ => method_not_allowed("GET, HEAD"),
    }
}
