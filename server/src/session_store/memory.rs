use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use swampdragon_protocol::SessionKey;
use tokio::time::Instant;

use super::{Lifetime, Refreshed, SessionStore, SessionStoreError, SessionStoreFull, SessionStoreOptions};

/// Keeps sessions in this process's memory: for tests, for trying things out, and for servers whose sessions may end
/// with them.
///
/// Expired values are never returned. They are freed by the next requests, a few each, without a background task:
/// every value enters the table of deadlines by one save, so freeing two a request is always enough to keep up, and a
/// store nobody uses holds at most what [`SessionStoreOptions::max_sessions`] allows.
pub struct MemorySessionStore {
    ttl: Duration,
    max_age: Option<Duration>,
    max_sessions: usize,
    // A std lock: each request holds it for a few table operations and never across an await.
    sessions: Mutex<Sessions>,
}

/// How many expired values a request frees at most. More than the one it may add, so that a backlog shrinks; not
/// many more, so that no request pays for an hour of others.
const FREED_PER_REQUEST: usize = 2;

impl MemorySessionStore {
    /// An empty store, with the options' `ttl`, `max_age` and `max_sessions`.
    #[must_use]
    pub fn new(options: &SessionStoreOptions) -> Self {
        Self {
            ttl: options.ttl,
            max_age: options.max_age,
            max_sessions: options.max_sessions,
            sessions: Mutex::default(),
        }
    }

    /// How many values take up memory, among them expired ones that are not freed yet.
    #[must_use]
    pub fn stored(&self) -> usize {
        self.lock().by_key.len()
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        // The tables are only touched by code that cannot panic between two related changes.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deadline(&self, now: Instant) -> Instant {
        after(now, self.ttl)
    }
}

/// A time beyond what the clock can count is as good as a century.
fn after(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(100 * 365 * 24 * 3600))
}

#[async_trait]
impl SessionStore for MemorySessionStore {
    async fn save(&self, key: &SessionKey, value: &[u8]) -> Result<(), SessionStoreError> {
        let now = Instant::now();
        let mut sessions = self.lock();
        sessions.free_expired(now, FREED_PER_REQUEST);
        if !sessions.by_key.contains_key(key) && sessions.by_key.len() >= self.max_sessions {
            sessions.free_expired(now, usize::MAX);
            if sessions.by_key.len() >= self.max_sessions {
                return Err(SessionStoreError::full(SessionStoreFull { limit: self.max_sessions }));
            }
        }
        // What is there already keeps its end.
        let ends = match sessions.live(key, now) {
            Some(session) => session.ends,
            None => self.max_age.map(|max_age| after(now, max_age)),
        };
        sessions.put(key, value, self.deadline(now), ends);
        Ok(())
    }

    async fn get(&self, key: &SessionKey) -> Result<Option<Vec<u8>>, SessionStoreError> {
        let now = Instant::now();
        // The value is copied after the lock is released: it may be long.
        let value = self.lock().live(key, now).map(|session| session.value.clone());
        Ok(value.map(|value| value.to_vec()))
    }

    async fn refresh_key_timeout(&self, key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        let now = Instant::now();
        let deadline = self.deadline(now);
        let mut sessions = self.lock();
        sessions.free_expired(now, FREED_PER_REQUEST);
        Ok(sessions.lengthen(key, now, deadline))
    }

    async fn refresh_key_timeouts(&self, keys: &[SessionKey]) -> Result<Vec<Refreshed>, SessionStoreError> {
        let now = Instant::now();
        let deadline = self.deadline(now);
        let mut sessions = self.lock();
        sessions.free_expired(now, FREED_PER_REQUEST.saturating_mul(keys.len()));
        Ok(keys.iter().map(|key| Ok(sessions.lengthen(key, now, deadline))).collect())
    }

    async fn lifetime(&self, key: &SessionKey) -> Result<Lifetime, SessionStoreError> {
        let now = Instant::now();
        Ok(match self.lock().live(key, now) {
            Some(session) => Lifetime::Expires(session.due.at - now),
            None => Lifetime::Missing,
        })
    }

    async fn delete(&self, key: &SessionKey) -> Result<bool, SessionStoreError> {
        let now = Instant::now();
        let mut sessions = self.lock();
        sessions.free_expired(now, FREED_PER_REQUEST);
        Ok(sessions.remove(key).is_some_and(|session| session.due.at > now))
    }

    async fn count(&self, prefix: &str) -> Result<u64, SessionStoreError> {
        let now = Instant::now();
        // Holds up the others for some 0.1 s in a store of a million; a sorted table would slow down all of them.
        let sessions = self.lock();
        let counted =
            sessions.by_key.iter().filter(|(key, session)| session.due.at > now && key.as_str().starts_with(prefix));
        Ok(counted.count() as u64)
    }

    fn max_age(&self) -> Option<Duration> {
        self.max_age
    }
}

/// Every session is in both tables, under its key and under when it is due.
#[derive(Default)]
struct Sessions {
    by_key: HashMap<SessionKey, Session>,
    by_deadline: BTreeMap<Due, SessionKey>,
    numbered: u64,
}

struct Session {
    value: Arc<[u8]>,
    due: Due,
    /// When it is over, however often it is refreshed.
    ends: Option<Instant>,
}

impl Session {
    /// The deadline, or the end if that is sooner.
    fn limit(ends: Option<Instant>, deadline: Instant) -> Instant {
        ends.map_or(deadline, |ends| ends.min(deadline))
    }
}

/// When a session expires; numbered, because many may expire at the same instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    number: u64,
}

impl Sessions {
    fn put(&mut self, key: &SessionKey, value: &[u8], deadline: Instant, ends: Option<Instant>) {
        self.remove(key);
        let due = Due { at: Session::limit(ends, deadline), number: self.numbered };
        self.numbered += 1;
        self.by_deadline.insert(due, key.clone());
        self.by_key.insert(key.clone(), Session { value: value.into(), due, ends });
    }

    fn live(&self, key: &SessionKey, now: Instant) -> Option<&Session> {
        self.by_key.get(key).filter(|session| session.due.at > now)
    }

    fn lengthen(&mut self, key: &SessionKey, now: Instant, deadline: Instant) -> Lifetime {
        let Some(session) = self.by_key.get_mut(key).filter(|session| session.due.at > now) else {
            return Lifetime::Missing;
        };
        let deadline = Session::limit(session.ends, deadline);
        if deadline > session.due.at {
            let later = Due { at: deadline, ..session.due };
            // The key moves from one place to the other, so that a refresh allocates nothing for it.
            if let Some(key) = self.by_deadline.remove(&session.due) {
                self.by_deadline.insert(later, key);
            }
            session.due = later;
        }
        Lifetime::Expires(session.due.at - now)
    }

    fn remove(&mut self, key: &SessionKey) -> Option<Session> {
        let session = self.by_key.remove(key)?;
        self.by_deadline.remove(&session.due);
        Some(session)
    }

    fn free_expired(&mut self, now: Instant, at_most: usize) {
        for _ in 0..at_most {
            match self.by_deadline.first_entry() {
                Some(first) if first.key().at <= now => self.by_key.remove(&first.remove()),
                _ => return,
            };
        }
    }
}
