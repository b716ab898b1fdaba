use axum::{
    body::Body,
    http::{Response, header},
};

use super::{
    PLAIN_TEXT,
    polled_url::PolledRequest,
    refusal::Refusal,
    respond,
    sending::{self, Encoding},
};

const FORM: &str = "application/x-www-form-urlencoded";

/// `.../jsonp_send`: the JSON array of messages is a form's field `d`, or the body itself if that is no form.
pub(super) async fn send(request: &PolledRequest, body: Body) -> Result<Response<Body>, Refusal> {
    let connection = request.session()?;
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form = content_type.is_some_and(|value| value.trim_start().starts_with(FORM));
    let encoding = if is_form { Encoding::Form } else { Encoding::Plain };
    sending::send(&connection, encoding, body).await?;
    // A frame of the page loads this; Konqueror had trouble with an empty one.
    Ok(respond(PLAIN_TEXT, "ok"))
}
