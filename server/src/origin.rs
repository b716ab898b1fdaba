//! Which pages may connect.

use axum::http::{HeaderMap, header};

/// The origins whose pages may connect, beside the server's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AllowedOrigins {
    /// Every page of the web.
    Any,
    /// These, and pages that come from the host that they connect to.
    Listed(Vec<String>),
}

impl AllowedOrigins {
    /// Takes the setting `allowed_origins`: origins as browsers send them (`https://example.com`), or `*`.
    pub(crate) fn new(setting: &[String]) -> Self {
        if setting.iter().any(|origin| origin == "*") {
            Self::Any
        } else {
            Self::Listed(setting.iter().map(|origin| origin.to_ascii_lowercase()).collect())
        }
    }

    /// Whether the request comes from a page that may connect.
    ///
    /// A client that sends no `Origin` is not a browser, and cookies or scripts of another site are no concern of it.
    /// The origin `null` names nobody and is refused, unless all are allowed.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let (Self::Listed(listed), Some(origin)) = (self, headers.get(header::ORIGIN)) else { return true };
        let Ok(origin) = origin.to_str().map(str::to_ascii_lowercase) else { return false };
        listed.contains(&origin) || is_same_host(&origin, headers)
    }

    /// Whether the request comes from a page that may connect, where it may come from a script or a frame of the page:
    /// browsers send those without `Origin`. `Referer` tells as well; where a page keeps that back, only what a browser
    /// says is from another site is refused.
    pub(crate) fn allow_embedded(&self, headers: &HeaderMap) -> bool {
        let Self::Listed(listed) = self else { return true };
        if headers.contains_key(header::ORIGIN) {
            return self.allow(headers);
        }
        if let Some(referer) = headers.get(header::REFERER) {
            let Some(origin) = referer.to_str().ok().and_then(origin_of) else { return false };
            return listed.contains(&origin) || is_same_host(&origin, headers);
        }
        let site = headers.get(SEC_FETCH_SITE).and_then(|site| site.to_str().ok());
        !matches!(site, Some("cross-site" | "same-site"))
    }

    /// The value of a `Content-Security-Policy` that lets only these origins' pages have a page of ours in a frame;
    /// `None` if all may. In a frame from this server a page would seem to be of this server's own origin.
    pub(crate) fn frame_ancestors(&self) -> Option<String> {
        let Self::Listed(listed) = self else { return None };
        let own = "frame-ancestors 'self'".to_owned();
        Some(listed.iter().fold(own, |policy, origin| policy + " " + origin))
    }
}

/// Says how far a request's page is from the server (Fetch Metadata Request Headers).
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// The origin of an address.
fn origin_of(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{host}").to_ascii_lowercase())
}

/// Whether the origin's host and port are those that the request was sent to. A proxy that ends TLS hides the scheme
/// from the server, so that is not compared.
fn is_same_host(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some() && host.as_deref() == authority
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn request(origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("Example.com:9999"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        headers
    }

    #[test]
    fn by_default_only_pages_of_the_same_host_may_connect() {
        let origins = AllowedOrigins::new(&[]);
        assert!(origins.allow(&request(None)));
        assert!(origins.allow(&request(Some("http://example.com:9999"))));
        assert!(origins.allow(&request(Some("https://example.com:9999"))));
        for other in ["http://example.com", "https://evil.example", "null", "", "example.com:9999"] {
            assert!(!origins.allow(&request(Some(other))), "{other}");
        }
    }

    #[test]
    fn listed_origins_may_connect_too() {
        let origins = AllowedOrigins::new(&["https://App.example".into()]);
        assert!(origins.allow(&request(Some("https://app.example"))));
        assert!(!origins.allow(&request(Some("http://app.example"))));
        assert!(!origins.allow(&request(Some("https://app.example.evil"))));
    }

    #[test]
    fn a_script_or_frame_is_judged_by_the_page_that_it_stands_in() {
        let origins = AllowedOrigins::new(&["https://app.example".into()]);
        let embedded = |name: &'static str, value: &'static str| {
            let mut headers = request(None);
            headers.insert(name, HeaderValue::from_static(value));
            origins.allow_embedded(&headers)
        };
        assert!(origins.allow_embedded(&request(None)));
        assert!(origins.allow_embedded(&request(Some("https://app.example"))));
        assert!(!origins.allow_embedded(&request(Some("https://evil.example"))));
        for address in ["https://App.example/page?q#f", "https://app.example", "http://example.com:9999/x"] {
            assert!(embedded("referer", address), "{address}");
        }
        for address in ["https://evil.example/https://app.example/", "https://app.example@evil.example/", "about:blank"]
        {
            assert!(!embedded("referer", address), "{address}");
        }
        for (site, allowed) in [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false)] {
            assert_eq!(embedded("sec-fetch-site", site), allowed, "{site}");
        }
        assert_eq!(origins.frame_ancestors().unwrap(), "frame-ancestors 'self' https://app.example");
    }

    #[test]
    fn a_star_lets_everyone_in() {
        assert!(AllowedOrigins::new(&["*".into()]).allow(&request(Some("https://evil.example"))));
    }
}
