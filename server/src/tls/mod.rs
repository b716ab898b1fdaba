//! TLS on the listener for pages, unless the program is built without (cargo feature `tls`).

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod certificate;
mod error;
#[cfg(feature = "tls")]
mod stream;

#[cfg(not(feature = "tls"))]
pub(crate) use absent::{Tls, TlsStream, of};
#[cfg(feature = "tls")]
pub(crate) use {
    certificate::Tls,
    stream::{TlsStream, of},
};

#[cfg(all(test, feature = "tls"))]
pub(crate) use stream::tests;

pub use error::TlsError;
