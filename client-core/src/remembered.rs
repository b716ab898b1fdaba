use crate::Transport;

/// Which transport worked when the best one did not, and for how many connections that holds. A shell may keep it from
/// page to page, as the number that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered(u32);

/// A page behind a proxy that blocks WebSockets tries one with each tenth connection: often enough to notice that it
/// has been carried home, too seldom to feel what the trials take.
const CONNECTIONS: u32 = 10;
/// For how many connections a server is taken at its word that it offers no WebSocket. One that is restarted with
/// another setting makes a connection fail, which ends this earlier.
const CONNECTIONS_WITHOUT_WEBSOCKET: u32 = 1000;

impl Remembered {
    /// The best transport worked, or nothing is known.
    pub const NOTHING: Self = Self(0);

    /// What a shell has kept. A number that means nothing is as good as none.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// What a shell may keep.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn new(transport: Transport, websocket_offered: bool) -> Self {
        Self::lasting(transport, if websocket_offered { CONNECTIONS } else { CONNECTIONS_WITHOUT_WEBSOCKET })
    }

    fn lasting(transport: Transport, connections: u32) -> Self {
        Self(connections << 2 | transport as u32)
    }

    pub(crate) fn transport(self) -> Option<Transport> {
        Transport::numbered(self.0 & 3).filter(|_| self.0 > 3)
    }

    /// After one more connection.
    pub(crate) fn used(self) -> Self {
        if self.0 >> 2 > 1 { Self(self.0 - 4) } else { Self::NOTHING }
    }
}
