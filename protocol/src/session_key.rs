use alloc::boxed::Box;
use core::{fmt, str::FromStr};

/// The name of one stored web session: 1 to [`SessionKey::MAX_LENGTH`] characters of `A-Z a-z 0-9 _ . ~ -`.
///
/// The key is a secret: whoever has it has the session. It therefore has no `Display`, and its `Debug` form shows the
/// first four characters only.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey(Box<str>);

impl SessionKey {
    /// The longest key, in characters. A UUID has 32, the frameworks' own session ids at most 64.
    pub const MAX_LENGTH: usize = 128;

    /// Takes text that a peer sent for a session key.
    ///
    /// # Errors
    /// Says which rule the text breaks; never repeats the text, since a near miss of a secret is still telling.
    pub fn parse(text: &str) -> Result<Self, InvalidSessionKey> {
        if text.is_empty() {
            return Err(InvalidSessionKey::Empty);
        }
        if let Some(position) = text.bytes().position(|byte| !is_key_byte(byte)) {
            return Err(InvalidSessionKey::Character { position });
        }
        if text.len() > Self::MAX_LENGTH {
            return Err(InvalidSessionKey::TooLong { length: text.len() });
        }
        Ok(Self(text.into()))
    }

    /// The key's text, for a store. Keep it out of logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'~' | b'-')
}

impl FromStr for SessionKey {
    type Err = InvalidSessionKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Short keys are test data or guesses; showing half of one would show all of it.
        let shown = if self.0.len() >= 16 { self.0.get(..4).unwrap_or_default() } else { "" };
        write!(f, "SessionKey({shown}…)")
    }
}

/// Why a text is no [`SessionKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidSessionKey {
    /// There is no text at all.
    Empty,
    /// More characters than [`SessionKey::MAX_LENGTH`].
    TooLong {
        /// How many there are.
        length: usize,
    },
    /// A character that a key may not have.
    Character {
        /// Where it starts, in bytes from 0.
        position: usize,
    },
}

impl fmt::Display for InvalidSessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "session key is empty"),
            Self::TooLong { length } => {
                write!(f, "session key has {length} characters; at most {} are allowed", SessionKey::MAX_LENGTH)
            }
            Self::Character { position } => write!(
                f,
                "session key has a character at position {position} that is not allowed; A-Z a-z 0-9 _ . ~ - are"
            ),
        }
    }
}

impl core::error::Error for InvalidSessionKey {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::{String, ToString};

    #[test]
    fn a_uuid_in_hex_is_a_key() {
        let text = "0f8fad5bd9cb469fa16570867728950e";
        assert_eq!(SessionKey::parse(text).unwrap().as_str(), text);
    }

    #[test]
    fn each_broken_rule_is_named() {
        assert_eq!(SessionKey::parse("").unwrap_err().to_string(), "session key is empty");
        assert_eq!(
            SessionKey::parse(&"k".repeat(129)).unwrap_err().to_string(),
            "session key has 129 characters; at most 128 are allowed"
        );
        assert_eq!(
            SessionKey::parse("a b").unwrap_err().to_string(),
            "session key has a character at position 1 that is not allowed; A-Z a-z 0-9 _ . ~ - are"
        );
    }

    #[test]
    fn debug_output_does_not_give_the_key_away() {
        let key = SessionKey::parse("0f8fad5bd9cb469fa16570867728950e").unwrap();
        assert_eq!(format!("{key:?}"), "SessionKey(0f8f…)");
        assert_eq!(format!("{:?}", SessionKey::parse("short").unwrap()), "SessionKey(…)");
    }

    proptest! {
        #[test]
        fn only_the_allowed_characters_pass(text in any::<String>()) {
            let allowed = (1..=128).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.~-".contains(c));
            prop_assert_eq!(SessionKey::parse(&text).is_ok(), allowed);
        }
    }
}
