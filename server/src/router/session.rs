use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use swampdragon_protocol::{SessionKey, SessionState};

use super::{CallError, Router, RouterCall, Verbs};
use crate::session_store::{Lifetime, SessionStoreError};

/// The route `session`: makes and reads sessions for pages that have no backend of their own yet.
///
/// Whoever may connect may use it, so a server offers it only on demand (`--open-sessions`).
///
/// | verb | args | data |
/// |---|---|---|
/// | `save_get_key` | `{"value": any}` | `{"key": KEY}` |
/// | `get` | `{"key": KEY}` | `{"value": any or null}` |
/// | `delete` | `{"key": KEY}` | `{"deleted": bool}` |
/// | `lifetime` | `{"key": KEY}` | `{"state": "active", "ttl": MS}`, or state `expired`, `persistent`, `unsupported` |
///
/// A call with other arguments, or one that the store refuses, is answered in state `error` with `{"error": TEXT}`.
pub(crate) struct SessionRouter;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueArgs {
    value: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyArgs {
    key: String,
}

impl KeyArgs {
    fn parse(&self) -> Result<SessionKey, CallError> {
        SessionKey::parse(&self.key).map_err(CallError::refused)
    }
}

impl Router for SessionRouter {
    fn route(&self) -> &str {
        "session"
    }

    fn verbs() -> Verbs<Self> {
        Verbs::new()
            .on("save_get_key", Self::save_get_key)
            .on("get", Self::get)
            .on("delete", Self::delete)
            .on("lifetime", Self::lifetime)
    }
}

impl SessionRouter {
    async fn save_get_key(self: Arc<Self>, call: RouterCall, args: ValueArgs) -> Result<(), CallError> {
        let saved = call.session_store().save_get_key(args.value.get().as_bytes()).await;
        let key = saved.map_err(store_refused)?;
        call.connection().keep_session(key.clone());
        call.send(&json!({ "key": key.as_str() }))
    }

    async fn get(self: Arc<Self>, call: RouterCall, args: KeyArgs) -> Result<(), CallError> {
        let key = args.parse()?;
        let value = call.session_store().get(&key).await.map_err(store_refused)?;
        if value.is_some() {
            call.connection().keep_session(key);
        }
        call.send(&json!({ "value": value.map_or(Value::Null, |bytes| page_value(&bytes)) }))
    }

    async fn delete(self: Arc<Self>, call: RouterCall, args: KeyArgs) -> Result<(), CallError> {
        let deleted = call.session_store().delete(&args.parse()?).await.map_err(store_refused)?;
        call.send(&json!({ "deleted": deleted }))
    }

    async fn lifetime(self: Arc<Self>, call: RouterCall, args: KeyArgs) -> Result<(), CallError> {
        call.send(&lifetime(call.session_store().lifetime(&args.parse()?).await.map_err(store_refused)?))
    }
}

fn store_refused(error: SessionStoreError) -> CallError {
    tracing::warn!(error = &error as &dyn std::error::Error, "route `session`");
    // The cause may name hosts and files, which are nothing to a page.
    CallError::refused(error)
}

/// What an application stored need not be JSON; text is shown as text.
fn page_value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
}

fn lifetime(lifetime: Lifetime) -> Value {
    let state = |state: SessionState| json!({ "state": state.as_str() });
    match lifetime {
        Lifetime::Expires(ttl) => json!({ "state": SessionState::Active.as_str(), "ttl": milliseconds(ttl) }),
        Lifetime::Missing => state(SessionState::Expired),
        Lifetime::Persistent => state(SessionState::Persistent),
        Lifetime::NotSupported => state(SessionState::Unsupported),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
