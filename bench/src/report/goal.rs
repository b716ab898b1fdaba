use swampdragon_client::Config;

use super::{FLOOR, Figure, OURS, Run, UWEBSOCKETS, number, pages};
use crate::median;

/// A figure of ours and what it may be at most.
pub(super) struct Goal {
    pub(super) what: String,
    /// What the limit is, in words.
    pub(super) limit: String,
    /// `None`: what it takes was not measured in this run.
    outcome: Option<Outcome>,
    /// Why it is missed, where it is: sentences.
    reason: &'static str,
}

/// What a run says of a goal.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Outcome {
    measured: f64,
    allowed: f64,
}

impl Goal {
    pub(super) fn new(
        what: impl Into<String>,
        limit: impl Into<String>,
        measured: Option<f64>,
        allowed: Option<f64>,
    ) -> Self {
        let outcome = measured.zip(allowed).map(|(measured, allowed)| Outcome { measured, allowed });
        Self { what: what.into(), limit: limit.into(), outcome, reason: "" }
    }

    /// Told when the goal is missed.
    pub(super) fn because(self, reason: &'static str) -> Self {
        Self { reason, ..self }
    }

    /// What the run says of it.
    pub(super) fn words(&self) -> String {
        match self.outcome {
            None => "not measured".to_owned(),
            Some(outcome) if outcome.is_met() || self.reason.is_empty() => outcome.words(),
            Some(outcome) => format!("{}. {}", outcome.words(), self.reason),
        }
    }
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
        } else if allowed > 0.0 {
            format!("**missed** by {:.0} %: {shown}, allowed {bound}", (measured / allowed - 1.0) * 100.0)
        } else {
            format!("**missed**: {shown}, allowed {bound}")
        }
    }
}

/// At most so many bytes for an idle connection.
const IDLE_BYTES: f64 = 650.0;

/// The longest that a page by default waits before it tries to connect again, in seconds.
fn longest_pause() -> f64 {
    f64::from(Config::default().reconnect_delay_max_ms) / 1000.0
}

/// The goals, in the order of the figures.
pub(super) fn goals(run: &Run) -> Vec<Goal> {
    let ours = |figure| run.median_of(OURS, figure);
    let times = |factor: f64, value: Option<f64>| value.map(|value| value * factor);
    let of_pages = run.pages.as_ref().map(pages::goals).unwrap_or_default();
    let scale = &run.scale;
    let ([fewer, more], [few, many]) = (scale.idle, scale.growth);
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
            "CPU of a full trip (µs)",
            "a third of uWebSockets'",
            ours(Figure::TripCpu),
            times(1.0 / 3.0, run.median_of(UWEBSOCKETS, Figure::TripCpu)),
        )
        .because(
            "More than half of it is spent in the system, most of that on sending, as by the bare epoll loop. The rest is \
             a task for each connection, what is remembered of its session, commands to Redis and their answers; and \
             beside every fifth trip SockJS has a heartbeat frame, which uWebSockets has not.",
        ),
        Goal::new(
            "CPU of an answer under flood (µs)",
            "1.25 times the bare epoll loop's",
            ours(Figure::FloodCpu),
            times(1.25, run.median_of(FLOOR, Figure::FloodCpu)),
        )
        .because(
            "Reading and answering cost both the same, by the system's own profile: what is on top is what the bare loop \
             leaves out. It takes the key out of whatever comes; here a frame is checked as a WebSocket's and as UTF-8, \
             the session is looked up among those of its connection, counted, and gathered with others for a refresh \
             whose outcome is looked at.",
        ),
        Goal::new(
            "Redis's CPU of a refresh under flood (µs)",
            "1.5 times redis-benchmark's at depth 128",
            ours(Figure::FloodRedisCpu),
            times(1.5, median(&run.redis_at_its_best)),
        )
        .because(
            "redis-benchmark keeps Redis busy without a pause. A server that gathers refreshes for 5 ms wakes it up to two \
             hundred times a second, which is part of what is measured.",
        ),
        Goal::new(
            format!("Lateness p99 of {} heartbeats due at once (ms)", scale.burst),
            "5 % of the interval",
            ours(Figure::BurstLatenessP99),
            Some(scale.burst_interval as f64 * 1000.0 * 0.05),
        ),
        Goal::new(
            format!("Memory of an idle connection, {many} of them (RSS, bytes)"),
            format!("1.1 times what it is at {few}"),
            ours(Figure::ManyResident),
            times(1.1, ours(Figure::FewResident)),
        ),
        // Rounds differ by some per cent, and so does what is still in the processor's caches after so long.
        Goal::new(
            format!("CPU of a full trip with {many} connections in one process (µs)"),
            format!("1.1 times what it is with {few}"),
            ours(Figure::ManyTripCpu),
            times(1.1, ours(Figure::FewTripCpu)),
        )
        .because(
            "The trips are as many, but every connection gets a heartbeat frame each 25 s, too: with more connections \
             there are more of those beside each trip. And what was last touched seconds ago comes from memory, where \
             the processor's caches still have what was touched just now.",
        ),
        Goal::new(
            format!("Of {} connections over {} processes, ended", scale.crowd, scale.crowd_servers),
            "none",
            ours(Figure::CrowdEnded),
            Some(0.0),
        ),
        Goal::new(
            format!("Of their sessions, lost or not refreshed at the last heartbeat ({})", scale.crowd),
            "none",
            ours(Figure::CrowdLost),
            Some(0.0),
        ),
        Goal::new(
            format!("{} pages back after all servers were restarted (s)", scale.herd),
            "a page's longest pause between attempts",
            ours(Figure::HerdBack),
            Some(longest_pause()),
        ),
        Goal::new("Of their sessions, lost or not refreshed", "none", ours(Figure::HerdLost), Some(0.0)),
        Goal::new(
            format!("How often one publication to {} pages is serialized", scale.subscribers),
            "once",
            ours(Figure::Serializations),
            Some(1.0),
        ),
        Goal::new(
            "CPU of its delivery to one page (µs)",
            "1.25 times what a heartbeat costs the bare epoll loop",
            ours(Figure::DeliveryCpu),
            times(1.25, run.median_of(FLOOR, Figure::DeliveryCpu)),
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
        assert_eq!(Outcome { measured: 2.0, allowed: 0.0 }.words(), "**missed**: 2.00, allowed 0.00");
    }

    #[test]
    fn why_it_is_missed_is_told_when_it_is() {
        let goal = |measured| Goal::new("CPU", "4", Some(measured), Some(4.0)).because("So it is.");
        assert_eq!(goal(4.0).words(), "**met**: 4.00, allowed 4.00");
        assert_eq!(goal(5.0).words(), "**missed** by 25 %: 5.00, allowed 4.00. So it is.");
    }

    #[test]
    fn limits_come_from_the_same_run() {
        let outcomes: Vec<_> = goals(&run()).iter().map(|goal| goal.outcome.unwrap().allowed).collect();
        assert_eq!(outcomes[..6], [650.0, 650.0, 10.0, 30.0, 9.0, 100.0]);
        assert_eq!(
            outcomes[6..].iter().map(|it| number(*it)).collect::<Vec<_>>(),
            ["13.2", "13.2", "0.00", "0.00", "30.0", "0.00", "1.00", "30.0"]
        );
        let mut alone = run();
        alone.rows.truncate(1);
        let untold = |goal: &Goal| goal.outcome.is_none();
        let untold: Vec<_> = goals(&alone).into_iter().filter(untold).map(|goal| goal.limit).collect();
        assert_eq!(untold.len(), 3, "{untold:?}");
    }
}
