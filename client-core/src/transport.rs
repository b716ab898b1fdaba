/// How SockJS frames travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One WebSocket.
    WebSocket = 0,
    /// One long response after the other brings the server's frames, requests of their own take the client's messages.
    XhrStreaming = 1,
    /// The same, with a response for each frame or few: for networks that hold back responses until they end.
    XhrPolling = 2,
}

/// Those in their order: each next one costs server and network more, and works where its predecessor may not.
const LADDER: [Transport; 3] = [Transport::WebSocket, Transport::XhrStreaming, Transport::XhrPolling];

impl Transport {
    pub(crate) fn numbered(number: u32) -> Option<Self> {
        LADDER.into_iter().find(|transport| *transport as u32 == number)
    }
}

/// The transports that a client may use. They are tried in the order of [`Transport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transports(u32);

impl Transports {
    /// The WebSocket alone.
    pub const WEBSOCKET: Self = Self(1);
    /// All.
    pub const ALL: Self = Self(7);

    /// One bit for each, the lowest for the WebSocket. Bits without a transport mean nothing.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    pub(crate) fn contains(self, transport: Transport) -> bool {
        self.0 >> transport as u32 & 1 != 0
    }

    /// The first of them.
    pub(crate) fn first(self) -> Option<Transport> {
        LADDER.into_iter().find(|transport| self.contains(*transport))
    }

    /// The next of them.
    pub(crate) fn after(self, tried: Transport) -> Option<Transport> {
        LADDER.into_iter().find(|transport| *transport as u32 > tried as u32 && self.contains(*transport))
    }
}
