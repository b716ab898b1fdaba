//! What an operator can set, by flag, environment variable or file.
//!
//! A flag counts before an environment variable, that before the file, that before the default. Each setting is
//! defined once, in `table.rs`; its flag, variable, key in the file, help and printed form all follow from that.

mod admin_token;
mod app_sessions;
mod combinations;
mod definition;
#[cfg(test)]
mod documents;
mod error;
mod file;
mod flags;
mod kind;
mod layers;
mod print;
mod redis_address;
mod source;
mod table;

use std::{ffi::OsString, time::Duration};

use self::{
    kind::Kind,
    layers::{Environment, Layers},
};
use crate::{
    session_layout::{Secrets, SessionLayout, SessionLayoutOptions},
    session_store::{RedisTls, SessionStoreOptions},
};
use swampdragon_protocol::ChannelName;

pub use self::{
    error::SettingsError,
    kind::{LogFormat, Password, ProxyHeader, SameSite},
    source::Source,
    table::Settings,
};

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// To run the server.
    Run(Box<Loaded>),
    /// To ask the server that runs with these settings whether it lives.
    CheckHealth(Box<Loaded>),
    /// To print this text and end: the help, the version, or the settings in force.
    Print(String),
}

/// Settings, and where they come from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings in force.
    pub settings: Settings,
    /// What the operator should hear, although the server can run: each a sentence for the log.
    pub warnings: Vec<String>,
    sources: Vec<(&'static str, Source)>,
}

impl Loaded {
    /// Reads the command line, whose first word is the program's name, the environment, and the file that one of the
    /// two may name.
    ///
    /// ```
    /// use swampdragon_server::settings::{Invocation, Loaded, Source};
    ///
    /// let command_line = ["swampdragon", "--port", "8080"];
    /// let environment = [("SWAMP_DRAGON_SESSION_TTL", "20m")];
    /// let Ok(Invocation::Run(loaded)) = Loaded::read(command_line, environment) else { panic!() };
    /// assert_eq!(loaded.settings.port, 8080);
    /// assert_eq!(loaded.source("session_ttl"), &Source::Environment("SWAMP_DRAGON_SESSION_TTL".to_owned()));
    /// ```
    ///
    /// # Errors
    /// The first thing that is wrong, in one sentence: with the setting, where it was set, what was given and what is
    /// allowed.
    pub fn read<Argument, Name, Value>(
        command_line: impl IntoIterator<Item = Argument>,
        environment: impl IntoIterator<Item = (Name, Value)>,
    ) -> Result<Invocation, SettingsError>
    where
        Argument: Into<OsString>,
        Name: Into<OsString>,
        Value: Into<OsString>,
    {
        let command_line: Vec<OsString> = command_line.into_iter().map(Into::into).collect();
        let matches = match flags::command().try_get_matches_from(&command_line) {
            Ok(matches) => matches,
            Err(error) if error.use_stderr() => return Err(flags::refusal(&error, &command_line)),
            // What clap calls an error here is the help or the version.
            Err(text) => return Ok(Invocation::Print(text.to_string())),
        };
        // Our variables have ASCII names; others are none of our business.
        let environment: Environment = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.into().into_string().ok()?, value.into())))
            .filter(|(_, value)| !value.is_empty())
            .collect();

        let mut layers = Layers::gather(&matches, &environment)?;
        let mut warnings = layers::unknown_variables(&environment);
        warnings.extend(redis_address::complete(&mut layers)?);
        let settings = Settings::read(&layers)?;
        combinations::check(&settings, &|name| format!(" ({})", layers.source(name)))?;
        let sources = table::DEFINITIONS.iter().map(|setting| (setting.name, layers.source(setting.name).clone()));
        let loaded = Self { settings, warnings, sources: sources.collect() };
        Ok(if matches.get_flag(flags::PRINT_CONFIG) {
            Invocation::Print(loaded.print_config())
        } else if matches.get_flag(flags::CHECK_HEALTH) {
            Invocation::CheckHealth(Box::new(loaded))
        } else {
            Invocation::Run(Box::new(loaded))
        })
    }

    /// Where the value of `setting` comes from; [`Source::Default`] for one that does not exist.
    #[must_use]
    pub fn source(&self, setting: &str) -> &Source {
        let found = self.sources.iter().find(|(name, _)| *name == setting);
        found.map_or(&Source::Default, |(_, source)| source)
    }

    /// Every setting in force and where it comes from, for people, and as a TOML file. Passwords show as `***`.
    #[must_use]
    pub fn print_config(&self) -> String {
        print::print(self)
    }
}

