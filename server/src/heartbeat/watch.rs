use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use swampdragon_protocol::SessionKey;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::notice::{self, Notices};
use crate::{
    connection::{KeyHash, WeakConnection},
    metrics::Metrics,
    session_store::{Lifetime, SessionStore, SessionStoreError},
};

/// How many sessions are asked for at once.
const BATCH: usize = 64;

/// How long after a session's end the store is asked whether it is gone; and how often while it cannot be reached.
const AFTER_END: Duration = Duration::from_millis(50);
const WHILE_AWAY: Duration = Duration::from_secs(5);

/// Tells pages that asked (`"ack": true`) that their session is about to end, and that it has ended.
///
/// Only their sessions stand here, each until its connections have closed, in one list by the time when each is to be
/// looked at. Then the store is asked, for others may have refreshed the session. While the store cannot be asked, what
/// it said last is what counts.
pub(crate) struct SessionWatch {
    store: Arc<dyn SessionStore>,
    metrics: Arc<Metrics>,
    /// How long before the end of a session its pages are told; zero is never.
    notice: Duration,
    notices: Notices,
    watched: Mutex<Watched>,
    /// There is something to look at sooner than was known.
    sooner: Notify,
}

#[derive(Default)]
struct Watched {
    sessions: HashMap<KeyHash, Session>,
    /// When each is to be looked at, but for those that are being looked at.
    due: BTreeSet<(Instant, KeyHash)>,
}

struct Session {
    key: SessionKey,
    askers: Vec<WeakConnection>,
    /// When it ends, as far as is known.
    ends: Instant,
    /// When it is to be looked at; `None` while it is.
    due: Option<Instant>,
    /// Its pages know that it is about to end.
    told: bool,
}

