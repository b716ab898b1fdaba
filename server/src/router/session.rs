use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};
use swampdragon_protocol::{Call, RouteName, SessionKey, SessionState, json::Json};

use super::{CallError, Router};
use crate::{
    connection::Connection,
    session_store::{Lifetime, SessionStoreError},
};

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
pub(crate) struct SessionRouter {
    route: RouteName,
}

impl SessionRouter {
    pub(crate) fn new() -> Self {
        Self { route: RouteName::parse("session").expect("a short word is a route name") }
    }
}

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

#[async_trait]
impl Router for SessionRouter {
    fn route(&self) -> RouteName {
        self.route.clone()
    }

    async fn call(&self, connection: &Connection, call: &Call<Json>) -> Result<Value, CallError> {
        let store = connection.session_store();
        match call.verb.as_str() {
            "save_get_key" => {
                let args: ValueArgs = args(call)?;
                let key = store.save_get_key(args.value.get().as_bytes()).await.map_err(store_refused)?;
                Ok(json!({ "key": key.as_str() }))
            }
            "get" => {
                let value = store.get(&key(call)?).await.map_err(store_refused)?;
                Ok(json!({ "value": value.map_or(Value::Null, |bytes| page_value(&bytes)) }))
            }
            "delete" => {
                let deleted = store.delete(&key(call)?).await.map_err(store_refused)?;
                Ok(json!({ "deleted": deleted }))
            }
            "lifetime" => Ok(lifetime(store.lifetime(&key(call)?).await.map_err(store_refused)?)),
            _ => Err(CallError::UnknownVerb),
        }
    }
}

fn refused(error: impl ToString) -> CallError {
    CallError::Refused(json!({ "error": error.to_string() }))
}

fn store_refused(error: SessionStoreError) -> CallError {
    tracing::warn!(error = &error as &dyn std::error::Error, "route `session`");
    // The cause may name hosts and files, which are nothing to a page.
    refused(error)
}

fn args<T: DeserializeOwned>(call: &Call<Json>) -> Result<T, CallError> {
    let text = call.args.as_ref().map_or("{}", |args| args.get());
    serde_json::from_str(text).map_err(|error| refused(format!("args: {error}")))
}

fn key(call: &Call<Json>) -> Result<SessionKey, CallError> {
    let args: KeyArgs = args(call)?;
    SessionKey::parse(&args.key).map_err(refused)
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
