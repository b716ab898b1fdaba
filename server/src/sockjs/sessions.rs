use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing::Instrument;

use super::{endpoint::Endpoint, session::PolledSession, session_task::SessionTask};
use crate::{
    connection::{Connection, OriginName, Outlet},
    peer::Peer,
};

/// The polled sessions of an endpoint by the ids that their clients chose. A session stays here for a while after it
/// has closed, so that its client can be told.
pub(crate) struct PolledSessions(Mutex<HashMap<Box<str>, Connection>>);

/// No room for another session.
pub(super) struct Full;

impl PolledSessions {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Box<str>, Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, id: &str) -> Option<Connection> {
        self.sessions().get(id).cloned()
    }

    /// Finds the session, or opens one for `peer`.
    pub(super) fn find_or_open(
        endpoint: &Arc<Endpoint>,
        id: &str,
        peer: &Peer,
        origin: OriginName,
    ) -> Result<Connection, Full> {
        let mut sessions = endpoint.sessions.sessions();
        if let Some(connection) = sessions.get(id) {
            return Ok(connection.clone());
        }
        if endpoint.is_full() || sessions.len() >= endpoint.service.settings.max_connections {
            return Err(Full);
        }
        let (session, batches) = PolledSession::new(id, peer.address(), origin);
        let connection = Connection::register_with(endpoint, Outlet::Polled(Box::new(session)));
        sessions.insert(id.into(), connection.clone());
        tokio::spawn(SessionTask::new(connection.clone()).run(batches).instrument(connection.span()));
        Ok(connection)
    }

    pub(super) fn remove(&self, id: &str) {
        let mut sessions = self.sessions();
        let removed = sessions.remove(id);
        if sessions.is_empty() {
            // A burst of sessions leaves no memory behind.
            sessions.shrink_to_fit();
        }
        drop(sessions);
        // Dropping a handle may run an application's code, which must not find the table locked.
        drop(removed);
    }
}
