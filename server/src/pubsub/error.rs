use std::error::Error;

use crate::session_store::{BoxedError, REDIS_FORMS};

/// Why a publication was not handed on, or other nodes could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("{}", if *.passing { "publications cannot be carried just now" } else { "the publication was refused" })]
pub struct PubSubError {
    passing: bool,
    source: BoxedError,
}

impl PubSubError {
    /// The way to the other nodes is interrupted; the same publication may be carried later.
    pub fn unavailable(source: impl Into<BoxedError>) -> Self {
        Self { passing: true, source: source.into() }
    }

    /// It was refused; trying again would not help.
    pub fn failed(source: impl Into<BoxedError>) -> Self {
        Self { passing: false, source: source.into() }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.passing
    }
}

/// Why publications cannot be carried in the way that the setting `pubsub` asks for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenPubSubError {
    /// There is no such way.
    #[error("`{given}` is no way to carry publications: `pubsub` is local:, {REDIS_FORMS}")]
    Unknown {
        /// What was given, without passwords.
        given: String,
    },
    /// Redis could not be used.
    #[error("publications cannot use Redis at {server}")]
    Redis {
        /// The address, without passwords.
        server: String,
        /// What happened instead.
        source: Box<dyn Error + Send + Sync>,
    },
}
