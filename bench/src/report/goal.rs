use super::{FLOOR, Figure, OURS, Run, UWEBSOCKETS, number, pages};
use crate::median;

/// A figure of ours and what it may be at most.
pub(super) struct Goal {
    pub(super) what: String,
    /// What the limit is, in words.
    pub(super) limit: String,
    /// `None`: what it takes was not measured in this run.
    outcome: Option<Outcome>,
}

impl Goal {
    pub(super) fn new(
        what: impl Into<String>,
        limit: impl Into<String>,
        measured: Option<f64>,
        allowed: Option<f64>,
    ) -> Self {
        let outcome = measured.zip(allowed).map(|(measured, allowed)| Outcome { measured, allowed });
        Self { what: what.into(), limit: limit.into(), outcome }
    }

    /// What the run says of it.
    pub(super) fn words(&self) -> String {
        self.outcome.map_or_else(|| "not measured".to_owned(), Outcome::words)
    }
}

/// What a run says of a goal.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Outcome {
    measured: f64,
    allowed: f64,
}

impl Outcome {
    fn is_met(self) -> bool {
        self.measured <= self.allowed
    }

    fn words(self) -> String {
        let Self { measured, allowed } = self;
        let [shown, bound] = [measured, allowed].map(number);
        if self.is_met() {
            format!("**met**: {shown}, allowed {bound}")
        } else {
            format!("**missed** by {:.0} %: {shown}, allowed {bound}", (measured / allowed - 1.0) * 100.0)
        }
    }
}

/// At most so many bytes for an idle connection.
const IDLE_BYTES: f64 = 650.0;

/// The goals, in the order of the figures.
pub(super) fn goals(run: &Run) -> Vec<Goal> {
    let ours = |figure| run.median_of(OURS, figure);
    let times = |factor: f64, value: Option<f64>| value.map(|value| value * factor);
    let [fewer, more] = run.scale.idle;
    let late = run.scale.burst_interval as f64 * 1000.0 * 0.05;
    let [few, many] = &run.growth;
    let of_pages = run.pages.as_ref().map(pages::goals).unwrap_or_default();
    let of_servers = [
        Goal::new(
            format!("Memory of an idle connection, {fewer} of them (RSS, bytes)"),
            "650",
            ours(Figure::FewerResident),
            Some(IDLE_BYTES),
        ),
        Goal::new(
            format!("Memory of an idle connection, {more} of them (RSS, bytes)"),
            "650",
            ours(Figure::MoreResident),
            Some(IDLE_BYTES),
        ),
        Goal::new(
            format!("Memory of an idle connection at {} of them (RSS, bytes)", many.connections),
            format!("1.1 times that at {}", few.connections),
            median(&many.resident),
            times(1.1, median(&few.resident)),
        ),
        Goal::new(
            format!("CPU of a full trip at {} a second (µs)", run.scale.trips_per_second()),
            "a third of uWebSockets'",
            ours(Figure::TripCpu),
            times(1.0 / 3.0, run.median_of(UWEBSOCKETS, Figure::TripCpu)),
        ),
        Goal::new(
            "CPU of an answer under flood (µs)".to_owned(),
            "1.25 times the bare epoll loop's",
            ours(Figure::FloodCpu),
            times(1.25, run.median_of(FLOOR, Figure::FloodCpu)),
        ),
        Goal::new(
            "Redis's CPU of a refresh under flood (µs)".to_owned(),
            "1.5 times redis-benchmark's at depth 128",
            ours(Figure::FloodRedisCpu),
            times(1.5, median(&run.redis_at_its_best)),
        ),
        Goal::new(
            format!("Lateness p99 of {} heartbeats due at once (ms)", run.scale.burst),
            "5 % of the interval",
            ours(Figure::BurstLatenessP99),
            Some(late),
        ),
    ];
    of_servers.into_iter().chain(of_pages).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::run;

    #[test]
    fn a_goal_is_met_or_missed_by_so_much() {
        assert_eq!(Outcome { measured: 4.0, allowed: 4.0 }.words(), "**met**: 4.00, allowed 4.00");
        assert_eq!(Outcome { measured: 5.0, allowed: 4.0 }.words(), "**missed** by 25 %: 5.00, allowed 4.00");
    }

    #[test]
    fn limits_come_from_the_same_run() {
        let outcomes: Vec<_> = goals(&run()).iter().map(|goal| goal.outcome.unwrap().allowed).collect();
        assert_eq!(outcomes, [650.0, 650.0, 660.0, 10.0, 30.0, 9.0, 100.0]);
        let mut alone = run();
        alone.rows.truncate(1);
        let told: Vec<_> = goals(&alone).iter().map(|goal| goal.outcome.is_some()).collect();
        assert_eq!(told, [true, true, true, false, false, true, true]);
    }
}
