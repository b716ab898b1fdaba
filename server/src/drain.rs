//! How a server that is told to stop gets its clients to leave, without them all coming back at once.

use std::{
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use crate::service::Service;

/// Where a server stands between running and stopped.
pub(crate) struct Drain {
    phase: AtomicU8,
    /// Clients are asked to stay away for up to so long.
    max_retry_after: Duration,
}

const SERVING: u8 = 0;
/// Serves as ever, and says that it is not ready, so that load balancers look elsewhere.
const LEAVING: u8 = 1;
/// Opens nothing more, and closes what is open.
const CLOSING: u8 = 2;

/// Connections are closed in groups, this far apart.
const STEP: Duration = Duration::from_millis(50);

/// So many at once do no harm, however few connections there are.
const LEAST_AT_ONCE: usize = 16;

impl Drain {
    pub(crate) fn new(max_retry_after: Duration) -> Self {
        Self { phase: AtomicU8::new(SERVING), max_retry_after }
    }

    /// Whether the server has been told to stop.
    pub(crate) fn has_begun(&self) -> bool {
        self.phase.load(Ordering::SeqCst) >= LEAVING
    }

    /// Whether no session may be opened any more.
    pub(crate) fn is_closing(&self) -> bool {
        self.phase.load(Ordering::SeqCst) >= CLOSING
    }

    /// How long one client should stay away: another time for each. `None` if clients are not asked to.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let most = u64::try_from(self.max_retry_after.as_millis()).unwrap_or(u64::MAX);
        (most > 0).then(|| Duration::from_millis(fastrand::u64(1..=most)))
    }

    /// The same as HTTP says it, in whole seconds.
    pub(crate) fn retry_after_seconds(&self) -> u64 {
        self.retry_after().map_or(0, |delay| delay.as_millis().div_ceil(1000) as u64)
    }
}

/// Has load balancers look elsewhere, gives them time for that, and then closes every connection.
pub(crate) async fn drain(service: &Service) {
    let settings = &service.settings;
    tracing::info!(connections = service.connections.len(), "shutting down");
    service.drain.phase.store(LEAVING, Ordering::SeqCst);
    tokio::time::sleep(settings.drain_delay).await;
    // Connections that are opened from here on are closed by whoever opens them.
    service.drain.phase.store(CLOSING, Ordering::SeqCst);
    let mut open = service.connections.all();
    // The last ones need time, too, to answer.
    let spread = settings.drain_spread.min(settings.drain_time / 2);
    let steps = (spread.as_millis() / STEP.as_millis()).max(1) as usize;
    let group = open.len().div_ceil(steps).max(LEAST_AT_ONCE);
    let mut step = interval(STEP);
    step.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !open.is_empty() {
        step.tick().await;
        open.drain(..group.min(open.len())).for_each(|connection| connection.close_for_shutdown());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::{settings::Settings, testing::TestServer};

    async fn server(settings: Settings) -> TestServer {
        TestServer::new(crate::Server::builder().settings(settings)).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_closed_evenly_over_the_spread() {
        let spread = Duration::from_secs(4);
        let delay = Duration::from_secs(7);
        let server = server(Settings { drain_spread: spread, drain_delay: delay, ..Settings::default() }).await;
        let mut pages = Vec::new();
        for _ in 0..2000 {
            pages.push(server.connect().await);
        }
        let service = server.service();
        let started = Instant::now();
        let draining = tokio::spawn({
            let service = std::sync::Arc::clone(service);
            async move { drain(&service).await }
        });
        let closed = || pages.iter().filter(|page| page.closed().is_some()).count();
        sleep(Duration::from_secs(6)).await;
        assert_eq!((closed(), service.drain.has_begun(), service.drain.is_closing()), (0, true, false));
        for second in 1..=3 {
            sleep(Duration::from_millis(999)).await;
            assert!(closed() < 500 * second, "{} are closed {:?} after the signal", closed(), started.elapsed());
            sleep(Duration::from_millis(1)).await;
        }
        draining.await.unwrap();
        assert_eq!(closed(), 2000);
        assert!((delay..=delay + spread).contains(&started.elapsed()), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_connections_need_no_spread() {
        let server = server(Settings::default()).await;
        let pages = [server.connect().await, server.connect().await];
        let started = Instant::now();
        drain(server.service()).await;
        assert!(pages.iter().all(|page| page.closed().is_some()));
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[test]
    fn each_client_is_sent_away_for_another_time() {
        let drain = Drain::new(Duration::from_secs(5));
        let delays: BTreeSet<_> = (0..1000).filter_map(|_| drain.retry_after()).collect();
        assert!(delays.len() > 500, "{} of 1000 differ", delays.len());
        assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(5)));
        assert!((1..=5).contains(&drain.retry_after_seconds()));
        assert_eq!(Drain::new(Duration::ZERO).retry_after(), None);
    }
}
