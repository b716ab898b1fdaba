use std::sync::{Arc, atomic::AtomicBool};

use swampdragon_protocol::MessageForm;

use crate::{
    connection::{Connection, ConnectionTable, Dialect, HoldingsTable, OriginNames},
    heartbeat::{Refresher, RefresherSettings, Schedule},
    metrics::Metrics,
    origin::AllowedOrigins,
    pubsub::{PubSub, Publisher, Subscribers},
    router::Routers,
    session_store::SessionStore,
    settings::Settings,
    websocket::WireFrame,
};

/// Everything that the connections of one server share.
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) dialect: Dialect,
    pub(crate) allowed_origins: AllowedOrigins,
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) routers: Routers,
    pub(crate) subscribers: Subscribers,
    pub(crate) pub_sub: Arc<dyn PubSub>,
    pub(crate) connections: ConnectionTable,
    pub(crate) holdings: HoldingsTable,
    pub(crate) origin_names: OriginNames,
    pub(crate) heartbeat_messages: Schedule<Connection>,
    pub(crate) heartbeat_frames: Schedule<Connection>,
    pub(crate) refresher: Refresher,
    /// The server has been told to stop.
    pub(crate) draining: AtomicBool,
}

impl Service {
    pub(crate) fn new(
        settings: Settings,
        store: Arc<dyn SessionStore>,
        routers: Routers,
        subscribers: Subscribers,
        pub_sub: Arc<dyn PubSub>,
    ) -> Self {
        let mut dialect = Dialect::of(settings.heartbeat_value);
        if let Some(code) = settings.abort_code {
            dialect.abort = code;
        }
        let refresher = RefresherSettings {
            gather_time: settings.refresh_gather_time,
            max_pending: settings.max_pending_refreshes,
        };
        let metrics = Arc::new(Metrics::register());
        Self {
            allowed_origins: AllowedOrigins::new(&settings.allowed_origins),
            refresher: Refresher::new(Arc::clone(&store), refresher, Arc::clone(&metrics)),
            connections: ConnectionTable::new(),
            holdings: HoldingsTable::default(),
            origin_names: OriginNames::default(),
            heartbeat_messages: Schedule::new(),
            heartbeat_frames: Schedule::new(),
            draining: AtomicBool::new(false),
            dialect,
            metrics,
            settings,
            store,
            routers,
            subscribers,
            pub_sub,
        }
    }

    /// What publishes to the pages of every node.
    pub(crate) fn publisher(&self) -> Publisher {
        Publisher::new(Arc::clone(&self.pub_sub), Arc::clone(&self.metrics))
    }

    /// Sends heartbeat messages when they are due, for ever.
    pub(crate) async fn send_heartbeat_messages(&self) {
        use swampdragon_protocol::{HeartbeatMessage, ServerMessage, json::encode_server_message};
        let message = HeartbeatMessage { value: self.settings.heartbeat_value, ack: self.settings.heartbeat_ack };
        let text = encode_server_message(&ServerMessage::Heartbeat(message));
        let [string, object] = [MessageForm::String, MessageForm::Object].map(|form| WireFrame::message(&text, form));
        self.heartbeat_messages
            .run(|connection| {
                self.metrics.heartbeats_sent.increment(1);
                connection.send_frame(match connection.message_form() {
                    MessageForm::String => &string,
                    MessageForm::Object => &object,
                });
            })
            .await;
    }

    /// Sends heartbeat frames when they are due, for ever.
    pub(crate) async fn send_heartbeat_frames(&self) {
        let frame = WireFrame::heartbeat();
        self.heartbeat_frames.run(|connection| connection.send_frame(&frame)).await;
    }
}
