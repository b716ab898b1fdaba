use std::sync::atomic::{AtomicU32, Ordering};

/// How fast one peer may send messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateLimit {
    /// 0 is no limit.
    pub(crate) per_second: u16,
    pub(crate) burst: u16,
}

/// How much of its [`RateLimit`] a peer has used: a bucket that each message fills by one and each second empties by
/// `per_second`.
///
/// Four bytes, which every connection carries: what is in the bucket, and the second in which that was so, counted from
/// the server's start. The latter wraps after 18 hours; a peer that was silent for exactly so long finds its bucket a
/// little fuller than it is, which harms nobody.
#[derive(Debug, Default)]
pub(super) struct MessageRate(AtomicU32);

impl MessageRate {
    /// Counts a message that came in this second. Says whether it is within the limit.
    ///
    /// A connection's messages are counted one at a time.
    pub(super) fn count(&self, second: u64, limit: RateLimit) -> bool {
        if limit.per_second == 0 {
            return true;
        }
        let state = self.0.load(Ordering::Relaxed);
        // Only the lower half of a number is kept in each half of the state.
        #[allow(clippy::cast_possible_truncation)]
        let (before, filled, now) = ((state >> 16) as u16, state as u16, second as u16);
        let seconds = u32::from(now.wrapping_sub(before));
        let emptied = u16::try_from(seconds * u32::from(limit.per_second)).unwrap_or(u16::MAX);
        let filled = filled.saturating_sub(emptied);
        if filled >= limit.burst.max(limit.per_second) {
            return false;
        }
        self.0.store(u32::from(now) << 16 | u32::from(filled + 1), Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: RateLimit = RateLimit { per_second: 10, burst: 30 };

    fn allowed(rate: &MessageRate, second: u64, limit: RateLimit) -> usize {
        (0..100).take_while(|_| rate.count(second, limit)).count()
    }

    #[test]
    fn after_a_burst_the_rate_counts() {
        let rate = MessageRate::default();
        assert_eq!([0, 0, 1, 2, 4, 100].map(|second| allowed(&rate, second, LIMIT)), [30, 0, 10, 10, 20, 30]);
    }

    #[test]
    fn the_rate_may_always_be_used_up_and_0_is_no_limit() {
        let rate = MessageRate::default();
        assert_eq!(allowed(&rate, 0, RateLimit { per_second: 10, burst: 1 }), 10);
        assert_eq!(allowed(&rate, 0, RateLimit { per_second: 0, burst: 1 }), 100);
    }

    proptest! {
        #[test]
        fn within_the_rate_nobody_is_ever_refused(per_second in 1_u16.., burst: u16, start in 0_u64..200_000, gaps in prop::collection::vec(0_u64..70_000, 1..20)) {
            let rate = MessageRate::default();
            let limit = RateLimit { per_second, burst };
            let mut second = start;
            for gap in gaps {
                second += gap + 1;
                for _ in 0..per_second.min(500) {
                    prop_assert!(rate.count(second, limit));
                }
            }
        }
    }
}
