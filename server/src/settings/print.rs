use super::{Loaded, table::DEFINITIONS};

/// The widest value after which sources still stand in one column.
const COLUMN: usize = 44;

/// Every setting in force and where it comes from, as a TOML file. Passwords show as `***`.
pub(super) fn print(loaded: &Loaded) -> String {
    let lines: Vec<(&str, String)> = loaded
        .settings
        .toml()
        .into_iter()
        .map(|(name, value)| match value {
            Some(value) => (name, format!("{name} = {value}")),
            None => (name, format!("# {name} is not set")),
        })
        .collect();
    let width = lines.iter().map(|(_, line)| line.chars().count()).filter(|width| *width <= COLUMN).max().unwrap_or(0);

    let mut printed = String::new();
    for warning in &loaded.warnings {
        printed.push_str(&format!("# Warning: {}\n", comment(warning)));
    }
    let mut group = "";
    for ((name, line), setting) in lines.into_iter().zip(DEFINITIONS) {
        if setting.group != group {
            group = setting.group;
            if !printed.is_empty() {
                printed.push('\n');
            }
            printed.push_str(&format!("# {group}\n"));
        }
        printed.push_str(&format!("{line:width$}  # {}\n", comment(&loaded.source(name).to_string())));
    }
    printed
}

/// The text in one line. Names of files and variables may have any character in them, a comment may not.
fn comment(text: &str) -> String {
    text.replace(char::is_control, "?")
}
