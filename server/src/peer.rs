use std::{net::IpAddr, sync::Arc};

use tokio::sync::Notify;

use crate::admission::Seat;

/// The client of an HTTP request; each request carries this as an extension. Requests that come without a proxy share
/// it with all of their connection's.
#[derive(Debug)]
pub(crate) struct Peer {
    address: IpAddr,
    cut: Arc<Notify>,
    /// Held for as long as anything of the client's is under way.
    _seat: Option<Seat>,
}

impl Peer {
    /// `cut` is what ends the HTTP connection, by which the request came.
    pub(crate) fn new(address: IpAddr, cut: Arc<Notify>, seat: Option<Seat>) -> Self {
        Self { address: address.to_canonical(), cut, _seat: seat }
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether this peer's address is, as far as can be told, of the same client as `other`.
    ///
    /// An IPv6 host changes the lower half of its address as it likes, sometimes between two requests.
    pub(crate) fn is_at(&self, other: IpAddr) -> bool {
        match (self.address, other.to_canonical()) {
            (IpAddr::V6(own), IpAddr::V6(other)) => own.segments()[..4] == other.segments()[..4],
            (own, other) => own == other,
        }
    }

    /// Ends the HTTP connection at once, whatever is under way on it.
    pub(crate) fn cut_off(&self) {
        self.cut.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_may_change_the_lower_half_of_an_ipv6_address_only() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("192.0.2.1", "2001:db8::1", false),
        ] {
            let peer = Peer::new(one.parse().unwrap(), Arc::default(), None);
            assert_eq!(peer.is_at(other.parse().unwrap()), same, "{one} and {other}");
        }
    }
}
