use std::time::{Duration, SystemTime};

use axum::{
    body::Body,
    http::{HeaderValue, Response, header},
};

/// How long what never changes may be kept, in seconds: a year.
pub(super) const YEAR: u32 = 365 * 24 * 60 * 60;

/// Has nobody on the way keep the response, or change it.
pub(super) fn never(response: &mut Response<Body>) {
    let never = HeaderValue::from_static("no-store, no-cache, no-transform, must-revalidate, max-age=0");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
}

/// Has everybody keep the response for a year.
pub(super) fn for_a_year(response: &mut Response<Body>) {
    let expires = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(YEAR.into()));
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000"));
    if let Ok(expires) = HeaderValue::try_from(expires) {
        headers.insert(header::EXPIRES, expires);
    }
}
