mod error;
mod file;
mod tables;
mod writer;

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use redb::ReadableDatabase;
use swampdragon_protocol::SessionKey;
use tokio::{
    sync::{Semaphore, oneshot},
    task::spawn_blocking,
};

use self::{
    file::SessionFile,
    tables::{Reader, Rules, Tables},
    writer::{Change, Outcome, Request, Writer},
};
use super::{Lifetime, Refreshed, SessionStore, SessionStoreError, SessionStoreOptions};

pub use self::error::{EmbeddedStoreError, OpenEmbeddedError};

/// Keeps sessions in one file on this machine, which survives restarts, `kill -9` and power cuts: what was answered as
/// saved or refreshed is on the disk.
///
/// One process may have the file open at a time. Changes are gathered: all that arrive while one commit is written to
/// disk share the next, so that a thousand refreshes cost about as much as one.
///
/// Deadlines are times of day, since nothing else survives a restart. When the clock is set back, even while the
/// server is down, all deadlines are moved back by as much, so that no session lives longer for it. A clock that is
/// set forward cannot be told from time that passed: sessions expire.
///
/// When the disk fails (it is full, say), requests fail with an error that
/// [is "unavailable"](SessionStoreError::is_unavailable), and the file is opened again for the next.
///
/// Dropping the store waits for the commit under way, if any, and closes the file.
pub struct EmbeddedSessionStore {
    file: Arc<SessionFile>,
    clock: WallClock,
    max_age: Option<Duration>,
    // Sending ends when the store is dropped; that ends the thread.
    changes: Option<std::sync::mpsc::Sender<Box<dyn Change>>>,
    writer: Option<JoinHandle<()>>,
    room: Arc<Semaphore>,
}

/// Tells the time of day. The system's, except in tests.
pub type WallClock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Requests that may wait for the writer; more wait for room first. Some 500 bytes each.
const QUEUED_CHANGES: usize = 4096;

/// How often expired sessions are deleted and the clock is checked while nobody saves anything.
const IDLE_PURGE_INTERVAL: Duration = Duration::from_secs(10);

impl EmbeddedSessionStore {
    /// Opens the file at `path`, or makes it (readable by its owner only); its folder must exist. Uses the options'
    /// `ttl`, `max_age` and `max_sessions`.
    ///
    /// Reads the disk: call it outside of async code, or by `spawn_blocking`.
    ///
    /// # Errors
    /// The folder is missing, another process has the file open, or it is no session file.
    pub fn open(path: impl Into<PathBuf>, options: &SessionStoreOptions) -> Result<Self, OpenEmbeddedError> {
        Self::open_with_clock(path, options, Arc::new(SystemTime::now))
    }

    /// [Opens](Self::open) the file with a clock of the caller's.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_clock(
        path: impl Into<PathBuf>,
        options: &SessionStoreOptions,
        clock: WallClock,
    ) -> Result<Self, OpenEmbeddedError> {
        Self::open_and_purge_every(IDLE_PURGE_INTERVAL, path.into(), options, clock)
    }

    fn open_and_purge_every(
        idle: Duration,
        path: PathBuf,
        options: &SessionStoreOptions,
        clock: WallClock,
    ) -> Result<Self, OpenEmbeddedError> {
        let file = Arc::new(SessionFile::open(path)?);
        let (changes, queue) = std::sync::mpsc::channel();
        let mut writer = Writer {
            file: Arc::clone(&file),
            queue,
            clock: Arc::clone(&clock),
            ttl_ms: milliseconds(options.ttl),
            max_age_ms: options.max_age.map(milliseconds),
            max_sessions: options.max_sessions,
            idle,
            latest_ms: 0,
        };
        writer.prepare()?;
        let thread = thread::Builder::new().name("sessions-writer".to_owned());
        let thread = thread
            .spawn(move || writer.run())
            .map_err(|source| OpenEmbeddedError::File { path: file.path().to_owned(), source: Box::new(source) })?;
        Ok(Self {
            file,
            clock,
            max_age: options.max_age,
            changes: Some(changes),
            writer: Some(thread),
            room: Arc::new(Semaphore::new(QUEUED_CHANGES)),
        })
    }

    /// How many sessions the file holds, among them expired ones that are not deleted yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn stored(&self) -> Result<u64, SessionStoreError> {
        self.read(|reader, _| reader.stored()).await
    }

    /// Has the writer make a change, and waits until it is on the disk.
    async fn change<T: Send + 'static>(
        &self,
        make: impl FnMut(&mut Tables<'_>, &Rules) -> Result<Outcome<T>, redb::Error> + Send + 'static,
    ) -> Result<T, SessionStoreError> {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let _room = room.expect("the semaphore is never closed");
        let (done, answer) = oneshot::channel();
        let request = Box::new(Request { make, outcome: None, done, _room });
        let stopped = || SessionStoreError::from(EmbeddedStoreError::WriterStopped);
        if self.changes.as_ref().is_none_or(|changes| changes.send(request).is_err()) {
            return Err(stopped());
        }
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(Reader, u64) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, SessionStoreError> {
        let file = Arc::clone(&self.file);
        let now = ms_since_epoch((self.clock)());
        // A page that is not cached is read from the disk, which must not hold up other connections.
        let read = spawn_blocking(move || {
            let database = file.database()?;
            let reader = database.begin_read().map_err(redb::Error::from).and_then(|begun| Reader::open(&begun));
            reader.and_then(|reader| read(reader, now)).map_err(EmbeddedStoreError::from)
        });
        match read.await {
            Ok(result) => result.map_err(SessionStoreError::from),
            Err(error) => Err(SessionStoreError::failed(error)),
        }
    }
}

