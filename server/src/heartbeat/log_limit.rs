use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How long the log is spared after a line.
const PAUSE: Duration = Duration::from_secs(10);

/// Keeps what may happen thousands of times a second from filling a log: one line in a while says how often it was.
#[derive(Default)]
pub(super) struct LogLimit(Mutex<Unlogged>);

#[derive(Default)]
struct Unlogged {
    count: u64,
    latest: Option<Instant>,
}

impl LogLimit {
    /// Counts `count` more. Gives how many there were since the last line, if it is time for another.
    pub(super) fn add(&self, count: u64) -> Option<u64> {
        let mut unlogged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unlogged.count += count;
        if unlogged.count == 0 || unlogged.latest.is_some_and(|latest| latest.elapsed() < PAUSE) {
            return None;
        }
        unlogged.latest = Some(Instant::now());
        Some(std::mem::take(&mut unlogged.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_a_pause_tells_of_all_that_happened_since_the_last() {
        let limit = LogLimit::default();
        assert_eq!(limit.add(0), None);
        assert_eq!(limit.add(1), Some(1));
        assert_eq!((limit.add(2), limit.add(3)), (None, None));
        tokio::time::advance(PAUSE).await;
        assert_eq!(limit.add(1), Some(6));
        assert_eq!(limit.add(0), None);
    }
}
