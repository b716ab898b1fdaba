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
    tried: Transport,
    remembered: Remembered,
    /// What the server has answered in this attempt.
    info: Option<Info>,
}

#[derive(Clone, Copy)]
struct Info {
    websocket: bool,
    try_ms: u32,
}

/// What follows a try that failed.
pub(crate) enum AfterTry {
    AskInfo,
    Try(Transport),
    GiveUp,
}

impl Choice {
    pub(crate) const fn new() -> Self {
        Self {
            allowed: Transports::WEBSOCKET,
            tried: Transport::WebSocket,
            remembered: Remembered::NOTHING,
            info: None,
        }
    }

    /// Another endpoint, over these transports.
    pub(crate) fn reset(&mut self, allowed: Transports, remembered: Remembered) {
        self.allowed = allowed;
        self.remembered = remembered;
    }

    pub(crate) fn remembered(&self) -> Remembered {
        self.remembered
    }

    /// The first try of an attempt.
    pub(crate) fn begin(&mut self) -> Transport {
        self.info = None;
        let known = self.remembered.transport().filter(|transport| self.allowed.contains(*transport));
        self.tried = known.or(self.allowed.first()).unwrap_or(Transport::WebSocket);
        self.tried
    }

    /// How long the present try may take, in milliseconds, when a connection may take `limit_ms`.
    ///
    /// The last resort gets all of it. Before the server has been asked, half is a guess at how long is too long.
    pub(crate) fn patience_ms(&self, limit_ms: u32) -> u32 {
        match self.info {
            None if self.is_only() => limit_ms,
            None => limit_ms / 2,
            Some(_) if self.allowed.after(self.tried).is_none() => limit_ms,
            Some(info) => info.try_ms.min(limit_ms),
        }
    }

    /// The present try has failed.
    pub(crate) fn failed(&mut self) -> AfterTry {
        if self.info.is_none() {
            return if self.is_only() { AfterTry::GiveUp } else { AfterTry::AskInfo };
        }
        self.allowed.after(self.tried).map_or(AfterTry::GiveUp, |next| self.attempt(next))
    }

    /// The server is there: whether it offers a WebSocket, and how long the answer took.
    pub(crate) fn informed(&mut self, websocket: bool, round_trip_ms: u32) -> AfterTry {
        // Had the server been away, its failure would say nothing about what was remembered.
        self.remembered = Remembered::NOTHING;
        self.info = Some(Info { websocket, try_ms: try_ms(round_trip_ms) });
        let first = if websocket { self.allowed.first() } else { self.allowed.after(Transport::WebSocket) };
        first.map_or(AfterTry::GiveUp, |first| self.attempt(first))
    }

    /// The present try has succeeded.
    pub(crate) fn succeeded(&mut self) {
        self.remembered = match self.info {
            _ if Some(self.tried) == self.allowed.first() => Remembered::NOTHING,
            Some(info) => Remembered::new(self.tried, info.websocket),
            None => self.remembered.used(),
        };
    }

    fn attempt(&mut self, transport: Transport) -> AfterTry {
        self.tried = transport;
        AfterTry::Try(transport)
    }

    fn is_only(&self) -> bool {
        self.allowed.first().is_none_or(|first| self.allowed.after(first).is_none())
    }
}

/// Two of SockJS's retransmission timeouts (sockjs-client, `countRTO`): 300 ms more than a fast round trip, four times
/// a slow one.
fn try_ms(round_trip_ms: u32) -> u32 {
    let timeout = if round_trip_ms > 100 { round_trip_ms.saturating_mul(4) } else { round_trip_ms.saturating_add(300) };
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
            let mut kept = Remembered::from_number(number);
            let known = kept.transport();
            assert_eq!(known.is_some(), number > 3 && number & 3 != 3, "{number}");
            kept = kept.used();
            assert!(kept.transport().is_none() || kept.transport() == known);
        }
    }
}
