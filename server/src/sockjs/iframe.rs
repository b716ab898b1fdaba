use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header},
    response::IntoResponse,
};

use super::{HTML, cache, endpoint::Endpoint, method_not_allowed, respond};

/// `PREFIX/iframe.html`, and with any version in its name: a page in which old browsers talk to the server from
/// another site's page (SockJS 0.3.3, "IFrame page").
pub(super) async fn page(
    State(endpoint): State<Arc<Endpoint>>,
    Path(name): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    let versioned = name.strip_prefix("iframe-").is_some_and(|rest| rest.ends_with(".html"));
    let script = &endpoint.service.settings.sockjs_client_url;
    let Some(script) = script.as_ref().filter(|_| versioned || name == "iframe.html") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if !matches!(method, Method::GET | Method::HEAD) {
        return method_not_allowed("GET, HEAD");
    }
    let page = page_with(script);
    let tag = tag_of(&page);
    let mut response =
        if is_known(&headers, &tag) { StatusCode::NOT_MODIFIED.into_response() } else { respond(HTML, page) };
    cache::for_a_year(&mut response);
    put(&mut response, header::ETAG, &tag);
    if let Some(policy) = endpoint.service.allowed_origins.frame_ancestors() {
        put(&mut response, header::CONTENT_SECURITY_POLICY, &policy);
    }
    response
}

fn put(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// To the letter what SockJS prescribes.
fn page_with(script: &str) -> String {
    format!(
        r#"<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="{script}"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>"#
    )
}

/// The same for the same page on every server.
fn tag_of(page: &str) -> String {
    let mut hasher = DefaultHasher::new();
    page.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether the client has the page already (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
