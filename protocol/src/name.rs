use alloc::boxed::Box;
use core::fmt;

/// The longest route or channel name, in bytes.
const MAX_LENGTH: usize = 256;

/// Why a text names no route or channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidName {
    /// There is no text at all.
    Empty,
    /// More than 256 bytes.
    TooLong {
        /// How many there are.
        length: usize,
    },
    /// A control character, which would garble logs.
    ControlCharacter,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "name is empty"),
            Self::TooLong { length } => write!(f, "name has {length} bytes; at most {MAX_LENGTH} are allowed"),
            Self::ControlCharacter => write!(f, "name has a control character"),
        }
    }
}

impl core::error::Error for InvalidName {}

fn check(text: &str) -> Result<(), InvalidName> {
    if text.is_empty() {
        Err(InvalidName::Empty)
    } else if text.len() > MAX_LENGTH {
        Err(InvalidName::TooLong { length: text.len() })
    } else if text.chars().any(char::is_control) {
        Err(InvalidName::ControlCharacter)
    } else {
        Ok(())
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes text for a name: 1 to 256 bytes without control characters.
            ///
            /// # Errors
            /// Says which rule the text breaks.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                check(text).map(|()| Self(text.into()))
            }

            /// The name's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        // Lets a map keyed by the name be asked with the text a peer sent.
        impl core::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// The name by which a page calls a router.
    RouteName
}

name! {
    /// The name of a channel, local or remote.
    ChannelName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_printable() {
        assert_eq!(RouteName::parse("news").unwrap().as_str(), "news");
        assert_eq!(RouteName::parse(""), Err(InvalidName::Empty));
        assert_eq!(ChannelName::parse(&"c".repeat(257)), Err(InvalidName::TooLong { length: 257 }));
        assert_eq!(ChannelName::parse("a\nb"), Err(InvalidName::ControlCharacter));
    }
}