impl Settings {
    /// Checks what a program that made the settings itself may have got wrong, and the server could not live with.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if let Err(allowed) = kind::Prefix::parse(&self.prefix) {
            let combination = format!("prefix is `{}`; allowed is {allowed}", self.prefix);
            return Err(SettingsError::Combination(combination));
        }
        if let Err(allowed) = kind::KeyPrefix::parse(&self.session_key_prefix) {
            let combination = format!("session_key_prefix is `{}`; allowed is {allowed}", self.session_key_prefix);
            return Err(SettingsError::Combination(combination));
        }
        self.check_static_dir()?;
        combinations::check(self, &|_| String::new())
    }

    /// Without its folder a server would start, and answer every request for a page with 404.
    fn check_static_dir(&self) -> Result<(), SettingsError> {
        match &self.static_dir {
            Some(folder) if !folder.is_dir() => Err(SettingsError::Combination(format!(
                "static_dir is `{}`, and there is no such folder",
                folder.display()
            ))),
            _ => Ok(()),
        }
    }

    /// How long before its session ends a page is told; zero is never.
    pub(crate) fn expiring_notice(&self) -> Duration {
        let at_most = Duration::from_secs(120);
        self.session_expiring_notice.unwrap_or_else(|| (self.session_ttl / 10).min(at_most))
    }

    /// How long a page may let pass until it has its session cookie set anew, if that is offered: a third of the time that
    /// browsers keep it, so that another try may fail.
    pub(crate) fn cookie_touch(&self) -> Option<Duration> {
        self.session_cookie_max_age.map(|max_age| max_age / 3)
    }

    /// The channel by which nodes that share their sessions speak to each other.
    pub(crate) fn node_channel(&self) -> ChannelName {
        let name = format!("{}nodes", self.session_key_prefix);
        ChannelName::parse(&name).expect("the prefix was checked: at most 128 visible characters")
    }

    /// Where the sessions of an app are, if it is those that are kept. Reads the file of secrets.
    ///
    /// # Errors
    /// What is not set, contradicts another setting or cannot be read.
    pub fn session_layout(&self) -> Result<Option<SessionLayout>, SettingsError> {
        let Some(layout) = self.session_layout else { return Ok(None) };
        let (setting, secrets) = match (&self.session_cookie_secrets, &self.session_cookie_secrets_file) {
            (Some(text), _) => ("session_cookie_secrets", Secrets::parse(text.expose())),
            (None, Some(file)) => ("session_cookie_secrets_file", Secrets::from_file(file)),
            (None, None) => ("", Ok(Secrets::none())),
        };
        let secrets = secrets.map_err(|source| SettingsError::Secrets { setting, source })?;
        let options = SessionLayoutOptions {
            layout,
            cookie: self.session_cookie.clone(),
            signature: self.session_cookie_signature.clone(),
            secrets,
            redis_key: self.session_redis_key.clone(),
        };
        Ok(Some(options.layout()?))
    }

    /// What the session store has to know of the settings, but for [`session_layout`](Self::session_layout).
    #[must_use]
    pub fn session_store_options(&self) -> SessionStoreOptions {
        SessionStoreOptions {
            ttl: self.session_ttl,
            max_age: self.session_max_age,
            key_prefix: self.session_key_prefix.clone(),
            // Made by `session_layout`, which may fail.
            layout: None,
            max_sessions: self.max_stored_sessions,
            connect_timeout: self.redis_connect_timeout,
            response_timeout: self.redis_response_timeout,
            start_wait: self.redis_start_wait,
            redis_tls: RedisTls {
                ca_file: self.redis_tls_ca_file.clone(),
                cert_file: self.redis_tls_cert_file.clone(),
                key_file: self.redis_tls_key_file.clone(),
            },
        }
    }
}

/// Whether a SockJS service can be at this path.
///
/// # Errors
/// Says what is allowed.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), String> {
    kind::Prefix::parse(prefix).map(drop)
}

impl Default for Settings {
    fn default() -> Self {
        Self::read(&Layers::defaults()).expect("every default is allowed, which a test makes sure of")
    }
}

#[cfg(test)]
mod tests;
