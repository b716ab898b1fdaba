//! Answering calls.

mod session;

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use serde_json::Value;
use swampdragon_protocol::{
    Call, Reply, ReplyState, RouteName, ServerMessage, close_code,
    json::{Json, to_payload},
};

pub(crate) use session::SessionRouter;

use crate::connection::{Connection, Message};

/// Answers the calls of one route.
#[async_trait]
pub trait Router: Send + Sync + 'static {
    /// The name that pages call it by.
    fn route(&self) -> RouteName;

    /// Answers one call.
    ///
    /// # Errors
    /// What the page is told instead; see [`CallError`].
    async fn call(&self, connection: &Connection, call: &Call<Json>) -> Result<Value, CallError>;
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The router has no such verb. Ends the connection, as with the original.
    #[error("no such verb")]
    UnknownVerb,
    /// Something is wrong with the call; the page gets this as the data of a reply in state `error`.
    #[error("refused: {0}")]
    Refused(Value),
    /// The page's user has to log in first; the page gets a reply in state `login_required`.
    #[error("login required")]
    LoginRequired,
    /// The router could not do its work. Ends the connection, as an exception does with the original; the error is
    /// logged, not sent.
    #[error(transparent)]
    Failed(#[from] Box<dyn std::error::Error + Send + Sync>),
}

pub(crate) type Routers = HashMap<RouteName, Arc<dyn Router>>;

impl Connection {
    /// Hands a message to the router that it calls, and sends the router's answer. A message that no router takes ends
    /// the connection with close code 3000.
    pub async fn route(&self, message: Message<'_>) {
        let call = match message.call() {
            Ok(call) => call,
            Err(error) => return self.abort_over(&error.to_string()),
        };
        let Some(router) = self.service().routers.get(call.route.as_str()) else {
            return self.abort_over("no router has this route");
        };
        let (state, data) = match router.call(self, call).await {
            Ok(data) => (ReplyState::Success, data),
            Err(CallError::Refused(data)) => (ReplyState::Error, data),
            Err(CallError::LoginRequired) => (ReplyState::LoginRequired, Value::Null),
            Err(error @ CallError::UnknownVerb) => return self.abort_over(&error.to_string()),
            Err(CallError::Failed(error)) => {
                tracing::error!(
                    connection = self.id(),
                    route = call.route,
                    verb = call.verb,
                    error = &*error,
                    "call failed"
                );
                return self.close(close_code::GO_AWAY);
            }
        };
        self.send_message(&ServerMessage::Reply(Reply {
            // A `Value` always has a JSON form.
            data: to_payload(&data).ok(),
            callback_name: call.callback_name.clone(),
            verb: Some(call.verb.clone()),
            state,
            channel_data: None,
        }));
    }

    fn abort_over(&self, reason: &str) {
        tracing::info!(connection = self.id(), reason, "message refused: closed");
        self.close(close_code::GO_AWAY);
    }
}
