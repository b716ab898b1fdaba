/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No connection is wanted: none was asked for, the application ended it, or the server said to stay away.
    Idle,
    /// A socket is opening, or one did not and the server is being asked whether it is there at all; the timer bounds
    /// how long that may take.
    Connecting,
    /// Messages flow; the timer watches for silence.
    Open {
        /// What they stand in.
        framing: Framing,
        /// When anything came last; where nothing is promised to come, when the page was last known to run.
        heard_at: u32,
    },
    /// The last connection failed; the timer says when to try again.
    Waiting,
    /// The page is hidden away (`pagehide`) or frozen; it connects when it comes back.
    Suspended,
}

impl State {
    /// Whether messages can be sent.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// Whether a socket exists, open or opening.
    #[must_use]
    pub fn has_socket(self) -> bool {
        matches!(self, Self::Connecting | Self::Open { .. })
    }
}

/// What messages stand in on an open connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// In SockJS frames. The server sends a heartbeat frame every 25 seconds, so silence means a dead peer.
    SockJs,
    /// One message in each WebSocket message. Nobody promises to say anything, so silence means nothing.
    Raw,
}
