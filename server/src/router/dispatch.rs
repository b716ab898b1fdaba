use std::{collections::HashMap, sync::Arc};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use swampdragon_protocol::{ReplyState, RouteName};

use super::{CallError, Router, RouterCall, Verbs, verbs::Found};
use crate::{
    connection::{Connection, Message},
    pubsub::PubSubError,
    server::StartError,
    session_store::{BoxedError, SessionStoreError},
};

/// A router of any type, with its verbs.
pub(super) trait Registered: Send + Sync {
    fn answer(&self, call: RouterCall) -> Answer;
    fn client_context(&self, call: &RouterCall) -> Map<String, Value>;
}

/// How a call is answered.
pub(super) enum Answer {
    /// By a method at work.
    Work(BoxFuture<'static, Result<(), CallError>>),
    /// Not.
    Nothing,
    /// There is no such verb.
    UnknownVerb,
}

struct Entry<R> {
    router: Arc<R>,
    verbs: Verbs<R>,
}

impl<R: Router> Registered for Entry<R> {
    fn answer(&self, call: RouterCall) -> Answer {
        match self.verbs.find(call.verb()) {
            Found::Excluded => Answer::Nothing,
            Found::Unknown => Answer::UnknownVerb,
            Found::Method(method) => Answer::Work(match self.verbs.check(&call) {
                Ok(()) => method(Arc::clone(&self.router), call),
                Err(error) => Box::pin(async { Err(error) }),
            }),
        }
    }

    fn client_context(&self, call: &RouterCall) -> Map<String, Value> {
        self.router.client_context(call)
    }
}

/// The routers of a server, by route.
#[derive(Default)]
pub(crate) struct Routers(HashMap<RouteName, Arc<dyn Registered>>);

impl Routers {
    pub(crate) fn register<R: Router>(&mut self, router: R) -> Result<(), StartError> {
        let given = router.route();
        let route =
            RouteName::parse(given).map_err(|problem| StartError::RouteName { given: given.to_owned(), problem })?;
        if self.0.contains_key(&route) {
            return Err(StartError::RouteTaken(route));
        }
        self.0.insert(route, Arc::new(Entry { router: Arc::new(router), verbs: R::verbs() }));
        Ok(())
    }
}

impl Connection {
    /// Hands a message to the router that it calls, which answers it. A message that no router takes
    /// [ends the connection](Self::abort_connection).
    pub async fn route(&self, message: Message<'_>) {
        let call = match message.into_call() {
            Ok(call) => call,
            Err(error) => return self.abort_over(&error.to_string()),
        };
        let Some(router) = self.service().routers.0.get(call.route.as_str()) else {
            return self.abort_over("no router has this route");
        };
        let call = RouterCall::new(self, Arc::clone(router), call);
        match router.answer(call.clone()) {
            Answer::Work(work) => {
                if let Err(error) = work.await {
                    self.answer_error(&call, error);
                }
            }
            Answer::Nothing => {}
            Answer::UnknownVerb => self.abort_over("the router has no such verb"),
        }
    }

    fn answer_error(&self, call: &RouterCall, error: CallError) {
        match error {
            CallError::Refused(data) => {
                // A `Value` always has a JSON form.
                let _ = call.reply(ReplyState::Error, Some(&data), None);
            }
            CallError::LoginRequired => call.send_login_required(),
            CallError::Failed(error) => {
                tracing::error!(?call, error = &*error, "call failed");
                if passes(&error) {
                    let sorry = json!({ "error": "the server cannot do this just now" });
                    let _ = call.reply(ReplyState::Error, Some(&sorry), None);
                } else {
                    self.abort_connection();
                }
            }
        }
    }

    fn abort_over(&self, reason: &str) {
        tracing::info!(reason, "message refused: closed");
        self.abort_connection();
    }
}

/// Whether all that is wrong is that something cannot be reached just now. To end the connections would not help, and
/// they would all come back at once.
fn passes(error: &BoxedError) -> bool {
    error.downcast_ref::<SessionStoreError>().is_some_and(SessionStoreError::is_unavailable)
        || error.downcast_ref::<PubSubError>().is_some_and(PubSubError::is_unavailable)
}
