use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Keeps what may happen thousands of times a second from filling a log: one line in a while says how often it was.
pub(crate) struct LogLimit {
    pause: Duration,
    unlogged: Mutex<Unlogged>,
}

#[derive(Default)]
struct Unlogged {
    count: u64,
    latest: Option<Instant>,
}

impl LogLimit {
    /// Spares the log for `pause` after each line.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { pause, unlogged: Mutex::default() }
    }

    /// Counts `count` more. Gives how many there were since the last line, if it is time for another.
    pub(crate) fn add(&self, count: u64) -> Option<u64> {
        let mut unlogged = self.unlogged.lock().unwrap_or_else(PoisonError::into_inner);
        unlogged.count += count;
        if unlogged.count == 0 || unlogged.latest.is_some_and(|latest| latest.elapsed() < self.pause) {
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
        let pause = Duration::from_secs(10);
        let limit = LogLimit::new(pause);
        assert_eq!(limit.add(0), None);
        assert_eq!(limit.add(1), Some(1));
        assert_eq!((limit.add(2), limit.add(3)), (None, None));
        tokio::time::advance(pause).await;
        assert_eq!(limit.add(1), Some(6));
        assert_eq!(limit.add(0), None);
    }
}
