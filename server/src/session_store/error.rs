use std::error::Error;

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
    #[error("the session store does not support `{0}`")]
    NotSupported(&'static str),
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
}
