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
    fn a_star_lets_everyone_in() {
        assert!(AllowedOrigins::new(&["*".into()]).allow(&request(Some("https://evil.example"))));
    }
}
