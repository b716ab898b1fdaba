use std::{error::Error, path::PathBuf, sync::Arc};

use super::writer::PrepareError;

/// Why the file of an embedded session store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenEmbeddedError {
    /// The folder that the file should be in does not exist.
    #[error("the session file {} cannot be opened: there is no folder {}", path.display(), folder.display())]
    FolderMissing {
        /// The file.
        path: PathBuf,
        /// The missing folder.
        folder: PathBuf,
    },
    /// Another process, or another store of this one, has it open.
    #[error("the session file {} is in use by another server; each needs a file of its own", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A later version of this program wrote it.
    #[error(
        "the session file {} has format {found}, this version reads format {known}; use the version that wrote it, or another file",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u64,
        /// The format that can be read.
        known: u64,
    },
    /// It cannot be read or written, or is no session file.
    #[error("the session file {} cannot be opened", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system or the storage engine said.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl OpenEmbeddedError {
    pub(super) fn from_prepare(path: &std::path::Path, error: PrepareError) -> Self {
        let path = path.to_owned();
        match error {
            PrepareError::Format { found, known } => Self::Format { path, found, known },
            PrepareError::Storage(error) => Self::File { path, source: Box::new(error) },
        }
    }
}

/// Why an embedded session store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EmbeddedStoreError {
    /// The file cannot be read or written.
    #[error("the session file cannot be read or written")]
    // Shared: all requests of one commit fail by the same fault.
    Storage(#[source] Arc<redb::Error>),
    /// An earlier fault of the disk stopped the store, and stays until the server is started again.
    #[error("the session file stopped working after an error of the disk; start the server again once it is mended")]
    Stopped(#[source] Arc<redb::Error>),
    /// The thread that writes has ended.
    #[error("the writer of the session file has stopped; start the server again")]
    WriterStopped,
}

impl From<redb::Error> for EmbeddedStoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::PreviousIo => Self::Stopped(Arc::new(error)),
            error => Self::Storage(Arc::new(error)),
        }
    }
}
