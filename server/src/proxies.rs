//! Whose word is taken for where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderValue, header};
use ipnet::IpNet;

use crate::settings::ProxyHeader;

/// The proxies that stand before the server, and how they say whose requests they bring.
///
/// Only one header is heeded. A proxy passes on what it does not know, so of any other the client would be the author.
pub(crate) struct Proxies {
    trusted: Vec<IpNet>,
    header: ProxyHeader,
}

/// A trusted proxy has not said whose request it brings in a way that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Of the header {0}, the address that the nearest proxies have seen cannot be read (proxy_header).")]
pub(crate) struct Unreadable(ProxyHeader);

/// One station on a request's way, as the next one has written it down.
struct Hop {
    address: IpAddr,
    /// The host that it asked for.
    host: Option<String>,
}

impl Proxies {
    pub(crate) fn new(trusted: Vec<IpNet>, header: ProxyHeader) -> Self {
        Self { trusted, header }
    }

    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// The address of the client whose request `proxy` brings, which is trusted; and the request's `Host` becomes the
    /// one that the client asked for. From here on it is as if the client had come itself.
    ///
    /// The client is the last station that is no trusted proxy. What stands before it, the client may have made up. A
    /// request without the header is the proxy's own, such as a question whether the server is well.
    pub(crate) fn see_through(&self, headers: &mut HeaderMap, proxy: IpAddr) -> Result<IpAddr, Unreadable> {
        let mut client = Hop { address: proxy, host: None };
        for hop in self.hops(headers).into_iter().rev() {
            client = hop.ok_or(Unreadable(self.header))?;
            if !self.trust(client.address) {
                break;
            }
        }
        let host = match self.header {
            ProxyHeader::Forwarded => client.host.and_then(|host| HeaderValue::try_from(host).ok()),
            ProxyHeader::XForwardedFor => headers.get(X_FORWARDED_HOST).and_then(first_of),
        };
        if let Some(host) = host.filter(|host| !host.is_empty()) {
            headers.insert(header::HOST, host);
        }
        Ok(client.address.to_canonical())
    }

    /// The nearest last; `None` for one that cannot be read.
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<Hop>> {
        let name = self.header.name();
        let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("?"));
        match self.header {
            ProxyHeader::XForwardedFor => lines
                .flat_map(|line| line.split(','))
                .map(|address| Some(Hop { address: read_address(address.trim())?, host: None }))
                .collect(),
            ProxyHeader::Forwarded => lines.flat_map(|line| split(line, ',')).map(read_forwarded).collect(),
        }
    }
}

const X_FORWARDED_HOST: &str = "x-forwarded-host";

/// The first of the values in a list, which is the outermost proxy's. No page can send this header to another site
/// without being allowed to, so there is no need to know who wrote it.
fn first_of(list: &HeaderValue) -> Option<HeaderValue> {
    let first = list.to_str().ok()?.split(',').next()?;
    HeaderValue::from_str(first.trim()).ok()
}

/// An address, which some proxies write with the client's port.
fn read_address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok();
    let bare = text.parse().ok();
    bare.or_else(|| bracketed().map(IpAddr::V6)).or_else(|| with_port().map(|address| address.ip()))
}

/// One element of `Forwarded` (RFC 7239, section 4): pairs such as `for="[2001:db8::1]:4711";host=example.com`. One that
/// does not say for whom, or that hides it (section 6), cannot be read.
fn read_forwarded(element: &str) -> Option<Hop> {
    let (mut address, mut host) = (None, None);
    for pair in split(element, ';') {
        let (name, value) = pair.split_once('=')?;
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"')?,
            None => value,
        };
        if name.eq_ignore_ascii_case("for") {
            address = Some(read_address(value)?);
        } else if name.eq_ignore_ascii_case("host") {
            host = Some(value.to_owned());
        }
    }
    Some(Hop { address: address?, host })
}

/// Splits at a character that stands outside quotes, and trims the parts.
fn split(text: &str, at: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let parts = text.split(move |character| {
        quoted ^= character == '"';
        character == at && !quoted
    });
    parts.map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn see(header: ProxyHeader, lines: &[&str]) -> Result<IpAddr, Unreadable> {
        see_host(header, lines).map(|(address, _)| address)
    }

    fn see_host(header: ProxyHeader, lines: &[&str]) -> Result<(IpAddr, String), Unreadable> {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "2001:db8:ffff::/48".parse().unwrap()], header);
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("inside:9999"));
        for line in lines {
            headers.append(header.name(), HeaderValue::from_str(line).unwrap());
        }
        let address = proxies.see_through(&mut headers, PROXY.parse().unwrap())?;
        Ok((address, headers[header::HOST].to_str().unwrap().to_owned()))
    }

    #[test]
    fn the_client_is_the_last_station_that_is_no_trusted_proxy() {
        for (lines, client) in [
            (&["192.0.2.7"] as &[&str], "192.0.2.7"),
            (&["198.51.100.66, 192.0.2.7"], "192.0.2.7"),
            (&["192.0.2.7, 10.1.2.3, 2001:db8:ffff::1"], "192.0.2.7"),
            (&["198.51.100.66", "192.0.2.7,10.1.2.3"], "192.0.2.7"),
            (&["garbage, 192.0.2.7"], "192.0.2.7"),
            (&["192.0.2.7:51000"], "192.0.2.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:51000"], "2001:db8::7"),
            (&["::ffff:192.0.2.7"], "192.0.2.7"),
            (&["10.9.9.9"], "10.9.9.9"),
            (&[], PROXY),
        ] {
            assert_eq!(see(ProxyHeader::XForwardedFor, lines), Ok(client.parse().unwrap()), "{lines:?}");
        }
        for (lines, client) in [
            (&["for=192.0.2.7"] as &[&str], "192.0.2.7"),
            (&["For=\"192.0.2.7:51000\";proto=https;by=10.0.0.1"], "192.0.2.7"),
            (&["for=198.51.100.66, for=192.0.2.7;host=\"a,b;c\", for=10.1.2.3"], "192.0.2.7"),
            (&["for=_hidden, for=\"[2001:db8::7]:51000\""], "2001:db8::7"),
            (&[], PROXY),
        ] {
            assert_eq!(see(ProxyHeader::Forwarded, lines), Ok(client.parse().unwrap()), "{lines:?}");
        }
    }

    #[test]
    fn what_the_nearest_proxies_have_written_must_be_an_address() {
        for line in ["garbage", "", "192.0.2.7,", "unknown", "garbage, 10.1.2.3", "192.0.2.7, 1.2.3", "192.0.2.256"] {
            assert!(see(ProxyHeader::XForwardedFor, &[line]).is_err(), "{line}");
        }
        for line in ["192.0.2.7", "for=unknown", "for=_hidden", "by=192.0.2.7", "for=\"192.0.2.7", "for=192.0.2.7,", ""]
        {
            assert!(see(ProxyHeader::Forwarded, &[line]).is_err(), "{line}");
        }
    }

    #[test]
    fn the_host_is_the_one_that_the_client_asked_for() {
        let host = |line| see_host(ProxyHeader::Forwarded, &[line]).unwrap().1;
        assert_eq!(host("for=192.0.2.7;host=example.com, for=10.1.2.3;host=middle"), "example.com");
        assert_eq!(host("for=198.51.100.66;host=evil.example, for=192.0.2.7"), "inside:9999");
    }
}
