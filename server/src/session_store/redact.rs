/// `address` without the secrets that a URL may carry, for logs, errors and printed settings.
///
/// The user name stays, a password becomes `***`. User information without a colon is hidden altogether: it is as
/// likely a password written in the wrong place. Works on text that is no valid URL too, since what is wrong with it
/// is about to be told.
///
/// ```
/// use swampdragon_server::session_store::redacted;
///
/// assert_eq!(redacted("redis://app:secret@cache:6379/1"), "redis://app:***@cache:6379/1");
/// assert_eq!(redacted("redis+unix:///run/redis.sock?pass=secret"), "redis+unix:///run/redis.sock?pass=***");
/// ```
#[must_use]
pub fn redacted(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, address),
    };
    // The last `@`: a password may hold an unescaped `@` or `/`, and half of it must not stay behind.
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, rest),
    };
    let (host, query) = match host.split_once('?') {
        Some((host, query)) => (host, Some(query)),
        None => (host, None),
    };

    let mut shown = String::with_capacity(address.len());
    if let Some(scheme) = scheme {
        shown.push_str(scheme);
        shown.push_str("://");
    }
    if let Some(user) = user {
        if let Some((name, _)) = user.split_once(':') {
            shown.push_str(name);
            shown.push(':');
        }
        shown.push_str("***@");
    }
    shown.push_str(host);
    for (index, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name @ ("pass" | "password" | "sentinel_pass"), _)) => {
                shown.push_str(name);
                shown.push_str("=***");
            }
            _ => shown.push_str(pair),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_show_wherever_they_stand() {
        for (given, shown) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://:secret@127.0.0.1/2", "redis://:***@127.0.0.1/2"),
            ("redis://secret@127.0.0.1", "redis://***@127.0.0.1"),
            ("redis://app:se@cr/et?@host", "redis://app:***@host"),
            ("redis+unix:///s?db=1&pass=secret&user=app", "redis+unix:///s?db=1&pass=***&user=app"),
            ("app:secret@host", "app:***@host"),
            ("redis+sentinel://a:secret@h,i/m?sentinel_pass=secret", "redis+sentinel://a:***@h,i/m?sentinel_pass=***"),
            ("app.session_store.FooSessionStore", "app.session_store.FooSessionStore"),
        ] {
            assert_eq!(redacted(given), shown);
        }
    }
}
