/// How long to wait before the next attempt, in milliseconds: full jitter, a number between 0 and a bound that
/// doubles with each failure.
///
/// A server that restarts loses all its pages in one moment. Spreading their return over the whole interval, rather
/// than around its end, keeps the load lowest: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
///
/// `failures` counts the attempts since the last good connection, `random` is uniform over all of `u32`.
#[must_use]
pub fn reconnect_delay_ms(failures: u32, base_ms: u32, max_ms: u32, random: u32) -> u32 {
    let doubled = base_ms.saturating_mul(1u32.checked_shl(failures).unwrap_or(u32::MAX));
    let bound = u64::from(doubled.min(max_ms));
    // Below 2^32 again after the shift, since the bound is.
    (((bound + 1) * u64::from(random)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bound_doubles_up_to_the_cap() {
        let longest = |failures| reconnect_delay_ms(failures, 500, 30_000, u32::MAX);
        assert_eq!([0, 1, 2, 5, 6, 7, 40].map(longest), [500, 1000, 2000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn jitter_covers_the_whole_interval() {
        assert_eq!(reconnect_delay_ms(3, 500, 30_000, 0), 0);
        assert_eq!(reconnect_delay_ms(3, 500, 30_000, u32::MAX / 2), 2000);
    }

    proptest! {
        #[test]
        fn no_delay_exceeds_the_cap(failures: u32, base: u32, max: u32, random: u32) {
            prop_assert!(reconnect_delay_ms(failures, base, max, random) <= max);
        }
    }
}
