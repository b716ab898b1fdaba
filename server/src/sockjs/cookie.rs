use axum::http::{HeaderMap, HeaderValue, header};

const NAME: &str = "JSESSIONID";

/// The `Set-Cookie` by which load balancers keep a client on one server (SockJS 0.3.3, "JSESSIONID cookie"): the cookie
/// that the client has, or one without meaning.
pub(super) fn sticky(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, value)| (name == NAME).then_some(value))
        .unwrap_or("dummy");
    HeaderValue::try_from(format!("{NAME}={value}; path=/")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_keeps_the_cookie_that_it_has() {
        for (cookies, expected) in [
            ("", "JSESSIONID=dummy; path=/"),
            ("JSESSIONID=abc", "JSESSIONID=abc; path=/"),
            ("a=b; JSESSIONID=node1.x=y; c", "JSESSIONID=node1.x=y; path=/"),
            ("XJSESSIONID=abc", "JSESSIONID=dummy; path=/"),
        ] {
            let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(cookies))]);
            assert_eq!(sticky(&headers).unwrap(), expected, "{cookies}");
        }
    }
}
