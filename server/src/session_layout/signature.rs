use std::{fmt, str::FromStr, time::Duration, time::SystemTime};

use super::{LayoutError, NoSession, Secrets, cookie_crate, express, itsdangerous};

/// How a session cookie is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CookieSignature {
    /// Not at all: the cookie is the session id.
    None,
    /// As express-session does, by the npm package cookie-signature: `s:ID.SIGNATURE`.
    Express,
    /// As Flask-Session does with `SESSION_USE_SIGNER`: `ID.SIGNATURE`.
    FlaskSession,
    /// By `Signer(secret, salt)` of the Python package itsdangerous: `ID.SIGNATURE`.
    Itsdangerous {
        /// The salt, which is no secret.
        salt: String,
    },
    /// By `TimestampSigner(secret, salt)` of the Python package itsdangerous: `ID.TIME.SIGNATURE`.
    ItsdangerousTimed {
        /// The salt, which is no secret.
        salt: String,
        /// How old the signature may be.
        max_age: Duration,
    },
    /// By a signed jar of the Rust crate cookie, as in tower-sessions with `with_signed`.
    CookieRsSigned,
    /// By a private jar of the Rust crate cookie, which encrypts as well, as in tower-sessions with `with_private`.
    CookieRsPrivate,
}

impl FromStr for CookieSignature {
    type Err = InvalidCookieSignature;

    fn from_str(text: &str) -> Result<Self, InvalidCookieSignature> {
        let mut parts = text.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("none"), None, _) => Ok(Self::None),
            (Some("express"), None, _) => Ok(Self::Express),
            (Some("flask-session"), None, _) => Ok(Self::FlaskSession),
            (Some("cookie-rs-signed"), None, _) => Ok(Self::CookieRsSigned),
            (Some("cookie-rs-private"), None, _) => Ok(Self::CookieRsPrivate),
            (Some("itsdangerous"), Some(_), _) => {
                let salt = text.strip_prefix("itsdangerous:").unwrap_or_default().to_owned();
                Ok(Self::Itsdangerous { salt })
            }
            (Some("itsdangerous-timed"), Some(max_age), Some(salt)) => {
                let max_age = humantime::parse_duration(max_age).map_err(|_| InvalidCookieSignature)?;
                Ok(Self::ItsdangerousTimed { salt: salt.to_owned(), max_age })
            }
            _ => Err(InvalidCookieSignature),
        }
    }
}

impl fmt::Display for CookieSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Express => f.write_str("express"),
            Self::FlaskSession => f.write_str("flask-session"),
            Self::Itsdangerous { salt } => write!(f, "itsdangerous:{salt}"),
            Self::ItsdangerousTimed { salt, max_age } => {
                let max_age = humantime::format_duration(*max_age).to_string().replace(' ', "");
                write!(f, "itsdangerous-timed:{max_age}:{salt}")
            }
            Self::CookieRsSigned => f.write_str("cookie-rs-signed"),
            Self::CookieRsPrivate => f.write_str("cookie-rs-private"),
        }
    }
}

/// A text is no [`CookieSignature`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "none, express, flask-session, itsdangerous:SALT, itsdangerous-timed:MAX_AGE:SALT, cookie-rs-signed or \
     cookie-rs-private"
)]
pub struct InvalidCookieSignature;

/// Takes the id out of a cookie's value, and with it whatever proves that the app put it there.
///
/// Every comparison takes the same time wherever the difference is. What a secret has to be turned into for that is
/// done once, at start.
pub(super) enum Verifier {
    None,
    Express(Vec<express::Key>),
    Itsdangerous { keys: Vec<itsdangerous::Key>, max_age: Option<Duration> },
    CookieRsSigned(Vec<cookie::Key>),
    CookieRsPrivate(Vec<cookie::Key>),
}

impl Verifier {
    /// # Errors
    /// A secret that is none of the kind that the signature needs.
    pub(super) fn new(signature: &CookieSignature, secrets: &Secrets) -> Result<Self, LayoutError> {
        use itsdangerous::Derivation::{DjangoConcat, Hmac};
        let derive = |derivation, salt: &str, max_age| Self::Itsdangerous {
            keys: secrets.iter().map(|secret| itsdangerous::Key::derive(secret, salt, derivation)).collect(),
            max_age,
        };
        let keys = || {
            let key = |(at, secret)| {
                cookie_crate::key(secret).map_err(|allowed| LayoutError::Secret { number: at + 1, allowed })
            };
            secrets.iter().enumerate().map(key).collect::<Result<Vec<_>, _>>()
        };
        Ok(match signature {
            CookieSignature::None => Self::None,
            CookieSignature::Express => Self::Express(secrets.iter().map(express::Key::new).collect()),
            CookieSignature::FlaskSession => derive(Hmac, "flask-session", None),
            CookieSignature::Itsdangerous { salt } => derive(DjangoConcat, salt, None),
            CookieSignature::ItsdangerousTimed { salt, max_age } => derive(DjangoConcat, salt, Some(*max_age)),
            CookieSignature::CookieRsSigned => Self::CookieRsSigned(keys()?),
            CookieSignature::CookieRsPrivate => Self::CookieRsPrivate(keys()?),
        })
    }

    /// The id in the cookie `name` of that value.
    pub(super) fn open(&self, name: &str, value: String, now: SystemTime) -> Result<String, NoSession> {
        match self {
            Self::None => Ok(value),
            Self::Express(keys) => express::unsign(&value, keys).map(str::to_owned),
            Self::Itsdangerous { keys, max_age: None } => itsdangerous::unsign(&value, keys).map(str::to_owned),
            Self::Itsdangerous { keys, max_age: Some(max_age) } => {
                itsdangerous::unsign_timed(&value, keys, *max_age, now).map(str::to_owned)
            }
            Self::CookieRsSigned(keys) => cookie_crate::verify(name, value, keys),
            Self::CookieRsPrivate(keys) => cookie_crate::decrypt(name, value, keys),
        }
    }
}

/// A secret is none of the kind that the signature needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at least 64 bytes in base64, the master key that the app gives to `cookie::Key::from`")]
pub struct InvalidSecret;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_is_read_from_the_text_that_shows_it() {
        for text in [
            "none",
            "express",
            "flask-session",
            "itsdangerous:my:salt",
            "itsdangerous-timed:14days:my:salt",
            "cookie-rs-signed",
            "cookie-rs-private",
        ] {
            assert_eq!(text.parse::<CookieSignature>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_text_is_refused_with_what_is_allowed() {
        for text in
            ["", "None", "hmac", "express:x", "itsdangerous", "itsdangerous-timed:salt", "itsdangerous-timed:x:s"]
        {
            assert_eq!(text.parse::<CookieSignature>(), Err(InvalidCookieSignature), "{text}");
        }
    }
}
