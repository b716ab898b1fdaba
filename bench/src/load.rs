use std::{net::SocketAddr, sync::Arc, time::Duration};

use swampdragon_client::Config;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::Instant,
};

use crate::{
    Counted, Timings, Wire,
    counts::Counts,
    page::{Page, Shared},
    timings::Recorder,
};

/// What a load consists of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The servers. A page begins with one of them, each as many pages, and goes on to the next whenever its connection
    /// ends or none comes about, as through a load balancer.
    pub servers: Vec<SocketAddr>,
    /// What they speak.
    pub wire: Wire,
    /// The endpoint's path on each, such as `/data`.
    pub prefix: String,
    /// The number of the first page. Pages of one number come from the same address: loads that run beside each other
    /// number theirs on, and no address runs out of ports.
    pub first: usize,
    /// One session key for each page.
    pub sessions: Vec<String>,
    /// How the pages behave.
    pub config: Config,
    /// Over how long the first connections are spread, and with them the heartbeats.
    pub ramp: Duration,
    /// How many handshakes may be under way at once; the others wait for their turn.
    pub opening: usize,
    /// How long a page stays on average before another takes its place; every second one goes without a word. `None`:
    /// all stay.
    pub stay: Option<Duration>,
}

/// Pages that stay connected until this is dropped.
pub struct Load {
    shared: Arc<Shared>,
    cuts: watch::Sender<u64>,
    /// Aborted when dropped.
    _pages: JoinSet<()>,
}

impl Load {
    /// Begins to connect the pages. Needs a Tokio runtime, on which they run.
    #[must_use]
    pub fn start(plan: Plan) -> Self {
        let shared = Arc::new(Shared {
            servers: plan.servers,
            wire: plan.wire,
            prefix: plan.prefix,
            opening: Semaphore::new(plan.opening.min(Semaphore::MAX_PERMITS)),
            config: plan.config,
            stay: plan.stay,
            counts: Counts::default(),
            recorder: Recorder::default(),
        });
        let cuts = watch::Sender::new(0);
        let (start, number_of_pages) = (Instant::now(), plan.sessions.len().max(1));
        let mut pages = JoinSet::new();
        for (number, session) in plan.sessions.into_iter().enumerate() {
            let at = start + plan.ramp.mul_f64(number as f64 / number_of_pages as f64);
            let page = Page::new(Arc::clone(&shared), plan.first + number, session);
            pages.spawn(page.run(at, cuts.subscribe()));
        }
        Self { shared, cuts, _pages: pages }
    }

    /// What has happened so far.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.shared.counts.now()
    }

    /// Begins to record when things happen, anew.
    pub fn record(&self) {
        self.shared.recorder.start();
    }

    /// Ends the recording and returns it.
    #[must_use]
    pub fn recorded(&self) -> Timings {
        self.shared.recorder.take()
    }

    /// Resets every connection from the pages' side, without a word to the servers' WebSockets, as a network does.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}
