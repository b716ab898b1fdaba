//! stub
use std::time::Duration;
use swampdragon_protocol::HeartbeatValue;
use crate::session_store::SessionStoreOptions;
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Settings {
    pub host: String, pub port: u16, pub prefix: String, pub static_dir: Option<std::path::PathBuf>, pub public_url: Option<String>,
    pub allowed_origins: Vec<String>, pub drain_time: Duration, pub open_sessions: bool,
    pub session_store: String, pub session_ttl: Duration, pub max_pending_refreshes: usize, pub refresh_gather_time: Duration,
    pub heartbeat_enabled: bool, pub heartbeat_interval: Duration, pub heartbeat_value: HeartbeatValue, pub heartbeat_ack: bool, pub heartbeat_frame_interval: Duration,
    pub max_subscriptions: usize, pub max_keys_per_connection: usize, pub pubsub: String, pub abort_code: Option<swampdragon_protocol::CloseCode>,
    pub max_connections: usize, pub max_message_size: usize, pub max_outgoing_bytes: usize, pub handshake_timeout: Duration, pub close_timeout: Duration,
}
impl Default for Settings { fn default() -> Self { Self {
    host: "127.0.0.1".into(), port: 9999, prefix: "/data".into(), static_dir: None, public_url: None, allowed_origins: vec![], drain_time: Duration::from_secs(10), open_sessions: false,
    session_store: "memory:".into(), session_ttl: Duration::from_secs(1800), max_pending_refreshes: 100_000, refresh_gather_time: Duration::from_millis(5),
    heartbeat_enabled: true, heartbeat_interval: Duration::from_secs(600), heartbeat_value: HeartbeatValue::Tick, heartbeat_ack: false, heartbeat_frame_interval: Duration::from_secs(25),
    max_subscriptions: 100, max_keys_per_connection: 16, pubsub: String::new(), abort_code: None,
    max_connections: 100_000, max_message_size: 128*1024, max_outgoing_bytes: 1<<20, handshake_timeout: Duration::from_secs(10), close_timeout: Duration::from_secs(5),
}}}
#[derive(Debug, thiserror::Error)] #[error("x")] #[allow(missing_docs)] pub struct InvalidSettings;
#[allow(missing_docs)]
impl Settings { pub(crate) fn check(&self) -> Result<(), InvalidSettings> { Ok(()) } pub(crate) fn session_store_options(&self) -> SessionStoreOptions { SessionStoreOptions { ttl: self.session_ttl, ..Default::default() } } }
