//! Sessions of PHP with [phpredis](https://pecl.php.net/package/redis): `session.save_handler` is `redis`.
//!
//! Recorded with PHP 8.2.36 and phpredis 5.3.7:
//!
//! | | |
//! |---|---|
//! | cookie | `PHPSESSID` (`session.name`) = the id, 26 or 32 characters; not signed, and the first of several counts |
//! | key | `PHPREDIS_SESSION:ID` (`prefix` in `session.save_path`) |
//! | value | as `session.serialize_handler` makes it, in which no time stands; empty for a session with nothing in it |
//! | time to live | `session.gc_maxlifetime`, 1440 s, anew with every request |
//!
//! A refresh lengthens the time to live to what the settings give, and takes a session with nothing in it for none:
//! `session_start()` makes one of *any* id that a browser sends unless `session.use_strict_mode` is on, also right after
//! a logout. To be told of a logout, a page must not depend on whether another request came in between.
//!
//! Ids may have a `,` where `session.sid_bits_per_character` is 6. A [`SessionKey`](swampdragon_protocol::SessionKey)
//! may not, so those sessions are not kept; 4 and 5, the defaults of PHP and of its sample configuration, have none.

use super::{Choice, CookieSignature, preset::Preset, redis_layout::RefreshRule};

pub(super) const PRESET: Preset = Preset {
    cookie: "PHPSESSID",
    choice: Choice::First,
    signature: CookieSignature::None,
    key: "PHPREDIS_SESSION:{id}",
    rule: RefreshRule::PhpRedis,
};
