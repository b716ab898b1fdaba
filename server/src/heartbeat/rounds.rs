use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// An interval divided into turns, over and over, for what has the same interval and is much: whoever comes takes the
/// turn that is going on, and is served when that ends and after each interval from then on. Unlike a place in a
/// [`Schedule`](super::Schedule) this takes no room but for the turn's number.
pub(crate) struct Rounds {
    started: Instant,
    /// How many turns there are.
    turns: u64,
    /// How long one is, in nanoseconds.
    length: u64,
}

/// A turn is no longer than this, unless there were more than [`MOST_TURNS`](Rounds::MOST_TURNS) then.
const LENGTH: Duration = Duration::from_millis(50);

impl Rounds {
    /// Turns are numbered from 0; each number fits a byte.
    pub(crate) const MOST_TURNS: usize = 1 << u8::BITS;

    pub(crate) fn new(interval: Duration) -> Self {
        let interval = nanoseconds(interval);
        // With two at least, the turn that has just ended is not the one that is going on.
        let turns = interval.div_ceil(nanoseconds(LENGTH)).clamp(2, Self::MOST_TURNS as u64);
        Self { started: Instant::now(), turns, length: (interval / turns).max(1) }
    }

    /// The turn that is going on.
    pub(crate) fn turn(&self) -> u8 {
        self.number(self.ended())
    }

    /// How many turns have ended.
    fn ended(&self) -> u64 {
        nanoseconds(self.started.elapsed()) / self.length
    }

    fn number(&self, count: u64) -> u8 {
        // There are no more turns than numbers.
        (count % self.turns) as u8
    }

    /// Tells when turns end, from now on.
    pub(crate) fn ends(&self) -> Ends<'_> {
        Ends { rounds: self, next: self.ended() }
    }
}

/// The ends of turns, one after the other.
pub(crate) struct Ends<'a> {
    rounds: &'a Rounds,
    /// How many turns end before that which is waited for.
    next: u64,
}

impl Ends<'_> {
    /// Waits for the end of the next turn. Where whole rounds were missed because the task could not run, each turn
    /// ends once: what was missed is not made up for.
    pub(crate) async fn next(&mut self) -> u8 {
        let Rounds { started, turns, length, .. } = *self.rounds;
        self.next = self.next.max(self.rounds.ended().saturating_sub(turns));
        let turn = self.rounds.number(self.next);
        self.next += 1;
        sleep_until(started + Duration::from_nanos(length.saturating_mul(self.next))).await;
        turn
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use tokio::time::advance;

    const INTERVAL: Duration = Duration::from_secs(25);

    #[tokio::test(start_paused = true)]
    async fn a_turn_ends_soon_after_it_was_taken_and_once_in_each_interval() {
        for interval in [Duration::from_millis(50), Duration::from_millis(333), INTERVAL, Duration::from_secs(3600)] {
            let rounds = Rounds::new(interval);
            let mut ends = rounds.ends();
            advance(interval / 3).await;
            let (taken, turn) = (Instant::now(), rounds.turn());
            let mut ended = Vec::new();
            while ended.len() < 3 {
                if ends.next().await == turn && taken.elapsed() > Duration::ZERO {
                    ended.push(taken.elapsed());
                }
            }
            // The clock of the timers counts whole milliseconds.
            let (first, tick) = (ended[0], Duration::from_millis(1));
            assert!(first <= LENGTH.max(interval / 256) + tick, "{first:?} of {interval:?}");
            for (rounds, ended) in (0_u32..).zip(ended) {
                assert!(ended.abs_diff(first + interval * rounds) <= tick, "{ended:?} of {interval:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_rounds_that_were_missed_each_turn_ends_once_and_the_others_come_in_their_time() {
        let rounds = Rounds::new(INTERVAL);
        let mut ends = rounds.ends();
        let first = ends.next().await;
        advance(INTERVAL * 10).await;
        let late = Instant::now();
        let mut turns = BTreeSet::new();
        for _ in 0..Rounds::MOST_TURNS {
            turns.insert(ends.next().await);
        }
        assert_eq!(turns.len(), Rounds::MOST_TURNS);
        assert_eq!(late.elapsed(), Duration::ZERO);
        assert_eq!(ends.next().await, first + 1);
        assert!(late.elapsed() > Duration::ZERO);
    }
}
