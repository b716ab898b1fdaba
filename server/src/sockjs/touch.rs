use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header},
    response::IntoResponse,
};
use cookie::{Cookie, time::Duration};

use super::{PLAIN_TEXT, cache, cors, endpoint::Endpoint, method_not_allowed, refusal::Refusal, respond};
use crate::{session_store::Lifetime, settings::Settings};

/// `POST PREFIX/touch`: sets the session cookie anew, so that the browser keeps it for as long again as when the app
/// had just set it. Its value stays; a session that is not there any more gets none.
///
/// Only pages that may connect may do so, and each request has to say from which page it comes: browsers do with every
/// `POST`. A page of another site thus cannot keep its visitors logged in.
pub(super) async fn touch(State(endpoint): State<Arc<Endpoint>>, method: Method, headers: HeaderMap) -> Response<Body> {
    let origins = &endpoint.service.allowed_origins;
    let mut response = match method {
        _ if endpoint.service.settings.session_cookie_max_age.is_none() => StatusCode::NOT_FOUND.into_response(),
        Method::POST if !headers.contains_key(header::ORIGIN) || !origins.allow(&headers) => {
            return Refusal::Origin.into_response();
        }
        Method::POST => touched(&endpoint, &headers).await,
        Method::OPTIONS => cors::preflight("OPTIONS, POST"),
        _ => method_not_allowed("OPTIONS, POST"),
    };
    if method == Method::POST {
        cache::never(&mut response);
    }
    if origins.allow(&headers) {
        cors::Cors::of(&headers, origins).put(&mut response);
    }
    response
}

async fn touched(endpoint: &Endpoint, headers: &HeaderMap) -> Response<Body> {
    let service = &endpoint.service;
    let Some(binding) = &service.binding else { return StatusCode::NOT_FOUND.into_response() };
    let (session, cookie) = match binding.session_and_cookie(headers) {
        Ok(named) => named,
        Err(why) => return no_session(&why.to_string()),
    };
    match service.store.lifetime(&session).await {
        Ok(Lifetime::Missing) => return no_session("it has ended"),
        Ok(Lifetime::Expires(_) | Lifetime::Persistent | Lifetime::NotSupported) => {}
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, ?session, "cookie not set anew");
            return refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "The session store cannot be asked just now.\n".to_owned(),
            );
        }
    }
    match set_cookie(binding.layout().cookie(), &cookie, &service.settings) {
        Some(cookie) => (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response(),
        None => no_session("no header may have its cookie's bytes"),
    }
}

fn no_session(why: &str) -> Response<Body> {
    refused(StatusCode::UNAUTHORIZED, format!("There is no session to keep: {why}.\n"))
}

fn refused(status: StatusCode, why: String) -> Response<Body> {
    let mut response = respond(PLAIN_TEXT, why);
    *response.status_mut() = status;
    response
}

/// The cookie as the app sets it, by what the settings say of it.
fn set_cookie(name: &str, value: &str, settings: &Settings) -> Option<HeaderValue> {
    let max_age = Duration::try_from(settings.session_cookie_max_age?).ok()?;
    let mut cookie = Cookie::build((name, value))
        .max_age(max_age)
        .path(&settings.session_cookie_path)
        .same_site(settings.session_cookie_same_site.into())
        .secure(settings.session_cookie_secure)
        .http_only(true)
        .build();
    if let Some(domain) = &settings.session_cookie_domain {
        cookie.set_domain(domain);
    }
    HeaderValue::try_from(cookie.to_string()).ok()
}
