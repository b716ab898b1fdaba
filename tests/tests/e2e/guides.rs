//! What the guides show is what the tests run. After a change on purpose, run this with `UPDATE_GOLDEN=1` and read the
//! difference.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use swampdragon_tests::guide::with_its_files;

const GUIDES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides");

#[test]
fn every_guide_shows_the_files_that_the_tests_run() -> Result<()> {
    for name in names()? {
        let guide = Path::new(GUIDES).join(format!("{name}.md"));
        let shown = with_its_files(&guide)?;
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&guide, &shown)?;
        }
        ensure!(
            fs::read_to_string(&guide)? == shown,
            "{name}.md is not what its files are; UPDATE_GOLDEN=1 rewrites it"
        );

        // The proxy, the settings, and the lines for the page.
        let shows = |file: &str| shown.contains(&format!(" {name}/{file}\n"));
        ensure!(shows("nginx.conf") || shows("haproxy.cfg"), "{name}.md shows no proxy");
        ensure!(shows("swampdragon.toml"), "{name}.md shows no settings");
        ensure!(shown.contains("#client\n"), "{name}.md shows no client");
    }
    Ok(())
}

#[test]
fn the_readme_names_every_guide() -> Result<()> {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"))?;
    for name in names()? {
        ensure!(readme.contains(&format!("(docs/guides/{name}.md)")), "the README does not name {name}.md");
    }
    Ok(())
}

/// The guides: each is a text and a folder.
fn names() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(GUIDES)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).context("a guide has a name")?.to_owned();
        names.insert(name);
    }
    ensure!(!names.is_empty(), "there are no guides in {GUIDES}");
    Ok(names)
}
