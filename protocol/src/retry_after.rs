use alloc::{format, string::String};
use core::time::Duration;

/// The text beside a close code, with how long the peer should stay away: `Go away! (retry after 1500 ms)`.
///
/// Old clients show the text to people at most; ours [read](retry_after) the number, so that a server that stops sends
/// its clients away for different times and they do not all come back at once.
#[must_use]
pub fn with_retry_after(reason: &str, delay: Duration) -> String {
    format!("{reason} (retry after {} ms)", delay.as_millis())
}

/// How long the server asks to be left alone, if it does.
#[must_use]
pub fn retry_after(reason: &str) -> Option<Duration> {
    let (_, delay) = reason.rsplit_once("(retry after ")?;
    delay.strip_suffix(" ms)")?.parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_survives_the_wire() {
        let reason = with_retry_after("Go away!", Duration::from_millis(1500));
        assert_eq!(reason, "Go away! (retry after 1500 ms)");
        assert_eq!(retry_after(&reason), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn other_texts_ask_for_nothing() {
        for reason in ["", "Go away!", "(retry after ms)", "(retry after -5 ms)", "(retry after 5 ms) later"] {
            assert_eq!(retry_after(reason), None, "{reason}");
        }
    }
}
