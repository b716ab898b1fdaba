use std::{collections::BTreeMap, fs, path::Path};

use toml::{Table, Value};

use super::{SettingsError, Source, table::DEFINITIONS};

/// What the file of settings gives, by setting, as text.
pub(super) fn read(path: &Path, named_by: &Source) -> Result<BTreeMap<&'static str, String>, SettingsError> {
    let text = fs::read_to_string(path).map_err(|source| SettingsError::FileUnreadable {
        path: path.to_owned(),
        named_by: named_by.clone(),
        source,
    })?;
    // The parser's own description quotes the line, in which a password may stand.
    let table: Table = toml::from_str(&text).map_err(|error| SettingsError::FileSyntax {
        path: path.to_owned(),
        line: error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.split('\n').count()),
        problem: error.message().to_owned(),
    })?;

    let mut given = BTreeMap::new();
    for (key, value) in table {
        let Some(setting) = DEFINITIONS.iter().find(|setting| setting.name == key) else {
            let closest = closest(&key);
            return Err(SettingsError::UnknownKey { path: path.to_owned(), key, closest });
        };
        let refuse = |given: &str, allowed: &str| SettingsError::Value {
            setting: setting.name,
            origin: Source::File(path.to_owned()),
            given: given.to_owned(),
            allowed: allowed.to_owned(),
        };
        let text = match value {
            Value::String(text) => text,
            Value::Integer(number) => number.to_string(),
            Value::Boolean(flag) => flag.to_string(),
            Value::Array(list) if setting.is_list => {
                let items: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                items.ok_or_else(|| refuse("a list of something else", "a list of texts in quotes"))?.join(",")
            }
            other => {
                let given = format!("a value of type {}", other.type_str());
                return Err(refuse(&given, "text in quotes, a whole number, true or false, as the setting needs"));
            }
        };
        given.insert(setting.name, text);
    }
    Ok(given)
}

/// The setting whose name looks most like `key`.
pub(super) fn closest(key: &str) -> &'static str {
    let key = key.to_ascii_lowercase().replace('-', "_");
    let distance = |name: &&str| strsim::damerau_levenshtein(&key, name);
    DEFINITIONS.iter().map(|setting| setting.name).min_by_key(distance).expect("there are settings")
}
