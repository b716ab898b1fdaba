use ::redis::{ErrorKind, RedisError};

use crate::session_store::SessionStoreError;

/// Why the Redis session store could not be opened. Tells the server's host and port, or its socket; never a
/// password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectRedisError {
    /// The address is wrong, or asks for something this version does not do.
    #[error("`{address}` is no address for the Redis session store: {problem}")]
    Address {
        /// The address that was given, without its password.
        address: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Nobody answers there.
    #[error(
        "Redis at {server} cannot be reached; start it, or set `session_store` to another (embedded:PATH needs no Redis)"
    )]
    Unreachable {
        /// Host and port, or the socket's path.
        server: String,
        /// What happened instead.
        source: RedisError,
    },
    /// The server wants a password, and the address has none.
    #[error(
        "Redis at {server} wants a password; write it into the address, as in redis://:PASSWORD@HOST, or set `redis_password`"
    )]
    PasswordMissing {
        /// Host and port, or the socket's path.
        server: String,
        /// The server's answer.
        source: RedisError,
    },
    /// The server knows no such user, or the password is wrong.
    #[error("Redis at {server} refused the user name or the password")]
    PasswordWrong {
        /// Host and port, or the socket's path.
        server: String,
        /// The server's answer.
        source: RedisError,
    },
    /// The server answered, and would not do what a session store needs: a read-only replica, a user without the
    /// right, a database number that it does not have.
    #[error("Redis at {server} cannot serve as the session store")]
    Unfit {
        /// Host and port, or the socket's path.
        server: String,
        /// The server's answer.
        source: RedisError,
    },
}

impl ConnectRedisError {
    pub(super) fn new(server: String, source: RedisError) -> Self {
        match source.code() {
            Some("NOAUTH") => Self::PasswordMissing { server, source },
            Some("WRONGPASS") => Self::PasswordWrong { server, source },
            _ if source.kind() == ErrorKind::AuthenticationFailed => Self::PasswordWrong { server, source },
            _ if source.is_io_error() => Self::Unreachable { server, source },
            _ => Self::Unfit { server, source },
        }
    }
}

/// Sorts what Redis says into "later perhaps" and "no".
pub(super) fn store_error(error: RedisError) -> SessionStoreError {
    let passing = match error.code() {
        Some(code) => passes(code),
        None => match error.kind() {
            // A connection that was lost, could not be made, or did not answer in time; a password that is wrong now
            // was right at start, and is being changed.
            ErrorKind::Io | ErrorKind::AuthenticationFailed => true,
            // Some commands of several were refused: the kind of the first is known, its code is not.
            _ => error
                .clone()
                .into_server_errors()
                .is_some_and(|errors| errors.iter().all(|(_, error)| passes(error.code()))),
        },
    } || error.detail().is_some_and(|detail| detail.contains("max number of clients reached"));
    if passing { SessionStoreError::unavailable(error) } else { SessionStoreError::failed(error) }
}

/// The error codes by which Redis says that it cannot *now*: it starts, fails over, runs a long script, or has lost
/// its disk, its memory or its replicas for the moment.
fn passes(code: &str) -> bool {
    matches!(
        code,
        "LOADING"
            | "READONLY"
            | "MASTERDOWN"
            | "CLUSTERDOWN"
            | "TRYAGAIN"
            | "BUSY"
            | "MISCONF"
            | "NOREPLICAS"
            | "OOM"
            | "NOAUTH"
            | "WRONGPASS"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::redis::make_extension_error;
    use std::io;

    #[test]
    fn what_may_work_later_is_unavailable() {
        for code in ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "MISCONF", "OOM"] {
            assert!(store_error(make_extension_error(code.to_owned(), None)).is_unavailable(), "{code}");
        }
        for kind in [io::ErrorKind::ConnectionRefused, io::ErrorKind::TimedOut, io::ErrorKind::BrokenPipe] {
            assert!(store_error(io::Error::from(kind).into()).is_unavailable(), "{kind}");
        }
    }

    #[test]
    fn a_refusal_for_good_is_a_failure() {
        for code in ["WRONGTYPE", "NOPERM", "ERR"] {
            assert!(!store_error(make_extension_error(code.to_owned(), None)).is_unavailable(), "{code}");
        }
    }
}
