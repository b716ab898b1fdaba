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
const BUNDLE: [&str; 19] = [
    "dragon.js",
    "fallback.js",
    "activity.js",
    "share.js",
    "touch.js",
    "index.js",
    "node.js",
    "init.js",
    "init-node.js",
    "inline.js",
    "vanilla.js",
    "vanilla-node.js",
    "singleton.js",
    "singleton-node.js",
    "angularjs.js",
    "angularjs-node.js",
    "datamapper.js",
    "swampdragon.wasm",
    "swampdragon.wasm.js",
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
        let wasm = fs::read(js.join("pkg/swampdragon.wasm"))?;
        fs::write(dist.join("swampdragon.wasm"), &wasm)?;
        fs::write(dist.join("swampdragon.wasm.js"), format!("export default \"{}\";\n", base64(&wasm)))?;
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

/// RFC 4648, section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for position in 0..4 {
            let digit = number >> (18 - 6 * position) & 63;
            text.push(if position <= group.len() { char::from(ALPHABET[digit as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_what_is_short() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
    }
}
