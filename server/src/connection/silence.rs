use std::sync::atomic::{AtomicU16, Ordering};

/// For how long nothing has been heard of a peer, in sweeps.
pub(super) struct Silence(AtomicU16);

/// The connection is not open yet.
const UNOPENED: u16 = u16::MAX;

impl Silence {
    pub(super) fn new() -> Self {
        Self(AtomicU16::new(UNOPENED))
    }

    /// The peer has shown that it is there.
    pub(super) fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Asked at regular times: for how many of them nothing had been heard. `None` before the connection is open.
    pub(super) fn sweep(&self) -> Option<u16> {
        let one_more = |sweeps: u16| (sweeps != UNOPENED).then(|| (sweeps + 1).min(UNOPENED - 1));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_begins_when_the_connection_has_opened_and_has_no_end_of_its_own() {
        let silence = Silence::new();
        assert_eq!(silence.sweep(), None);
        silence.end();
        assert_eq!([silence.sweep(), silence.sweep()], [Some(0), Some(1)]);
        silence.end();
        for sweep in 0..UNOPENED {
            assert_eq!(silence.sweep(), Some(sweep.min(UNOPENED - 1)));
        }
        assert_eq!(silence.sweep(), Some(UNOPENED - 1));
    }
}
