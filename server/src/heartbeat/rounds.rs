use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Says whose turn it is, of all that is numbered: in each interval everything has one. Unlike a
/// [`Schedule`](super::Schedule) this costs nothing for what takes part; when within the interval a turn comes is
/// nobody's choice.
pub(crate) struct Rounds {
    started: Instant,
    /// How long a turn is, in nanoseconds.
    turn: u64,
    /// Of the turns since the start, that which comes next.
    next: u64,
}

impl Rounds {
    /// How many turns an interval has: so many that those whose turn it is are soon done, so few that waiting costs
    /// nothing.
    pub(crate) const TURNS: usize = 100;

    pub(crate) fn new(interval: Duration) -> Self {
        let turn = nanoseconds(interval) / Self::TURNS as u64;
        Self { started: Instant::now(), turn: turn.max(1), next: 1 }
    }

    /// Waits for the next turn. It is that of the numbers which leave this remainder when divided by
    /// [`TURNS`](Self::TURNS). Of turns that were missed while the task could not run, everybody gets one.
    pub(crate) async fn next(&mut self) -> usize {
        let (turns, now) = (Self::TURNS as u64, nanoseconds(self.started.elapsed()) / self.turn);
        self.next = self.next.max((now + 1).saturating_sub(turns));
        sleep_until(self.started + Duration::from_nanos(self.turn.saturating_mul(self.next))).await;
        let remainder = self.next % turns;
        self.next += 1;
        remainder as usize
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const INTERVAL: Duration = Duration::from_secs(25);

    #[tokio::test(start_paused = true)]
    async fn everybody_has_one_turn_in_each_interval() {
        let mut rounds = Rounds::new(INTERVAL);
        for round in 1..=3 {
            let mut turns = BTreeSet::new();
            for _ in 0..Rounds::TURNS {
                turns.insert(rounds.next().await);
            }
            assert_eq!(turns, (0..Rounds::TURNS).collect());
            // The clock of the timers counts whole milliseconds.
            assert_eq!(rounds.started.elapsed().as_millis(), (INTERVAL * round).as_millis());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_turns_missed_everybody_gets_one_and_the_others_come_in_their_time() {
        let mut rounds = Rounds::new(INTERVAL);
        let first = rounds.next().await;
        tokio::time::advance(INTERVAL * 10).await;
        let late = Instant::now();
        let mut turns = BTreeSet::new();
        for _ in 0..Rounds::TURNS {
            turns.insert(rounds.next().await);
        }
        assert_eq!(turns.len(), Rounds::TURNS);
        assert_eq!(late.elapsed(), Duration::ZERO);
        assert_eq!(rounds.next().await, first + 1);
        assert_eq!(late.elapsed(), INTERVAL / 100);
    }
}
