//! What a benchmark has measured, as a document: tables, goals and a chart.
//!
//! Nothing here measures, and a document is of one run alone.

mod chart;
mod figure;
mod goal;
mod markdown;
pub mod pages;

pub use chart::chart;
pub use figure::{Figure, Figures};
pub use markdown::markdown;

use serde::{Deserialize, Serialize};

use crate::median;

/// The row of the program that a run is about.
pub const OURS: &str = "SwampDragon";
/// The row of the least that the work can cost.
pub const FLOOR: &str = "bare epoll loop";
/// The row that the goal for CPU compares with.
pub const UWEBSOCKETS: &str = "uWebSockets";

/// A run of the benchmark. As JSON it can be kept, and written up again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// How much was measured.
    pub scale: Scale,
    /// What it ran on: names and values.
    pub machine: Vec<(String, String)>,
    /// Every server, in the order measured.
    pub rows: Vec<Row>,
    /// What idle connections cost ours as they become more.
    pub growth: [Growth; 2],
    /// What a refresh costs Redis when `redis-benchmark` sends them 128 at a time, in microseconds, in each round.
    pub redis_at_its_best: Vec<f64>,
    /// What the client costs a page, where that was measured.
    pub pages: Option<pages::Pages>,
}

/// What so many idle connections cost ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// So many.
    pub connections: usize,
    /// Resident bytes each, in each round.
    pub resident: Vec<f64>,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// How often everything is measured.
    pub rounds: usize,
    /// Idle connections: fewer, and more.
    pub idle: [usize; 2],
    /// Idle connections at both ends of what one process has, of ours alone.
    pub growth: [usize; 2],
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
}

/// A server and what it was measured with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What it consists of, with versions.
    pub made_of: String,
    /// Its figures in each round.
    pub rounds: Vec<Figures>,
    /// What went wrong, where something did.
    pub failures: Vec<String>,
}

impl Scale {
    /// What `docs/benchmarks.md` is made with.
    pub const FULL: Self = Self {
        rounds: 3,
        idle: [5_000, 15_000],
        growth: [1_000, 19_000],
        trips: 5_000,
        trip_interval: 5,
        burst: 15_000,
        burst_interval: 10,
        flood: 2_000,
        flood_length: 6,
    };

    /// To see whether it works.
    pub const QUICK: Self = Self {
        rounds: 1,
        idle: [500, 2_000],
        growth: [200, 4_000],
        trips: 1_000,
        trip_interval: 1,
        burst: 2_000,
        burst_interval: 2,
        flood: 1_000,
        flood_length: 3,
    };

    /// Full trips in a second.
    #[must_use]
    pub fn trips_per_second(&self) -> usize {
        self.trips / usize::try_from(self.trip_interval.max(1)).unwrap_or(usize::MAX)
    }

    /// The most connections at one time.
    #[must_use]
    pub fn most_connections(&self) -> usize {
        let others = [self.trips, self.burst, self.flood];
        self.idle.into_iter().chain(self.growth).chain(others).max().unwrap_or_default()
    }
}

impl Run {
    /// The row of that name.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    fn median_of(&self, name: &str, figure: Figure) -> Option<f64> {
        self.row(name)?.median(figure)
    }
}

impl Row {
    /// The middle of what the rounds brought.
    #[must_use]
    pub fn median(&self, figure: Figure) -> Option<f64> {
        median(&self.rounds.iter().filter_map(|figures| figures.get(figure)).collect::<Vec<_>>())
    }
}

/// A number with as many digits as say something.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 99.95 => 0,
        middle if middle >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run in which each figure of ours is half the floor's.
    pub(super) fn run() -> Run {
        let row = |name: &str, rounds: &[f64]| Row {
            name: name.to_owned(),
            made_of: format!("{name} 1.0"),
            rounds: rounds
                .iter()
                .map(|value| Figure::ALL.into_iter().fold(Figures::default(), |figures, it| figures.with(it, *value)))
                .collect(),
            failures: Vec::new(),
        };
        Run {
            scale: Scale::QUICK,
            machine: vec![("cores".to_owned(), "2".to_owned())],
            rows: vec![row(OURS, &[10.0, 500.0, 12.0]), row(FLOOR, &[24.0]), row(UWEBSOCKETS, &[30.0])],
            growth: [(1_000, 600.0), (19_000, 630.0)]
                .map(|(connections, bytes)| Growth { connections, resident: vec![bytes] }),
            redis_at_its_best: vec![6.0],
            pages: None,
        }
    }

    #[test]
    fn a_run_that_was_kept_is_the_same_run() {
        let kept = serde_json::to_string(&run()).unwrap();
        assert_eq!(serde_json::from_str::<Run>(&kept).unwrap(), run());
    }

    #[test]
    fn a_round_that_went_astray_does_not_count() {
        assert_eq!(run().row(OURS).unwrap().median(Figure::TripCpu), Some(12.0));
        assert_eq!(run().median_of("nobody", Figure::TripCpu), None);
    }

    #[test]
    fn numbers_have_the_digits_that_say_something() {
        assert_eq!([0.0, 0.834, 9.996, 42.04, 137_600.4].map(number), ["0.00", "0.83", "10.0", "42.0", "137600"]);
    }
}
