use axum::{
    body::Body,
    http::{HeaderValue, Response, header},
};

use super::{
    HTML,
    callback::{Callback, script_string},
    polled_url::PolledRequest,
    refusal::Refusal,
    streaming,
};

/// Browsers run nothing of a page until they have as many bytes of it.
const PRELUDE: usize = 1024;

/// `.../htmlfile`: a page that never ends, in which each frame is a script.
pub(super) async fn stream(request: &PolledRequest) -> Result<Response<Body>, Refusal> {
    let callback = Callback::from_query(request.query())?;
    let receiver = request.receive().await?;
    let prelude = format!("{:PRELUDE$}\r\n\r\n", beginning(&callback));
    let wrap = |frame: &str| format!("<script>\np({});\n</script>\r\n", script_string(frame));
    let mut response = streaming::stream(HTML, prelude, receiver, wrap, request.endpoint().response_limit);
    let policy = request.endpoint().service.allowed_origins.frame_ancestors();
    if let Some(policy) = policy.and_then(|policy| HeaderValue::try_from(policy).ok()) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// To the letter what SockJS prescribes.
fn beginning(callback: &Callback) -> String {
    format!(
        r#"<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.{};
    c.start();
    function p(d) {{c.message(d);}};
    window.onload = function() {{c.stop();}};
  </script>"#,
        callback.as_str()
    )
}
