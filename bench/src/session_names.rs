use std::ops::Range;

/// Keys of sessions, as long as `redis-benchmark` makes them.
#[must_use]
pub fn session_names(numbers: Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{number:012}")).collect()
}
