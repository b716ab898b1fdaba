use std::{sync::Arc, time::Duration};

use swampdragon_protocol::{
    ChannelName, HeartbeatMessage, MessageForm, ServerMessage, SessionKey, json::encode_server_message,
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    admission::Admission,
    binding::Binding,
    connection::{
        Connection, ConnectionTable, Dialect, HoldingsTable, KeptSessions, KeyHash, KeyHasher, OriginNames, RateLimit,
    },
    drain::Drain,
    heartbeat::{Notices, Refresher, RefresherSettings, Schedule},
    metrics::Metrics,
    origin::AllowedOrigins,
    proxies::Proxies,
    pubsub::{PubSub, Publisher, Subscribers},
    refusals::Refusals,
    router::Routers,
    session_layout::SessionLayout,
    session_store::SessionStore,
    settings::Settings,
    tls::Tls,
    websocket::WireFrame,
};

/// Everything that the connections of one server share.
pub(crate) struct Service {
    pub(crate) settings: Settings,
    /// `None` where pages are spoken to without TLS.
    pub(crate) tls: Option<Tls>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) refusals: Refusals,
    pub(crate) proxies: Proxies,
    pub(crate) drain: Drain,
    pub(crate) started: Instant,
    pub(crate) rate_limit: RateLimit,
    pub(crate) dialect: Dialect,
    pub(crate) allowed_origins: AllowedOrigins,
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) routers: Routers,
    pub(crate) subscribers: Subscribers,
    pub(crate) pub_sub: Arc<dyn PubSub>,
    pub(crate) connections: ConnectionTable,
    pub(crate) holdings: HoldingsTable,
    pub(crate) kept_sessions: KeptSessions,
    pub(crate) origin_names: OriginNames,
    pub(crate) heartbeat_messages: Schedule<Connection>,
    pub(crate) refresher: Refresher,
    /// Where the sessions are an app's.
    pub(crate) binding: Option<Arc<Binding>>,
    pub(crate) notices: Notices,
    pub(crate) key_hasher: KeyHasher,
    /// Tells this node from others.
    pub(crate) node: String,
    /// Where the nodes that share sessions speak to each other.
    pub(crate) node_channel: ChannelName,
}

impl Service {
    pub(crate) fn new(
        settings: Settings,
        tls: Option<Tls>,
        layout: Option<SessionLayout>,
        store: Arc<dyn SessionStore>,
        routers: Routers,
        subscribers: Subscribers,
        pub_sub: Arc<dyn PubSub>,
    ) -> Self {
        let mut dialect = Dialect::of(settings.heartbeat_value);
        if let Some(code) = settings.abort_code {
            dialect.abort = code;
        }
        let metrics = Arc::new(Metrics::register());
        let binding = layout.map(|layout| Arc::new(Binding::new(layout, Arc::clone(&metrics))));
        let notices = Notices { without_key: binding.is_some(), touch: settings.cookie_touch() };
        let refresher = RefresherSettings {
            notices,
            gather_time: settings.refresh_gather_time,
            max_pending: settings.max_pending_refreshes,
            session_ttl: settings.session_ttl,
            expiring_notice: settings.expiring_notice(),
        };
        let admission = Admission::new(settings.max_connections, settings.max_connections_per_address);
        Self {
            admission: Arc::new(admission),
            refusals: Refusals::register(),
            started: Instant::now(),
            rate_limit: RateLimit { per_second: settings.max_messages_per_second, burst: settings.max_message_burst },
            drain: Drain::new(settings.drain_retry_after),
            proxies: Proxies::new(settings.trusted_proxies.clone(), settings.proxy_header),
            allowed_origins: AllowedOrigins::new(&settings.allowed_origins),
            refresher: Refresher::new(Arc::clone(&store), refresher, Arc::clone(&metrics), binding.clone()),
            binding,
            notices,
            connections: ConnectionTable::new(settings.heartbeat_frame_interval),
            holdings: HoldingsTable::default(),
            kept_sessions: KeptSessions::default(),
            origin_names: OriginNames::default(),
            heartbeat_messages: Schedule::new(),
            key_hasher: KeyHasher::default(),
            node: Uuid::new_v4().simple().to_string(),
            node_channel: settings.node_channel(),
            dialect,
            metrics,
            settings,
            tls,
            store,
            routers,
            subscribers,
            pub_sub,
        }
    }

    /// How long the server has run. The clock is read for it, so what deals with a message has it handed on.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The open connections that have this session, whether their pages named it or they keep it.
    pub(crate) fn connections_with_session(&self, key: &SessionKey, hash: KeyHash) -> Vec<Connection> {
        // First the numbers: a session that becomes a connection's first is among its others until it has.
        let others =
            self.holdings.with_other_session(hash).into_iter().chain(self.kept_sessions.keepers(key)).collect();
        self.connections.with_session(hash, &others)
    }

    /// What publishes to the pages of every node.
    pub(crate) fn publisher(&self) -> Publisher {
        Publisher::new(Arc::clone(&self.pub_sub), self.subscribers.clone(), Arc::clone(&self.metrics))
    }

    /// Sends heartbeat messages when they are due, for ever.
    pub(crate) async fn send_heartbeat_messages(&self) {
        let [named, bound] = [false, true].map(|bound| {
            let message = HeartbeatMessage {
                value: self.settings.heartbeat_value,
                ack: self.settings.heartbeat_ack || self.binding.is_some(),
                bound,
            };
            let text = encode_server_message(&ServerMessage::Heartbeat(message));
            [MessageForm::String, MessageForm::Object].map(|form| WireFrame::message(&text, form))
        });
        self.heartbeat_messages
            .run(|connection| {
                self.metrics.heartbeats_sent.increment(1);
                connection.beat(self.uptime());
                let [string, object] = if connection.is_bound() { &bound } else { &named };
                connection.send_frame(match connection.message_form() {
                    MessageForm::String => string,
                    MessageForm::Object => object,
                });
            })
            .await;
    }

    /// Sends heartbeat frames when they are due, and finds peers that are gone, for ever.
    pub(crate) async fn send_heartbeat_frames(&self) {
        let frames = [WireFrame::heartbeat(), WireFrame::heartbeat_and_ping()];
        let Settings { peer_timeout, heartbeat_frame_interval, .. } = self.settings;
        // What came last may have come right after a sweep, so it has been silent for one interval longer.
        let sweeps = (peer_timeout.as_millis() / heartbeat_frame_interval.as_millis().max(1)).saturating_sub(1);
        let patience = u16::try_from(sweeps).unwrap_or(u16::MAX - 1).max(2);
        self.connections.go_round(|connection| connection.send_heartbeat_frame(&frames, patience)).await;
    }
}
