use super::{CallError, RouterCall};

/// Decides whether a call may reach its router.
pub trait Permission: Send + Sync + 'static {
    /// Lets the call pass, or says how it is answered instead.
    ///
    /// # Errors
    /// The call does not reach the router.
    fn check(&self, call: &RouterCall) -> Result<(), CallError>;
}

/// Lets calls pass from pages whose user has [logged in](crate::Connection::log_in); others get a reply in state
/// `login_required`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginRequired {
    /// `None` is every verb.
    verbs: Option<Vec<String>>,
}

impl LoginRequired {
    /// For every verb.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For these verbs only; the others are open to all.
    #[must_use]
    pub fn for_verbs<Verb: Into<String>>(verbs: impl IntoIterator<Item = Verb>) -> Self {
        Self { verbs: Some(verbs.into_iter().map(Into::into).collect()) }
    }
}

impl Permission for LoginRequired {
    fn check(&self, call: &RouterCall) -> Result<(), CallError> {
        let asked = self.verbs.as_ref().is_none_or(|verbs| verbs.iter().any(|verb| verb == call.verb()));
        if asked && !call.connection().is_logged_in() { Err(CallError::LoginRequired) } else { Ok(()) }
    }
}
