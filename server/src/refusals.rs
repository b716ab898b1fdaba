//! What was refused over a limit: counted, and logged without letting peers fill the log.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use metrics::{Counter, counter, describe_counter};
use tokio::time::Instant;

/// How often one limit's refusals are logged at most.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// What peers are refused over: the setting of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    AllowedOrigins,
    MaxConnections,
    MaxConnectionsPerAddress,
    MaxMessagesPerSecond,
    MaxOutgoingBytes,
    PeerTimeout,
    ProxyHeader,
    SockJsSameAddress,
}

impl Limit {
    const ALL: [Self; 8] = [
        Self::AllowedOrigins,
        Self::MaxConnections,
        Self::MaxConnectionsPerAddress,
        Self::MaxMessagesPerSecond,
        Self::MaxOutgoingBytes,
        Self::PeerTimeout,
        Self::ProxyHeader,
        Self::SockJsSameAddress,
    ];

    const fn setting(self) -> &'static str {
        match self {
            Self::AllowedOrigins => "allowed_origins",
            Self::MaxConnections => "max_connections",
            Self::MaxConnectionsPerAddress => "max_connections_per_address",
            Self::MaxMessagesPerSecond => "max_messages_per_second",
            Self::MaxOutgoingBytes => "max_outgoing_bytes",
            Self::PeerTimeout => "peer_timeout",
            Self::ProxyHeader => "proxy_header",
            Self::SockJsSameAddress => "sockjs_same_address",
        }
    }
}

/// One count per limit.
pub(crate) struct Refusals([Refused; Limit::ALL.len()]);

struct Refused {
    total: Counter,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    last: Option<Instant>,
    /// Refusals since then.
    unsaid: u64,
}

impl Refusals {
    /// Fetches the counters from the recorder that is installed now.
    pub(crate) fn register() -> Self {
        describe_counter!("swampdragon_refused_total", "What peers were refused, by the setting that forbids it.");
        Self(Limit::ALL.map(|limit| Refused {
            total: counter!("swampdragon_refused_total", "limit" => limit.setting()),
            log: Mutex::default(),
        }))
    }

    /// Counts a refusal, and logs it with those that have gone unsaid, once a second at most. `what` says what was
    /// refused, to whom.
    pub(crate) fn note(&self, limit: Limit, what: fmt::Arguments<'_>) {
        let refused = &self.0[limit as usize];
        refused.total.increment(1);
        if let Some(refusals) = refused.due() {
            tracing::warn!(setting = limit.setting(), refusals, "{what}");
        }
    }
}

impl Refused {
    /// How many refusals a log line written now stands for; `None` if it is too soon for one.
    fn due(&self) -> Option<u64> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.unsaid += 1;
        if log.last.is_some_and(|last| last.elapsed() < LOG_INTERVAL) {
            return None;
        }
        log.last = Some(Instant::now());
        Some(std::mem::take(&mut log.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_its_own_count() {
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, place, "{limit:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_line_a_second_stands_for_all_refusals() {
        let refusals = Refusals::register();
        let refused = &refusals.0[0];
        assert_eq!([refused.due(), refused.due(), refused.due()], [Some(1), None, None]);
        tokio::time::advance(LOG_INTERVAL).await;
        assert_eq!([refused.due(), refused.due()], [Some(3), None]);
    }
}
