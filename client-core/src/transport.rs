/// How SockJS frames travel. Each next way costs server and network more, and works where its predecessor may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One WebSocket.
    WebSocket = 0,
    /// One long response after the other brings the server's frames, requests of their own take the client's messages.
    XhrStreaming = 1,
    /// The same, with a response for each frame or few: for networks that hold back responses until they end.
    XhrPolling = 2,
}

/// The transports that a client may use, at least one. They are tried in the order of [`Transport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transports(u32);

impl Transports {
    /// The WebSocket alone.
    pub const WEBSOCKET: Self = Self(1);
    /// All.
    pub const ALL: Self = Self(7);

    /// One bit for each, the lowest for the WebSocket. Bits without a transport mean nothing; without one that does, it
    /// is the WebSocket alone.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        if bits & Self::ALL.0 == 0 { Self::WEBSOCKET } else { Self(bits & Self::ALL.0) }
    }

    /// The first of them whose number is at least this.
    pub(crate) fn from(self, number: u32) -> Option<Transport> {
        match (self.0 >> number << number).trailing_zeros() {
            0 => Some(Transport::WebSocket),
            1 => Some(Transport::XhrStreaming),
            2 => Some(Transport::XhrPolling),
            _ => None,
        }
    }

    pub(crate) fn after(self, tried: Transport) -> Option<Transport> {
        self.from(tried as u32 + 1)
    }

    pub(crate) fn is_one(self) -> bool {
        self.0.is_power_of_two()
    }
}
