//! Sessions of [Flask-Session](https://pypi.org/project/Flask-Session/) with `SESSION_TYPE` "redis". (Flask's own
//! sessions are in the cookie alone and end with it; there is nothing to refresh.)
//!
//! Recorded with Flask 3.1.3, Flask-Session 0.8.0, itsdangerous 2.2.0 and redis 8.1.0:
//!
//! | | |
//! |---|---|
//! | cookie | `session` = the id, 43 characters of `A-Z a-z 0-9 _ -`; the first of several counts |
//! | signature | none; with `SESSION_USE_SIGNER` set `session_cookie_signature` to `flask-session`, with `SECRET_KEY` |
//! | key | `session:ID` (`SESSION_KEY_PREFIX`) |
//! | value | MessagePack, in which no time stands |
//! | time to live | `PERMANENT_SESSION_LIFETIME`, 31 days, anew with every request |
//!
//! A refresh lengthens the time to live to what the settings give. `session.clear()` deletes the key.

use super::{Choice, CookieSignature, preset::Preset, redis_layout::RefreshRule};

pub(super) const PRESET: Preset = Preset {
    cookie: "session",
    choice: Choice::First,
    signature: CookieSignature::None,
    key: "session:{id}",
    rule: RefreshRule::TimeToLive,
};
