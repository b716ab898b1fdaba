use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};

use super::cache;
use crate::origin::AllowedOrigins;

/// What lets a page of another origin read a response: what a request says of its page, kept for the response.
pub(super) struct Cors {
    origin: Option<HeaderValue>,
    requested_headers: Option<HeaderValue>,
}

impl Cors {
    /// For a request whose page may connect.
    pub(super) fn of(headers: &HeaderMap, origins: &AllowedOrigins) -> Self {
        let everyone = || (*origins == AllowedOrigins::Any).then(|| HeaderValue::from_static("*"));
        let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        Self {
            origin: headers.get(header::ORIGIN).cloned().or_else(everyone),
            requested_headers: asked.filter(|names| !names.is_empty()).cloned(),
        }
    }

    pub(super) fn put(self, response: &mut Response<Body>) {
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = self.origin else { return };
        if origin != "*" {
            // SockJS 0.3 clients ask with credentials, for which `*` would not do.
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if let Some(names) = self.requested_headers {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        }
    }
}

/// Answers what a browser asks before it lets a page of another origin send a request: these methods are allowed, and
/// no need to ask again for a year.
pub(super) fn preflight(methods: &'static str) -> Response<Body> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    cache::for_a_year(&mut response);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, cache::YEAR.into());
    response
}
