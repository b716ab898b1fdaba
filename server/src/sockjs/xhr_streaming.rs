use axum::{body::Body, http::Response};

use super::{JAVASCRIPT, polled_url::PolledRequest, refusal::Refusal, streaming};

/// Without these bytes some browsers show a page nothing of what follows (SockJS 0.3.3, "XhrStreaming").
const PRELUDE: usize = 2048;

/// `.../xhr_streaming`: each frame is a line.
pub(super) async fn stream(request: &PolledRequest) -> Result<Response<Body>, Refusal> {
    let receiver = request.receive().await?;
    let prelude = "h".repeat(PRELUDE) + "\n";
    let limit = request.endpoint().response_limit;
    Ok(streaming::stream(JAVASCRIPT, prelude, receiver, |frame| format!("{frame}\n"), limit))
}
