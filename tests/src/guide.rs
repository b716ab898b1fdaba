//! The guides in `docs/guides`: what they show is what the tests run.
//!
//! A block of code in `NAME.md` says after its language which file it is, from the guide's own folder on:
//! `NAME/nginx.conf`, or a part of one, `NAME/app.js#session`: the lines between `region session` and `endregion` there,
//! which stand in comments. Blocks for the shell, `sh`, name none: they are for readers to type.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};

const FENCE: &str = "```";

/// The text of a guide with the files as they are now in its blocks.
///
/// # Errors
/// When a block names no file, or one or a part of one that there is not.
pub fn with_its_files(guide: &Path) -> Result<String> {
    let folder = guide.parent().context("a guide lies in a folder")?;
    let text = fs::read_to_string(guide).with_context(|| format!("cannot read {}", guide.display()))?;
    let mut shown = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        shown.extend([line, "\n"]);
        let Some(about) = line.strip_prefix(FENCE) else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != FENCE).collect();
        match about.split_once(' ') {
            Some((_, source)) => shown.push_str(&source_of(folder, source)?),
            None if about == "sh" => shown.extend(block.into_iter().flat_map(|line| [line, "\n"])),
            None => bail!("{}: the block beginning with {:?} names no file", guide.display(), block.first()),
        }
        shown.extend([FENCE, "\n"]);
    }
    Ok(shown)
}

/// A file, or a part of it, without the lines that mark parts.
fn source_of(folder: &Path, source: &str) -> Result<String> {
    let (file, part) = source.split_once('#').map_or((source, None), |(file, part)| (file, Some(part)));
    let text = fs::read_to_string(folder.join(file)).with_context(|| format!("there is no {source}"))?;
    let mut within = part.is_none();
    let mut lines = vec![];
    for line in text.lines() {
        match marker(line) {
            Some(Marker::Region(name)) => within |= Some(name) == part,
            Some(Marker::End) => within = part.is_none(),
            None if within => lines.push(line),
            None => {}
        }
    }
    ensure!(!lines.is_empty(), "{file} has no region {}", part.unwrap_or_default());
    let indented = |line: &&str| line.len() - line.trim_start().len();
    let margin = lines.iter().filter(|line| !line.trim().is_empty()).map(indented).min().unwrap_or_default();
    Ok(lines.into_iter().flat_map(|line| [line.get(margin..).unwrap_or_default(), "\n"]).collect())
}

enum Marker<'a> {
    Region(&'a str),
    End,
}

/// What a comment marks, in whatever way the language writes comments.
fn marker(line: &str) -> Option<Marker<'_>> {
    let mut words = line.trim_start_matches(|c: char| !c.is_alphabetic()).split_whitespace();
    match words.next()? {
        "region" => words.next().map(Marker::Region),
        "endregion" => Some(Marker::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "a = 1\n    # region b\n    b = 2\n\n      c = 3\n    # endregion\nd = 4\n";

    fn shown(guide: &str) -> Result<String> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("settings"), SETTINGS)?;
        fs::write(folder.path().join("guide.md"), guide)?;
        with_its_files(&folder.path().join("guide.md"))
    }

    #[test]
    fn blocks_show_their_files_and_parts_of_them() -> Result<()> {
        let whole = "```toml settings\na = 1\n    b = 2\n\n      c = 3\nd = 4\n```\n";
        assert_eq!(shown("Text.\n\n```toml settings\nold\n```\nMore.\n")?, format!("Text.\n\n{whole}More.\n"));
        assert_eq!(shown("```toml settings#b\n```\n")?, "```toml settings#b\nb = 2\n\n  c = 3\n```\n");
        assert_eq!(shown("```sh\nls\n```\n")?, "```sh\nls\n```\n");
        Ok(())
    }

    #[test]
    fn a_block_that_shows_nothing_there_is_is_refused() {
        for (block, why) in [
            ("toml", "names no file"),
            ("toml other", "there is no other"),
            ("toml settings#c", "settings has no region c"),
        ] {
            let refused = format!("{:#}", shown(&format!("```{block}\na = 1\n```\n")).unwrap_err());
            assert!(refused.contains(why), "{refused}");
        }
    }
}
