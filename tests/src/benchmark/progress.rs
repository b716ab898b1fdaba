use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use swampdragon_bench::report::{Part, Scale};

use super::{Choice, Peer};

/// One thing that is measured at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Redis,
    Part(Part),
    Peer(Peer),
}

/// How far a run is, and how long it will take still.
pub(super) struct Progress {
    rounds: Vec<Vec<Step>>,
    scale: Scale,
    /// How long steps took that have been done before.
    took: HashMap<Step, Duration>,
    /// What is being done, and since when.
    now: Option<(Step, Instant)>,
}

impl Progress {
    pub(super) fn new(scale: Scale, choice: &Choice) -> Self {
        let steps = |round| {
            let redis = (!choice.peers.is_empty()).then_some(Step::Redis);
            let parts = choice.parts.iter().copied().filter(move |part| part.is_of_round(round)).map(Step::Part);
            redis.into_iter().chain(parts).chain(choice.peers.iter().copied().map(Step::Peer)).collect()
        };
        Self { rounds: (1..=scale.rounds).map(steps).collect(), scale, took: HashMap::new(), now: None }
    }

    /// What is measured in each round, in this order.
    pub(super) fn rounds(&self) -> Vec<Vec<Step>> {
        self.rounds.clone()
    }

    /// Begins with a step of a round, both counted from 0, and says so.
    pub(super) fn begin(&mut self, round: usize, step: usize) {
        self.end();
        let Some((steps, next)) = self.rounds.get(round).and_then(|steps| Some((steps, *steps.get(step)?))) else {
            return;
        };
        let minutes = self.left(round, step).as_secs_f64() / 60.0;
        eprintln!(
            "  round {} of {}, {} of {}: {}, about {} left",
            round + 1,
            self.rounds.len(),
            step + 1,
            steps.len(),
            next.name(),
            if minutes < 1.5 { "a minute".to_owned() } else { format!("{minutes:.0} minutes") },
        );
        self.now = Some((next, Instant::now()));
    }

    /// Learns how long took what was being done.
    fn end(&mut self) {
        if let Some((step, since)) = self.now.take() {
            self.took.insert(step, since.elapsed());
        }
    }

    /// From that step on to the end.
    fn left(&self, round: usize, step: usize) -> Duration {
        let later = self.rounds.iter().skip(round + 1).flatten();
        let of_round = self.rounds.iter().skip(round).take(1).flatten().skip(step);
        of_round
            .chain(later)
            .map(|step| self.took.get(step).copied().unwrap_or_else(|| step.estimate(&self.scale)))
            .sum()
    }
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis by itself",
            Self::Part(part) => part.name(),
            Self::Peer(peer) => peer.name(),
        }
    }

    /// How long it takes, before it has been done: what is waited for, and some thousand connections opened a second.
    fn estimate(self, scale: &Scale) -> Duration {
        let opening = |connections: usize| Duration::from_millis(connections as u64 / 2);
        let [_, more] = scale.idle;
        let [few, many] = scale.growth.map(|connections| scale.growth_interval(connections));
        let seconds = Duration::from_secs;
        match self {
            Self::Redis => seconds(3),
            Self::Part(Part::Growth) => (few + many) * 2 + opening(scale.growth[1]) + seconds(32),
            Self::Part(Part::Crowd) => seconds(scale.crowd_interval * 3 + 6),
            Self::Part(Part::Herd) => seconds(30),
            Self::Part(Part::Publication) => opening(2 * scale.subscribers) + seconds(18),
            Self::Peer(_) => {
                opening(more + scale.burst + scale.flood)
                    + seconds(scale.trip_interval * 5 + scale.burst_interval * 2 + scale.flood_length + 16)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_run_is_done_within_three_quarters_of_an_hour() {
        let progress = Progress::new(Scale::FULL, &Choice::of(None).unwrap());
        let minutes = progress.left(0, 0).as_secs() / 60;
        assert!((30..45).contains(&minutes), "{minutes} minutes");
    }

    #[test]
    fn what_has_been_done_once_takes_as_long_again() {
        let mut progress = Progress::new(Scale::FULL, &Choice::of(Some("publication")).unwrap());
        assert_eq!(progress.rounds(), [[Step::Part(Part::Publication)]; 3]);
        progress.took.insert(Step::Part(Part::Publication), Duration::from_secs(100));
        assert_eq!(progress.left(1, 0), Duration::from_secs(200));
        assert_eq!(progress.left(2, 1), Duration::ZERO);
    }

    #[test]
    fn what_takes_minutes_is_measured_once() {
        let progress = Progress::new(Scale::FULL, &Choice::of(None).unwrap());
        let crowds = progress.rounds().concat().into_iter().filter(|step| *step == Step::Part(Part::Crowd));
        assert_eq!(crowds.count(), 1);
    }
}
