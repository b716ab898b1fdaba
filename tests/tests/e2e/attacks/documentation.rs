//! The documentation and the tests name each other.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};

fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// What stands in back quotes in the documentation.
fn named() -> Result<Vec<String>> {
    let text = fs::read_to_string(repository().join("docs/security.md"))?;
    Ok(text.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

/// The tests in a file of Rust.
fn tests_in(source: &str) -> impl Iterator<Item = &str> {
    let pieces = source.split("#[tokio::test").flat_map(|piece| piece.split("#[test]"));
    pieces.skip(1).filter_map(|piece| piece.split_once("fn ")?.1.split('(').next())
}

#[test]
fn each_attack_is_documented_and_each_documented_one_is_tried() -> Result<()> {
    let (mut files, mut tests) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(repository().join("tests/tests/e2e/attacks"))? {
        let path = entry?.path();
        let file = path.file_stem().and_then(|name| name.to_str()).context("a file without a name")?.to_owned();
        // This one talks of tests and has none of those.
        if file != "documentation" {
            let source = fs::read_to_string(&path)?;
            tests.extend(tests_in(&source).map(|test| format!("{file}::{test}")));
            files.push(format!("{file}::"));
        }
    }
    ensure!(tests.len() > 40, "only {} tests found", tests.len());
    let named = named()?;
    for test in &tests {
        ensure!(named.contains(test), "docs/security.md does not name `{test}`");
    }
    for name in named.iter().filter(|name| files.iter().any(|file| name.starts_with(file))) {
        ensure!(tests.contains(name), "docs/security.md names `{name}`, which is no test");
    }
    Ok(())
}

#[test]
fn whatever_else_is_documented_is_there() -> Result<()> {
    let crates = ["server/", "protocol/", "client-core/", "client-wasm/", "tests/"];
    let mut elsewhere = 0;
    for name in named()?.iter().filter(|name| crates.iter().any(|folder| name.starts_with(folder))) {
        let (path, test) = name.split_once("::").map_or((name.as_str(), None), |(path, test)| (path, Some(test)));
        let path = repository().join(path);
        ensure!(path.exists(), "docs/security.md names `{name}`, and there is no such file");
        if let Some(test) = test {
            elsewhere += 1;
            let source = fs::read_to_string(&path)?;
            ensure!(tests_in(&source).any(|known| known == test), "docs/security.md names `{name}`, which is no test");
        }
    }
    ensure!(elsewhere > 0, "no test of another crate found");
    Ok(())
}
