//! What the guides show is what the tests run. After a change on purpose, run this with `UPDATE_GOLDEN=1` and read the
//! difference.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use swampdragon_server::settings::{Invocation, Loaded};
use swampdragon_tests::{
    framework::{axum::AXUM, django::DJANGO, express::EXPRESS, flask::FLASK},
    guide::with_its_files,
};

const GUIDES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides");

#[test]
fn every_guide_shows_the_files_that_the_tests_run() -> Result<()> {
    for name in names()?.into_iter().chain([INDEX.to_owned()]) {
        let guide = Path::new(GUIDES).join(format!("{name}.md"));
        let shown = with_its_files(&guide)?;
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&guide, &shown)?;
        }
        ensure!(
            fs::read_to_string(&guide)? == shown,
            "{name}.md is not what its files are; UPDATE_GOLDEN=1 rewrites it"
        );

        if name == INDEX {
            continue;
        }
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

#[test]
fn the_index_names_every_guide_with_the_versions_that_the_tests_run() -> Result<()> {
    let index = Path::new(GUIDES).join(INDEX).with_extension("md");
    let shown = fs::read_to_string(index)?;
    for name in names()? {
        ensure!(shown.contains(&format!("({name}.md)")), "the index does not name {name}.md");
    }
    // PHP is the one of the machine.
    for framework in [&EXPRESS, &DJANGO, &FLASK, &AXUM] {
        let versions = (framework.versions)(&framework.installed()?)?;
        ensure!(shown.contains(&versions), "the index does not name {versions}");
    }
    Ok(())
}

#[test]
fn the_settings_of_a_layout_of_ones_own_are_allowed() -> Result<()> {
    let settings = format!("{GUIDES}/custom/swampdragon.toml");
    let Invocation::Run(loaded) = Loaded::read(["swampdragon", "--config", &settings], NO_ENVIRONMENT)? else {
        bail!("a server was to run")
    };
    ensure!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    Ok(())
}

const NO_ENVIRONMENT: [(&str, &str); 0] = [];

/// What lists the guides, and tells of apps that have none.
const INDEX: &str = "README";

/// The guides: each is a text, and has a folder.
fn names() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(GUIDES)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_stem().and_then(|name| name.to_str()).context("a guide has a name")?.to_owned();
            names.insert(name);
        }
    }
    names.remove(INDEX);
    ensure!(!names.is_empty(), "there are no guides in {GUIDES}");
    Ok(names)
}
