use std::{
    iter::Sum,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use serde::{Deserialize, Serialize};

/// What all pages of a load have gone through together.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) opened: AtomicU64,
    pub(crate) ended: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) answers: AtomicU64,
    pub(crate) pages_told_expired: AtomicU64,
}

/// What all pages of a load have gone through together, up to one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Connections that opened, first ones and later ones.
    pub opened: u64,
    /// Open connections that ended.
    pub ended: u64,
    /// Attempts to connect that came to nothing.
    pub failed: u64,
    /// Heartbeat messages answered.
    pub answers: u64,
    /// Pages that were told at least once that their session has expired.
    pub pages_told_expired: u64,
}

impl Counted {
    /// Connections that are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.opened.saturating_sub(self.ended)
    }
}

impl Sum for Counted {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            opened: sum.opened + one.opened,
            ended: sum.ended + one.ended,
            failed: sum.failed + one.failed,
            answers: sum.answers + one.answers,
            pages_told_expired: sum.pages_told_expired + one.pages_told_expired,
        })
    }
}

impl Counts {
    pub(crate) fn now(&self) -> Counted {
        // Ends first: read the other way round, a connection could have ended before it opened.
        let ended = self.ended.load(Relaxed);
        Counted {
            opened: self.opened.load(Relaxed),
            ended,
            failed: self.failed.load(Relaxed),
            answers: self.answers.load(Relaxed),
            pages_told_expired: self.pages_told_expired.load(Relaxed),
        }
    }
}

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
