//! Signed and encrypted cookies of the Rust crate [cookie](https://docs.rs/cookie), on which tower-sessions,
//! axum-extra and others stand: opened by the crate itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cookie::{Cookie, CookieJar, Key};

use super::{NoSession, signature::InvalidSecret};

/// A secret, ready for use: the master key, in base64 since it is no text.
pub(super) fn key(secret: &str) -> Result<Key, InvalidSecret> {
    let master = STANDARD.decode(secret.trim()).map_err(|_| InvalidSecret)?;
    Key::try_from(master.as_slice()).map_err(|_| InvalidSecret)
}

/// The value behind a signature.
pub(super) fn verify(name: &str, value: String, keys: &[Key]) -> Result<String, NoSession> {
    open(Cookie::new(name.to_owned(), value), keys, |key, cookie| CookieJar::new().signed(key).verify(cookie))
}

/// The value that was encrypted, for a cookie of that name.
pub(super) fn decrypt(name: &str, value: String, keys: &[Key]) -> Result<String, NoSession> {
    open(Cookie::new(name.to_owned(), value), keys, |key, cookie| CookieJar::new().private(key).decrypt(cookie))
}

fn open(
    cookie: Cookie<'static>,
    keys: &[Key],
    open: impl Fn(&Key, Cookie<'static>) -> Option<Cookie<'static>>,
) -> Result<String, NoSession> {
    let opened = keys.iter().find_map(|key| open(key, cookie.clone()));
    opened.map(|cookie| cookie.value().to_owned()).ok_or(NoSession::WrongSignature)
}
