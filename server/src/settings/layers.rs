use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::ArgMatches;

use super::{
    SettingsError, Source,
    definition::{Definition, PREFIX, Reads},
    file, flags,
    kind::Kind,
    table::DEFINITIONS,
};

/// The environment variable that names the file of settings.
pub(super) const CONFIG_VARIABLE: &str = "SWAMP_DRAGON_CONFIG";

/// The environment: only what is set to something, since many ways of passing variables on set those to nothing
/// that they have nothing for.
pub(super) type Environment = BTreeMap<String, OsString>;

/// The text in force for every setting, and where it was given.
#[derive(Clone)]
pub(super) struct Layers {
    in_force: BTreeMap<&'static str, (String, Source)>,
}

impl Layers {
    /// Nothing but the defaults.
    pub(super) fn defaults() -> Self {
        let of = |setting: &'static Definition| (setting.name, (setting.default.to_owned(), Source::Default));
        Self { in_force: DEFINITIONS.iter().map(of).collect() }
    }

    /// Flags over environment over file over defaults.
    pub(super) fn gather(matches: &ArgMatches, environment: &Environment) -> Result<Self, SettingsError> {
        let mut layers = Self::defaults();
        if let Some((path, named_by)) = config_file(matches, environment)? {
            for (name, text) in file::read(&path, &named_by)? {
                layers.set(name, text, Source::File(path.clone()));
            }
        }
        for setting in DEFINITIONS {
            if let Some((text, source)) = from_environment(setting, environment)? {
                layers.set(setting.name, text, source);
            }
            if let Some(text) = flags::given(matches, setting) {
                layers.set(setting.name, text, Source::Flag(format!("--{}", setting.flag())));
            }
        }
        Ok(layers)
    }

    pub(super) fn set(&mut self, name: &'static str, text: String, source: Source) {
        self.in_force.insert(name, (text, source));
    }

    pub(super) fn source(&self, name: &str) -> &Source {
        self.in_force.get(name).map_or(&Source::Default, |(_, source)| source)
    }

    /// Those of `names` that somebody has set.
    pub(super) fn set_by_someone(&self, names: &[&'static str]) -> Vec<&'static str> {
        names.iter().copied().filter(|name| *self.source(name) != Source::Default).collect()
    }
}

impl Reads<SettingsError> for &Layers {
    fn setting<K: Kind>(&mut self, name: &'static str) -> Result<K::Value, SettingsError> {
        let (text, origin) = self.in_force.get(name).expect("every setting has at least a default");
        K::parse(text).map_err(|allowed| SettingsError::Value {
            setting: name,
            origin: origin.clone(),
            given: K::shown(text),
            allowed,
        })
    }
}

fn config_file(matches: &ArgMatches, environment: &Environment) -> Result<Option<(PathBuf, Source)>, SettingsError> {
    if let Some(path) = matches.get_one::<String>(flags::CONFIG) {
        return Ok(Some((path.into(), Source::Flag(format!("--{}", flags::CONFIG)))));
    }
    let path = environment.get(CONFIG_VARIABLE);
    Ok(path.map(|path| (Path::new(path).to_owned(), Source::Environment(CONFIG_VARIABLE.to_owned()))))
}

/// What the environment gives for a setting, by its own variable or those of the original.
fn from_environment(
    setting: &Definition,
    environment: &Environment,
) -> Result<Option<(String, Source)>, SettingsError> {
    let mut found: Option<(String, String)> = None;
    let own = [(setting.variable(), None)].into_iter();
    let legacy = setting.legacy.iter().map(|legacy| (legacy.variable.to_owned(), Some(legacy)));
    for (variable, legacy) in own.chain(legacy) {
        let Some(given) = environment.get(&variable) else { continue };
        let Some(given) = given.to_str() else { return Err(SettingsError::NotUtf8 { variable }) };
        let text = legacy.map_or_else(|| given.to_owned(), |legacy| legacy.convert(given));
        match &found {
            // One of the two may be a leftover; nobody but the operator knows which.
            Some((first, other)) if !(setting.same)(other, &text) => {
                return Err(SettingsError::Contradiction {
                    setting: setting.name,
                    first: (first.clone(), (setting.shown)(other)),
                    second: (variable, (setting.shown)(&text)),
                });
            }
            Some(_) => {}
            None => found = Some((variable, text)),
        }
    }
    Ok(found.map(|(variable, text)| (text, Source::Environment(variable))))
}

/// Variables that are meant for us by their names, and are no settings: each in a sentence.
pub(super) fn unknown_variables(environment: &Environment) -> Vec<String> {
    let known = |variable: &str| {
        variable == CONFIG_VARIABLE
            || DEFINITIONS.iter().any(|setting| {
                setting.variable() == variable || setting.legacy.iter().any(|legacy| legacy.variable == variable)
            })
    };
    let unknown = environment.keys().filter(|variable| variable.starts_with(PREFIX) && !known(variable));
    unknown
        .map(|variable| {
            let closest = file::closest(variable.trim_start_matches(PREFIX)).to_ascii_uppercase();
            format!("environment {variable} is no setting; the closest is {PREFIX}{closest}")
        })
        .collect()
}
