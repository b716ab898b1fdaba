//! SockJS's own client, as its users install it. Nothing of it is part of this project.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::{npm, server::target_directory};

const FILES: [&str; 4] = ["package.json", "conversation.js", "node.js", "index.html"];

/// A folder with the client and a page that talks by it: `index.html?transport=NAME`, `&server=URL` for one elsewhere.
///
/// # Errors
/// When npm is missing or the package registry is out of reach.
pub fn page() -> Result<&'static Path> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| install().map_err(|error| format!("{error:#}")));
    folder.as_deref().map_err(|error| anyhow!(error.clone()))
}

fn install() -> Result<PathBuf> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/sockjs-client");
    let folder = target_directory()?.join("e2e/sockjs-client");
    fs::create_dir_all(&folder)?;
    for name in FILES {
        fs::copy(sources.join(name), folder.join(name)).with_context(|| format!("cannot copy {name}"))?;
    }
    npm::run(&folder, "npm", npm::INSTALL)?;
    fs::copy(folder.join("node_modules/sockjs-client/dist/sockjs.min.js"), folder.join("sockjs.js"))?;
    Ok(folder)
}

/// Talks to `server` from Node over one transport, and answers with what the client said in the end.
///
/// # Errors
/// When the client failed; with what it said.
pub fn converse(server: &str, transport: &str) -> Result<String> {
    let output = Command::new("node")
        .args(["node.js", server, transport])
        .current_dir(page()?)
        .output()
        .context("node does not start")?;
    if !output.status.success() {
        bail!("{transport}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
