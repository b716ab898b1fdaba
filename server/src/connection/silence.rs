use std::sync::atomic::{AtomicU16, Ordering};

/// For how many sweeps nothing has been heard of a peer.
pub(super) struct Silence(AtomicU16);

/// No sweep has come yet.
const NEW: u16 = u16::MAX;

impl Silence {
    pub(super) fn new() -> Self {
        Self(AtomicU16::new(NEW))
    }

    /// The peer has shown that it is there.
    pub(super) fn end(&self) {
        if self.0.load(Ordering::Relaxed) != NEW {
            self.0.store(0, Ordering::Relaxed);
        }
    }

    /// Asked at regular times: for how many of them nothing had been heard. The first time is not long after the peer
    /// came, and says nothing.
    pub(super) fn sweep(&self) -> Option<u16> {
        let one_more = |sweeps: u16| Some(if sweeps == NEW { 0 } else { (sweeps + 1).min(NEW - 1) });
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().filter(|&before| before != NEW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_counts_from_the_first_sweep_and_has_no_end_of_its_own() {
        let silence = Silence::new();
        silence.end();
        assert_eq!([silence.sweep(), silence.sweep(), silence.sweep()], [None, Some(0), Some(1)]);
        silence.end();
        for sweep in 0..NEW {
            assert_eq!(silence.sweep(), Some(sweep.min(NEW - 1)));
        }
        assert_eq!(silence.sweep(), Some(NEW - 1));
    }
}
