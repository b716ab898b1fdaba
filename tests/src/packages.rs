//! Packages of other languages, fetched from where they are published, each into a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result};

use crate::{npm, server::target_directory};

/// A folder for Python's path that has this package and what it needs.
///
/// # Errors
/// When the package index is out of reach, or Python or pip is missing.
pub fn python(package: &str, version: &str) -> Result<PathBuf> {
    python_set(&format!("{package}-{version}"), &[&format!("{package}=={version}")])
}

/// The same with several packages, such as `redis==8.1.0`, in a folder of that name.
///
/// # Errors
/// When the package index is out of reach, or Python or pip is missing.
pub fn python_set(name: &str, requirements: &[&str]) -> Result<PathBuf> {
    fetched(&format!("python/{name}"), requirements, |folder| {
        let arguments = ["-m", "pip", "install", "--quiet", "--target", "."];
        npm::run(folder, "python3", arguments.iter().chain(requirements))
            .context("Python with pip is needed (on Debian: `apt-get install python3-pip`)")
    })
}

/// A folder whose scripts can import this package.
///
/// # Errors
/// When the registry is out of reach, or Node or npm is missing.
pub fn node(package: &str, version: &str) -> Result<PathBuf> {
    node_set(&format!("{package}-{version}"), &[&format!("{package}@{version}")])
}

/// The same with several packages, such as `ws@8.23.0`, in a folder of that name.
///
/// # Errors
/// When the registry is out of reach, or Node or npm is missing.
pub fn node_set(name: &str, requirements: &[&str]) -> Result<PathBuf> {
    fetched(&format!("node/{name}"), requirements, |folder| {
        fs::write(folder.join("package.json"), r#"{ "private": true }"#)?;
        npm::run(folder, "npm", ["install", "--no-audit", "--no-fund"].iter().chain(requirements))
    })
}

/// Fetches what is not there yet, or not in these versions. What was cut off half-way is not there.
fn fetched(name: &str, requirements: &[&str], fetch: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    // Tests run beside each other; the second finds what the first fetched.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _alone = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = target_directory()?.join("e2e/packages").join(name);
    let (stamp, wanted) = (folder.join("fetched"), requirements.join(" "));
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let parent = folder.parent().context("the folder has a name")?;
    fs::create_dir_all(parent)?;
    let new = tempfile::tempdir_in(parent)?;
    fetch(new.path())?;
    fs::write(new.path().join("fetched"), wanted)?;
    fs::rename(new.keep(), &folder)?;
    Ok(folder)
}
