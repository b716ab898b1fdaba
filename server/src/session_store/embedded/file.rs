use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    thread,
    time::{Duration, Instant},
};

use redb::{Builder, Database, DatabaseError};

use super::{EmbeddedStoreError, OpenEmbeddedError};

/// Memory for pages of the file. The operating system caches the file too, so more gains little; redb alone would
/// take up to 1 GiB.
const PAGE_CACHE_BYTES: usize = 32 << 20;

/// How long requests that still read may hold up opening the file again. They take microseconds.
const WAIT_FOR_READERS: Duration = Duration::from_secs(1);

/// The session file, opened again when its disk has failed: redb refuses everything after such an error until then.
pub(super) struct SessionFile {
    path: PathBuf,
    // None while it cannot be opened. The lock is held to clone or replace the handle only.
    database: RwLock<Option<Arc<Database>>>,
}

impl SessionFile {
    pub(super) fn open(path: PathBuf) -> Result<Self, OpenEmbeddedError> {
        let database = RwLock::new(Some(Arc::new(open(&path)?)));
        Ok(Self { path, database })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub(super) fn database(&self) -> Result<Arc<Database>, EmbeddedStoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database.clone().ok_or(EmbeddedStoreError::Closed)
    }

    /// The open file, opened again if need be. For the writer, who alone opens and closes it.
    pub(super) fn open_database(&self) -> Result<Arc<Database>, EmbeddedStoreError> {
        if let Ok(database) = self.database() {
            return Ok(database);
        }
        let database = open(&self.path).map_err(|error| EmbeddedStoreError::Reopen(Arc::new(error)))?;
        let database = Arc::new(database);
        self.set(Some(Arc::clone(&database)));
        Ok(database)
    }

    /// Closes the file, for the next [`open_database`](Self::open_database) to open it again. Leaves it as it is if
    /// somebody does not let go of it.
    pub(super) fn close(&self) {
        let Some(mut database) = self.set(None) else { return };
        let started = Instant::now();
        // One file cannot be open twice, so every reader has to be done before the next opening.
        while let Err(shared) = Arc::try_unwrap(database) {
            if started.elapsed() > WAIT_FOR_READERS {
                self.set(Some(shared));
                return;
            }
            database = shared;
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn set(&self, database: Option<Arc<Database>>) -> Option<Arc<Database>> {
        std::mem::replace(&mut *self.database.write().unwrap_or_else(PoisonError::into_inner), database)
    }
}

fn open(path: &Path) -> Result<Database, OpenEmbeddedError> {
    // The parent of a bare file name is the empty path, which means the current folder.
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        return Err(OpenEmbeddedError::FolderMissing { path: path.to_owned(), folder: folder.to_owned() });
    }
    let failed = |source: io::Error| OpenEmbeddedError::File { path: path.to_owned(), source: Box::new(source) };
    let mut file = fs::OpenOptions::new();
    file.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    // Made here for its mode, and closed again: redb locks the file it opens itself.
    drop(file.open(path).map_err(failed)?);
    Builder::new().set_cache_size(PAGE_CACHE_BYTES).create(path).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => OpenEmbeddedError::InUse { path: path.to_owned() },
        error => OpenEmbeddedError::File { path: path.to_owned(), source: Box::new(error) },
    })
}
