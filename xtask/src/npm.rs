//! The npm package: its tools, its bundle in `js/dist`, its tarball.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::freshness::is_fresh;
use crate::step::{run, step};
use crate::{paths, wasm};

pub(crate) const NODE_REMEDY: &str = "install Node.js 20 or later from https://nodejs.org";

/// What `js/bundle.js` and [`bundle`] write to `js/dist`.
const BUNDLE: [&str; 14] = [
    "dragon.js",
    "fallback.js",
    "activity.js",
    "share.js",
    "touch.js",
    "index.js",
    "init.js",
    "init-node.js",
    "inline.js",
    "vanilla.js",
    "singleton.js",
    "angularjs.js",
    "datamapper.js",
    "swampdragon.wasm",
];

/// Installs the tools that the package is built and tested with, unless they are there.
pub(crate) fn install() -> Result<()> {
    let js = paths::js();
    let inputs = [js.join("package-lock.json")];
    if is_fresh(&[js.join("node_modules/.package-lock.json")], &inputs) {
        return Ok(());
    }
    step("npm packages", || {
        run(npm().args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&js), NODE_REMEDY)
    })?;
    Ok(())
}

/// Where stands what each file of `js/` contributes to `index.js`, in bytes: a JSON object.
pub(crate) fn index_files() -> PathBuf {
    paths::target().join("index-files.json")
}

/// Builds the WebAssembly and bundles everything that a page loads into `js/dist`.
pub(crate) fn bundle() -> Result<()> {
    install()?;
    wasm::build()?;
    let js = paths::js();
    let dist = js.join("dist");
    let outputs: Vec<PathBuf> = BUNDLE.map(|name| dist.join(name)).into_iter().chain([index_files()]).collect();
    let inputs = ["src", "pkg", "bundle.js", "package-lock.json"].map(|name| js.join(name));
    if is_fresh(&outputs, &inputs) {
        return Ok(());
    }
    step("JavaScript bundle", || {
        if fs::exists(&dist)? {
            fs::remove_dir_all(&dist)?;
        }
        fs::create_dir_all(&dist)?;
        fs::copy(js.join("pkg/swampdragon.wasm"), dist.join("swampdragon.wasm"))?;
        let files = run(Command::new("node").arg("bundle.js").current_dir(&js), NODE_REMEDY)?;
        fs::write(index_files(), files)?;
        Ok(())
    })
}

/// Packs the package as npm would publish it, and returns where the tarball is.
pub(crate) fn pack() -> Result<PathBuf> {
    bundle()?;
    let js = paths::js();
    let out = paths::target().join("npm");
    let tarball = out.join(format!("swampdragon-{}.tgz", env!("CARGO_PKG_VERSION")));
    let inputs = ["dist", "types", "package.json", "README.md"].map(|name| js.join(name));
    if is_fresh(std::slice::from_ref(&tarball), &inputs) {
        return Ok(tarball);
    }
    step("npm package", || {
        fs::create_dir_all(&out)?;
        let mut command = npm();
        command.args(["pack", "--ignore-scripts", "--pack-destination"]).arg(&out).current_dir(&js);
        run(&mut command, NODE_REMEDY)?;
        fs::metadata(&tarball).with_context(|| format!("npm pack did not write {}", tarball.display()))
    })?;
    Ok(tarball)
}

fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}
