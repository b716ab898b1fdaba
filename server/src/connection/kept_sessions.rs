use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use swampdragon_protocol::SessionKey;

use super::Connection;

/// The sessions that connections keep, by the connections' numbers. Not among what else they
/// [hold](super::HoldingsTable): where the sessions are an app's, every connection keeps one and holds nothing else.
#[derive(Default)]
pub(crate) struct KeptSessions(Mutex<Table>);

/// The latest session last. Connections that keep none are not here.
type Table = HashMap<u32, Box<[SessionKey]>>;

impl KeptSessions {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers of the connections that keep this session.
    pub(crate) fn keepers(&self, key: &SessionKey) -> Vec<u32> {
        self.lock().iter().filter(|(_, kept)| kept.contains(key)).map(|(id, _)| *id).collect()
    }
}

impl Connection {
    /// Remembers a session of this page, so that heartbeat replies which name none refresh it, as those of SwampDragon
    /// 0.4 do. Of more than `max_keys_per_connection`, those named last are remembered.
    pub fn keep_session(&self, key: SessionKey) {
        let limit = self.service().settings.max_keys_per_connection;
        let mut table = self.service().kept_sessions.lock();
        // Asked under the lock, which `give_up_kept_sessions` takes after this has become false.
        if !self.is_registered() {
            return;
        }
        let kept = table.entry(self.id()).or_default();
        let others = kept.iter().filter(|other| **other != key).cloned();
        let mut keys: Vec<_> = others.chain([key.clone()]).collect();
        keys.drain(..keys.len().saturating_sub(limit));
        *kept = keys.into();
    }

    /// Whether this connection keeps a session of an app's, which its cookie named.
    pub(crate) fn is_bound(&self) -> bool {
        self.service().binding.is_some() && self.service().kept_sessions.lock().contains_key(&self.id())
    }

    /// The sessions that this connection [keeps](Self::keep_session): where they are an app's (`session_layout`), the one
    /// that the cookie named with which the page connected, if it did.
    #[must_use]
    pub fn kept_sessions(&self) -> Vec<SessionKey> {
        self.service().kept_sessions.lock().get(&self.id()).map_or_else(Vec::new, |kept| kept.to_vec())
    }

    /// Keeps a session no more.
    pub(super) fn give_up_kept_session(&self, key: &SessionKey) {
        let mut table = self.service().kept_sessions.lock();
        let Some(kept) = table.get_mut(&self.id()) else { return };
        *kept = kept.iter().filter(|other| *other != key).cloned().collect();
        if kept.is_empty() {
            table.remove(&self.id());
        }
    }

    /// Keeps no session any more.
    pub(super) fn give_up_kept_sessions(&self) {
        let mut table = self.service().kept_sessions.lock();
        table.remove(&self.id());
        if table.is_empty() {
            // A burst of connections leaves no memory behind.
            table.shrink_to_fit();
        }
    }
}
