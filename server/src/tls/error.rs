use std::{error::Error, path::PathBuf};

/// Why TLS cannot be spoken with the files given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The program was built without TLS.
    #[error("{setting} is set, and this program was built without TLS (cargo feature `tls`)")]
    NotBuilt {
        /// The setting that asks for it.
        setting: &'static str,
    },
    /// One of the two settings is given without the other.
    #[error("{given} is set and {missing} is not; TLS needs both")]
    Half {
        /// The setting that is given.
        given: &'static str,
        /// The setting that is not.
        missing: &'static str,
    },
    /// A file is not there, cannot be read, or has not what it should have.
    #[error("{setting} is `{}`, from which no {what} in PEM can be read: {source}", file.display())]
    File {
        /// The setting.
        setting: &'static str,
        /// Its value.
        file: PathBuf,
        /// What the file should have.
        what: &'static str,
        /// What is wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The two do not belong together, or are of a kind that cannot be used.
    #[error("tls_certificate `{}` and tls_key `{}` cannot be used: {source}", certificate.display(), key.display())]
    Unfit {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        source: Box<dyn Error + Send + Sync>,
    },
}
