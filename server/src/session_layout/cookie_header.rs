use cookie::Cookie;
use percent_encoding::percent_decode_str;

use super::NoSession;

/// Which cookie counts when a request has several of the same name.
///
/// A browser sends them when they were set for different paths or domains, the one with the longest path first. Each
/// framework takes one without a look at the others, and only the same one names the session that the app uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The first, as with Express, Flask and PHP.
    First,
    /// The last, as with Django and tower-sessions.
    Last,
}

/// The longest value of a cookie that is looked at, in bytes: no browser keeps a longer one.
pub const MAX_COOKIE_VALUE: usize = 4096;

/// The value of the cookie `name` in a request's `Cookie` headers, percent-decoded.
///
/// Whatever the headers are made of, this neither fails otherwise nor panics: bytes that are no UTF-8 belong to some
/// other cookie, and what is no pair of name and value is passed over. Values are percent-decoded whether or not the
/// framework does so: no session id and no signature has a `%` in it.
///
/// # Errors
/// There is no such cookie, or its value is none that a framework would have set.
pub fn cookie_value<H: AsRef<[u8]>>(
    headers: impl IntoIterator<Item = H>,
    name: &str,
    choice: Choice,
) -> Result<String, NoSession> {
    decoded(&raw_value(headers, name, choice)?)
}

/// The value as the browser sent it.
pub(super) fn raw_value<H: AsRef<[u8]>>(
    headers: impl IntoIterator<Item = H>,
    name: &str,
    choice: Choice,
) -> Result<String, NoSession> {
    let mut found = None;
    for header in headers {
        for cookie in Cookie::split_parse(String::from_utf8_lossy(header.as_ref())).flatten() {
            if cookie.name() == name && (choice == Choice::Last || found.is_none()) {
                found = Some(cookie.value().to_owned());
            }
        }
    }
    let value = found.ok_or(NoSession::NoCookie)?;
    if value.len() > MAX_COOKIE_VALUE { Err(NoSession::TooLong) } else { Ok(value) }
}

pub(super) fn decoded(value: &str) -> Result<String, NoSession> {
    let decoded = percent_decode_str(value).decode_utf8().map_err(|_| NoSession::Malformed)?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(header: &[u8]) -> Result<String, NoSession> {
        cookie_value([header], "sid", Choice::First)
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        assert_eq!(first(b"a=b; sid=abc; c").unwrap(), "abc");
        assert_eq!(first(b"a=\xff\xfe;sid = abc ;;=;").unwrap(), "abc");
        assert_eq!(first(b"sid=s%3Aa%2Fb=").unwrap(), "s:a/b=");
    }

    #[test]
    fn a_cookie_of_another_name_is_not_taken() {
        for header in [&b""[..], b"xsid=abc", b"sidx=abc", b"SID=abc", b"%73id=abc", b"sid", b"a=sid=abc"] {
            assert_eq!(first(header), Err(NoSession::NoCookie), "{}", String::from_utf8_lossy(header));
        }
    }

    #[test]
    fn of_several_the_one_counts_that_the_framework_takes() {
        for headers in [&["sid=one; sid=two; sid=three"][..], &["sid=one", "sid=two; sid=three"]] {
            assert_eq!(cookie_value(headers, "sid", Choice::First).unwrap(), "one");
            assert_eq!(cookie_value(headers, "sid", Choice::Last).unwrap(), "three");
        }
    }

    #[test]
    fn what_no_framework_sets_is_refused() {
        assert_eq!(first(b"sid=%ff"), Err(NoSession::Malformed));
        assert_eq!(first(b"sid=").unwrap(), "");
        let long = |length| format!("sid={}", "a".repeat(length));
        assert_eq!(first(long(MAX_COOKIE_VALUE).as_bytes()).unwrap().len(), MAX_COOKIE_VALUE);
        assert_eq!(first(long(MAX_COOKIE_VALUE + 1).as_bytes()), Err(NoSession::TooLong));
    }
}
