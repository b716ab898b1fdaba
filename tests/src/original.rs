//! The JavaScript clients of 2014 and 2015, fetched from where they were published. Nothing of them is part of this
//! project.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};

use crate::server::target_directory;

/// A published version whose pages are still around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 0.3.0: the global object `swampDragon` ("0.1"), with SockJS 0.3.2.
    V0_3_0,
    /// 0.3.9: an object of the page's own ("0.2"), with SockJS 0.3.4.
    V0_3_9,
    /// 0.4.2.2: `swampdragon`, which has SockJS 0.3.4 in it.
    V0_4_2_2,
}

impl Version {
    /// As in the package index.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::V0_3_0 => "0.3.0",
            Self::V0_3_9 => "0.3.9",
            Self::V0_4_2_2 => "0.4.2.2",
        }
    }

    /// The settings that our server needs for its pages.
    #[must_use]
    pub fn settings(self) -> &'static [&'static str] {
        match self {
            Self::V0_3_0 => &[],
            Self::V0_3_9 | Self::V0_4_2_2 => &["--heartbeat-value", "1", "--message-form", "object"],
        }
    }

    /// The files that a page loads: where they lie in the package, and what the page calls them.
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::V0_3_0 => &[("swampdragon.js", "swampdragon.js"), ("vendor/sockjs-0.3.2.min.js", "sockjs.js")],
            Self::V0_3_9 => &[("swampdragon.js", "swampdragon.js"), ("vendor/sockjs-0.3.4.min.js", "sockjs.js")],
            Self::V0_4_2_2 => &[("dist/swampdragon.min.js", "swampdragon.js")],
        }
    }
}

/// A folder with a page for this version: `?session=KEY`, and `&websocket=none` for a browser that has none.
///
/// # Errors
/// When the package index is out of reach, or pip or Python is missing.
pub fn page(version: Version) -> Result<PathBuf> {
    // Tests run beside each other; the second finds what the first fetched.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _alone = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = target_directory()?.join("e2e/original").join(version.number());
    if !version.files().iter().all(|(_, name)| folder.join(name).exists()) {
        fetch(version, &folder)?;
    }
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/original");
    let own = format!("{}.html", version.number());
    for (from, to) in [(own.as_str(), "index.html"), ("watch.js", "watch.js")] {
        fs::copy(pages.join(from), folder.join(to)).with_context(|| format!("cannot copy {from}"))?;
    }
    Ok(folder)
}

fn fetch(version: Version, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let download = tempfile::tempdir_in(folder)?;
    let number = version.number();
    let remedy = "Install Python with pip (on Debian: `apt-get install python3-pip`).";
    python(
        download.path(),
        &["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", &format!("swampdragon=={number}")],
    )
    .context(remedy)?;
    python(download.path(), &["-m", "zipfile", "-e", &format!("SwampDragon-{number}.zip"), "."])?;
    let scripts = download.path().join(format!("SwampDragon-{number}/swampdragon/static/swampdragon/js"));
    for (path, name) in version.files() {
        fs::copy(scripts.join(path), folder.join(name))
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
