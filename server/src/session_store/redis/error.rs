use std::{error::Error, io, path::PathBuf, sync::Arc};

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

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
    /// A file of the settings for TLS cannot be used.
    #[error("{setting} is `{}`: {problem}", file.display())]
    TlsFile {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A certificate without its private key, or the other way round.
    #[error("redis_tls_cert_file and redis_tls_key_file go together: set {missing}, too, or neither")]
    HalfIdentity {
        /// The setting that is not set.
        missing: &'static str,
    },
    /// The certificates or the key are in their files, but no good.
    #[error("the files of redis_tls_ca_file, redis_tls_cert_file and redis_tls_key_file cannot be used")]
    Certificates {
        /// What is wrong with them.
        source: RedisError,
    },
    /// The server's certificate is not trusted, or it does not speak TLS at all, or wants a certificate itself.
    #[error(
        "Redis at {server} cannot be spoken to by TLS; set `redis_tls_ca_file` to who vouches for its certificate, \
         which must be for that very host, or begin the address with redis instead of rediss if it speaks without"
    )]
    Tls {
        /// Host and port.
        server: String,
        /// What happened instead.
        source: RedisError,
    },
    /// The sentinels know no master of that name.
    #[error("Redis at {server}: the sentinels know no master of that name")]
    NoSuchMaster {
        /// The name, and the sentinels.
        server: String,
        /// What was asked for.
        source: RedisError,
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
        if is_tls(&source) {
            return Self::Tls { server, source };
        }
        match source.code() {
            Some("NOAUTH") => Self::PasswordMissing { server, source },
            Some("WRONGPASS") => Self::PasswordWrong { server, source },
            _ if source.kind() == ErrorKind::AuthenticationFailed => Self::PasswordWrong { server, source },
            _ if source.kind() == ErrorKind::MasterNameNotFoundBySentinel => Self::NoSuchMaster { server, source },
            _ if source.is_io_error() => Self::Unreachable { server, source },
            _ => Self::Unfit { server, source },
        }
    }
}

/// Whether Redis cannot be reached because one side does not like the other's certificate or way of speaking.
fn is_tls(error: &RedisError) -> bool {
    let io = error.source().and_then(|source| source.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let io = io.and_then(|source| source.downcast_ref::<io::Error>());
    io.and_then(io::Error::get_ref).is_some_and(|inner| inner.is::<rustls::Error>())
}

/// Whether waiting may help a server that starts.
pub(super) fn may_pass(error: &RedisError) -> bool {
    if is_tls(error) {
        return false;
    }
    match error.kind() {
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => true,
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::TryAgain,
        ) => true,
        _ => matches!(error.code(), Some("BUSY" | "NOREPLICAS")) || has_no_room(error),
    }
}

/// Sorts what Redis says into "later perhaps", "no more" and "no".
pub(super) fn store_error(error: RedisError) -> SessionStoreError {
    if is_unavailable(&error) {
        SessionStoreError::unavailable(error)
    } else if error.code() == Some("OOM") {
        SessionStoreError::full(error)
    } else {
        SessionStoreError::failed(error)
    }
}

/// Whether the same request may succeed later.
pub(crate) fn is_unavailable(error: &RedisError) -> bool {
    has_no_room(error)
        || match error.kind() {
            // A connection that was lost, could not be made, or did not answer in time.
            ErrorKind::Io
            // A password that is wrong now was right at start, and is being changed.
            | ErrorKind::AuthenticationFailed
            // So was the name of the master, and the sentinels have just been reset.
            | ErrorKind::MasterNameNotFoundBySentinel
            // A part of the cluster is away, or it does not know yet who is where.
            | ErrorKind::ClusterConnectionNotFound => true,
            _ => error.code().is_some_and(passes),
        }
}

fn has_no_room(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("max number of clients reached"))
}

/// The error codes by which Redis says that it cannot *now*: it starts, fails over, moves slots, runs a long script, or
/// has lost its disk or its replicas for the moment.
///
/// `OOM` is not among them: a Redis that is full refuses new sessions for good, as every store that is full does. It
/// refreshes those it has.
fn passes(code: &str) -> bool {
    matches!(
        code,
        "LOADING"
            | "READONLY"
            | "MASTERDOWN"
            | "CLUSTERDOWN"
            | "TRYAGAIN"
            | "MOVED"
            | "ASK"
            | "BUSY"
            | "MISCONF"
            | "NOREPLICAS"
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
        for code in ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "MISCONF", "NOAUTH"] {
            assert!(store_error(make_extension_error(code.to_owned(), None)).is_unavailable(), "{code}");
        }
        for kind in [io::ErrorKind::ConnectionRefused, io::ErrorKind::TimedOut, io::ErrorKind::BrokenPipe] {
            assert!(store_error(io::Error::from(kind).into()).is_unavailable(), "{kind}");
        }
    }

    #[test]
    fn a_refusal_for_good_is_a_failure() {
        for code in ["WRONGTYPE", "NOPERM", "OOM", "ERR"] {
            let error = store_error(make_extension_error(code.to_owned(), None));
            assert!(!error.is_unavailable(), "{code}");
            assert_eq!(error.is_full(), code == "OOM", "{code}");
        }
    }
}
