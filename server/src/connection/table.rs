use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use slab::Slab;
use tokio::sync::Notify;

use super::{Connection, FirstSession, KeyHash};

/// The connections that are open.
pub(crate) struct ConnectionTable {
    open: Mutex<Slab<Open>>,
    emptied: Notify,
}

/// One count for the process, so that the logs of several servers in it can be told apart.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// One open connection. Its session stands here and not in the connection, where it would cost memory: a free place
/// is no smaller than the two together.
struct Open {
    connection: Connection,
    first_session: Option<FirstSession>,
}

impl ConnectionTable {
    pub(crate) fn new() -> Self {
        Self { open: Mutex::new(Slab::new()), emptied: Notify::new() }
    }

    fn open(&self) -> MutexGuard<'_, Slab<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the connection that is made for a place and a number.
    pub(super) fn insert(&self, connection: impl FnOnce(u32, u32) -> Connection) -> Connection {
        let mut open = self.open();
        let entry = open.vacant_entry();
        // `max_connections` keeps the table far below four thousand million.
        let slot = u32::try_from(entry.key()).unwrap_or(u32::MAX);
        let connection = connection(slot, NEXT_ID.fetch_add(1, Ordering::Relaxed));
        entry.insert(Open { connection, first_session: None }).connection.clone()
    }

    /// Takes a connection out, and gives its first session.
    pub(super) fn remove(&self, slot: u32) -> Option<FirstSession> {
        let mut open = self.open();
        let removed = open.try_remove(slot as usize);
        if open.is_empty() {
            // A burst of connections leaves no memory behind.
            open.shrink_to_fit();
            self.emptied.notify_waiters();
        }
        drop(open);
        // Dropping a handle may run an application's code, which must not find the table locked.
        removed.and_then(|open| open.first_session)
    }

    pub(crate) fn len(&self) -> usize {
        self.open().len()
    }

    /// Every connection that is open now.
    pub(crate) fn all(&self) -> Vec<Connection> {
        self.open().iter().map(|(_, open)| open.connection.clone()).collect()
    }

    /// Does something with the place for a connection's first session; `None` if the connection is not open.
    pub(super) fn with_first_session<T>(
        &self,
        connection: &Connection,
        work: impl FnOnce(&mut Option<FirstSession>) -> T,
    ) -> Option<T> {
        let mut open = self.open();
        // The place may be another's by now.
        let entry = open.get_mut(connection.inner.slot as usize).filter(|open| open.connection.is(connection));
        entry.map(|open| work(&mut open.first_session))
    }

    /// The connections whose first session is this, and those with one of these numbers.
    pub(crate) fn with_session(&self, hash: KeyHash, others: &HashSet<u32>) -> Vec<Connection> {
        let has = |open: &Open| {
            open.first_session.is_some_and(|first| first.is(hash)) || others.contains(&open.connection.id())
        };
        self.open().iter().filter(|(_, open)| has(open)).map(|(_, open)| open.connection.clone()).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How the slab keeps a place.
    #[allow(dead_code, reason = "only its size is looked at")]
    enum Place {
        Free(usize),
        Taken(Open),
    }

    #[test]
    fn a_connections_session_takes_no_room() {
        assert_eq!(size_of::<Place>(), 2 * size_of::<usize>());
    }
}
