use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// How long to wait before each attempt at something that fails: twice as long each time, up to a limit, and of that
/// between half and all, by chance, so that many nodes do not come back to Redis in step.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits `first`, then longer, and never longer than `most`.
    pub(crate) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// How long to wait now.
    pub(crate) fn wait(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(self.most);
        let chance = u32::try_from(by_chance() % 1024).unwrap_or(0);
        full / 2 + full * chance / 2048
    }

    /// It has worked.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// Whether it has failed since it last worked.
    pub(crate) fn has_waited(&self) -> bool {
        self.next != self.first
    }
}

/// Some number. The keys of the hasher are random, which is all that is wanted of chance here.
pub(super) fn by_chance() -> u64 {
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_are_never_less_than_half() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for full in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.wait().as_millis();
            assert!((full / 2..=full).contains(&wait), "{wait} ms instead of up to {full} ms");
        }
        backoff.reset();
        assert!(!backoff.has_waited());
        assert!(backoff.wait().as_millis() <= 100);
    }
}
