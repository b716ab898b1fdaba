use axum::{body::Body, http::Response};

use super::{
    JAVASCRIPT,
    callback::{Callback, script_string},
    polled_url::PolledRequest,
    refusal::Refusal,
    respond,
};

/// `.../jsonp`: waits for one frame, which comes as a call of the page's function.
pub(super) async fn poll(request: &PolledRequest) -> Result<Response<Body>, Refusal> {
    let callback = Callback::from_query(request.query())?;
    let mut receiver = request.receive().await?;
    let frame = receiver.next().await.unwrap_or_default();
    receiver.finish();
    // The comment keeps a callback's name from being the beginning of something else than a script, such as Flash.
    let script = format!("/**/{}({});\r\n", callback.as_str(), script_string(&frame));
    Ok(respond(JAVASCRIPT, script))
}
