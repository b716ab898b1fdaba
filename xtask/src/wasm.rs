//! Rust to what the npm package is made around, in `js/pkg/`: `swampdragon.wasm`, the same as text, and `glue.js`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::freshness::is_fresh;
use crate::step::{run, run_shown, step};
use crate::{carried, glue, indirect, npm, paths, sections};

const TARGET: &str = "wasm32-unknown-unknown";

/// What browsers that run the client know of WebAssembly, and what the tools may therefore use.
const FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
    "--enable-multivalue",
    "--enable-call-indirect-overlong",
];

/// For `cargo xtask size`, which says what grew. They are taken out in the end.
const KEEP_NAMES: &str = "--debuginfo";

/// What LLVM should weigh otherwise than at this optimization level: inlining functions of up to 50, where a call takes
/// two bytes, and a loop's address arithmetic, which it saves at the price of more variables.
const LLVM: &str = "llvm-args=--inline-threshold=35 --disable-lsr";

/// The WebAssembly as it is shipped, except that its functions still have names.
pub(crate) fn named() -> PathBuf {
    paths::target().join("wasm-bindgen/named.wasm")
}

/// Builds all of it, unless nothing has changed since the last time.
pub(crate) fn build() -> Result<()> {
    let root = paths::root();
    let package = paths::js().join("pkg");
    let outputs = ["swampdragon.wasm", "swampdragon.wasm.txt", "glue.js"].map(|name| package.join(name));
    let outputs: Vec<PathBuf> = outputs.into_iter().chain([named()]).collect();
    let inputs = [
        "client-wasm",
        "client-core/src",
        "client-core/Cargo.toml",
        "protocol/src",
        "protocol/Cargo.toml",
        "Cargo.toml",
        "Cargo.lock",
        "xtask/src/wasm.rs",
        "xtask/src/carried.rs",
        "xtask/src/glue.rs",
        "xtask/src/indirect.rs",
        "xtask/src/sections.rs",
    ];
    if is_fresh(&outputs, &inputs.map(|input| root.join(input))) {
        return Ok(());
    }
    npm::install()?;
    fs::create_dir_all(&package)?;
    add_target()?;
    step("Client to WebAssembly", compile)?;
    step("JavaScript glue", bind)?;
    let made = paths::target().join("wasm-bindgen/client.js");
    let made = fs::read_to_string(&made).with_context(|| format!("{} cannot be read", made.display()))?;
    let glue = glue::shorten(&made)?;
    let names = step("Smaller WebAssembly", || {
        leave_out_unused(&glue::exports(&glue))?;
        let used = paths::target().join("wasm-bindgen/used.wasm");
        fs::write(&used, indirect::leave_out_uncalled(&fs::read(&used)?)?)?;
        let names = optimize()?;
        let wasm = sections::without_custom(&fs::read(named())?)?;
        fs::write(package.join("swampdragon.wasm"), &wasm)?;
        fs::write(package.join("swampdragon.wasm.txt"), carried::text(&wasm))?;
        Ok(names)
    })?;
    fs::write(package.join("glue.js"), glue::rename(&glue, &names)?)?;
    Ok(())
}

fn add_target() -> Result<()> {
    let libraries = run(
        Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]),
        "install Rust from https://rustup.rs",
    )?;
    if fs::exists(libraries.trim())? {
        return Ok(());
    }
    step("Rust for WebAssembly", || {
        run(
            Command::new("rustup").args(["target", "add", TARGET]),
            "install it from https://rustup.rs, or your distribution's Rust for wasm32-unknown-unknown",
        )
    })?;
    Ok(())
}

fn compile() -> Result<()> {
    // The crate itself is an rlib: listing cdylib beside it in the manifest would silently turn link-time
    // optimization off, a third more bytes.
    run_shown(Command::new("cargo").current_dir(paths::root()).args([
        "rustc",
        "--quiet",
        "--profile",
        "size",
        "--target",
        TARGET,
        "-p",
        "swampdragon-wasm",
        "--features",
        "page",
        "--lib",
        "--crate-type",
        "cdylib",
        "--",
        "-C",
        LLVM,
    ]))
}

fn bind() -> Result<()> {
    let built = paths::target().join(TARGET).join("size/swampdragon_wasm.wasm");
    let out = paths::target().join("wasm-bindgen");
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args([
        "wasm-bindgen".as_ref(),
        "--target".as_ref(),
        "module".as_ref(),
        "--no-typescript".as_ref(),
        "--out-name".as_ref(),
        "client".as_ref(),
        "--out-dir".as_ref(),
        out.as_os_str(),
        built.as_os_str(),
    ])
}

/// Takes what only other exports need out of the WebAssembly.
fn leave_out_unused(exports: &BTreeSet<&str>) -> Result<()> {
    let mut graph = vec![json!({ "name": "page", "root": true, "reaches": exports })];
    graph.extend(exports.iter().map(|name| json!({ "name": name, "export": name })));
    let folder = paths::target().join("wasm-bindgen");
    fs::write(folder.join("graph.json"), serde_json::to_vec(&graph)?)?;
    run(
        Command::new("node")
            .arg(paths::js().join("node_modules/binaryen/bin/wasm-metadce"))
            .args(FEATURES)
            .arg(KEEP_NAMES)
            .arg(folder.join("client_bg.wasm"))
            .arg("--graph-file")
            .arg(folder.join("graph.json"))
            .arg("-o")
            .arg(folder.join("used.wasm")),
        npm::NODE_REMEDY,
    )?;
    Ok(())
}

/// Pairs of a long name in the glue and the short one that the WebAssembly now has for it.
fn optimize() -> Result<Vec<(String, String)>> {
    let map = run(
        Command::new("node")
            .arg(paths::js().join("node_modules/binaryen/bin/wasm-opt"))
            // Each time it finds what the last has made alike.
            .args(["--flatten", "--rereloop", "-Oz", "-Oz"].repeat(2))
            .arg("-Oz")
            // There lies the end of a stack of 1 MB, of which the client uses a few hundred bytes.
            .arg("--low-memory-unused")
            .args(FEATURES)
            .arg(KEEP_NAMES)
            .arg("--minify-imports-and-exports-and-modules")
            .arg(paths::target().join("wasm-bindgen/used.wasm"))
            .arg("-o")
            .arg(named()),
        npm::NODE_REMEDY,
    )?;
    let map: serde_json::Value = serde_json::from_str(&map).context("wasm-opt's map of names is not JSON")?;
    let mut entries = Vec::new();
    for list in ["imports", "exports"] {
        entries.extend(map.get(list).and_then(|list| list.as_array()).context("wasm-opt's map has no names")?);
    }
    let mut names = vec![("./client_bg.js".to_owned(), "a".to_owned())];
    for entry in entries {
        let strings: Vec<&str> = entry.as_array().into_iter().flatten().filter_map(|part| part.as_str()).collect();
        // An import comes with the name of its module, an export alone.
        match strings.as_slice() {
            [_, long, short] | [long, short] => names.push(((*long).to_owned(), (*short).to_owned())),
            _ => bail!("wasm-opt's map has an entry of another shape: {entry}"),
        }
    }
    Ok(names)
}
