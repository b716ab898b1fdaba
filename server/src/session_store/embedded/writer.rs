use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use redb::Database;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    EmbeddedStoreError, OpenEmbeddedError, WallClock,
    file::SessionFile,
    ms_since_epoch,
    tables::{KNOWN_FORMAT, Rules, Tables},
};
use crate::session_store::{SessionStoreError, SessionStoreFull};

/// Changes in one commit. Far more than arrive while one is written to disk; bounds how long the first waits.
const CHANGES_PER_COMMIT: usize = 1024;

/// Expired sessions deleted with one commit, beside one for each change. Keeps a commit short after a long stop.
const PURGED_PER_COMMIT: usize = 1024;

/// How far the clock may go back without it counting as set back: time servers nudge it by less.
const CLOCK_TOLERANCE_MS: u64 = 1000;

/// One request that changes the file.
pub(super) trait Change: Send {
    /// Makes the change, in a transaction that is not committed yet.
    fn apply(&mut self, tables: &mut Tables<'_>, rules: &Rules) -> Result<(), redb::Error>;

    /// Tells whoever asked, once the change is on the disk or has failed to get there.
    fn answer(self: Box<Self>, committed: Result<(), EmbeddedStoreError>);
}

/// What a change comes to, or that there is no room for it.
pub(super) type Outcome<T> = Result<T, SessionStoreFull>;

/// A change made by a closure, whose outcome goes to whoever waits for it.
pub(super) struct Request<T, Make> {
    pub(super) make: Make,
    pub(super) outcome: Option<Outcome<T>>,
    pub(super) done: oneshot::Sender<Result<T, SessionStoreError>>,
    /// The place in the queue, which is free again when the change is answered.
    pub(super) _room: OwnedSemaphorePermit,
}

impl<T: Send, Make> Change for Request<T, Make>
where
    Make: FnMut(&mut Tables<'_>, &Rules) -> Result<Outcome<T>, redb::Error> + Send,
{
    fn apply(&mut self, tables: &mut Tables<'_>, rules: &Rules) -> Result<(), redb::Error> {
        self.outcome = Some((self.make)(tables, rules)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), EmbeddedStoreError>) {
        let result = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => outcome.map_err(SessionStoreError::full),
            (Ok(()), None) => Err(EmbeddedStoreError::WriterStopped.into()),
            (Err(error), _) => Err(error.into()),
        };
        // Who asked may be gone; the change stands all the same.
        drop(self.done.send(result));
    }
}

/// The only one who writes to the file, on a thread of its own.
pub(super) struct Writer {
    pub(super) file: Arc<SessionFile>,
    pub(super) queue: Receiver<Box<dyn Change>>,
    pub(super) clock: WallClock,
    pub(super) ttl_ms: u64,
    pub(super) max_age_ms: Option<u64>,
    pub(super) max_sessions: usize,
    /// How long to wait for a change before looking for expired sessions.
    pub(super) idle: Duration,
    /// The time of day when the clock was last looked at.
    pub(super) latest_ms: u64,
}

impl Writer {
    /// Makes the tables of a new file, and checks those of an old one.
    pub(super) fn prepare(&mut self) -> Result<(), OpenEmbeddedError> {
        let path = self.file.path().to_owned();
        match self.format() {
            Ok(KNOWN_FORMAT) => {}
            Ok(found) => return Err(OpenEmbeddedError::Format { path, found, known: KNOWN_FORMAT }),
            Err(error) => return Err(OpenEmbeddedError::File { path, source: Box::new(error) }),
        }
        // Deals with a clock that was set back meanwhile, before anyone reads.
        self.commit(&mut []).map_err(|error| OpenEmbeddedError::File { path, source: Box::new(error) })
    }

    fn format(&mut self) -> Result<u64, EmbeddedStoreError> {
        let database = self.file.database()?;
        let read = || -> Result<(u64, u64), redb::Error> {
            let transaction = database.begin_write()?;
            let mut tables = Tables::open(&transaction)?;
            let read = (tables.format()?, tables.latest()?);
            drop(tables);
            transaction.commit()?;
            Ok(read)
        };
        let (format, latest_ms) = read()?;
        self.latest_ms = latest_ms;
        Ok(format)
    }

    /// Works until the store is dropped.
    pub(super) fn run(mut self) {
        loop {
            let mut group = Vec::new();
            match self.queue.recv_timeout(self.idle) {
                Ok(first) => group.push(first),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // The others that came while the last commit was written.
            group.extend(self.queue.try_iter().take(CHANGES_PER_COMMIT - 1));
            let committed = self.commit(&mut group);
            if let Err(error) = &committed {
                tracing::error!(error = error as &dyn std::error::Error, "the session file was not changed");
                if error.passes() {
                    self.file.close();
                }
            }
            for change in group {
                change.answer(committed.clone());
            }
        }
    }

    /// Makes all changes of `group` and deletes expired sessions, in one transaction.
    fn commit(&mut self, group: &mut [Box<dyn Change>]) -> Result<(), EmbeddedStoreError> {
        let database = self.file.open_database()?;
        Ok(self.change(&database, group)?)
    }

    fn change(&mut self, database: &Database, group: &mut [Box<dyn Change>]) -> Result<(), redb::Error> {
        let now_ms = ms_since_epoch((self.clock)());
        let transaction = database.begin_write()?;
        let mut tables = Tables::open(&transaction)?;

        if now_ms.saturating_add(CLOCK_TOLERANCE_MS) < self.latest_ms {
            let by_ms = self.latest_ms - now_ms;
            tracing::warn!(by_ms, "the clock was set back; sessions keep the time they had left");
            tables.turn_back(by_ms)?;
        }
        tables.purge(now_ms, PURGED_PER_COMMIT + group.len())?;
        let rules = Rules { now_ms, ttl_ms: self.ttl_ms, max_age_ms: self.max_age_ms, max_sessions: self.max_sessions };
        for change in group {
            change.apply(&mut tables, &rules)?;
        }

        // Refreshes of sessions that are gone change nothing, and cost no write.
        let changed = tables.changed();
        if changed {
            tables.set_latest(now_ms)?;
        }
        drop(tables);
        if changed {
            transaction.commit()?;
        } else {
            transaction.abort()?;
        }
        self.latest_ms = now_ms;
        Ok(())
    }
}
