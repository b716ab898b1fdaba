use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{npm, paths};

/// What a page downloads from the default entry point.
const DOWNLOADS: [&str; 3] = ["swampdragon.wasm", "dragon.js", "index.js"];

#[derive(Clone, Copy, Default)]
struct Sizes {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

/// Prints what a page downloads, as it stands and compressed, with the change since the sizes were last saved, and fails
/// when the brotli total exceeds the budget. With `save` the present sizes become those to compare with.
pub(crate) fn report(save: bool) -> Result<()> {
    npm::bundle()?;
    let js = paths::js();
    let saved_at = js.join("size.json");
    let saved: BTreeMap<String, usize> = match fs::read(&saved_at) {
        Ok(bytes) => serde_json::from_slice(&bytes).context("js/size.json is not a list of sizes")?,
        Err(_) => BTreeMap::new(),
    };
    let mut present = BTreeMap::new();
    let mut compared = |name: &str, size: usize| -> Result<String> {
        present.insert(name.to_owned(), size);
        let Some(before) = saved.get(name) else { return Ok(String::new()) };
        let change = i64::try_from(size)? - i64::try_from(*before)?;
        Ok(if change == 0 { String::new() } else { format!("{change:+}") })
    };

    let mut total = Sizes::default();
    println!("{:<20}{:>8}{:>8}{:>8}  change", "bytes", "raw", "gzip", "brotli");
    for name in DOWNLOADS {
        let Sizes { raw, gzip, brotli } = measure(&fs::read(js.join("dist").join(name))?)?;
        total = Sizes { raw: total.raw + raw, gzip: total.gzip + gzip, brotli: total.brotli + brotli };
        println!("{name:<20}{raw:>8}{gzip:>8}{brotli:>8}  {}", compared(name, brotli)?);
    }
    let Sizes { raw, gzip, brotli } = total;
    println!("{:<20}{raw:>8}{gzip:>8}{brotli:>8}  {}", "a page downloads", compared("total", brotli)?);

    println!("\n{:<20}{:>8}  change", "in swampdragon.wasm", "raw");
    for (name, size) in sections(&fs::read(js.join("dist/swampdragon.wasm"))?)? {
        println!("{name:<20}{size:>8}  {}", compared(&format!("section {name}"), size)?);
    }

    if save {
        fs::write(&saved_at, serde_json::to_string_pretty(&present)? + "\n")?;
    }
    let budget = budget(&js)?;
    if brotli > budget {
        bail!(
            "a page downloads {} bytes more than `swampdragon.budgetBytes` in js/package.json allows; make smaller what \
             grew, or raise the budget and say why in the commit",
            brotli - budget
        );
    }
    println!("\nbudget: {budget} bytes with brotli, {} left", budget - brotli);
    Ok(())
}

fn measure(bytes: &[u8]) -> Result<Sizes> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    // Quality 11 and a window of 4 MB: what servers use for files they compress once.
    let mut brotli = Vec::new();
    brotli::CompressorReader::new(bytes, 4096, 11, 22).read_to_end(&mut brotli)?;
    Ok(Sizes { raw: bytes.len(), gzip: gzip.finish()?.len(), brotli: brotli.len() })
}

fn budget(js: &Path) -> Result<usize> {
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(js.join("package.json"))?)?;
    let bytes = manifest.pointer("/swampdragon/budgetBytes").and_then(serde_json::Value::as_u64);
    Ok(usize::try_from(bytes.context("js/package.json has no number at swampdragon.budgetBytes")?)?)
}

/// The sections of a WebAssembly file with their sizes in bytes (core specification, 5.5.2).
fn sections(wasm: &[u8]) -> Result<Vec<(String, usize)>> {
    const NAMES: [&str; 13] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
    ];
    let mut rest = wasm.get(8..).context("not a WebAssembly file")?;
    let mut found = Vec::new();
    while let Some((&id, after)) = rest.split_first() {
        let (size, body) = leb128(after).context("a section has no size")?;
        let name = NAMES.get(usize::from(id)).copied().unwrap_or("unknown");
        found.push((name.to_owned(), size));
        rest = body.get(size..).context("a section is cut off")?;
    }
    Ok(found)
}

/// Reads an unsigned LEB128 number and returns it with what follows.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}
