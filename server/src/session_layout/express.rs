//! Sessions of [express-session](https://www.npmjs.com/package/express-session) in the store
//! [connect-redis](https://www.npmjs.com/package/connect-redis).
//!
//! Recorded with express 5.3.0, express-session 1.19.0, connect-redis 9.0.0 and redis 6.3.1:
//!
//! | | |
//! |---|---|
//! | cookie | `connect.sid` = percent-encoded `s:ID.SIGNATURE`; always signed, and the first of several counts |
//! | signature | HMAC-SHA256 of the id with the secret, in base64 without `=`; of several secrets the first signs |
//! | key | `sess:ID` (`prefix` of the store) |
//! | value | JSON: `{"cookie":{"originalMaxAge":1000,"expires":"2026-11-23T15:29:11.661Z",...},...}` |
//! | time to live | until `cookie.expires`, or the store's `ttl` (a day) where the cookie has no `maxAge`: both `null` |
//!
//! # What a refresh does
//!
//! The session's own `cookie.originalMaxAge` is how long it lives from now on. Where that is `null` it is the time that
//! the settings give.
//!
//! **`cookie.expires` is moved, too.** It stands in the JSON as of when that was last written, which is neither at each
//! request (express-session *touches* an unchanged session, and connect-redis then sends `EXPIRE` alone) nor at our
//! refreshes. Loading a session ignores it, but a save takes the time to live from it. What happened with `maxAge` of
//! one second, the key kept by `EXPIRE` alone, and a request 0.3 s after the time in `cookie.expires`:
//!
//! | request | default | `rolling: true` | `resave: true` | no `maxAge` | `ttl` a function | `expires` moved |
//! |---|---|---|---|---|---|---|
//! | reads | lives | lives | lives | lives | lives | lives |
//! | changes the session | lives | lives | lives | lives | lives | lives |
//! | calls `req.session.save()` | **destroyed** | **destroyed** | **destroyed** | lives | lives | lives |
//! | changes and calls `req.session.save()` | **destroyed** | **destroyed** | **destroyed** | lives | lives | lives |
//! | calls `touch()`, then `save()` | lives | lives | lives | lives | lives | lives |
//!
//! Destroyed means that the store deletes the key and reports no error; `disableTouch` makes no difference. An app
//! calls `save()` itself before every redirect that must see the session, so this would end the sessions that we keep.
//! A refresh therefore writes the new time over the old one in the very same script that lengthens the time to live.
//! The rest of the JSON stays as it is to the byte: decoding and encoding it again in Lua would change empty lists and
//! long numbers.
//!
//! # What a refresh leaves alone
//!
//! - A value that is not such JSON, as with the store's option `serializer`: it is reported as another layout.
//! - A session without a time to live, as with `disableTTL: true`.
//! - A session with `expires` and no `originalMaxAge`: it ends at that time.
//!
//! With `disableTouch: true`, an app wants sessions to end although they are used; heartbeats would keep them. Do not
//! use this layout with it.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::{Choice, CookieSignature, NoSession, preset::Preset, redis_layout::RefreshRule};

pub(super) const PRESET: Preset = Preset {
    cookie: "connect.sid",
    choice: Choice::First,
    signature: CookieSignature::Express,
    key: "sess:{id}",
    rule: RefreshRule::Express,
};

/// A secret, ready for use.
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    pub(super) fn new(secret: &str) -> Self {
        Self(Hmac::new_from_slice(secret.as_bytes()).expect("a key of HMAC may have any length"))
    }
}

/// The id in `s:ID.SIGNATURE`.
pub(super) fn unsign<'a>(value: &'a str, keys: &[Key]) -> Result<&'a str, NoSession> {
    let signed = value.strip_prefix("s:").ok_or(NoSession::Unsigned)?;
    let (id, signature) = signed.rsplit_once('.').ok_or(NoSession::Unsigned)?;
    // What is not base64 in its one canonical form is not what the app sent.
    let signature = STANDARD_NO_PAD.decode(signature).map_err(|_| NoSession::WrongSignature)?;
    let fits = |Key(mac): &Key| mac.clone().chain_update(id).verify_slice(&signature).is_ok();
    if keys.iter().any(fits) { Ok(id) } else { Err(NoSession::WrongSignature) }
}
