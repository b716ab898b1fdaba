use std::{fmt, str::FromStr};

use super::{Kind, quoted};
use crate::session_layout::{CookieSignature, KeyTemplate, LayoutName};

/// Whose sessions are kept.
pub(in crate::settings) struct Layout;

impl Kind for Layout {
    type Value = LayoutName;

    const PLACEHOLDER: &'static str = "LAYOUT";

    fn parse(text: &str) -> Result<LayoutName, String> {
        parse(text)
    }

    fn toml(value: &LayoutName) -> Option<String> {
        quoted(&value.to_string())
    }
}

/// How a session cookie is signed.
pub(in crate::settings) struct Signature;

impl Kind for Signature {
    type Value = CookieSignature;

    const PLACEHOLDER: &'static str = "SIGNATURE";

    fn parse(text: &str) -> Result<CookieSignature, String> {
        parse(text)
    }

    fn toml(value: &CookieSignature) -> Option<String> {
        quoted(&value.to_string())
    }
}

/// Under which key a session is in Redis.
pub(in crate::settings) struct RedisKey;

impl Kind for RedisKey {
    type Value = KeyTemplate;

    const PLACEHOLDER: &'static str = "TEMPLATE";

    fn parse(text: &str) -> Result<KeyTemplate, String> {
        parse(text)
    }

    fn toml(value: &KeyTemplate) -> Option<String> {
        quoted(&value.to_string())
    }
}

fn parse<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|allowed: T::Err| allowed.to_string())
}

/// The name of a cookie. What names there are, the layout says.
pub(in crate::settings) struct CookieName;

impl Kind for CookieName {
    type Value = String;

    const PLACEHOLDER: &'static str = "NAME";

    fn parse(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    fn toml(value: &String) -> Option<String> {
        quoted(value)
    }
}

/// For which paths of a site a cookie is (RFC 6265, section 5.2.4).
pub(in crate::settings) struct CookiePath;

impl Kind for CookiePath {
    type Value = String;

    const PLACEHOLDER: &'static str = "PATH";

    fn parse(text: &str) -> Result<String, String> {
        let is_path = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';');
        if is_path { Ok(text.to_owned()) } else { Err("a path that begins with /, without spaces and ;".to_owned()) }
    }

    fn toml(value: &String) -> Option<String> {
        quoted(value)
    }
}

/// For which hosts a cookie is (RFC 6265, section 5.2.3).
pub(in crate::settings) struct CookieDomain;

impl Kind for CookieDomain {
    type Value = String;

    const PLACEHOLDER: &'static str = "DOMAIN";

    fn parse(text: &str) -> Result<String, String> {
        let is_host =
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        if is_host { Ok(text.to_owned()) } else { Err("a host name, such as example.com".to_owned()) }
    }

    fn toml(value: &String) -> Option<String> {
        quoted(value)
    }
}

/// With which requests of other sites a browser sends a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// With none.
    Strict,
    /// With those that open a page.
    Lax,
    /// With all; only `Secure` cookies can have it.
    None,
}

impl SameSite {
    const ALL: [Self; 3] = [Self::Strict, Self::Lax, Self::None];

    fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Lax => "lax",
            Self::None => "none",
        }
    }
}

impl From<SameSite> for cookie::SameSite {
    fn from(same_site: SameSite) -> Self {
        match same_site {
            SameSite::Strict => Self::Strict,
            SameSite::Lax => Self::Lax,
            SameSite::None => Self::None,
        }
    }
}

/// `strict`, `lax` or `none`.
pub(in crate::settings) struct SameSiteName;

impl Kind for SameSiteName {
    type Value = SameSite;

    const PLACEHOLDER: &'static str = "WHEN";

    fn parse(text: &str) -> Result<SameSite, String> {
        let named = SameSite::ALL.into_iter().find(|same_site| same_site.name() == text);
        named.ok_or_else(|| "strict, lax or none".to_owned())
    }

    fn toml(value: &SameSite) -> Option<String> {
        quoted(value.name())
    }
}
