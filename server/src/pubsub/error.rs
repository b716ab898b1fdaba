use std::error::Error;

use crate::session_store::BoxedError;

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

/// The channel is one by which the nodes speak to each other; pages have no business there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the channel is reserved for the server's own use")]
pub(crate) struct ReservedChannel;

/// Why publications cannot be carried in the way that the setting `pubsub` asks for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenPubSubError {
    /// There is no such way.
    #[error("`{given}` is no way to carry publications: `pubsub` is local:, redis://HOST:PORT or redis+unix://PATH")]
    Unknown {
        /// What was given, without passwords.
        given: String,
    },
    /// `pubsub` is not set, and the Redis of `session_store` is of a kind that publications cannot use.
    #[error("publications cannot use the `{scheme}` of the session store; set `pubsub` to local: or redis://HOST:PORT")]
    Scheme {
        /// How the address of the session store begins.
        scheme: String,
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
