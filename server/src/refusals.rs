//! What was refused over a limit: counted, and logged without letting peers fill the log.

use std::{fmt, time::Duration};

use metrics::{Counter, counter, describe_counter};

use crate::log_limit::LogLimit;

/// How often one limit's refusals are logged at most.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// What peers are refused over: the setting of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    AdminToken,
    AllowedOrigins,
    MaxConnections,
    MaxConnectionsPerAddress,
    MaxMessagesPerSecond,
    MaxOutgoingBytes,
    MaxSessionValue,
    ProxyHeader,
    SockJsSameAddress,
}

impl Limit {
    const ALL: [Self; 9] = [
        Self::AdminToken,
        Self::AllowedOrigins,
        Self::MaxConnections,
        Self::MaxConnectionsPerAddress,
        Self::MaxMessagesPerSecond,
        Self::MaxOutgoingBytes,
        Self::MaxSessionValue,
        Self::ProxyHeader,
        Self::SockJsSameAddress,
    ];

    const fn setting(self) -> &'static str {
        match self {
            Self::AdminToken => "admin_token",
            Self::AllowedOrigins => "allowed_origins",
            Self::MaxConnections => "max_connections",
            Self::MaxConnectionsPerAddress => "max_connections_per_address",
            Self::MaxMessagesPerSecond => "max_messages_per_second",
            Self::MaxOutgoingBytes => "max_outgoing_bytes",
            Self::MaxSessionValue => "max_session_value",
            Self::ProxyHeader => "proxy_header",
            Self::SockJsSameAddress => "sockjs_same_address",
        }
    }
}

/// One count per limit.
pub(crate) struct Refusals([Refused; Limit::ALL.len()]);

struct Refused {
    total: Counter,
    log: LogLimit,
}

impl Refusals {
    /// Fetches the counters from the recorder that is installed now.
    pub(crate) fn register() -> Self {
        describe_counter!("swampdragon_refused_total", "What peers were refused, by the setting that forbids it.");
        Self(Limit::ALL.map(|limit| Refused {
            total: counter!("swampdragon_refused_total", "limit" => limit.setting()),
            log: LogLimit::new(LOG_INTERVAL),
        }))
    }

    /// Counts a refusal, and logs it with those that have gone unsaid, once a second at most. `what` says what was
    /// refused, to whom.
    pub(crate) fn note(&self, limit: Limit, what: fmt::Arguments<'_>) {
        let refused = &self.0[limit as usize];
        refused.total.increment(1);
        if let Some(refusals) = refused.log.add(1) {
            tracing::warn!(setting = limit.setting(), refusals, "{what}");
        }
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
        let log = &refusals.0[0].log;
        assert_eq!([log.add(1), log.add(1), log.add(1)], [Some(1), None, None]);
        tokio::time::advance(LOG_INTERVAL).await;
        assert_eq!([log.add(1), log.add(1)], [Some(3), None]);
    }
}
