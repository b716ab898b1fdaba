//! Rust to the two files that the npm package is made around: `js/pkg/swampdragon.wasm` and `js/pkg/glue.js`.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::freshness::is_fresh;
use crate::step::{run, run_shown, step};
use crate::{npm, paths};

const TARGET: &str = "wasm32-unknown-unknown";

/// What wasm-bindgen expects of its module target, and replaces below: the import of the module, and its start.
const MODULE_IMPORT: &str = "import source wasmModule from \"./client_bg.wasm\";\n";
const MODULE_START: &str = "let wasmInstance = new WebAssembly.Instance(wasmModule, __wbg_get_imports());
let wasm = wasmInstance.exports;
wasm.__wbindgen_start();\n";
const OWN_START: &str = "let wasm;
/** What the WebAssembly imports. */
export const imports = __wbg_get_imports;
/** Starts an instance made with the imports. */
export function start(instance) {
    wasm = instance.exports;
    wasm.__wbindgen_start();
}\n";

/// Builds both files, unless nothing has changed since the last time.
pub(crate) fn build() -> Result<()> {
    let root = paths::root();
    let package = paths::js().join("pkg");
    let outputs = ["swampdragon.wasm", "glue.js"].map(|name| package.join(name));
    let inputs = [
        "client-wasm",
        "client-core/src",
        "client-core/Cargo.toml",
        "protocol/src",
        "protocol/Cargo.toml",
        "Cargo.toml",
        "Cargo.lock",
        "xtask/src/wasm.rs",
    ];
    if is_fresh(&outputs, &inputs.map(|input| root.join(input))) {
        return Ok(());
    }
    npm::install()?;
    fs::create_dir_all(&package)?;
    add_target()?;
    step("Client to WebAssembly", compile)?;
    step("JavaScript glue", bind)?;
    let names = step("Smaller WebAssembly", optimize)?;
    rename(&names)
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

/// Pairs of a long name in the glue and the short one that the WebAssembly now has for it.
fn optimize() -> Result<Vec<(String, String)>> {
    let map = run(
        Command::new("node")
            .arg(paths::js().join("node_modules/binaryen/bin/wasm-opt"))
            .args(["--flatten", "--rereloop", "-Oz", "-Oz"])
            .args(["--enable-bulk-memory", "--enable-bulk-memory-opt", "--enable-reference-types"])
            .args(["--enable-sign-ext", "--enable-nontrapping-float-to-int", "--enable-mutable-globals"])
            .args(["--enable-multivalue", "--enable-call-indirect-overlong"])
            .args(["--strip-debug", "--strip-producers", "--strip-target-features"])
            .arg("--minify-imports-and-exports-and-modules")
            .arg(paths::target().join("wasm-bindgen/client_bg.wasm"))
            .arg("-o")
            .arg(paths::js().join("pkg/swampdragon.wasm")),
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

/// Makes wasm-bindgen's glue into a module that any loader can start, with the names of the smaller WebAssembly.
fn rename(names: &[(String, String)]) -> Result<()> {
    let glue = paths::target().join("wasm-bindgen/client.js");
    let mut text = fs::read_to_string(&glue).with_context(|| format!("{} cannot be read", glue.display()))?;
    for (found, own) in [(MODULE_IMPORT, ""), (MODULE_START, OWN_START)] {
        ensure!(text.contains(found), "wasm-bindgen writes its module target otherwise than xtask/src/wasm.rs expects");
        text = text.replace(found, own);
    }
    for (long, short) in names {
        text = rename_one(&text, long, short)?;
    }
    fs::write(paths::js().join("pkg/glue.js"), text)?;
    Ok(())
}

/// Replaces a name where it belongs to the WebAssembly: as key of an import, or as member of its exports.
fn rename_one(text: &str, long: &str, short: &str) -> Result<String> {
    let places = [
        (format!(" {long}: function("), format!(" {short}: function(")),
        (format!("\"{long}\": "), format!("\"{short}\": ")),
        (format!("wasm.{long}("), format!("wasm.{short}(")),
        (format!("wasm.{long}."), format!("wasm.{short}.")),
        (format!("wasm.{long};"), format!("wasm.{short};")),
    ];
    let mut renamed = text.to_owned();
    for (from, to) in &places {
        renamed = renamed.replace(from, to);
    }
    // Exports that only other tools read do not occur in the glue; everything else must, or the page would not start.
    let unused = ["__abort_handler", "__instance_terminated"];
    ensure!(renamed != text || unused.contains(&long), "the glue does not mention {long}, which the WebAssembly needs");
    ensure!(!renamed.contains(&format!("wasm.{long}")), "the glue mentions {long} in a way that xtask does not rename");
    Ok(renamed)
}
