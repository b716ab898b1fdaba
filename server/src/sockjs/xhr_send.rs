use axum::{
    body::Body,
    http::{Response, StatusCode},
};

use super::{
    PLAIN_TEXT,
    polled_url::PolledRequest,
    refusal::Refusal,
    respond,
    sending::{self, Encoding},
};

/// `.../xhr_send`: the body is a JSON array of messages, whatever its content type says.
pub(super) async fn send(request: &PolledRequest, body: Body) -> Result<Response<Body>, Refusal> {
    let connection = request.session()?;
    sending::send(&connection, Encoding::Plain, body).await?;
    // Browsers take a response without a type for XML and complain that it is none.
    let mut response = respond(PLAIN_TEXT, Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
