use axum::{body::Body, http::Response};

use super::{polled_url::PolledRequest, refusal::Refusal, streaming};

/// `.../eventsource`: each frame is an event.
pub(super) async fn stream(request: &PolledRequest) -> Result<Response<Body>, Refusal> {
    let receiver = request.receive().await?;
    let limit = request.endpoint().response_limit;
    // The first line is there for Opera, which would miss the first event (SockJS 0.3.3, "EventSource").
    let wrap = |frame: &str| format!("data: {frame}\r\n\r\n");
    Ok(streaming::stream("text/event-stream", "\r\n".to_owned(), receiver, wrap, limit))
}
