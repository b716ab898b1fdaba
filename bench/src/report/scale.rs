use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// How often everything is measured.
    pub rounds: usize,
    /// Idle connections: fewer, and more.
    pub idle: [usize; 2],
    /// Connections that answer heartbeats.
    pub trips: usize,
    /// Seconds between their heartbeats.
    pub trip_interval: u64,
    /// Connections opened in one burst, whose heartbeats are due at once from then on.
    pub burst: usize,
    /// Seconds between their heartbeats.
    pub burst_interval: u64,
    /// Connections that flood.
    pub flood: usize,
    /// For so many seconds.
    pub flood_length: u64,
    /// Connections at both ends of what one process has, of ours alone.
    pub growth: [usize; 2],
    /// Full trips in a second at both ends.
    pub growth_trips_per_second: u32,
    /// Connections over several servers.
    pub crowd: usize,
    /// How many servers they have.
    pub crowd_servers: usize,
    /// Seconds between their heartbeats.
    pub crowd_interval: u64,
    /// Pages whose servers all end at once.
    pub herd: usize,
    /// How many servers they have.
    pub herd_servers: usize,
    /// Pages that subscribe to one channel.
    pub subscribers: usize,
    /// How much is published to them.
    pub publications: usize,
}

impl Scale {
    /// What `docs/benchmarks.md` is made with.
    pub const FULL: Self = Self {
        rounds: 3,
        idle: [5_000, 15_000],
        trips: 5_000,
        trip_interval: 5,
        burst: 15_000,
        burst_interval: 5,
        flood: 2_000,
        flood_length: 6,
        growth: [1_000, 19_000],
        growth_trips_per_second: 2_000,
        crowd: 100_000,
        crowd_servers: 6,
        crowd_interval: 40,
        herd: 15_000,
        herd_servers: 3,
        subscribers: 10_000,
        publications: 20,
    };

    /// To see whether it works.
    pub const QUICK: Self = Self {
        rounds: 1,
        idle: [500, 2_000],
        trips: 1_000,
        trip_interval: 1,
        burst: 2_000,
        burst_interval: 2,
        flood: 1_000,
        flood_length: 3,
        growth: [200, 4_000],
        growth_trips_per_second: 1_000,
        crowd: 3_000,
        crowd_servers: 3,
        crowd_interval: 3,
        herd: 1_500,
        herd_servers: 3,
        subscribers: 1_000,
        publications: 5,
    };

    /// Full trips in a second.
    #[must_use]
    pub fn trips_per_second(&self) -> usize {
        self.trips / usize::try_from(self.trip_interval.max(1)).unwrap_or(usize::MAX)
    }

    /// Between the heartbeats of so many connections, of which one process has few or many.
    #[must_use]
    pub fn growth_interval(&self, connections: usize) -> Duration {
        Duration::from_secs_f64(connections as f64 / f64::from(self.growth_trips_per_second.max(1)))
    }

    /// How long a session of the crowd lives unless it is refreshed: the page that connects last, after one interval,
    /// answers first after two; it is over after three.
    #[must_use]
    pub fn crowd_ttl(&self) -> Duration {
        Duration::from_secs(self.crowd_interval * 5 / 2 + 1)
    }

    /// The most connections of one process at one time.
    #[must_use]
    pub fn most_connections(&self) -> usize {
        let crowd = self.crowd.div_ceil(self.crowd_servers.max(1));
        let others = [self.trips, self.burst, self.flood, crowd, self.herd, self.subscribers];
        self.idle.into_iter().chain(self.growth).chain(others).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_connections_have_as_many_trips() {
        let intervals = Scale::FULL.growth.map(|connections| Scale::FULL.growth_interval(connections));
        assert_eq!(intervals, [500, 9_500].map(Duration::from_millis));
    }

    #[test]
    fn no_process_needs_more_connections_than_systems_allow() {
        assert_eq!(Scale::FULL.most_connections(), 19_000);
    }
}
