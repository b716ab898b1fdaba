//! A WebAssembly file as the row of sections that it is (core specification, 5.5.2).

use anyhow::{Context, Result};

/// The magic number and the version.
const HEADER: usize = 8;

/// By their numbers in the file.
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

pub(crate) struct Section<'a> {
    pub(crate) name: &'static str,
    /// What it holds, without its head.
    pub(crate) body: &'a [u8],
    /// With its head.
    whole: &'a [u8],
}

/// All sections, in their order.
pub(crate) fn sections(wasm: &[u8]) -> Result<Vec<Section<'_>>> {
    let mut rest = wasm.get(HEADER..).context("not a WebAssembly file")?;
    let mut found = Vec::new();
    while let Some((&id, after)) = rest.split_first() {
        let (size, body) = leb128(after).context("a section has no size")?;
        let name = NAMES.get(usize::from(id)).copied().unwrap_or("unknown");
        let (body, next) = body.split_at_checked(size).context("a section is cut off")?;
        found.push(Section { name, body, whole: &rest[..rest.len() - next.len()] });
        rest = next;
    }
    Ok(found)
}

/// The same file without what only tools read, such as names.
pub(crate) fn without_custom(wasm: &[u8]) -> Result<Vec<u8>> {
    let kept = sections(wasm)?.into_iter().filter(|section| section.name != "custom");
    Ok(kept.fold(wasm[..HEADER].to_vec(), |file, section| [&file, section.whole].concat()))
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

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [u8; 8] = *b"\0asm\x01\0\0\0";

    #[test]
    fn sections_come_with_what_they_hold() {
        let wasm = [&HEAD[..], &[1, 2, 9, 9], &[10, 0x83, 0x00, 7, 7, 7]].concat();
        let found: Vec<_> = sections(&wasm).unwrap().iter().map(|it| (it.name, it.body.to_vec())).collect();
        assert_eq!(found, [("type", vec![9, 9]), ("code", vec![7, 7, 7])]);
        assert!(sections(&wasm[..wasm.len() - 1]).is_err());
        assert!(sections(b"\0asm").is_err());
    }

    #[test]
    fn only_custom_sections_are_taken_out() {
        let custom = [0, 5, 4, b'n', b'a', b'm', b'e'];
        let wasm = [&HEAD[..], &custom, &[1, 1, 9], &custom].concat();
        assert_eq!(without_custom(&wasm).unwrap(), [&HEAD[..], &[1, 1, 9]].concat());
    }
}
