//! Signatures of the Python package [itsdangerous](https://pypi.org/project/itsdangerous/) (2.2.0), with its default
//! digest, SHA-1. As the key of a HMAC that is no weakness.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use sha1::{Digest as _, Sha1};

use super::NoSession;

/// How a secret and a salt become a key.
#[derive(Clone, Copy)]
pub(super) enum Derivation {
    /// `key_derivation="django-concat"`, the default.
    DjangoConcat,
    /// `key_derivation="hmac"`.
    Hmac,
}

/// A secret, ready for use.
pub(super) struct Key(Hmac<Sha1>);

impl Key {
    pub(super) fn derive(secret: &str, salt: &str, derivation: Derivation) -> Self {
        let key = match derivation {
            Derivation::DjangoConcat => {
                Sha1::new().chain_update(salt).chain_update("signer").chain_update(secret).finalize()
            }
            Derivation::Hmac => hmac(secret.as_bytes()).chain_update(salt).finalize().into_bytes(),
        };
        Self(hmac(&key))
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha1> {
    Hmac::new_from_slice(key).expect("a key of HMAC may have any length")
}

/// The value in `VALUE.SIGNATURE`.
pub(super) fn unsign<'a>(signed: &'a str, keys: &[Key]) -> Result<&'a str, NoSession> {
    let (value, signature) = signed.rsplit_once('.').ok_or(NoSession::Unsigned)?;
    // Python passes over characters that are not base64; what has them is not what the app sent.
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NoSession::WrongSignature)?;
    let fits = |Key(mac): &Key| mac.clone().chain_update(value).verify_slice(&signature).is_ok();
    if keys.iter().any(fits) { Ok(value) } else { Err(NoSession::WrongSignature) }
}

/// The value in `VALUE.TIME.SIGNATURE`, unless the time is further back than `max_age`, or to come.
pub(super) fn unsign_timed<'a>(
    signed: &'a str,
    keys: &[Key],
    max_age: Duration,
    now: SystemTime,
) -> Result<&'a str, NoSession> {
    let (value, time) = unsign(signed, keys)?.rsplit_once('.').ok_or(NoSession::Unsigned)?;
    let time = seconds(time).ok_or(NoSession::Malformed)?;
    // Whole seconds, as there: a signature is not in the future because a second has begun elsewhere.
    let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    match now.checked_sub(time) {
        Some(age) if age <= max_age.as_secs() => Ok(value),
        _ => Err(NoSession::ExpiredSignature),
    }
}

/// Seconds since 1970: the bytes of a big-endian number, without zeros before it.
fn seconds(time: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(time).ok()?;
    if bytes.len() > size_of::<u64>() {
        return None;
    }
    Some(bytes.iter().fold(0, |seconds, byte| seconds << 8 | u64::from(*byte)))
}
