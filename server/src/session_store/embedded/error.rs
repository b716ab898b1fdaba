use std::{error::Error, path::PathBuf, sync::Arc};

use crate::session_store::SessionStoreError;

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

/// Why an embedded session store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EmbeddedStoreError {
    /// The disk refused to read or write, being full perhaps. The file is opened again for the next request.
    #[error("the disk of the session file failed")]
    // Shared, as below: all requests of one commit fail by the same fault.
    Disk(#[source] Arc<redb::Error>),
    /// The file is closed after a fault of the disk, and about to be opened again.
    #[error("the session file is closed since its disk failed")]
    Closed,
    /// The file cannot be opened again after a fault of the disk.
    #[error("the session file cannot be opened again since its disk failed")]
    Reopen(#[source] Arc<OpenEmbeddedError>),
    /// The file is damaged, or not what this program wrote.
    #[error("the session file cannot be used")]
    Storage(#[source] Arc<redb::Error>),
    /// The thread that writes has ended.
    #[error("the writer of the session file has stopped; start the server again")]
    WriterStopped,
}

impl EmbeddedStoreError {
    /// Whether it passes when the disk is mended.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Disk(_) | Self::Closed | Self::Reopen(_) => true,
            Self::Storage(_) | Self::WriterStopped => false,
        }
    }
}

impl From<redb::Error> for EmbeddedStoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(_) | redb::Error::PreviousIo => Self::Disk(Arc::new(error)),
            error => Self::Storage(Arc::new(error)),
        }
    }
}

impl From<EmbeddedStoreError> for SessionStoreError {
    fn from(error: EmbeddedStoreError) -> Self {
        if error.passes() { Self::unavailable(error) } else { Self::failed(error) }
    }
}
