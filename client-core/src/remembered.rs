use crate::{Transport, Transports};

/// Which transport worked when the best one did not, and for how many connections that holds. A shell may keep it from
/// page to page, as the number that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered(u32);

impl Remembered {
    /// A page behind a proxy that blocks WebSockets tries one after so many connections: often enough to notice that it
    /// has been carried home, too seldom to feel what the trials take.
    pub(crate) const CONNECTIONS: u32 = 10;
    /// For how many connections a server is taken at its word that it offers no WebSocket.
    pub(crate) const CONNECTIONS_WITHOUT_WEBSOCKET: u32 = 1000;

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

    pub(crate) fn lasting(transport: Transport, connections: u32) -> Self {
        Self(connections << 2 | transport as u32)
    }

    /// The transport, if there is one and it is among these.
    pub(crate) fn transport(self, allowed: Transports) -> Option<Transport> {
        allowed.from(self.0 & 3).filter(|transport| self.0 > 3 && *transport as u32 == self.0 & 3)
    }

    /// After one more connection.
    pub(crate) fn used(self) -> Self {
        if self.0 >> 2 > 1 { Self(self.0 - 4) } else { Self::NOTHING }
    }
}
