use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::{FromRequestParts, Path},
    http::{HeaderName, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use swampdragon_protocol::SessionKey;
use tokio::time::timeout;

use super::refusal::Refusal;
use crate::{
    body::{self, BodyError},
    logout::log_out,
    refusals::Limit,
    service::Service,
    session_store::{Lifetime, SessionStoreError},
};

/// How long a value may take to come. With [`STORE_TIME`], less than the listener gives a request, which then gets an
/// answer.
const BODY_TIME: Duration = Duration::from_secs(4);

/// How long the store may take.
const STORE_TIME: Duration = Duration::from_secs(5);

/// How much of a value that is too long is read, so that whoever sends it gets to read why it is refused.
const READ_BEYOND_LIMIT: usize = 256 * 1024;

/// How long a session still lives, in milliseconds. Not there for one that lives until it is deleted.
const TTL_MS: HeaderName = HeaderName::from_static("session-ttl-ms");

type TheService = Extension<Arc<Service>>;

/// `POST /sessions`: keeps a value under a new key.
pub(super) async fn make(Extension(service): TheService, value: Body) -> Result<Response, Refusal> {
    let value = read_value(&service, value).await?;
    let key = ask(&service, service.store.save_get_key(&value)).await?;
    let key = key.as_str();
    let ttl_ms = milliseconds(service.settings.session_ttl);
    let location = [(header::LOCATION, format!("/sessions/{key}"))];
    Ok((StatusCode::CREATED, location, Json(json!({ "session": key, "ttl_ms": ttl_ms }))).into_response())
}

/// `PUT /sessions/KEY`: keeps a value under a key of the backend's own.
pub(super) async fn save(Extension(service): TheService, Key(key): Key, value: Body) -> Result<StatusCode, Refusal> {
    let value = read_value(&service, value).await?;
    ask(&service, service.store.save(&key, &value)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /sessions/KEY`: the value, and how long it lives.
pub(super) async fn read(Extension(service): TheService, Key(key): Key) -> Result<Response, Refusal> {
    let asked = async {
        let Some(value) = service.store.get(&key).await? else { return Ok(None) };
        Ok(Some((value, service.store.lifetime(&key).await?)))
    };
    let ttl = match ask(&service, asked).await? {
        None | Some((_, Lifetime::Missing)) => return Err(Refusal::no_session()),
        Some((value, Lifetime::Expires(left))) => ([(TTL_MS, milliseconds(left).to_string())], value).into_response(),
        Some((value, Lifetime::Persistent | Lifetime::NotSupported)) => value.into_response(),
    };
    Ok(ttl)
}

/// `DELETE /sessions/KEY`: ends it in the store; pages learn of it at their next heartbeat.
pub(super) async fn delete(Extension(service): TheService, Key(key): Key) -> Result<StatusCode, Refusal> {
    if ask(&service, service.store.delete(&key)).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::no_session())
    }
}

/// `POST /sessions/KEY/revoke`: ends it in the store and on every page.
pub(super) async fn revoke(Extension(service): TheService, Key(key): Key) -> Result<Json<Value>, Refusal> {
    let existed = ask(&service, log_out(&service, &key, None)).await?;
    Ok(Json(json!({ "existed": existed })))
}

/// `GET /sessions?prefix=ab`: how many there are.
pub(super) async fn count(Extension(service): TheService, uri: Uri) -> Result<Json<Value>, Refusal> {
    let mut prefix = None;
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if name != "prefix" || prefix.is_some() {
            let why = "the one parameter is `prefix`, with what keys begin with; without it all are counted";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, why));
        }
        prefix = Some(value);
    }
    let prefix = prefix.unwrap_or_default();
    if !prefix.is_empty() {
        SessionKey::parse(&prefix)
            .map_err(|broken| Refusal::new(StatusCode::BAD_REQUEST, format!("no session's key begins so: {broken}")))?;
    }
    let count = ask(&service, service.store.count(&prefix)).await?;
    Ok(Json(json!({ "count": count })))
}

/// The key in a request's path.
pub(super) struct Key(SessionKey);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let refused = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| refused("what stands for the session key is no UTF-8".to_owned()))?;
        SessionKey::parse(&text).map(Self).map_err(|broken| refused(broken.to_string()))
    }
}

async fn read_value(service: &Service, value: Body) -> Result<Bytes, Refusal> {
    let limit = service.settings.max_session_value;
    let too_long = || {
        service.refusals.note(Limit::MaxSessionValue, format_args!("a backend's value of a session is too long"));
        let why = format!("the value is longer than max_session_value, which is {limit} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, why)
    };
    match body::read(value, limit.saturating_add(READ_BEYOND_LIMIT), BODY_TIME).await {
        Ok(value) if value.len() <= limit => Ok(value),
        Ok(_) | Err(BodyError::TooLong) => Err(too_long()),
        Err(BodyError::CutOff) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the value was cut off")),
        Err(BodyError::TooSlow) => {
            let why = format!("the value did not come within {BODY_TIME:?}");
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, why))
        }
    }
}

/// Waits for the store, within bounds.
async fn ask<T>(service: &Service, answer: impl Future<Output = Result<T, SessionStoreError>>) -> Result<T, Refusal> {
    let answer = match timeout(STORE_TIME, answer).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) if error.is_forbidden() || error.is_not_supported() => return Err(error.into()),
        Ok(Err(error)) => error.into(),
        Err(_) => Refusal::store_hangs(STORE_TIME),
    };
    service.metrics.store_errors.increment(1);
    Err(answer)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
