use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Whether every output is there and none is older than any input. An input folder counts with all it contains.
pub(crate) fn is_fresh(outputs: &[PathBuf], inputs: &[PathBuf]) -> bool {
    let oldest_output = outputs.iter().map(|path| modified(path)).min().flatten();
    let newest_input = inputs.iter().map(|path| newest(path)).max().flatten();
    matches!((oldest_output, newest_input), (Some(output), Some(input)) if output >= input)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn newest(path: &Path) -> Option<SystemTime> {
    let Ok(entries) = fs::read_dir(path) else { return modified(path) };
    // The folder itself, too: removing a file changes nothing else.
    entries.flatten().filter_map(|entry| newest(&entry.path())).max().max(modified(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_output_is_never_fresh() {
        let present = [PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))];
        let missing = [PathBuf::from("/nonexistent")];
        assert!(is_fresh(&present, &present));
        assert!(!is_fresh(&missing, &present));
        assert!(!is_fresh(&present, &missing));
    }
}
