use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use slab::Slab;
use tokio::sync::Notify;

use super::Connection;

/// The connections that are open.
pub(crate) struct ConnectionTable {
    open: Mutex<Slab<Connection>>,
    emptied: Notify,
}

/// One count for the process, so that the logs of several servers in it can be told apart.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

impl ConnectionTable {
    pub(crate) fn new() -> Self {
        Self { open: Mutex::new(Slab::new()), emptied: Notify::new() }
    }

    fn open(&self) -> MutexGuard<'_, Slab<Connection>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the connection that is made for a place and a number.
    pub(super) fn insert(&self, connection: impl FnOnce(u32, u32) -> Connection) -> Connection {
        let mut open = self.open();
        let entry = open.vacant_entry();
        // `max_connections` keeps the table far below four thousand million.
        let slot = u32::try_from(entry.key()).unwrap_or(u32::MAX);
        entry.insert(connection(slot, NEXT_ID.fetch_add(1, Ordering::Relaxed))).clone()
    }

    pub(super) fn remove(&self, slot: u32) {
        let mut open = self.open();
        let removed = open.try_remove(slot as usize);
        if open.is_empty() {
            // A burst of connections leaves no memory behind.
            open.shrink_to_fit();
            self.emptied.notify_waiters();
        }
        drop(open);
        // Dropping a handle may run an application's code, which must not find the table locked.
        drop(removed);
    }

    pub(crate) fn len(&self) -> usize {
        self.open().len()
    }

    /// Every connection that is open now.
    pub(crate) fn all(&self) -> Vec<Connection> {
        self.open().iter().map(|(_, connection)| connection.clone()).collect()
    }

    /// Waits until no connection is open.
    pub(crate) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.open().is_empty() {
                return;
            }
            emptied.await;
        }
    }
}
