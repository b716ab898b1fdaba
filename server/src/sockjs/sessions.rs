use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::http::HeaderMap;
use tracing::Instrument;

use super::{endpoint::Endpoint, refusal::Refusal, session::PolledSession, session_task::SessionTask};
use crate::{
    admission::TurnedAway,
    connection::{Connection, Outlet},
    peer::Peer,
};

/// The polled sessions of an endpoint by the ids that their clients chose. A session stays here for a while after it
/// has closed, so that its client can be told.
pub(crate) struct PolledSessions(Mutex<HashMap<Box<str>, Connection>>);

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
        headers: &HeaderMap,
    ) -> Result<Connection, Refusal> {
        let mut sessions = endpoint.sessions.sessions();
        if let Some(connection) = sessions.get(id) {
            return Ok(connection.clone());
        }
        endpoint.check_room(peer)?;
        let limit = endpoint.service.settings.max_connections;
        // Those that have closed, and whose clients may still ask why, are no connections any more.
        if sessions.len() >= limit {
            return Err(endpoint.turned_away(peer, TurnedAway::Full(limit)));
        }
        let admitted = endpoint.service.admission.admit_session(peer.address());
        admitted.map_err(|reason| endpoint.turned_away(peer, reason))?;
        let origin = endpoint.service.origin_names.of(headers);
        let (session, batches) = PolledSession::new(id, peer.address(), origin);
        let connection = Connection::register_with(endpoint, Outlet::Polled(Box::new(session)));
        if let Some(session) = endpoint.session_of(headers) {
            connection.keep_session(session);
        }
        sessions.insert(id.into(), connection.clone());
        let span = connection.span();
        span.in_scope(|| tracing::debug!(client = %peer.address(), "opened"));
        tokio::spawn(SessionTask::new(connection.clone()).run(batches).instrument(span));
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
