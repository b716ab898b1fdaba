//! What a server counts while it runs.
//!
//! The numbers go to the recorder that is in place for the `metrics` crate when the server is built: the server's own
//! where it has an admin listener (`admin_listen`), else whatever the program has installed, and nowhere if there is
//! none. Handles are fetched once, since looking one up by name costs more than a heartbeat.

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use swampdragon_protocol::close_code;

/// One handle per number. `docs/operations.md` has each, which a test makes sure of.
pub(crate) struct Metrics {
    connections: [Gauge; Transport::ALL.len()],
    opened: [Counter; Transport::ALL.len()],
    closed: Vec<(u16, Counter)>,
    closed_otherwise: Counter,
    /// Heartbeat messages sent.
    pub(crate) heartbeats_sent: Counter,
    /// Heartbeat messages that were answered. Replies that nobody asked for do not count.
    pub(crate) heartbeats_answered: Counter,
    /// Those of them whose answer took longer than half of the setting `heartbeat_interval`.
    pub(crate) heartbeats_late: Counter,
    /// Peers that were found to be gone.
    pub(crate) dead_peers: Counter,
    /// Requests that the session store failed.
    pub(crate) store_errors: Counter,
    /// Connections with a session cookie of an app's.
    pub(crate) bindings: Counter,
    /// Connections without one, where sessions are an app's.
    pub(crate) bindings_without_cookie: Counter,
    /// Connections with one that does not count.
    pub(crate) bindings_refused: Counter,
    /// Refreshes of sessions that live now.
    pub(crate) refreshes_active: Counter,
    /// Refreshes of sessions that need none.
    pub(crate) refreshes_persistent: Counter,
    /// Refreshes of sessions that there are none of (any more).
    pub(crate) refreshes_missing: Counter,
    /// The same, where the reply had to wait for a store that was away: sessions that an outage has cost.
    pub(crate) refreshes_expired_in_outage: Counter,
    /// Refreshes that the session store does not know how to do.
    pub(crate) refreshes_unsupported: Counter,
    /// Refreshes that the session store refused.
    pub(crate) refreshes_failed: Counter,
    /// Replies that found no room among those that wait for the store.
    pub(crate) refreshes_no_room: Counter,
    /// Replies that waited for the store for a whole TTL, or until the server ended.
    pub(crate) refreshes_given_up: Counter,
    /// Replies that name no session key.
    pub(crate) refreshes_malformed: Counter,
    /// Replies that name a session where pages may not.
    pub(crate) refreshes_named: Counter,
    /// Replies sooner than `min_refresh_interval` after the one before.
    pub(crate) refreshes_too_soon: Counter,
    /// Replies that name more sessions than `max_keys_per_connection`.
    pub(crate) refreshes_too_many_keys: Counter,
    /// Sessions that were ended everywhere.
    pub(crate) logouts: Counter,
    /// Logouts that were refused, by the store or because there were too many.
    pub(crate) logouts_refused: Counter,
    /// Sessions of whose end pages were told before it came.
    pub(crate) sessions_expiring: Counter,
    /// Sessions of whose end pages were told without having answered a heartbeat.
    pub(crate) sessions_expired: Counter,
    /// From a reply to the store's answer, in seconds.
    pub(crate) refresh_delay: Histogram,
    /// Sessions whose refresh the store has not answered.
    pub(crate) refreshes_pending: Gauge,
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

impl Metrics {
    /// Fetches the handles from the recorder that is in place now.
    pub(crate) fn register() -> Self {
        describe();
        let bindings = |result: &'static str| counter!("swampdragon_bindings_total", "result" => result);
        let refreshes = |outcome: &'static str| counter!("swampdragon_refreshes_total", "outcome" => outcome);
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
            heartbeats_sent: counter!("swampdragon_heartbeats_sent_total"),
            heartbeats_answered: counter!("swampdragon_heartbeats_answered_total"),
            heartbeats_late: counter!("swampdragon_heartbeats_late_total"),
            dead_peers: counter!("swampdragon_dead_peers_total"),
            store_errors: counter!("swampdragon_session_store_errors_total"),
            bindings: bindings("bound"),
            bindings_without_cookie: bindings("no-cookie"),
            bindings_refused: bindings("refused"),
            refreshes_active: refreshes("active"),
            refreshes_persistent: refreshes("persistent"),
            refreshes_missing: refreshes("missing"),
            refreshes_expired_in_outage: refreshes("expired_in_outage"),
            refreshes_unsupported: refreshes("unsupported"),
            refreshes_failed: refreshes("failed"),
            refreshes_no_room: refreshes("no_room"),
            refreshes_given_up: refreshes("given_up"),
            refreshes_malformed: refreshes("malformed"),
            refreshes_named: refreshes("named"),
            refreshes_too_soon: refreshes("too_soon"),
            refreshes_too_many_keys: refreshes("too_many_keys"),
            logouts: counter!("swampdragon_logouts_total", "outcome" => "done"),
            logouts_refused: counter!("swampdragon_logouts_total", "outcome" => "refused"),
            sessions_expiring: counter!("swampdragon_session_notices_total", "state" => "expiring"),
            sessions_expired: counter!("swampdragon_session_notices_total", "state" => "expired"),
            refresh_delay: histogram!("swampdragon_refresh_delay_seconds"),
            refreshes_pending: gauge!("swampdragon_refreshes_pending"),
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
}

/// What each number means, for whoever reads the page of numbers.
fn describe() {
    describe_gauge!("swampdragon_build_info", "Always 1; the label tells the version.");
    describe_gauge!("swampdragon_connections", "Open connections.");
    describe_counter!("swampdragon_connections_opened_total", "Connections opened.");
    describe_counter!("swampdragon_connections_closed_total", "Connections closed, by close code.");
    describe_counter!("swampdragon_heartbeats_sent_total", "Heartbeat messages sent.");
    describe_counter!("swampdragon_heartbeats_answered_total", "Heartbeat messages that pages answered.");
    describe_counter!("swampdragon_dead_peers_total", "Peers that were found to be gone (peer_timeout).");
    describe_counter!("swampdragon_session_store_errors_total", "Requests that the session store failed.");
    describe_counter!("swampdragon_publications_total", "Publications handed on by this server.");
    describe_counter!("swampdragon_publication_errors_total", "Publications that could not be handed on.");
    describe_counter!("swampdragon_publications_delivered_total", "Publications sent to pages, each page counted.");
    describe_counter!(
        "swampdragon_heartbeats_late_total",
        "Heartbeat messages answered after half of heartbeat_interval."
    );
    describe_counter!(
        "swampdragon_bindings_total",
        "Connections with a session cookie of an app's, without, or with one that does not count."
    );
    describe_counter!("swampdragon_refreshes_total", "Heartbeat replies, by what became of their sessions.");
    describe_counter!("swampdragon_session_notices_total", "Sessions whose pages were told of their end unasked.");
    describe_counter!("swampdragon_logouts_total", "Sessions ended everywhere, and logouts that were refused.");
    describe_histogram!("swampdragon_refresh_delay_seconds", "From a heartbeat reply to the session store's answer.");
    describe_gauge!("swampdragon_refreshes_pending", "Sessions whose refresh the session store has not answered.");
}

#[cfg(test)]
pub(crate) use counted::Counted;

#[cfg(test)]
mod counted {
    use super::Metrics;
    use metrics::with_local_recorder;
    use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
    use std::{cell::RefCell, collections::HashMap};

