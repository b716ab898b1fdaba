//! How many peers there may be, in total and from one address.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::http::StatusCode;

/// Counts sockets from the moment they are accepted, and what each address has: sockets, SockJS sessions, and where a
/// proxy brings them, requests under way.
pub(crate) struct Admission {
    max_sockets: usize,
    /// 0 is no limit.
    max_per_address: usize,
    sockets: AtomicUsize,
    keys: RandomState,
    by_address: Mutex<HashMap<AddressKey, u32>>,
}

/// Stands for an address. Of an IPv6 address the first half counts, since a host has all of the lower half for itself.
///
/// It is a hash under the server's own secret, which keeps what every connection carries at four bytes. Two addresses
/// share one now and then, and nobody can arrange for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AddressKey(u32);

/// Why a peer is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    /// There are `max_connections`.
    Full(usize),
    /// There are `max_connections_per_address` from this one.
    Crowded(usize),
}

impl TurnedAway {
    /// How long a peer should stay away.
    pub(crate) const RETRY_AFTER_SECONDS: u32 = 10;

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Crowded(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

impl fmt::Display for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(limit) => write!(f, "The server is full: max_connections is {limit}."),
            Self::Crowded(limit) => {
                write!(f, "Too many connections from this address: max_connections_per_address is {limit}.")
            }
        }
    }
}

/// A place among the counted, given up when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    admission: Arc<Admission>,
    is_socket: bool,
    address: Option<AddressKey>,
}

impl Admission {
    pub(crate) fn new(max_sockets: usize, max_per_address: usize) -> Self {
        Self {
            max_sockets,
            max_per_address,
            sockets: AtomicUsize::new(0),
            keys: RandomState::new(),
            by_address: Mutex::default(),
        }
    }

    fn by_address(&self) -> MutexGuard<'_, HashMap<AddressKey, u32>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn key(&self, address: IpAddr) -> AddressKey {
        let hash = match address.to_canonical() {
            IpAddr::V4(address) => self.keys.hash_one(address),
            IpAddr::V6(address) => self.keys.hash_one(&address.segments()[..4]),
        };
        // Any half of a hash is one.
        #[allow(clippy::cast_possible_truncation)]
        AddressKey(hash as u32)
    }

    /// Lets in a socket that has just been accepted. Its address is `None` where that is a proxy's, which brings many
    /// clients.
    pub(crate) fn admit_socket(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Seat, TurnedAway> {
        let seat = |address| Seat { admission: Arc::clone(self), is_socket: true, address };
        if self.sockets.fetch_add(1, Ordering::Relaxed) >= self.max_sockets {
            self.sockets.fetch_sub(1, Ordering::Relaxed);
            return Err(TurnedAway::Full(self.max_sockets));
        }
        // From here on the socket is given back with the seat.
        let mut seat = seat(None);
        seat.address = address.map(|address| self.count(address)).transpose()?;
        Ok(seat)
    }

    /// Lets in a request that a proxy brings for a client.
    pub(crate) fn admit_request(self: &Arc<Self>, client: IpAddr) -> Result<Seat, TurnedAway> {
        let address = Some(self.count(client)?);
        Ok(Seat { admission: Arc::clone(self), is_socket: false, address })
    }

    fn count(&self, address: IpAddr) -> Result<AddressKey, TurnedAway> {
        let key = self.key(address);
        if self.max_per_address > 0 {
            let mut by_address = self.by_address();
            let count = by_address.entry(key).or_default();
            if *count as usize >= self.max_per_address {
                return Err(TurnedAway::Crowded(self.max_per_address));
            }
            *count += 1;
        }
        Ok(key)
    }

    /// Counts a SockJS session, which has no socket of its own.
    pub(crate) fn admit_session(&self, address: IpAddr) -> Result<(), TurnedAway> {
        self.count(address).map(drop)
    }

    /// Undoes [`admit_session`](Self::admit_session).
    pub(crate) fn session_ended(&self, address: IpAddr) {
        self.leave_address(self.key(address));
    }

    /// Counts a WebSocket whose handshake has been counted, and goes on being until this has returned.
    pub(crate) fn websocket_opened(&self, address: AddressKey) {
        self.sockets.fetch_add(1, Ordering::Relaxed);
        if self.max_per_address > 0 {
            *self.by_address().entry(address).or_default() += 1;
        }
    }

    /// Undoes [`websocket_opened`](Self::websocket_opened).
    pub(crate) fn websocket_closed(&self, address: AddressKey) {
        self.sockets.fetch_sub(1, Ordering::Relaxed);
        self.leave_address(address);
    }

    fn leave_address(&self, address: AddressKey) {
        if self.max_per_address == 0 {
            return;
        }
        let mut by_address = self.by_address();
        let Some(count) = by_address.get_mut(&address) else { return };
        *count -= 1;
        if *count == 0 {
            by_address.remove(&address);
            if by_address.is_empty() {
                // A burst of connections leaves no memory behind.
                by_address.shrink_to_fit();
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.is_socket {
            self.admission.sockets.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(address) = self.address {
            self.admission.leave_address(address);
        }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(max_sockets: usize, max_per_address: usize) -> Arc<Admission> {
        Arc::new(Admission::new(max_sockets, max_per_address))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_seat_that_is_given_up_is_free_again() {
        let admission = admission(2, 1);
        let first = admission.admit_socket(Some(address("192.0.2.1"))).unwrap();
        assert_eq!(admission.admit_socket(Some(address("192.0.2.1"))).unwrap_err(), TurnedAway::Crowded(1));
        let second = admission.admit_socket(Some(address("192.0.2.2"))).unwrap();
        assert_eq!(admission.admit_socket(Some(address("192.0.2.3"))).unwrap_err(), TurnedAway::Full(2));
        drop(first);
        let first = admission.admit_socket(Some(address("192.0.2.1"))).unwrap();
        drop((first, second));
        assert_eq!(admission.sockets.load(Ordering::Relaxed), 0);
        assert_eq!(admission.by_address().capacity(), 0);
    }

    #[test]
    fn of_an_ipv6_address_the_first_half_counts() {
        let admission = admission(10, 1);
        for (one, other, same) in [
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            let _seat = admission.admit_socket(Some(address(one))).unwrap();
            assert_eq!(admission.admit_request(address(other)).is_err(), same, "{one} and {other}");
        }
    }

    #[test]
    fn a_websocket_keeps_the_place_that_its_handshake_had() {
        let admission = admission(1, 1);
        let client = address("192.0.2.1");
        let handshake = admission.admit_socket(Some(client)).unwrap();
        admission.websocket_opened(admission.key(client));
        drop(handshake);
        assert_eq!(admission.admit_socket(Some(client)).unwrap_err(), TurnedAway::Full(1));
        assert_eq!(admission.admit_request(client).unwrap_err(), TurnedAway::Crowded(1));
        admission.websocket_closed(admission.key(client));
        assert!(admission.admit_socket(Some(client)).is_ok());
    }

    #[test]
    fn without_a_limit_addresses_are_not_kept() {
        let admission = admission(10, 0);
        let _seats: Vec<_> = (0..10).map(|_| admission.admit_socket(Some(address("192.0.2.1"))).unwrap()).collect();
        assert!(admission.by_address().is_empty());
    }
}
