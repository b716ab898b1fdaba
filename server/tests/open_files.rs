//! The number of files that the process may have open. A process of its own, since it changes that.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use swampdragon_server::raise_open_files_limit;

#[test]
fn the_limit_is_raised_as_far_as_it_may_be_and_a_low_one_is_told() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    // Whoever may raise the hard limit can lower it; nobody else needs to.
    let low = hard.min(500);
    setrlimit(Resource::RLIMIT_NOFILE, 100, low).unwrap();
    raise_open_files_limit(100).unwrap();
    assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (low, low));
    let refused = raise_open_files_limit(1000).unwrap_err().to_string();
    assert!(
        refused.starts_with("max_connections is 1000, and the system lets this process open 500 files"),
        "{refused}"
    );
}