    /// What a [`Metrics`] has counted, for tests.
    pub(crate) struct Counted {
        snapshotter: Snapshotter,
        /// Snapshots take what is in the recorder, so it is added up here.
        counters: RefCell<HashMap<(String, String), u64>>,
        histogram: RefCell<Vec<f64>>,
        gauge: RefCell<f64>,
    }

    impl Metrics {
        pub(crate) fn counted() -> (Self, Counted) {
            let recorder = DebuggingRecorder::new();
            let metrics = with_local_recorder(&recorder, Self::register);
            let counted = Counted {
                snapshotter: recorder.snapshotter(),
                counters: RefCell::default(),
                histogram: RefCell::default(),
                gauge: RefCell::default(),
            };
            (metrics, counted)
        }
    }

    impl Counted {
        fn take(&self) {
            for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
                let label = key.key().labels().next().map(|label| label.value().to_owned()).unwrap_or_default();
                match value {
                    DebugValue::Counter(count) => {
                        *self.counters.borrow_mut().entry((key.key().name().to_owned(), label)).or_default() += count;
                    }
                    DebugValue::Gauge(value) => *self.gauge.borrow_mut() = value.0,
                    DebugValue::Histogram(values) => {
                        self.histogram.borrow_mut().extend(values.into_iter().map(|value| value.0));
                    }
                }
            }
        }

        /// The counter of this name whose label is this; the empty label is none.
        pub(crate) fn counter(&self, name: &str, label: &str) -> u64 {
            self.take();
            self.counters.borrow().get(&(name.to_owned(), label.to_owned())).copied().unwrap_or_default()
        }

        /// Refreshes with this outcome.
        pub(crate) fn refreshes(&self, outcome: &str) -> u64 {
            self.counter("swampdragon_refreshes_total", outcome)
        }

        /// How many refreshes are pending. Ask before anything else: the recorder forgets a gauge when it is read.
        pub(crate) fn pending(&self) -> f64 {
            self.take();
            *self.gauge.borrow()
        }

        pub(crate) fn delays(&self) -> Vec<f64> {
            self.take();
            self.histogram.borrow().clone()
        }
    }
}
