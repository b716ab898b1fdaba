use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// When things happened to the pages of a load, while it was asked to tell ([`crate::Load::record`]).
#[derive(Debug, Default)]
pub struct Timings {
    /// From each heartbeat message to the next on the same connection.
    pub intervals: Vec<Duration>,
    /// Which session was answered for, and when the answer was about to be sent.
    pub answers: Vec<(String, Instant)>,
}

impl Timings {
    /// How long after each answer something happened to its session, such as its refresh; answers after which nothing
    /// did are left out.
    #[must_use]
    pub fn delays(&self, happenings: &[(String, Instant)]) -> Vec<Duration> {
        let mut by_session: HashMap<&str, Vec<Instant>> = HashMap::new();
        for (session, at) in happenings {
            by_session.entry(session).or_default().push(*at);
        }
        let first_after =
            |session: &str, sent: Instant| by_session.get(session)?.iter().find(|at| **at >= sent).copied();
        self.answers.iter().filter_map(|(session, sent)| Some(first_after(session, *sent)? - *sent)).collect()
    }
}

/// Where pages write their [`Timings`], if they are wanted.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Option<Timings>>);

impl Recorder {
    pub(crate) fn start(&self) {
        *self.lock() = Some(Timings::default());
    }

    pub(crate) fn take(&self) -> Timings {
        self.lock().take().unwrap_or_default()
    }

    pub(crate) fn heartbeat(&self, interval: Duration) {
        if let Some(timings) = self.lock().as_mut() {
            timings.intervals.push(interval);
        }
    }

    pub(crate) fn answer(&self, session: &str) {
        if let Some(timings) = self.lock().as_mut() {
            timings.answers.push((session.to_owned(), Instant::now()));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Timings>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_goes_with_the_next_refresh_of_its_session() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let timings = Timings {
            intervals: Vec::new(),
            answers: vec![("a".into(), at(10)), ("b".into(), at(20)), ("a".into(), at(50)), ("c".into(), at(60))],
        };
        let refreshes = [("a".into(), at(5)), ("a".into(), at(13)), ("b".into(), at(24)), ("a".into(), at(57))];
        assert_eq!(timings.delays(&refreshes), [3, 4, 7].map(Duration::from_millis));
    }
}
