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
    fetched(&format!("python/{package}-{version}"), |folder| {
        let requirement = format!("{package}=={version}");
        npm::run(folder, "python3", ["-m", "pip", "install", "--quiet", "--target", ".", &requirement])
            .context("Python with pip is needed (on Debian: `apt-get install python3-pip`)")
    })
}

/// A folder whose scripts can import this package.
///
/// # Errors
/// When the registry is out of reach, or Node or npm is missing.
pub fn node(package: &str, version: &str) -> Result<PathBuf> {
    fetched(&format!("node/{package}-{version}"), |folder| {
        fs::write(folder.join("package.json"), r#"{ "private": true }"#)?;
        npm::run(folder, "npm", ["install", "--no-audit", "--no-fund", &format!("{package}@{version}")])
    })
}

/// Fetches what is not there yet. What was cut off half-way is not there.
fn fetched(name: &str, fetch: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    // Tests run beside each other; the second finds what the first fetched.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _alone = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = target_directory()?.join("e2e/packages").join(name);
    if !folder.exists() {
        let parent = folder.parent().context("the folder has a name")?;
        fs::create_dir_all(parent)?;
        let new = tempfile::tempdir_in(parent)?;
        fetch(new.path())?;
        fs::rename(new.keep(), &folder)?;
    }
    Ok(folder)
}
