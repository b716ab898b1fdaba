use std::{collections::HashMap, fmt, sync::Arc};

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use swampdragon_protocol::{ChannelAction, ChannelName};

use super::{CallError, Permission, Router, RouterCall, channels};

type Method<R> = Box<dyn Fn(Arc<R>, RouterCall) -> BoxFuture<'static, Result<(), CallError>> + Send + Sync>;

/// What pages may call on a [`Router`].
pub struct Verbs<R> {
    methods: HashMap<&'static str, Method<R>>,
    excluded: Vec<&'static str>,
    permissions: Vec<Box<dyn Permission>>,
}

/// What is done about a verb.
pub(super) enum Found<'a, R> {
    Method(&'a Method<R>),
    /// It gets no answer.
    Excluded,
    Unknown,
}

impl<R: Router> Verbs<R> {
    /// No verbs.
    #[must_use]
    pub fn new() -> Self {
        Self { methods: HashMap::new(), excluded: Vec::new(), permissions: Vec::new() }
    }

    /// Has `method` answer `verb`. Its last parameter is what the call's `args` are read as; a call with other args is
    /// [refused](CallError::Refused). A method that sends nothing gives no answer, which is allowed.
    #[must_use]
    pub fn on<Args, Answering>(
        mut self,
        verb: &'static str,
        method: impl Fn(Arc<R>, RouterCall, Args) -> Answering + Send + Sync + 'static,
    ) -> Self
    where
        Args: DeserializeOwned,
        Answering: Future<Output = Result<(), CallError>> + Send + 'static,
    {
        let method: Method<R> = Box::new(move |router, call| match call.args() {
            Ok(args) => Box::pin(method(router, call, args)),
            Err(error) => Box::pin(async { Err(error) }),
        });
        self.methods.insert(verb, method);
        self
    }

    /// Has pages `subscribe` and `unsubscribe`: `channels` says which remote channels the call's args stand for, and
    /// refuses those that this page may not have. `channel` in the args is the page's own name for them; it is answered
    /// in `channel_data` beside the remote ones, and `channels` gets the other args.
    #[must_use]
    pub fn channels<Args, Naming>(
        mut self,
        channels: impl Fn(Arc<R>, RouterCall, Args) -> Naming + Send + Sync + 'static,
    ) -> Self
    where
        Args: DeserializeOwned,
        Naming: Future<Output = Result<Vec<ChannelName>, CallError>> + Send + 'static,
    {
        let channels = Arc::new(channels);
        for action in [ChannelAction::Subscribe, ChannelAction::Unsubscribe] {
            let channels = Arc::clone(&channels);
            let method: Method<R> = Box::new(move |router, call| match channels::split_args(&call) {
                Ok((local, args)) => {
                    let naming = channels(router, call.clone(), args);
                    Box::pin(async move { channels::change(action, &call, &local, naming.await?).await })
                }
                Err(error) => Box::pin(async { Err(error) }),
            });
            self.methods.insert(action.as_str(), method);
        }
        self
    }

    /// Gives calls of `verb` no answer, where an unknown verb ends the connection; for what old pages call and this
    /// router does not do.
    #[must_use]
    pub fn exclude(mut self, verb: &'static str) -> Self {
        self.excluded.push(verb);
        self
    }

    /// Asks `permission` before each call. With several, the first that objects decides.
    #[must_use]
    pub fn permission(mut self, permission: impl Permission) -> Self {
        self.permissions.push(Box::new(permission));
        self
    }

    pub(super) fn find(&self, verb: &str) -> Found<'_, R> {
        if self.excluded.contains(&verb) {
            return Found::Excluded;
        }
        self.methods.get(verb).map_or(Found::Unknown, Found::Method)
    }

    pub(super) fn check(&self, call: &RouterCall) -> Result<(), CallError> {
        self.permissions.iter().try_for_each(|permission| permission.check(call))
    }
}

impl<R: Router> Default for Verbs<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> fmt::Debug for Verbs<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verbs").field("verbs", &self.methods.keys()).field("excluded", &self.excluded).finish()
    }
}
