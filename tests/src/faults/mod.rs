//! Faults that happen to a service in use, and how many sessions die of them.
//!
//! Pages keep sessions at two nodes over Redis, a fault happens, and when it is over Redis itself is asked what it
//! still holds. Nobody but the pages keeps these sessions, and what has expired does not come back: a session that is
//! missing at the end has died on the way.

mod fault;
mod outcome;
pub(crate) mod sessions;
mod stage;
mod store;

pub use fault::Fault;
pub use outcome::{Outcome, table};
pub use stage::suffer;

use std::time::Duration;

use swampdragon_client::Config;

/// How long a session lives unless it is refreshed.
pub const TTL: Duration = Duration::from_secs(15);

/// How often pages are asked to refresh theirs.
pub const HEARTBEAT: Duration = Duration::from_secs(3);

/// How long stays away what goes away: a page that answered just before then has two seconds to spare, less than it
/// takes until it is asked again. Only what it answered meanwhile can save its session.
pub const OUTAGE: Duration = Duration::from_secs(10);

/// Pages live some ten times faster here than in a browser, as everything does.
fn pages() -> Config {
    Config {
        reconnect_delay_ms: 50,
        reconnect_delay_max_ms: 2000,
        connect_timeout_ms: 2000,
        silence_timeout_ms: 3000,
        ..Config::default()
    }
}

/// What the nodes are told, so that they keep up with the pages.
fn node_arguments(store: &str) -> Vec<String> {
    let ttl = format!("{}s", TTL.as_secs());
    let heartbeat = format!("{}s", HEARTBEAT.as_secs());
    let settings = [
        ("--session-store", store),
        ("--session-ttl", &ttl),
        ("--heartbeat-interval", &heartbeat),
        ("--heartbeat-frame-interval", "2500ms"),
        ("--heartbeat-ack", "true"),
        ("--drain-time", "2s"),
    ];
    settings.iter().map(|(flag, value)| format!("{flag}={value}")).collect()
}
