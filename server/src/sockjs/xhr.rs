use axum::{body::Body, http::Response};

use super::{JAVASCRIPT, polled_url::PolledRequest, refusal::Refusal, respond};

/// `.../xhr`: waits for one frame.
pub(super) async fn poll(request: &PolledRequest) -> Result<Response<Body>, Refusal> {
    let mut receiver = request.receive().await?;
    let frame = receiver.next().await.unwrap_or_default();
    receiver.finish();
    Ok(respond(JAVASCRIPT, frame + "\n"))
}