impl SessionWatch {
    pub(crate) fn new(store: Arc<dyn SessionStore>, notice: Duration, notices: Notices, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics, notice, notices, watched: Mutex::default(), sooner: Notify::new() }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session has been refreshed, or not, and these connections have been told.
    pub(super) fn seen(&self, hash: KeyHash, key: &SessionKey, lifetime: Lifetime, askers: &[WeakConnection]) {
        if self.notice.is_zero() || askers.is_empty() {
            return;
        }
        let Lifetime::Expires(ttl) = lifetime else {
            let Some(forgotten) = self.watched().remove(hash) else { return };
            if lifetime == Lifetime::Missing {
                let others = forgotten.askers.into_iter().filter(|other| !askers.iter().any(|asker| asker.is(other)));
                self.tell_expired(key, &others.collect::<Vec<_>>());
            }
            return;
        };
        let mut watched = self.watched();
        let session = match watched.sessions.entry(hash) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Session {
                key: key.clone(),
                askers: Vec::new(),
                ends: Instant::now(),
                due: None,
                told: false,
            }),
        };
        session.askers.retain(|known| known.is_alive() && !askers.iter().any(|asker| asker.is(known)));
        session.askers.extend_from_slice(askers);
        self.lives(&mut watched, hash, ttl);
    }

    /// A session is no more, and whoever should know does.
    pub(crate) fn forget(&self, hash: KeyHash) {
        self.watched().remove(hash);
    }

    /// A connection that had this session has closed.
    pub(crate) fn leave(&self, hash: KeyHash, connection: &WeakConnection) {
        let mut watched = self.watched();
        let Some(session) = watched.sessions.get_mut(&hash) else { return };
        session.askers.retain(|asker| !asker.is(connection));
        if session.askers.is_empty() {
            watched.remove(hash);
        }
        if watched.sessions.is_empty() {
            // A burst of connections leaves no memory behind.
            watched.sessions.shrink_to_fit();
        }
    }

    /// Looks at each session in its time, for ever.
    pub(crate) async fn run(&self) {
        loop {
            let next = self.watched().due.first().map(|(due, _)| *due);
            match next {
                None => self.sooner.notified().await,
                Some(due) => tokio::select! {
                    () = sleep_until(due) => self.look_at_due().await,
                    () = self.sooner.notified() => {}
                },
            }
        }
    }

    async fn look_at_due(&self) {
        let mut away = false;
        loop {
            let due = self.watched().take_due(Instant::now());
            if due.is_empty() {
                return;
            }
            // One question that finds the store away speaks for the others.
            let answers = match away {
                true => Vec::new(),
                false => join_all(due.iter().map(|(_, key)| self.ask(key))).await,
            };
            let mut answers = answers.into_iter();
            for (hash, _) in due {
                let answer = answers.next().unwrap_or(Answer::Away);
                away |= matches!(answer, Answer::Away);
                self.answered(hash, answer);
            }
        }
    }

    async fn ask(&self, key: &SessionKey) -> Answer {
        match AssertUnwindSafe(self.store.lifetime(key)).catch_unwind().await {
            Ok(Ok(lifetime)) => Answer::Lifetime(lifetime),
            Ok(Err(error)) if SessionStoreError::is_unavailable(&error) => Answer::Away,
            Ok(Err(_)) | Err(_) => Answer::Lifetime(Lifetime::NotSupported),
        }
    }

    /// Acts on what the store said of a session, unless it was refreshed or forgotten meanwhile.
    fn answered(&self, hash: KeyHash, answer: Answer) {
        let mut watched = self.watched();
        let Some(session) = watched.sessions.get_mut(&hash).filter(|session| session.due.is_none()) else { return };
        session.askers.retain(WeakConnection::is_alive);
        if session.askers.is_empty() {
            watched.remove(hash);
            return;
        }
        let now = Instant::now();
        let left = session.ends.saturating_duration_since(now);
        match answer {
            Answer::Lifetime(Lifetime::Expires(left)) if left > self.notice => self.lives(&mut watched, hash, left),
            Answer::Lifetime(Lifetime::Expires(left)) => self.is_ending(watched, hash, left),
            Answer::Lifetime(Lifetime::Missing) => {
                let Some(expired) = watched.remove(hash) else { return };
                drop(watched);
                self.tell_expired(&expired.key, &expired.askers);
            }
            Answer::Lifetime(Lifetime::Persistent) => drop(watched.remove(hash)),
            // Whether it has ended, the page learns with its next reply.
            Answer::Lifetime(Lifetime::NotSupported) if session.told => drop(watched.remove(hash)),
            Answer::Away if left.is_zero() => watched.put(hash, now + WHILE_AWAY),
            Answer::Lifetime(Lifetime::NotSupported) | Answer::Away => self.is_ending(watched, hash, left),
        }
    }

    /// A session has this much left: it is looked at when that is nearly over.
    fn lives(&self, watched: &mut Watched, hash: KeyHash, left: Duration) {
        let ends = Instant::now() + left;
        if let Some(session) = watched.sessions.get_mut(&hash) {
            session.ends = ends;
            session.told = false;
        }
        let due = ends.checked_sub(self.notice).unwrap_or(ends);
        let sooner = watched.due.first().is_none_or(|(first, _)| due < *first);
        watched.put(hash, due);
        if sooner {
            self.sooner.notify_one();
        }
    }

    /// A session has little left: its pages are told, once, and it is looked at again when that is over.
    fn is_ending(&self, mut watched: MutexGuard<'_, Watched>, hash: KeyHash, left: Duration) {
        let Some(session) = watched.sessions.get_mut(&hash) else { return };
        session.ends = Instant::now() + left;
        let again = session.ends + AFTER_END;
        let tell = (!std::mem::replace(&mut session.told, true)).then(|| (session.key.clone(), session.askers.clone()));
        watched.put(hash, again);
        drop(watched);
        if let Some((key, askers)) = tell {
            self.metrics.sessions_expiring.increment(1);
            notice::tell(&askers, || self.notices.expiring(&key, left));
        }
    }

    fn tell_expired(&self, key: &SessionKey, askers: &[WeakConnection]) {
        if !askers.is_empty() {
            self.metrics.sessions_expired.increment(1);
            notice::tell(askers, || self.notices.of(key, Lifetime::Missing));
        }
    }
}

/// What the store says of a session.
enum Answer {
    Lifetime(Lifetime),
    /// It cannot be asked just now.
    Away,
}

impl Watched {
    fn put(&mut self, hash: KeyHash, due: Instant) {
        if let Some(session) = self.sessions.get_mut(&hash) {
            if let Some(before) = session.due.replace(due) {
                self.due.remove(&(before, hash));
            }
            self.due.insert((due, hash));
        }
    }

    fn remove(&mut self, hash: KeyHash) -> Option<Session> {
        let session = self.sessions.remove(&hash)?;
        if let Some(due) = session.due {
            self.due.remove(&(due, hash));
        }
        Some(session)
    }

    /// Takes some of those that are due.
    fn take_due(&mut self, now: Instant) -> Vec<(KeyHash, SessionKey)> {
        let mut taken = Vec::new();
        while taken.len() < BATCH
            && let Some(&(due, hash)) = self.due.first()
            && due <= now
        {
            self.due.pop_first();
            if let Some(session) = self.sessions.get_mut(&hash) {
                session.due = None;
                taken.push((hash, session.key.clone()));
            }
        }
        taken
    }
}
