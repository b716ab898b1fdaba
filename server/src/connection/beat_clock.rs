use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// How a connection stands with its heartbeats, in four bytes: what happened last, and when.
pub(super) struct BeatClock(AtomicU32);

/// What happened last.
const NOTHING: u32 = 0;
const SENT: u32 = 1 << 30;
const ANSWERED: u32 = 2 << 30;
const REFRESHED: u32 = 3 << 30;

/// The bits that say when.
const TIME: u32 = (1 << 30) - 1;

/// A moment since the server started, in hundredths of a second; the count starts again after 124 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(u32);

impl Moment {
    /// Which is this long after the server's start.
    pub(crate) fn after(start: Duration) -> Self {
        // Only the lower bits are wanted.
        Self((start.as_millis() / 10) as u32 & TIME)
    }

    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::from(self.0.wrapping_sub(earlier.0) & TIME) * 10)
    }
}

impl BeatClock {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(NOTHING))
    }

    fn read(&self) -> (u32, Moment) {
        let value = self.0.load(Ordering::Relaxed);
        (value & !TIME, Moment(value & TIME))
    }

    /// A heartbeat message has been sent.
    pub(super) fn sent(&self, now: Moment) {
        self.0.store(SENT | now.0, Ordering::Relaxed);
    }

    /// A reply has come. If it is the first to a heartbeat message, says how long that took.
    pub(super) fn answered(&self, now: Moment) -> Option<Duration> {
        let (SENT, sent) = self.read() else { return None };
        self.0.store(ANSWERED | now.0, Ordering::Relaxed);
        Some(now.since(sent))
    }

    /// The connection's first session is to be refreshed. Says whether that may be: in answer to a heartbeat message it
    /// always may, else it must not be too soon after the last time.
    ///
    /// Before the answer only the application refreshes. That leaves the answer its right, however late it comes: pages
    /// withhold it while their visitors are away.
    pub(super) fn refresh(&self, now: Moment, min_interval: Duration) -> bool {
        match self.read() {
            (SENT, _) => true,
            (REFRESHED, last) if now.since(last) < min_interval => false,
            _ => {
                self.0.store(REFRESHED | now.0, Ordering::Relaxed);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_heartbeat_message_is_answered_once() {
        let clock = BeatClock::new();
        assert_eq!(clock.answered(at(1)), None);
        clock.sent(at(10));
        assert_eq!(clock.answered(at(13)), Some(Duration::from_secs(3)));
        assert_eq!(clock.answered(at(14)), None);
    }

    #[test]
    fn an_answer_is_always_refreshed_and_what_comes_unasked_in_its_time() {
        let clock = BeatClock::new();
        let interval = Duration::from_secs(10);
        assert!(clock.refresh(at(0), interval));
        assert!(!clock.refresh(at(9), interval));
        assert!(clock.refresh(at(10), interval));
        clock.sent(at(11));
        clock.answered(at(11));
        assert!(clock.refresh(at(11), interval));
        assert!(!clock.refresh(at(12), interval));
        assert!(clock.refresh(at(12), Duration::ZERO));
    }

    #[test]
    fn an_answer_that_was_withheld_is_one_to_the_latest_heartbeat_message() {
        let clock = BeatClock::new();
        let interval = Duration::from_secs(10);
        clock.sent(at(0));
        clock.sent(at(600));
        assert_eq!(clock.answered(at(900)), Some(Duration::from_secs(300)));
        assert!(clock.refresh(at(900), interval));
        assert_eq!(clock.answered(at(901)), None);
        assert!(!clock.refresh(at(901), interval));
    }

    #[test]
    fn an_answer_that_was_withheld_is_one_although_the_application_has_refreshed_meanwhile() {
        let clock = BeatClock::new();
        let interval = Duration::from_secs(10);
        clock.sent(at(0));
        assert!(clock.refresh(at(299), Duration::ZERO));
        assert_eq!(clock.answered(at(300)), Some(Duration::from_secs(300)));
        assert!(clock.refresh(at(300), interval));
    }

    #[test]
    fn moments_count_across_the_turn() {
        let turn = Duration::from_millis(u64::from(TIME) * 10);
        let (before, after) = (Moment::after(turn), Moment::after(turn + Duration::from_secs(2)));
        assert_eq!(after.since(before), Duration::from_secs(2));
    }
}
