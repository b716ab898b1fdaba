//! Where other frameworks keep their sessions in Redis, so that an app's own sessions are kept alive.
//!
//! A [`SessionLayout`] takes the session's id out of the cookie that the browser sends with every request, verifies it
//! as the app does, and knows how the app has the session [in Redis](RedisLayout): under which key, and how it is
//! refreshed so that the app would not notice the difference to a request of its own. The id stays on the server's side:
//! a page never holds it.
//!
//! # Layouts
//!
//! Each framework's facts stand in its own file, with the versions of the packages that they were recorded with; the
//! tests have the recordings. A layout is the same few data each time: a cookie's name, which of several counts, a
//! [signature](CookieSignature), a [key](KeyTemplate) and a rule for refreshing. A framework's name stands for what it
//! does by default, any of which can be set otherwise; `custom` stands for nothing, and everything has to be set:
//!
//! | | cookie | signature | key | refreshed to |
//! |---|---|---|---|---|
//! | `express` | `connect.sid` | `express` | `sess:{id}` | the cookie's `originalMaxAge`, else as set |
//! | `django` | `sessionid` | `none` | `:1:django.contrib.sessions.cache{id}` | what `set_expiry` said, else as set |
//! | `flask` | `session` | `none` | `session:{id}` | as set |
//! | `phpredis` | `PHPSESSID` | `none` | `PHPREDIS_SESSION:{id}` | as set |
//! | `tower-sessions` | `id` | `none` | `{id}` | as set |
//! | `custom` | must be set | must be set | must be set | as set |
//!
//! Of several cookies of one name `custom` takes the first, which is the one for the longest path. *As set* is the store's
//! [`ttl`](crate::session_store::SessionStoreOptions::ttl) (setting `session_ttl`), the time that the app itself gives its
//! sessions. No layout knows it, and none guesses: a framework's default of two weeks would be a fault where an app
//! allows half an hour.
//!
//! # What holds for all
//!
//! - A refresh lengthens a time to live that exists, and never beyond an end that the session itself names.
//! - A cookie counts only if the app's own framework would take the same one. It never falls back: not from a wrong
//!   signature to no signature, not from one cookie to another of the same name.
//! - An id is a [`SessionKey`]: 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. It is put into the key template and
//!   nowhere else, so that no other key can be named.
//! - No secret and no cookie is in an error or a `Debug` form.
//!
//! # Not here
//!
//! - Laravel, Rails and Spring Session: not verified against the packages. What `custom` covers was recorded with
//!   starsessions, actix-session and redis-rack; docs/guides/README.md tells of them.
//! - Sessions that are in the cookie alone (Flask's own, Starlette's, cookie-session): there is nothing to refresh.

mod cookie_crate;
mod cookie_header;
mod django;
mod error;
mod express;
mod flask;
mod itsdangerous;
mod key_template;
mod no_session;
mod options;
mod phpredis;
mod preset;
mod redis_layout;
mod secrets;
mod signature;
mod tower_sessions;

use std::{fmt, time::SystemTime};

use swampdragon_protocol::SessionKey;

use self::{
    cookie_header::{decoded, raw_value},
    signature::Verifier,
};

pub(crate) use self::redis_layout::RefreshRule;

pub use self::{
    cookie_header::{Choice, MAX_COOKIE_VALUE, cookie_value},
    error::LayoutError,
    key_template::{InvalidKeyTemplate, KeyTemplate},
    no_session::NoSession,
    options::SessionLayoutOptions,
    preset::{LayoutName, UnknownLayout},
    redis_layout::RedisLayout,
    secrets::{Secrets, SecretsError},
    signature::{CookieSignature, InvalidCookieSignature, InvalidSecret},
};

/// Where an app's sessions are: from the cookie of a request to the key in Redis.
pub struct SessionLayout {
    name: LayoutName,
    cookie: String,
    choice: Choice,
    verifier: Verifier,
    in_redis: RedisLayout,
}

impl SessionLayout {
    /// The session of a request, by its `Cookie` headers.
    ///
    /// # Errors
    /// The request has no session that the app would know. That is no fault: whoever is not logged in has none.
    pub fn session<H: AsRef<[u8]>>(
        &self,
        cookie_headers: impl IntoIterator<Item = H>,
        now: SystemTime,
    ) -> Result<SessionKey, NoSession> {
        self.named_by(&raw_value(cookie_headers, &self.cookie, self.choice)?, now)
    }

    /// The session of a request, and the value of its cookie as the browser sent it, for setting that cookie anew.
    ///
    /// # Errors
    /// As [`session`](Self::session); and there are several such cookies that differ. One of them was set for another
    /// path or by a neighbouring host, and set anew it would take the place of the app's own.
    pub fn session_and_cookie<H: AsRef<[u8]>>(
        &self,
        cookie_headers: impl IntoIterator<Item = H> + Clone,
        now: SystemTime,
    ) -> Result<(SessionKey, String), NoSession> {
        let [first, last] =
            [Choice::First, Choice::Last].map(|choice| raw_value(cookie_headers.clone(), &self.cookie, choice));
        let cookie = first?;
        if cookie != last? {
            return Err(NoSession::Several);
        }
        self.named_by(&cookie, now).map(|session| (session, cookie))
    }

    fn named_by(&self, cookie: &str, now: SystemTime) -> Result<SessionKey, NoSession> {
        let id = self.verifier.open(&self.cookie, decoded(cookie)?, now)?;
        let id = SessionKey::parse(&id).map_err(NoSession::Id)?;
        if self.name.has_id(id.as_str()) { Ok(id) } else { Err(NoSession::ForeignId) }
    }

    /// Whose sessions they are.
    #[must_use]
    pub fn name(&self) -> LayoutName {
        self.name
    }

    /// The name of the cookie that has the session's id in it.
    #[must_use]
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// How the app has its sessions in Redis.
    #[must_use]
    pub fn in_redis(&self) -> &RedisLayout {
        &self.in_redis
    }
}

impl fmt::Debug for SessionLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayout")
            .field("name", &self.name)
            .field("cookie", &self.cookie)
            .field("in_redis", &self.in_redis)
            .finish_non_exhaustive()
    }
}
