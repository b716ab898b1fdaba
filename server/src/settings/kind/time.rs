use std::time::Duration;

use super::{Kind, quoted};

/// A duration with its unit, from `MIN_MS` to `MAX_MS` milliseconds.
pub(in crate::settings) struct Time<const MIN_MS: u64, const MAX_MS: u64>;

/// The units and their milliseconds, the largest first. Not those that humantime knows beyond them: its `M` is a
/// month, which nobody who writes it means, and shorter than a millisecond is nothing here.
const UNITS: [(&str, u128); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl<const MIN_MS: u64, const MAX_MS: u64> Kind for Time<MIN_MS, MAX_MS> {
    type Value = Duration;

    const PLACEHOLDER: &'static str = "DURATION";

    fn parse(text: &str) -> Result<Duration, String> {
        let (min, max) = (Duration::from_millis(MIN_MS), Duration::from_millis(MAX_MS));
        let allowed = || {
            format!(
                "a duration in d, h, m, s or ms, such as 30m, 10s or 500ms, from {} to {}",
                duration_text(min),
                duration_text(max)
            )
        };
        if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(allowed() + "; a bare number does not tell its unit");
        }
        let mut units = text.split(|c: char| !c.is_alphabetic()).filter(|unit| !unit.is_empty());
        if !units.all(|unit| UNITS.iter().any(|(known, _)| *known == unit)) {
            return Err(allowed());
        }
        match humantime::parse_duration(text) {
            Ok(time) if (min..=max).contains(&time) && time.subsec_nanos() % 1_000_000 == 0 => Ok(time),
            _ => Err(allowed()),
        }
    }

    fn toml(value: &Duration) -> Option<String> {
        quoted(&duration_text(*value))
    }
}

/// A duration of whole milliseconds as it can be read again: `1h 30m`.
pub(in crate::settings) fn duration_text(time: Duration) -> String {
    let mut left = time.as_millis();
    let mut parts = Vec::new();
    for (unit, milliseconds) in UNITS {
        let count = left / milliseconds;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
            left %= milliseconds;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}
