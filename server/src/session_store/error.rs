use std::{borrow::Cow, error::Error};

/// Why a session store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct SessionStoreError {
    kind: Kind,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("the session store cannot be reached")]
    Unavailable,
    #[error("the session store refused")]
    Failed,
    #[error("the session store is full")]
    Full,
    #[error("the session store does not support `{0}`")]
    NotSupported(&'static str),
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
}

impl SessionStoreError {
    /// The store cannot be reached just now; the same request may succeed later, and the server will try again.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: Kind::Unavailable, source: Some(source.into()) }
    }

    /// The store was reached and refused; trying again would not help.
    pub fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: Kind::Failed, source: Some(source.into()) }
    }

    /// The store was reached and has no room for another session. It keeps and refreshes those that it has.
    pub fn full(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: Kind::Full, source: Some(source.into()) }
    }

    /// The store could, and must not: its sessions are made by somebody else, say. `why` is a sentence for whoever asked,
    /// without a dot at its end.
    pub fn forbidden(why: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: Kind::Forbidden(why.into()), source: None }
    }

    /// The store has no such operation.
    #[must_use]
    pub fn not_supported(operation: &'static str) -> Self {
        Self { kind: Kind::NotSupported(operation), source: None }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind, Kind::Unavailable)
    }

    /// Whether there is no room for another session.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.kind, Kind::Full)
    }

    /// Whether the store must not do what it was asked.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        matches!(self.kind, Kind::Forbidden(_))
    }

    /// Whether the store has no such operation.
    #[must_use]
    pub fn is_not_supported(&self) -> bool {
        matches!(self.kind, Kind::NotSupported(_))
    }
}
