use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::paths;
use crate::step::run_shown;

/// Builds the server as operators run it, and returns where it is.
pub(crate) fn build() -> Result<PathBuf> {
    eprintln!("  Server");
    run_shown(Command::new("cargo").current_dir(paths::root()).args([
        "build",
        "--release",
        "-p",
        "swampdragon-server",
    ]))?;
    Ok(paths::target().join("release/swampdragon"))
}
