use std::{fmt, path::PathBuf};

/// Where the value of a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag on the command line, with its dashes.
    Flag(String),
    /// An environment variable.
    Environment(String),
    /// The file of settings.
    File(PathBuf),
    /// Other settings, by name.
    Settings(Vec<&'static str>),
    /// Nobody set it.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Settings(names) => write!(f, "made of {}", names.join(", ")),
            Self::Default => f.write_str("default"),
        }
    }
}
