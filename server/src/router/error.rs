use std::error::Error;

use serde_json::{Value, json};

use crate::session_store::BoxedError;

/// Why a call is not answered with data.
///
/// Every error becomes one by `?`: that is [`Failed`](Self::Failed). (For the same reason this is no
/// [`std::error::Error`] itself.)
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// Something is wrong with the call; the page gets this as the data of a reply in state `error`.
    Refused(Value),
    /// The page's user has to log in first; the page gets a reply in state `login_required`.
    LoginRequired,
    /// The router could not do its work. The error is logged, not sent, and ends the connection, as an exception does
    /// with the original; but when all that is wrong is that a session store or other nodes cannot be reached just
    /// now, the page is told so, in state `error`.
    Failed(BoxedError),
}

impl CallError {
    /// A refusal with `{"error": reason}` as its data.
    #[must_use]
    pub fn refused(reason: impl ToString) -> Self {
        Self::Refused(json!({ "error": reason.to_string() }))
    }

    /// A failure that has no error type, such as a sentence.
    #[must_use]
    pub fn failed(error: impl Into<BoxedError>) -> Self {
        Self::Failed(error.into())
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for CallError {
    fn from(error: E) -> Self {
        Self::Failed(Box::new(error))
    }
}
