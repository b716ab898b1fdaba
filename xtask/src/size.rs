use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;

use walrus::Module;

use crate::growth::{Sizes, change, grown};
use crate::sections::{Section, sections};
use crate::{npm, paths, wasm};

struct Measured {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

/// Groups of sizes that are saved: how their names start, and what they are.
const GROUPS: [(&str, &str); 3] = [
    ("file ", "in index.js, minified, without the WebAssembly"),
    ("section ", "in the WebAssembly"),
    ("function ", "functions in it"),
];

/// Prints what a page downloads, as it stands and compressed, with the change since the sizes were last saved, and fails
/// when the brotli total exceeds the budget; then it says what grew. With `save` the present sizes become those to
/// compare with.
pub(crate) fn report(save: bool) -> Result<()> {
    npm::bundle()?;
    let js = paths::js();
    let saved_at = js.join("size.json");
    let saved: Sizes = match fs::read(&saved_at) {
        Ok(bytes) => serde_json::from_slice(&bytes).context("js/size.json is not a list of sizes")?,
        Err(_) => Sizes::new(),
    };
    let mut present = Sizes::new();
    let mut compared = |name: String, size: usize| {
        let change = change(&name, size, &saved);
        present.insert(name, size);
        change
    };

    println!("{:<24}{:>8}{:>8}{:>8}  change", "bytes", "raw", "gzip", "brotli");
    let Measured { raw, gzip, brotli } = measure(&fs::read(js.join("dist/index.js"))?)?;
    println!("{:<24}{raw:>8}{gzip:>8}{brotli:>8}  {}", "a page downloads", compared("total".to_owned(), brotli));

    println!("\n{:<24}{:>8}  change", "in index.js", "minified");
    let files: Sizes = serde_json::from_slice(&fs::read(npm::index_files())?)?;
    for (name, size) in files {
        println!("{name:<24}{size:>8}  {}", compared(format!("file {name}"), size));
    }
    println!("\n{:<24}{:>8}  change", "in the WebAssembly", "raw");
    for Section { name, body, .. } in sections(&fs::read(js.join("dist/swampdragon.wasm"))?)? {
        println!("{name:<24}{:>8}  {}", body.len(), compared(format!("section {name}"), body.len()));
    }
    for (name, size) in functions(&fs::read(wasm::named())?)? {
        let change = compared(format!("function {name}"), size);
        if !change.is_empty() {
            println!("  {name:<70}{size:>8}  {change}");
        }
    }

    let budget = budget(&js)?;
    if brotli > budget {
        bail!(
            "a page downloads {} bytes more than `swampdragon.budgetBytes` in js/package.json allows; make smaller what \
             grew, or raise the budget and say why in the commit. Since the sizes were last saved there grew\n{}",
            brotli - budget,
            grown(&GROUPS, &present, &saved)
        );
    }
    if save {
        fs::write(&saved_at, serde_json::to_string_pretty(&present)? + "\n")?;
    }
    println!("\nbudget: {budget} bytes with brotli, {} left", budget - brotli);
    Ok(())
}

fn measure(bytes: &[u8]) -> Result<Measured> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    // Quality 11 and a window of 4 MB: what servers use for files they compress once.
    let mut brotli = Vec::new();
    brotli::CompressorReader::new(bytes, 4096, 11, 22).read_to_end(&mut brotli)?;
    Ok(Measured { raw: bytes.len(), gzip: gzip.finish()?.len(), brotli: brotli.len() })
}

fn budget(js: &Path) -> Result<usize> {
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(js.join("package.json"))?)?;
    let bytes = manifest.pointer("/swampdragon/budgetBytes").and_then(serde_json::Value::as_u64);
    Ok(usize::try_from(bytes.context("js/package.json has no number at swampdragon.budgetBytes")?)?)
}

/// The functions of a WebAssembly file that has their names, with their bytes. What the compiler made several of, as of
/// generic functions and closures, is one.
fn functions(wasm: &[u8]) -> Result<Sizes> {
    let module = Module::from_buffer(wasm)?;
    let mut sizes = Sizes::new();
    for (id, function) in module.funcs.iter_local() {
        let name = module.funcs.get(id).name.as_deref().unwrap_or("(made by tools)");
        let bytes = function.original_range.as_ref().map_or(0, ExactSizeIterator::len);
        *sizes.entry(path(name).to_owned()).or_default() += bytes;
    }
    Ok(sizes)
}

/// The path in the source alone: without the hash behind it, which changes with the crate, and what tools add.
fn path(name: &str) -> &str {
    let path = name.split("::__wbg_").next().unwrap_or(name);
    let hash = |end: &str| end.len() >= 16 && end[..16].bytes().all(|byte| byte.is_ascii_hexdigit());
    match path.rsplit_once("::h") {
        Some((path, end)) if end.is_ascii() && hash(end) => path,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use walrus::FunctionBuilder;

    use super::*;

    #[test]
    fn functions_are_measured_by_name_whatever_their_hash() {
        let mut module = Module::default();
        for (name, nops) in [("a::b::h0123456789abcdef", 1), ("a::b::hfedcba9876543210", 2), ("c", 4)] {
            let mut builder = FunctionBuilder::new(&mut module.types, &[], &[]);
            let mut body = builder.name(name.to_owned()).func_body();
            for _ in 0..nops {
                body.i32_const(0).drop();
            }
            let function = builder.finish(Vec::new(), &mut module.funcs);
            module.exports.add(name, function);
        }
        // A size, no locals, three bytes for each constant that is dropped, an end.
        let expected = [("a::b", 3 + 3 + 3 + 6), ("c", 3 + 12)];
        assert_eq!(
            functions(&module.emit_wasm()).unwrap(),
            expected.map(|(name, size)| (name.to_owned(), size)).into()
        );
    }

    #[test]
    fn a_function_may_be_called_as_it_likes() {
        assert_eq!(path("a::b::hello"), "a::b::hello");
        assert_eq!(path("memcpy"), "memcpy");
        assert_eq!(path("a::get::__wbg_get_0123456789abcdef::h0123456789abcdef externref shim"), "a::get");
        assert_eq!(path("a::_::invoke::h0123456789abcdef externref shim"), "a::_::invoke");
    }
}
