//! What the operating system lets one process have.

use anyhow::{Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Open files of a process beside its connections.
const OTHER_FILES: u64 = 256;

/// Lets this process, and those that it starts, have this many connections.
///
/// # Errors
/// When the system allows fewer.
pub fn raise_open_files(connections: usize) -> Result<()> {
    let wanted = connections as u64 + OTHER_FILES;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(
        wanted <= hard,
        "{connections} connections need {wanted} open files; the system allows {hard} (ulimit -Hn)"
    );
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(())
}
