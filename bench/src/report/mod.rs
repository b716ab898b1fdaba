//! What a benchmark has measured, as a document: tables, goals and a chart.
//!
//! Nothing here measures, and a document is of one run alone.

mod chart;
mod figure;
mod goal;
mod group;
mod markdown;
pub mod pages;
mod part;
mod scale;

pub use chart::chart;
pub use figure::{Figure, Figures};
pub use markdown::markdown;
pub use part::Part;
pub use scale::Scale;

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
    /// What a refresh costs Redis when `redis-benchmark` sends them 128 at a time, in microseconds, in each round.
    pub redis_at_its_best: Vec<f64>,
    /// What the client costs a page, where that was measured.
    pub pages: Option<pages::Pages>,
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

impl Run {
    /// The row of that name.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// Notes what was measured of the server of that name in the round that was begun last, and what went wrong.
    pub fn note(&mut self, name: &str, figures: Figures, failures: Vec<String>) {
        let Some(row) = self.rows.iter_mut().find(|row| row.name == name) else { return };
        let round = row.rounds.len();
        row.failures.extend(failures.into_iter().map(|failure| format!("round {round}: {failure}")));
        if let Some(last) = row.rounds.last_mut() {
            last.extend(figures);
        }
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

/// What writes to a text, which cannot fail, as a text.
fn text(write: impl FnOnce(&mut String) -> std::fmt::Result) -> String {
    let mut text = String::new();
    let _ = write(&mut text);
    text
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
                .map(|value| Figure::all().into_iter().fold(Figures::default(), |figures, it| figures.with(it, *value)))
                .collect(),
            failures: Vec::new(),
        };
        Run {
            scale: Scale::QUICK,
            machine: vec![("cores".to_owned(), "2".to_owned())],
            rows: vec![row(OURS, &[10.0, 500.0, 12.0]), row(FLOOR, &[24.0]), row(UWEBSOCKETS, &[30.0])],
            redis_at_its_best: vec![6.0],
            pages: None,
        }
    }

    #[test]
    fn what_is_noted_belongs_to_the_last_round() {
        let mut run = run();
        let more = Figures::default().with(Figure::HerdBack, 7.0);
        run.note(OURS, more, vec!["flood: it ended".to_owned()]);
        let row = run.row(OURS).unwrap();
        let back: Vec<_> = row.rounds.iter().map(|figures| figures.get(Figure::HerdBack).unwrap()).collect();
        assert_eq!(back, [10.0, 500.0, 7.0]);
        assert_eq!(row.rounds[2].get(Figure::TripCpu), Some(12.0));
        assert_eq!(row.failures, ["round 3: flood: it ended"]);
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
