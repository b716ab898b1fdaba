//! The documents that are made of the table of settings, so that they cannot say anything else. After a change on
//! purpose, run the tests with `UPDATE_GOLDEN=1` and read the difference.

use std::path::{Path, PathBuf};

use super::{Invocation, Loaded, Settings, definition::Definition, table::DEFINITIONS};

fn assert_document(name: &str, text: &str) {
    let path = root().join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "{name} is not what the settings are; UPDATE_GOLDEN=1 rewrites it:\n{text}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every setting with its default, as a TOML file has it.
fn with_defaults() -> impl Iterator<Item = (&'static Definition, Option<String>)> {
    DEFINITIONS.iter().zip(Settings::default().toml()).map(|(setting, (name, value))| {
        assert_eq!(setting.name, name);
        (setting, value.filter(|_| !setting.default.is_empty()))
    })
}

const ABOUT: &str = "\
# Settings

Made from the server's own table of settings; what they are for is in [operations.md](operations.md).

Each is a flag, an environment variable and a key of the TOML file that `--config` names: `session_ttl` is
`--session-ttl`, `SWAMP_DRAGON_SESSION_TTL` and `session_ttl = \"30m\"`. A flag counts before a variable, that before the
file, that before the default. `swampdragon --print-config` shows what is in force and where each value came from;
`deploy/swampdragon.toml` is a file of all of them to start from.
";

fn manual() -> String {
    let mut manual = ABOUT.to_owned();
    let mut group = "";
    for (setting, default) in with_defaults() {
        if setting.group != group {
            group = setting.group;
            manual.push_str(&format!("\n## {group}\n\n| setting | default | |\n|---|---|---|\n"));
        }
        let default = default.map_or(String::new(), |value| format!("`{value}`"));
        let meaning: Vec<_> = setting.doc.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
        let mut meaning = meaning.join(" ").replace('|', "\\|");
        for legacy in setting.legacy {
            meaning.push_str(&format!(" The original's variable: `{}`.", legacy.describe()));
        }
        manual.push_str(&format!("| `{}` | {default} | {meaning} |\n", setting.name));
    }
    manual
}

const ABOUT_FILE: &str = "\
# Settings of swampdragon, all of them, at their defaults. Take away the # before a line to change it.
# docs/operations.md says what they are for; `swampdragon --config FILE --print-config` what is in force.
";

fn example_file() -> String {
    let mut file = ABOUT_FILE.to_owned();
    let mut group = "";
    for (setting, default) in with_defaults() {
        if setting.group != group {
            group = setting.group;
            file.push_str(&format!("\n## {group}\n"));
        }
        file.push('\n');
        for line in setting.doc.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
            file.push_str(&format!("# {line}\n"));
        }
        match default {
            Some(value) => file.push_str(&format!("#{} = {value}\n", setting.name)),
            None => file.push_str(&format!("#{} =   # not set\n", setting.name)),
        }
    }
    file
}

#[test]
fn the_manual_has_every_setting() {
    assert_document("docs/settings.md", &manual());
}

#[test]
fn the_example_file_has_every_setting_at_its_default() {
    assert_document("deploy/swampdragon.toml", &example_file());
}

#[test]
fn the_example_file_is_read_as_it_says() {
    let file = example_file();
    let set: Vec<_> = file
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()) && !line.ends_with("# not set"))
        .collect();
    assert!(set.len() > 30, "{set:?}");
    // Whoever takes away every # gets the defaults, but for the two ways to say where Redis is.
    let set: Vec<_> = set.into_iter().filter(|line| !line.starts_with("redis_")).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("swampdragon.toml");
    std::fs::write(&path, set.join("\n")).unwrap();
    let Invocation::Run(loaded) =
        Loaded::read(["swampdragon", "--config", path.to_str().unwrap()], NO_VARIABLES).unwrap()
    else {
        panic!("not run");
    };
    assert_eq!(loaded.settings, Settings::default());
}

const NO_VARIABLES: [(&str, &str); 0] = [];
