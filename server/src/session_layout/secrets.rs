use std::{fmt, fs, io, path::Path, path::PathBuf};

/// The secrets with which an app signs its session cookies: the one in use, and those before it whose cookies still
/// count.
///
/// They are read from a file or an environment variable, one a line, and never stand on a command line, which other
/// users of the machine can see. Their `Debug` form tells how many there are.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secrets(Vec<Box<str>>);

impl Secrets {
    /// The most secrets there may be: each is tried on every cookie that none before it fits.
    pub const MAX: usize = 16;

    /// No secrets, for cookies that are not signed.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Takes text with one secret a line. Empty lines do not count, spaces within a line do.
    ///
    /// # Errors
    /// There is none, or there are too many.
    pub fn parse(text: &str) -> Result<Self, SecretsError> {
        // A file saved on Windows ends its lines otherwise, which is seen nowhere.
        let lines: Vec<Box<str>> = text.lines().filter(|line| !line.is_empty()).map(Into::into).collect();
        match lines.len() {
            0 => Err(SecretsError::Empty),
            1..=Self::MAX => Ok(Self(lines)),
            given => Err(SecretsError::TooMany { given }),
        }
    }

    /// Reads them from a file.
    ///
    /// # Errors
    /// The file cannot be read, or [what is in it](Self::parse) is not right.
    pub fn from_file(path: &Path) -> Result<Self, SecretsError> {
        let unreadable = |source| SecretsError::Unreadable { path: path.to_owned(), source };
        Self::parse(&fs::read_to_string(path).map_err(unreadable)?)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

/// Why there are no secrets.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file is not there, may not be read, or has bytes in it that are no text.
    #[error("the secrets in {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no line that is not empty.
    #[error("there is no secret; write one a line, the one in use first")]
    Empty,
    /// There are more lines than anybody has secrets.
    #[error("there are {given} secrets; allowed are 1 to {}, one a line", Secrets::MAX)]
    TooMany {
        /// How many there are.
        given: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stand_one_a_line() {
        let secrets = Secrets::parse("new, with: signs \r\n\nold\n").unwrap();
        assert_eq!(secrets.iter().collect::<Vec<_>>(), ["new, with: signs ", "old"]);
        assert_eq!(format!("{secrets:?}"), "Secrets(2)");
    }

    #[test]
    fn none_and_too_many_are_refused() {
        assert!(matches!(Secrets::parse("\n\r\n"), Err(SecretsError::Empty)));
        let refused = Secrets::parse(&"secret\n".repeat(17)).unwrap_err().to_string();
        assert_eq!(refused, "there are 17 secrets; allowed are 1 to 16, one a line");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let refused = Secrets::from_file(Path::new("/nowhere/secrets")).unwrap_err().to_string();
        assert_eq!(refused, "the secrets in /nowhere/secrets cannot be read");
    }
}
