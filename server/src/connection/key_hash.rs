use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    num::NonZeroU64,
    time::Duration,
};

use swampdragon_protocol::SessionKey;

/// Stands for a session key where all that counts is whether it is the same. Takes little memory, and tells nothing of
/// the key: the hash is keyed, by a key that the process made for itself.
///
/// Of its 64 bits the lowest 16 are zero, for what else a place for a hash may hold. By chance, one in 10^14 pairs of
/// keys has the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeyHash(NonZeroU64);

/// The bits of a hash.
const HASH: u64 = !0xffff;

/// Stands for the hash 0, so that 0 is none.
const LEAST: NonZeroU64 = NonZeroU64::new(1 << 16).unwrap();

/// Makes [`KeyHash`]es, which go together if one hasher made them.
#[derive(Clone, Default)]
pub(crate) struct KeyHasher(RandomState);

impl KeyHash {
    /// All bits of which say much: the lowest are not.
    pub(crate) fn bits(self) -> u64 {
        self.0.get().rotate_right(16)
    }
}

impl KeyHasher {
    pub(crate) fn hash(&self, key: &SessionKey) -> KeyHash {
        KeyHash(NonZeroU64::new(self.0.hash_one(key) & HASH).unwrap_or(LEAST))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

/// The session that a connection named first, and in which minute it did so last. No larger than a hash.
#[derive(Clone, Copy)]
pub(crate) struct FirstSession(NonZeroU64);

impl FirstSession {
    /// The minutes since the server started; the count starts again after 45 days.
    pub(super) fn minute(uptime: Duration) -> u16 {
        // Only the lower bits are wanted.
        (uptime.as_secs() / 60) as u16
    }

    pub(super) fn new(hash: KeyHash, minute: u16) -> Self {
        Self(hash.0 | u64::from(minute))
    }

    pub(super) fn is(self, hash: KeyHash) -> bool {
        self.hash() == hash
    }

    pub(super) fn hash(self) -> KeyHash {
        KeyHash(NonZeroU64::new(self.0.get() & HASH).unwrap_or(LEAST))
    }

    /// For how many minutes it has not been named.
    pub(super) fn idle_minutes(self, now: u16) -> u16 {
        now.wrapping_sub(self.0.get() as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_tells_keys_apart_and_another_process_could_not_make_it() {
        let [one, other] = ["one", "other"].map(|text| SessionKey::parse(text).unwrap());
        let hasher = KeyHasher::default();
        assert_eq!(hasher.hash(&one), hasher.hash(&one));
        assert_ne!(hasher.hash(&one), hasher.hash(&other));
        assert_ne!(hasher.hash(&one), KeyHasher::default().hash(&one));
    }

    #[test]
    fn a_first_session_knows_its_hash_and_its_minute_across_the_turn() {
        let hasher = KeyHasher::default();
        let [one, other] = ["one", "other"].map(|text| hasher.hash(&SessionKey::parse(text).unwrap()));
        let first = FirstSession::new(one, 0xfffe);
        assert!(first.is(one) && !first.is(other));
        assert_eq!(first.idle_minutes(3), 5);
    }
}
