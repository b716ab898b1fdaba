use std::{io, path::PathBuf};

use super::Source;
use crate::session_layout::{LayoutError, SecretsError};

/// Why the server cannot start with the settings it was given. Every text names the setting, where it was set, what
/// was given and what is allowed, and no password.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The command line has a flag that does not exist, or one without its value.
    #[error("{}", .0.trim_end())]
    CommandLine(String),
    /// A setting cannot have the value given.
    #[error("{setting}: {origin} gives {given}; allowed is {allowed}")]
    Value {
        /// The setting.
        setting: &'static str,
        /// Where the value was given.
        origin: Source,
        /// What was given, in quotes and without secrets.
        given: String,
        /// What could have been given.
        allowed: String,
    },
    /// Two environment variables set the same setting, and not to the same.
    #[error(
        "{setting}: environment {} gives {}, environment {} gives {}; unset one of them",
        first.0, first.1, second.0, second.1
    )]
    Contradiction {
        /// The setting.
        setting: &'static str,
        /// One variable and its value, in quotes and without secrets.
        first: (String, String),
        /// The other.
        second: (String, String),
    },
    /// Two settings exclude each other, or do not work together.
    #[error("{0}")]
    Combination(String),
    /// The sessions of an app cannot be found with what is set.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// There is nothing to verify session cookies with.
    #[error("{setting}")]
    Secrets {
        /// The setting that has the secrets.
        setting: &'static str,
        /// What is wrong with them.
        source: SecretsError,
    },
    /// An environment variable is no valid UTF-8.
    #[error("environment {variable} is not valid UTF-8")]
    NotUtf8 {
        /// The variable.
        variable: String,
    },
    /// The file of a secret cannot be read, or is no text.
    #[error("{setting} is `{}`, which cannot be read", path.display())]
    SecretFile {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file of settings cannot be read.
    #[error("the file of settings {} cannot be read ({named_by})", path.display())]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// The flag or variable that names it.
        named_by: Source,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file of settings is no TOML.
    #[error("file {}, line {line}: {problem}", path.display())]
    FileSyntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The file of settings has a name in it that is no setting.
    #[error("file {}: there is no setting `{key}`; the closest is `{closest}`", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The name.
        key: String,
        /// The setting it looks most like.
        closest: &'static str,
    },
}