#[async_trait]
impl SessionStore for EmbeddedSessionStore {
    async fn save(&self, key: &SessionKey, value: &[u8]) -> Result<(), SessionStoreError> {
        let (key, value) = (key.clone(), value.to_vec());
        self.change(move |tables, rules| tables.save(&key, &value, rules)).await
    }

    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        let key = key.clone();
        self.read(move |reader, now| reader.value(&key, now)).await
    }

    async fn refresh_key_timeout(&self, key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        let key = key.clone();
        self.change(move |tables, rules| tables.lengthen(&key, rules).map(Ok)).await
    }

    async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Refreshed>, SessionStoreError> {
        let keys = keys.to_vec();
        self.change(move |tables, rules| {
            // A file that cannot be written fails for every key: all of them are one transaction.
            keys.iter().map(|key| tables.lengthen(key, rules).map(Ok)).collect::<Result<_, _>>().map(Ok)
        })
        .await
    }

    async fn lifetime(&self, key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        let key = key.clone();
        self.read(move |reader, now| reader.lifetime(&key, now)).await
    }

    async fn ping(&self) -> Result<(), SessionStoreError> {
        self.stored().await.map(drop)
    }

    async fn delete(&self, key: &SessionKey) -> Result<bool, SessionStoreError> {
        let key = key.clone();
        self.change(move |tables, rules| tables.remove(&key, rules.now_ms).map(Ok)).await
    }

    async fn count(&self, prefix: &str) -> Result<u64, SessionStoreError> {
        let prefix = prefix.to_owned();
        self.read(move |reader, now| reader.count(&prefix, now)).await
    }

    fn max_age(&self) -> Option<Duration> {
        self.max_age
    }
}

impl Drop for EmbeddedSessionStore {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so on stderr; there is nothing left to save.
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for EmbeddedSessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedSessionStore").field("path", &self.file.path()).finish_non_exhaustive()
    }
}

fn ms_since_epoch(time: SystemTime) -> u64 {
    // A clock before 1970 has not been set; the first session is then as old as the epoch.
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[tokio::test]
    async fn expired_sessions_leave_the_file_though_nobody_saves_anything() {
        let folder = tempfile::tempdir().unwrap();
        let seconds = Arc::new(AtomicU64::new(1_000_000));
        let clock = Arc::clone(&seconds);
        let store = EmbeddedSessionStore::open_and_purge_every(
            Duration::from_millis(1),
            folder.path().join("sessions.db"),
            &SessionStoreOptions::default(),
            Arc::new(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed))),
        )
        .unwrap();
        for value in 0..10 {
            store.save_get_key(&[value]).await.unwrap();
        }
        assert_eq!(store.stored().await.unwrap(), 10);
        seconds.fetch_add(3600, Ordering::Relaxed);
        while store.stored().await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
