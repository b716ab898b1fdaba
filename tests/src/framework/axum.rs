//! axum with tower-sessions and its Redis store: a package of this workspace.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::{Framework, output};
use crate::server::target_directory;

/// From crates.io; the workspace's lock file has the versions.
pub const AXUM: Framework = Framework {
    name: "axum",
    cookie: "id",
    key_prefix: "",
    signed: false,
    port: 8000,
    install: |folder| output(folder, &mut cargo("build")).map(drop),
    versions,
    command: |_| cargo("run"),
};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/axum/Cargo.toml");

/// Has cargo do something with the app, which is built where the tests are.
fn cargo(what: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args([what, "--quiet", "--locked", "--manifest-path", MANIFEST]);
    if let Ok(target) = target_directory() {
        command.arg("--target-dir").arg(target);
    }
    command
}

fn versions(folder: &Path) -> Result<String> {
    let mut tree = Command::new("cargo");
    tree.args(["tree", "--quiet", "--locked", "--manifest-path", MANIFEST]);
    tree.args(["--depth", "1", "--prefix", "none", "--edges", "normal", "--format", "{p}"]);
    let tree = output(folder, &mut tree)?;
    let version = |name: &str| tree.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" v")).unwrap_or("?");
    let told = ["axum", "tower-sessions", "tower-sessions-redis-store"].map(|name| format!("{name} {}", version(name)));
    Ok(told.join(", "))
}
