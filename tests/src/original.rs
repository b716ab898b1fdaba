//! The JavaScript client of 2014, fetched from where it was published. Nothing of it is part of this project.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::server::target_directory;

const VERSION: &str = "0.3.0";

/// A folder with a page that uses SwampDragon 0.3.0's own client and the SockJS client it came with.
///
/// # Errors
/// When the package index is out of reach, or pip or Python is missing.
pub fn page() -> Result<PathBuf> {
    let folder = target_directory()?.join("e2e/original");
    let files = [
        ("swampdragon/static/swampdragon/js/swampdragon.js", "swampdragon.js"),
        ("swampdragon/static/swampdragon/js/vendor/sockjs-0.3.2.min.js", "sockjs.js"),
    ];
    if !files.iter().all(|(_, name)| folder.join(name).exists()) {
        fetch(&folder, &files)?;
    }
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/original/index.html"), folder.join("index.html"))?;
    Ok(folder)
}

fn fetch(folder: &Path, files: &[(&str, &str)]) -> Result<()> {
    fs::create_dir_all(folder)?;
    let download = tempfile::tempdir_in(folder)?;
    let remedy = "Install Python with pip (on Debian: `apt-get install python3-pip`).";
    python(
        download.path(),
        &["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", &format!("swampdragon=={VERSION}")],
    )
    .context(remedy)?;
    python(download.path(), &["-m", "zipfile", "-e", &format!("SwampDragon-{VERSION}.zip"), "."])?;
    for (path, name) in files {
        fs::copy(download.path().join(format!("SwampDragon-{VERSION}")).join(path), folder.join(name))
            .with_context(|| format!("the original package has no {path}"))?;
    }
    Ok(())
}

fn python(folder: &Path, arguments: &[&str]) -> Result<()> {
    let output =
        Command::new("python3").args(arguments).current_dir(folder).output().context("python3 does not start")?;
    if !output.status.success() {
        bail!("python3 {} failed:\n{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
