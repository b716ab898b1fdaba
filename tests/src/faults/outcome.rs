use std::time::Duration;

use super::Fault;

/// A page's answer to a heartbeat is one command to Redis. A few more are sent again after a fault, and one for each
/// session that was not there.
const MOST_COMMANDS_PER_ANSWER: f64 = 1.5;

/// What became of the sessions when a fault happened.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What happened.
    pub fault: Fault,
    /// How many pages there were, each with a session.
    pub connections: usize,
    /// Sessions that had not run out yet when they could be refreshed again.
    pub should_live: usize,
    /// Those of them that died.
    pub lost: usize,
    /// How long it took after the fault until every session had been refreshed once more; or, if they are lost with
    /// Redis, until every page knew. Pages are asked at intervals, so even without a fault it is about one of those.
    pub recovered_in: Duration,
    /// Pages that were told that their session has expired.
    pub told_expired: usize,
    /// Commands to Redis for each heartbeat that a page answered. Not known when Redis has lost count.
    pub commands_per_answer: Option<f64>,
}

impl Outcome {
    /// What must not be, if anything.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let Self { fault, lost, connections, told_expired, .. } = self;
        let untold = match fault.empties_redis() {
            true => connections - told_expired,
            false => 0,
        };
        match self.commands_per_answer {
            _ if *lost > 0 => Some(format!("{fault}: {lost} sessions died before their time")),
            _ if untold > 0 => Some(format!("{fault}: {untold} pages do not know that their sessions are lost")),
            Some(commands) if commands > MOST_COMMANDS_PER_ANSWER => {
                Some(format!("{fault}: {commands:.2} commands to Redis for each answer of a page"))
            }
            _ => None,
        }
    }
}

/// The outcomes for people.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let head = format!(
        "{:<44}{:>12}{:>13}{:>8}{:>8}{:>14}{:>14}\n",
        "fault", "connections", "should live", "lived", "lost", "recovered in", "commands each"
    );
    outcomes.iter().fold(head, |table, outcome| {
        let Outcome { fault, connections, should_live, lost, recovered_in, commands_per_answer, .. } = outcome;
        let commands = commands_per_answer.map_or("-".to_owned(), |commands| format!("{commands:.2}"));
        let lived = should_live - lost;
        let recovered = format!("{:.1} s", recovered_in.as_secs_f32());
        table
            + &format!(
                "{fault:<44}{connections:>12}{should_live:>13}{lived:>8}{lost:>8}{recovered:>14}{commands:>14}\n"
            )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(fault: Fault) -> Outcome {
        Outcome {
            fault,
            connections: 10,
            should_live: 10,
            lost: 0,
            recovered_in: Duration::from_millis(2960),
            told_expired: 0,
            commands_per_answer: Some(1.0),
        }
    }

    #[test]
    fn a_session_that_died_is_complained_of() {
        assert_eq!(outcome(Fault::None).complaint(), None);
        let lost = Outcome { lost: 1, ..outcome(Fault::None) };
        assert_eq!(lost.complaint().unwrap(), "none: 1 sessions died before their time");
    }

    #[test]
    fn pages_that_do_not_know_of_their_loss_are_complained_of() {
        let untold = Outcome { should_live: 0, told_expired: 9, ..outcome(Fault::RedisEmptied) };
        assert!(untold.complaint().unwrap().ends_with("1 pages do not know that their sessions are lost"));
        assert_eq!(Outcome { told_expired: 10, ..untold }.complaint(), None);
    }

    #[test]
    fn commands_without_end_are_complained_of() {
        let busy = Outcome { commands_per_answer: Some(1.6), ..outcome(Fault::None) };
        assert_eq!(busy.complaint().unwrap(), "none: 1.60 commands to Redis for each answer of a page");
    }

    #[test]
    fn the_table_has_a_line_for_each_fault() {
        let lost = Outcome { lost: 3, commands_per_answer: None, ..outcome(Fault::RedisKilled) };
        let table = table(&[outcome(Fault::None), lost]);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["none", "10", "10", "10", "0", "3.0", "s", "1.00"]);
        assert_eq!(lines[2][lines[2].len() - 7..], ["10", "10", "7", "3", "3.0", "s", "-"]);
    }
}
