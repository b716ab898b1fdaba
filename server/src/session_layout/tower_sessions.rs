//! Sessions of [tower-sessions](https://docs.rs/tower-sessions) in the store
//! [tower-sessions-redis-store](https://docs.rs/tower-sessions-redis-store), for axum and others.
//!
//! Recorded with axum 0.8.9, tower-sessions 0.14.0 and tower-sessions-redis-store 0.16.0 (which wants that version of
//! tower-sessions, not 0.15):
//!
//! | | |
//! |---|---|
//! | cookie | `id` = the id: 16 bytes in URL-safe base64, 22 characters; the last of several counts |
//! | signature | none; `with_signed` is `cookie-rs-signed` and `with_private` `cookie-rs-private` |
//! | key | the id, **without any prefix** |
//! | value | MessagePack: id, data and `expiry_date` |
//! | time to live | until `expiry_date`: with `Expiry::OnInactivity` that long after the last change, else two weeks |
//!
//! Since the key has no prefix, an id of any other form is refused, and no key but one of such a form can be named.
//! A `fred` client or another store that puts a prefix before the id is described by `session_redis_key`.
//!
//! # What a refresh does
//!
//! It lengthens the time to live to what the settings give. `expiry_date` stays as it is: the store does not look at it
//! when it loads a session, and tower-sessions makes it anew when it saves one.
//!
//! **Not for `Expiry::AtDateTime`.** In Redis such a session looks like any other, so a heartbeat would keep it beyond
//! its date.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Choice, CookieSignature, preset::Preset, redis_layout::RefreshRule};

pub(super) const PRESET: Preset = Preset {
    cookie: "id",
    choice: Choice::Last,
    signature: CookieSignature::None,
    key: "{id}",
    rule: RefreshRule::TimeToLive,
};

/// Whether tower-sessions would take this for an id.
pub(super) fn is_id(id: &str) -> bool {
    URL_SAFE_NO_PAD.decode(id).is_ok_and(|bytes| bytes.len() == 16)
}
