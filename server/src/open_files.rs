use nix::{
    errno::Errno,
    sys::resource::{Resource, getrlimit, setrlimit},
};

/// What a server has open beside its connections: listeners, the session store, logs.
const BESIDE_CONNECTIONS: u64 = 64;

/// The operating system does not let this process have as many files open as it may get connections.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenFilesError {
    /// The limit that only an administrator can raise is too low.
    #[error(
        "max_connections is {max_connections}, and the system lets this process open {allowed} files: connections past \
         that wait; raise the hard limit (ulimit -Hn, LimitNOFILE= of systemd) or lower max_connections"
    )]
    TooFew {
        /// The setting.
        max_connections: usize,
        /// The system's limit.
        allowed: u64,
    },
    /// The limit cannot be read or changed.
    #[error("the number of files that this process may open cannot be raised")]
    System(#[from] Errno),
}

/// Raises the number of files that this process may have open to the most that the system allows it, since each
/// connection is one; shells often start programs with 1024. The program `swampdragon` does so when it starts.
///
/// # Errors
/// See [`OpenFilesError`]. A server runs nevertheless.
pub fn raise_open_files_limit(max_connections: usize) -> Result<(), OpenFilesError> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    if hard < (max_connections as u64).saturating_add(BESIDE_CONNECTIONS) {
        return Err(OpenFilesError::TooFew { max_connections, allowed: hard });
    }
    Ok(())
}
