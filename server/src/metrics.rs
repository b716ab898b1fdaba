//! What a server counts while it runs.
//!
//! The numbers go to the recorder that is in place for the `metrics` crate when the server is built: the server's own
//! where it has an admin listener (`admin_listen`), else whatever the program has installed, and nowhere if there is
//! none. Handles are fetched once, since looking one up by name costs more than a heartbeat.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use swampdragon_protocol::close_code;

/// One handle per number. `docs/operations.md` has each, which a test makes sure of.
pub(crate) struct Metrics {
    connections: [Gauge; Transport::ALL.len()],
    opened: [Counter; Transport::ALL.len()],
    closed: Vec<(u16, Counter)>,
    closed_otherwise: Counter,
    refused: [Counter; Refused::ALL.len()],
    /// Heartbeat messages sent.
    pub(crate) heartbeats_sent: Counter,
    /// Heartbeat messages that pages answered.
    pub(crate) heartbeats_answered: Counter,
    /// Requests that the session store failed.
    pub(crate) store_errors: Counter,
    /// Publications handed on by this server.
    pub(crate) publications: Counter,
    /// Publications that could not be handed on.
    pub(crate) publication_errors: Counter,
    /// Publications put on their way to a page, each page counted.
    pub(crate) publications_delivered: Counter,
}

/// How a page is connected, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// SockJS over a WebSocket.
    WebSocket,
    /// A WebSocket without SockJS.
    RawWebSocket,
    /// SockJS over HTTP requests.
    Http,
}

impl Transport {
    const ALL: [Self; 3] = [Self::WebSocket, Self::RawWebSocket, Self::Http];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::RawWebSocket => "raw-websocket",
            Self::Http => "http",
        }
    }
}

/// Why a peer was let have no connection, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The server has as many connections as it may have.
    Full,
    /// The page's origin is not allowed.
    Origin,
    /// The request was to become a WebSocket and was no proper handshake.
    Handshake,
    /// The session belongs to another address.
    Address,
}

impl Refused {
    const ALL: [Self; 4] = [Self::Full, Self::Origin, Self::Handshake, Self::Address];

    const fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Origin => "origin",
            Self::Handshake => "handshake",
            Self::Address => "address",
        }
    }
}

impl Metrics {
    /// Fetches the handles from the recorder that is in place now.
    pub(crate) fn register() -> Self {
        describe();
        gauge!("swampdragon_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
        let closed = |code: String| counter!("swampdragon_connections_closed_total", "code" => code);
        // Peers may close with any number; a label that they choose must not grow the list.
        let mut codes: Vec<u16> = close_code::ALL.iter().map(|code| code.code).collect();
        codes.sort_unstable();
        codes.dedup();
        Self {
            connections: Transport::ALL
                .map(|transport| gauge!("swampdragon_connections", "transport" => transport.label())),
            opened: Transport::ALL
                .map(|transport| counter!("swampdragon_connections_opened_total", "transport" => transport.label())),
            closed: codes.into_iter().map(|code| (code, closed(code.to_string()))).collect(),
            closed_otherwise: closed("other".to_owned()),
            refused: Refused::ALL
                .map(|reason| counter!("swampdragon_connections_refused_total", "reason" => reason.label())),
            heartbeats_sent: counter!("swampdragon_heartbeats_sent_total"),
            heartbeats_answered: counter!("swampdragon_heartbeats_answered_total"),
            store_errors: counter!("swampdragon_session_store_errors_total"),
            publications: counter!("swampdragon_publications_total"),
            publication_errors: counter!("swampdragon_publication_errors_total"),
            publications_delivered: counter!("swampdragon_publications_delivered_total"),
        }
    }

    pub(crate) fn opened(&self, transport: Transport) {
        self.opened[transport as usize].increment(1);
        self.connections[transport as usize].increment(1);
    }

    pub(crate) fn closed(&self, transport: Transport, code: u16) {
        self.connections[transport as usize].decrement(1);
        let known = self.closed.iter().find(|(known, _)| *known == code);
        known.map_or(&self.closed_otherwise, |(_, counter)| counter).increment(1);
    }

    pub(crate) fn refused(&self, reason: Refused) {
        self.refused[reason as usize].increment(1);
    }
}

/// What each number means, for whoever reads the page of numbers.
fn describe() {
    describe_gauge!("swampdragon_build_info", "Always 1; the label tells the version.");
    describe_gauge!("swampdragon_connections", "Open connections.");
    describe_counter!("swampdragon_connections_opened_total", "Connections opened.");
    describe_counter!("swampdragon_connections_closed_total", "Connections closed, by close code.");
    describe_counter!("swampdragon_connections_refused_total", "Peers that were let have no connection.");
    describe_counter!("swampdragon_heartbeats_sent_total", "Heartbeat messages sent.");
    describe_counter!("swampdragon_heartbeats_answered_total", "Heartbeat messages that pages answered.");
    describe_counter!("swampdragon_session_store_errors_total", "Requests that the session store failed.");
    describe_counter!("swampdragon_publications_total", "Publications handed on by this server.");
    describe_counter!("swampdragon_publication_errors_total", "Publications that could not be handed on.");
    describe_counter!("swampdragon_publications_delivered_total", "Publications sent to pages, each page counted.");
}
