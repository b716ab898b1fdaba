use crate::{Remembered, Transport, Transports};

/// The shortest time that a try gets, in milliseconds. A round trip says how fast the network is, not how busy the
/// server and the page are.
const SHORTEST_TRY_MS: u32 = 2000;

/// Which transport to try next.
///
/// An attempt begins with one try, and mostly ends with it: of what worked the last time, or of the best. When that
/// fails, the server is asked whether it is there at all (`/info`); if so, all transports get a try from the best
/// downwards, as SockJS does it.
pub(crate) struct Choice {
    allowed: Transports,
    /// What is being tried, or `None` while the server is being asked.
    tried: Option<Transport>,
    remembered: Remembered,
    /// For how many connections a success is remembered. 0: the server has not been asked in this attempt.
    lasting: u32,
    try_ms: u32,
}

impl Choice {
    pub(crate) const fn new() -> Self {
        Self { allowed: Transports::WEBSOCKET, tried: None, remembered: Remembered::NOTHING, lasting: 0, try_ms: 0 }
    }

    /// Another endpoint, over these transports.
    pub(crate) fn reset(&mut self, allowed: Transports, remembered: Remembered) {
        self.allowed = allowed;
        self.remembered = remembered;
    }

    pub(crate) fn remembered(&self) -> Remembered {
        self.remembered
    }

    /// The transport to try, or `None` to ask the server.
    pub(crate) fn tried(&self) -> Option<Transport> {
        self.tried
    }

    /// How long that may take, in milliseconds, where a connection may take `limit_ms`. What nothing can follow gets
    /// all of it.
    pub(crate) fn patience_ms(&self, limit_ms: u32) -> u32 {
        match self.tried {
            Some(tried) if self.allowed.after(tried).is_some() => self.try_ms.min(limit_ms),
            _ => limit_ms,
        }
    }

    /// Begins an attempt that may take so many milliseconds. Half of that is a guess at how long is too long.
    pub(crate) fn begin(&mut self, limit_ms: u32) {
        self.lasting = 0;
        self.try_ms = limit_ms / 2;
        self.tried = self.remembered.transport(self.allowed).or(self.allowed.from(0));
    }

    /// The present try has failed. Answers whether there is another one.
    pub(crate) fn go_on(&mut self) -> bool {
        let Some(tried) = self.tried else { return false };
        let asked = self.lasting > 0;
        self.tried = self.allowed.after(tried).filter(|_| asked);
        if asked { self.tried.is_some() } else { !self.allowed.is_one() }
    }

    /// The server is there: whether it offers a WebSocket, and how long the answer took. Returns whether it was asked.
    pub(crate) fn informed(&mut self, websocket: bool, round_trip_ms: u32) -> bool {
        if self.tried.is_some() {
            return false;
        }
        // Had the server been away, its failure would have said nothing about what was remembered.
        self.remembered = Remembered::NOTHING;
        self.lasting = if websocket { Remembered::CONNECTIONS } else { Remembered::CONNECTIONS_WITHOUT_WEBSOCKET };
        self.try_ms = try_ms(round_trip_ms);
        // There is something but the WebSocket, else nobody would have asked.
        self.tried = self.allowed.from(u32::from(!websocket));
        true
    }

    /// The present try has succeeded.
    pub(crate) fn succeeded(&mut self) {
        self.remembered = match self.tried {
            Some(tried) if self.allowed.from(0) != Some(tried) => {
                if self.lasting == 0 {
                    self.remembered.used()
                } else {
                    Remembered::lasting(tried, self.lasting)
                }
            }
            _ => Remembered::NOTHING,
        };
    }
}

/// Two of SockJS's retransmission timeouts (sockjs-client, `countRTO`): 300 ms more than a fast round trip, four times
/// a slow one.
fn try_ms(round_trip_ms: u32) -> u32 {
    let timeout = if round_trip_ms > 100 { round_trip_ms.saturating_mul(4) } else { round_trip_ms + 300 };
    timeout.saturating_mul(2).max(SHORTEST_TRY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_lasts_two_timeouts_of_sockjs_but_two_seconds_at_least() {
        assert_eq!([0, 100, 250, 300, 2000].map(try_ms), [2000, 2000, 2000, 2400, 16_000]);
        assert_eq!(try_ms(u32::MAX), u32::MAX);
    }

    #[test]
    fn whatever_number_was_kept_names_a_transport_or_none() {
        for number in (0..64).chain([u32::MAX, u32::MAX - 1]) {
            let kept = Remembered::from_number(number);
            let known = kept.transport(Transports::ALL);
            assert_eq!(known.is_some(), number > 3 && number & 3 != 3, "{number}");
            let used = kept.used().transport(Transports::ALL);
            assert!(used.is_none() || used == known);
        }
    }
}
