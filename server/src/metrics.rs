//! What a server counts while it runs.
//!
//! The numbers go to whatever recorder the program has installed for the `metrics` crate when the server is built, and
//! nowhere if there is none. Handles are fetched once, since looking one up by name costs more than a heartbeat.

use metrics::{Counter, counter};

/// One handle per number.
pub(crate) struct Metrics {
    /// Heartbeat messages sent.
    pub(crate) heartbeats_sent: Counter,
    /// Peers that were found to be gone.
    pub(crate) dead_peers: Counter,
    /// Requests that the session store failed.
    pub(crate) store_errors: Counter,
}

impl Metrics {
    /// Fetches the handles from the recorder that is installed now.
    pub(crate) fn register() -> Self {
        Self {
            heartbeats_sent: counter!("swampdragon_heartbeats_sent_total"),
            dead_peers: counter!("swampdragon_dead_peers_total"),
            store_errors: counter!("swampdragon_session_store_errors_total"),
        }
    }
}
