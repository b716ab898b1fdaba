//! Sessions of [Django](https://pypi.org/project/Django/) in its cache: `SESSION_ENGINE` is
//! `django.contrib.sessions.backends.cache` (or `cached_db`), and the cache Django's own `RedisCache`.
//!
//! Recorded with Django 5.2.19 and redis 8.1.0:
//!
//! | | |
//! |---|---|
//! | cookie | `sessionid` = the id, 32 characters of `a-z 0-9`; not signed, and the last of several counts |
//! | key | `:1:django.contrib.sessions.cacheID`: the cache's `KEY_PREFIX` and `VERSION`, then the engine's name |
//! | value | the session's dictionary, pickled |
//! | time to live | `SESSION_COOKIE_AGE`, two weeks, unless the app called `set_expiry` |
//!
//! The key is `shop:2:django.contrib.sessions.cache{id}` where the cache has `KEY_PREFIX` "shop" and `VERSION` 2, and
//! `:1:django.contrib.sessions.cached_db{id}` with the engine `cached_db`. That engine also has a row in the database,
//! which ends on its own: the session lives on only while it stays in the cache.
//!
//! # What a refresh does
//!
//! What `set_expiry` was called with is in the dictionary, as `_session_expiry`:
//!
//! | `set_expiry` | in the pickle | a refresh |
//! |---|---|---|
//! | not called, `None` | nothing | lengthens to the time that the settings give |
//! | `0`, until the browser is closed | `0` | the same |
//! | seconds | a number | lengthens to that: the app's own word on this session |
//! | a date, a `timedelta` | a date as text | does nothing: Django gave the key just the time until then |
//!
//! Nothing else of the pickle is looked at, and nothing of it is run. Anything else in that place, and a value that is
//! not pickled (another `SERIALIZER`, a compressor of django-redis), is reported as another layout.

use super::{Choice, CookieSignature, preset::Preset, redis_layout::RefreshRule};

pub(super) const PRESET: Preset = Preset {
    cookie: "sessionid",
    choice: Choice::Last,
    signature: CookieSignature::None,
    key: ":1:django.contrib.sessions.cache{id}",
    rule: RefreshRule::Django,
};
