use super::{Kind, quoted};

/// Origins in the form in which browsers send them, or `*`.
pub(in crate::settings) struct Origins;

impl Kind for Origins {
    type Value = Vec<String>;

    const PLACEHOLDER: &'static str = "ORIGINS";
    const IS_LIST: bool = true;

    fn parse(text: &str) -> Result<Vec<String>, String> {
        let mut origins: Vec<String> = Vec::new();
        for origin in text.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
            if origin != "*" && !is_origin(origin) {
                return Err(format!(
                    "a list of origins such as https://example.com or http://localhost:8000, without a path and in \
                     small letters, or * for all; `{origin}` is neither"
                ));
            }
            if !origins.iter().any(|known| known == origin) {
                origins.push(origin.to_owned());
            }
        }
        Ok(origins)
    }

    fn toml(value: &Vec<String>) -> Option<String> {
        let origins: Vec<toml::Value> = value.iter().map(|origin| toml::Value::from(origin.as_str())).collect();
        Some(toml::Value::from(origins).to_string())
    }
}

/// The address by which browsers reach a server: an origin of http or https.
pub(in crate::settings) struct WebOrigin;

impl Kind for WebOrigin {
    type Value = String;

    const PLACEHOLDER: &'static str = "ORIGIN";

    fn parse(text: &str) -> Result<String, String> {
        let is_web = text.starts_with("http://") || text.starts_with("https://");
        if is_web && is_origin(text) {
            Ok(text.to_owned())
        } else {
            Err("http:// or https:// and a host, such as https://live.example.com, without a path and in small letters"
                .to_owned())
        }
    }

    fn toml(value: &String) -> Option<String> {
        quoted(value)
    }
}

/// Whether this is what a browser sends as `Origin`: scheme, host and, unless it is the scheme's own, port. Anything
/// else would be compared with it and never match.
fn is_origin(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte));
    // An IPv6 address has colons of its own, inside brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_host_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_host_byte),
    };
    let own_port = match scheme {
        "http" => Some("80"),
        "https" => Some("443"),
        _ => None,
    };
    let is_port = port.is_none_or(|port| {
        !port.starts_with('0') && port.parse::<u16>().is_ok() && !port.starts_with('+') && Some(port) != own_port
    });
    is_scheme && is_host && is_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_could_send_is_an_origin() {
        for origin in [
            "https://example.com",
            "http://localhost:8000",
            "http://[::1]:8000",
            "https://[2001:db8::1]",
            "chrome-extension://abcdefgh",
        ] {
            assert!(is_origin(origin), "{origin}");
        }
        for other in [
            "example.com",
            "https://example.com/",
            "https://Example.com",
            "HTTPS://example.com",
            "https://example.com:443",
            "https://example.com:",
            "https://example.com:070000",
            "https://user@example.com",
            "https://*.example.com",
            "https://",
            "null",
        ] {
            assert!(!is_origin(other), "{other}");
        }
    }
}
