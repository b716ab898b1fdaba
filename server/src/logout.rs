//! Ending a session everywhere: in the store, and on all connections that kept it, of every node.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Weak},
};

use serde::{Deserialize, Serialize};
use swampdragon_protocol::{SessionKey, close_code};

use crate::{Connection, service::Service, session_store::SessionStoreError};

/// Ends sessions, for parts of the program that are no connection, such as what serves a backend. Cloning gives another
/// handle to the same.
#[derive(Clone)]
pub struct Sessions {
    service: Arc<Service>,
}

impl Sessions {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// Ends a session: deletes it from the store, and closes every connection that kept it, on every node, with
    /// [4001](close_code::LOGGED_OUT), after which pages stay away. Says whether the store had it.
    ///
    /// Nodes tell each other as they carry publications. One that cannot be reached just now does not hear of it; its
    /// pages learn at their next heartbeat that there is no such session.
    ///
    /// # Errors
    /// The store could not be asked, or cannot delete. Nothing has been closed.
    pub async fn log_out(&self, key: &SessionKey) -> Result<bool, SessionStoreError> {
        log_out(&self.service, key, None).await
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

/// What nodes tell each other, on a channel that is nobody else's.
#[derive(Serialize, Deserialize)]
struct LoggedOut<'a> {
    #[serde(borrow)]
    logged_out: Cow<'a, str>,
    /// The node that says so, which has seen to its own connections.
    #[serde(borrow)]
    node: Cow<'a, str>,
}

/// Ends a session, as [`Sessions::log_out`] says; the connection of the page that asked stays open.
pub(crate) async fn log_out(
    service: &Service,
    key: &SessionKey,
    asker: Option<&Connection>,
) -> Result<bool, SessionStoreError> {
    let deleted = service.store.delete(key).await?;
    service.metrics.logouts.increment(1);
    service.refresher.withdraw(key, service.key_hasher.hash(key));
    close_all(service, key, asker);
    let announcement = LoggedOut { logged_out: key.as_str().into(), node: service.node.as_str().into() };
    // Strings have a JSON form.
    let announcement = serde_json::to_string(&announcement).unwrap_or_default();
    if let Err(error) = service.pub_sub.publish(&service.node_channel, &announcement).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            ?key,
            "other nodes did not hear of a logout; their pages will learn of it at their next heartbeat"
        );
    }
    Ok(deleted)
}

/// Has `service` heed what other nodes say.
pub(crate) fn listen(service: &Arc<Service>) {
    let weak: Weak<Service> = Arc::downgrade(service);
    let heed = move |text: &str| {
        let Some(service) = weak.upgrade() else { return };
        let Ok(LoggedOut { logged_out, node }) = serde_json::from_str(text) else {
            tracing::warn!("not understood what another node said: are all of one version?");
            return;
        };
        if node != service.node
            && let Ok(key) = SessionKey::parse(&logged_out)
        {
            service.refresher.withdraw(&key, service.key_hasher.hash(&key));
            close_all(&service, &key, None);
        }
    };
    service.subscribers.reserve(service.node_channel.clone(), heed);
}

fn close_all(service: &Service, key: &SessionKey, except: Option<&Connection>) {
    let hash = service.key_hasher.hash(key);
    for connection in service.connections_with_session(key, hash) {
        connection.forget_session(key, hash);
        if !except.is_some_and(|asker| asker.is(&connection)) {
            connection.close(close_code::LOGGED_OUT);
        }
    }
}
