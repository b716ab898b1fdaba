//! wasm-bindgen's JavaScript to `js/pkg/glue.js`: a module that any loader can start, in few bytes.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

/// What wasm-bindgen writes for its module target, up to the second text, and what stands there instead. A piece that is
/// not found is an error: then wasm-bindgen has changed, and this has to be looked at.
const REPLACED: [(&str, &str, &str); 11] = [
    // The loader brings the module, and starts it.
    ("import source wasmModule from \"./client_bg.wasm\";", "\n", ""),
    (
        "let wasmInstance = ",
        "wasm.__wbindgen_start();\n",
        "let wasm;
/** What the WebAssembly imports. */
export const imports = __wbg_get_imports;
/** Starts an instance made with the imports. */
export function start(instance) {
    wasm = instance.exports;
    wasm.__wbindgen_start();
}
",
    ),
    // Names of parameters help nobody here.
    ("export function attach(", "return ret;\n}\n", "export const attach = (...args) => wasm.attach(...args);\n"),
    ("function wasm_bindgen__convert__closures", "}\n", ""),
    // The one closure there is lives as long as the page, so nobody counts its uses.
    ("const CLOSURE_DTORS", "state => wasm.__wbindgen_destroy_closure(state.a, state.b));\n", ""),
    (
        "function makeClosure(arg0, arg1, f) {",
        "    return real;\n}\n",
        "function makeClosure(arg0, arg1, f) {
    return (a, b, c, d, e, g) => f(arg0, arg1, a, b, c, d, e, g);
}
",
    ),
    // Texts cross when a client is made and a few times in an hour: nothing that a cache would help.
    (
        "function getStringFromWasm0(ptr, len) {",
        "}\n",
        "function getStringFromWasm0(ptr, len) {
    return new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, ptr, len));
}
",
    ),
    ("let cachedUint8ArrayMemory0", "return cachedUint8ArrayMemory0;\n}\n", ""),
    ("let cachedTextDecoder", "return cachedTextDecoder.decode(bytes);\n}\n", ""),
    // Made once for each import, not at each call.
    (
        "function handleError(f, args) {",
        "try {\n        return f.apply(this, args);",
        "const catching = (f) => (a, b, c, d) => {\n    try {\n        return f(a, b, c, d);",
    ),
    (
        "function isLikeNone(x) {",
        "}\n",
        "const optional = (value) => value == null ? 0 : addToExternrefTable0(value);\n",
    ),
];

/// What occurs many times, and what takes its place.
const SHORTENED: [(&str, &str); 9] = [
    ("isLikeNone(ret) ? 0 : addToExternrefTable0(ret)", "optional(ret)"),
    ("function() { return handleError(function (", "catching(function ("),
    ("}, arguments); },", "}),"),
    // Called as it is, see above.
    ("makeClosure(arg0, arg1, wasm_bindgen", "makeClosure(arg0, arg1, wasm.wasm_bindgen"),
    // Imports are asked for by name, and none is named like something that objects inherit.
    ("__proto__: null,", ""),
    // The same, and browsers make them in half the time.
    ("Array.of(arg0)", "[arg0]"),
    ("new Array()", "[]"),
    ("new Object()", "{}"),
    // A number whose highest bit is set becomes negative. None here has it: positions, codes, delays.
    (" >>> 0", ""),
];

/// What wasm-bindgen has written, made into a short module. Names are still those of the WebAssembly as compiled.
pub(crate) fn shorten(made: &str) -> Result<String> {
    let mut glue = made.to_owned();
    for (from, to, own) in REPLACED {
        glue = replace(&glue, from, to, own)?;
    }
    for (from, to) in SHORTENED {
        ensure!(glue.contains(from), "wasm-bindgen's glue has no `{from}` any more, which xtask/src/glue.rs shortens");
        glue = glue.replace(from, to);
    }
    // The closure gets six besides its own two, and what may throw four.
    ensure!(
        !made.contains("arg8") && !glue.contains("arg4"),
        "a function has more parameters than xtask/src/glue.rs passes on"
    );
    Ok(glue)
}

/// The exports of the WebAssembly that the glue mentions.
pub(crate) fn exports(glue: &str) -> BTreeSet<&str> {
    let end = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    glue.split("wasm.").skip(1).map(|rest| &rest[..end(rest)]).collect()
}

/// Gives the glue the names that the smaller WebAssembly has: pairs of a long name and its short one.
pub(crate) fn rename(glue: &str, names: &[(String, String)]) -> Result<String> {
    names.iter().try_fold(glue.to_owned(), |glue, (long, short)| rename_one(&glue, long, short))
}

/// Replaces what stands from one text to the end of another.
fn replace(text: &str, from: &str, to: &str, own: &str) -> Result<String> {
    let found = text.split_once(from).and_then(|(before, rest)| Some((before, rest.split_once(to)?.1)));
    let (before, after) = found
        .with_context(|| format!("wasm-bindgen's glue has no `{from}` any more, which xtask/src/glue.rs replaces"))?;
    Ok([before, own, after].concat())
}

/// Replaces a name where it belongs to the WebAssembly: as key of an import, or as member of its exports.
fn rename_one(text: &str, long: &str, short: &str) -> Result<String> {
    let places = [
        (format!(" {long}: function("), format!(" {short}: function(")),
        (format!(" {long}: catching("), format!(" {short}: catching(")),
        (format!("\"{long}\": "), format!("\"{short}\": ")),
        (format!("wasm.{long}("), format!("wasm.{short}(")),
        (format!("wasm.{long}."), format!("wasm.{short}.")),
        (format!("wasm.{long};"), format!("wasm.{short};")),
        (format!("wasm.{long})"), format!("wasm.{short})")),
    ];
    let mut renamed = text.to_owned();
    for (from, to) in &places {
        renamed = renamed.replace(from, to);
    }
    ensure!(renamed != text, "the glue does not mention {long}, which the WebAssembly needs");
    ensure!(!renamed.contains(&format!("wasm.{long}")), "the glue mentions {long} in a way that xtask does not rename");
    Ok(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_replaced_up_to_its_end() {
        assert_eq!(replace("a [b c] d]", "[b", "]", "x").unwrap(), "a x d]");
    }

    #[test]
    fn exports_are_known_by_their_place() {
        let glue =
            "let wasm;\nreturn wasm.attach(wasm_one, wasm.memory.buffer);\nconst t = wasm.table;\nwasm.attach();";
        assert_eq!(exports(glue).into_iter().collect::<Vec<_>>(), ["attach", "memory", "table"]);
    }

    #[test]
    fn a_piece_that_is_gone_is_named() {
        let error = replace("a [b c", "[b", "]", "x").unwrap_err();
        assert!(error.to_string().contains("no `[b` any more"), "{error}");
    }
}
