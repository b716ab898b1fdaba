//! What real packages did when somebody logged in.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use swampdragon_server::{
    session_layout::{Secrets, SessionLayout, SessionLayoutOptions},
    session_store::{RedisSessionStore, SessionStoreOptions},
};

/// One login.
#[derive(Debug, Deserialize, Clone)]
pub(crate) struct Recording {
    /// The packages, with their versions.
    pub(crate) made_by: String,
    /// What was particular.
    pub(crate) of: String,
    pub(crate) layout: String,
    /// The layout's own if there is none.
    signature: Option<String>,
    /// The layout's own if there is none.
    redis_key: Option<String>,
    pub(crate) secrets: Vec<String>,
    /// Name and value, as the browser sends them from then on.
    pub(crate) cookie: String,
    /// The key that was in Redis then.
    pub(crate) key: String,
    /// What was under the key, in base64.
    value: Option<String>,
    /// What the app says of how long sessions live.
    app_ttl_s: Option<u64>,
    /// What the key's time to live was.
    ttl_s: Option<u64>,
    /// Whether the session's end was set to a date.
    #[serde(default)]
    pub(crate) ends_at_a_date: bool,
    /// Whether nothing was in the session.
    #[serde(default)]
    pub(crate) is_empty: bool,
    /// When it was, if that matters.
    at_s: Option<u64>,
}

impl Recording {
    pub(crate) fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("recorded.json")).unwrap()
    }

    /// The one of that.
    pub(crate) fn named(of: &str) -> Self {
        Self::all().into_iter().find(|recording| recording.of == of).unwrap()
    }

    /// Those that were found in Redis as well.
    pub(crate) fn stored() -> Vec<Self> {
        Self::all().into_iter().filter(|recording| recording.value.is_some()).collect()
    }

    /// Those whose cookies nobody else can make.
    pub(crate) fn signed() -> Vec<Self> {
        Self::all().into_iter().filter(|recording| !recording.secrets.is_empty()).collect()
    }

    pub(crate) fn options(&self) -> SessionLayoutOptions {
        let layout = self.layout.parse().unwrap();
        SessionLayoutOptions {
            cookie: Some(self.cookie.split_once('=').unwrap().0.to_owned()),
            signature: self.signature.as_ref().map(|text| text.parse().unwrap()),
            redis_key: self.redis_key.as_ref().map(|text| text.parse().unwrap()),
            secrets: if self.secrets.is_empty() { Secrets::none() } else { self.secrets_after(&[]) },
            ..SessionLayoutOptions::new(layout)
        }
    }

    /// The secrets of then, in an app that has got newer ones since.
    pub(crate) fn secrets_after(&self, newer: &[&str]) -> Secrets {
        let all: Vec<&str> = newer.iter().copied().chain(self.secrets.iter().map(String::as_str)).collect();
        Secrets::parse(&all.join("\n")).unwrap()
    }

    pub(crate) fn layout(&self) -> SessionLayout {
        self.options().layout().unwrap()
    }

    /// The store of the app's sessions, in the Redis at `address`.
    pub(crate) async fn store(&self, address: &str) -> RedisSessionStore {
        let options = SessionStoreOptions {
            ttl: Duration::from_secs(self.app_ttl_s.unwrap_or(1800)),
            layout: Some(self.layout().in_redis().clone()),
            ..SessionStoreOptions::default()
        };
        RedisSessionStore::connect(address, &options).await.unwrap()
    }

    pub(crate) fn at(&self) -> SystemTime {
        self.at_s.map_or(SystemTime::now(), |at| SystemTime::UNIX_EPOCH + Duration::from_secs(at))
    }

    pub(crate) fn value(&self) -> Vec<u8> {
        STANDARD.decode(self.value.as_ref().unwrap()).unwrap()
    }

    pub(crate) fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl_s.unwrap())
    }

    /// For messages of failed assertions.
    pub(crate) fn name(&self) -> String {
        format!("{}: {}", self.made_by, self.of)
    }
}
