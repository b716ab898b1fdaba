use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::{Connection, Moment};
use crate::heartbeat::Slot;

/// Where a connection stands in a heartbeat schedule, if it does.
pub(super) struct AtomicSlot(AtomicU32);

impl AtomicSlot {
    const NONE: u32 = u32::MAX;

    pub(super) fn new() -> Self {
        Self(AtomicU32::new(Self::NONE))
    }

    pub(super) fn replace(&self, slot: Option<Slot>) -> Option<Slot> {
        let old = self.0.swap(slot.map_or(Self::NONE, |Slot(index)| index), Ordering::AcqRel);
        (old != Self::NONE).then_some(Slot(old))
    }
}

impl Connection {
    /// Changes how often this peer gets a heartbeat message, counted from now; `None` stops them. The first one comes
    /// after one whole interval.
    ///
    /// Intervals are rounded up so that heartbeats meet, by a fiftieth and 0.8 s at most, or 50 ms. One that is not shorter
    /// than the store's TTL lets sessions expire.
    pub fn set_heartbeat_interval(&self, interval: Option<Duration>) {
        self.schedule_heartbeats(interval.map(|interval| (interval, interval)));
    }

    /// The first heartbeat message comes after the first of these times, the others after the second, each.
    pub(super) fn schedule_heartbeats(&self, times: Option<(Duration, Duration)>) {
        let schedule = &self.service().heartbeat_messages;
        let slot = times.map(|(first, interval)| schedule.insert(self.clone(), first, interval));
        if let Some(old) = self.inner.heartbeat_message.replace(slot) {
            schedule.remove(old);
        }
        // Else a handle that outlives its connection would keep it in the schedule.
        if !self.is_registered()
            && let Some(late) = self.inner.heartbeat_message.replace(None)
        {
            schedule.remove(late);
        }
    }

    /// A heartbeat message is sent to the peer now.
    pub(crate) fn beat(&self, uptime: Duration) {
        self.inner.beats.sent(Moment::after(uptime));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{ErrorKind, Read},
        net::{TcpListener, TcpStream},
        sync::Arc,
    };
    use tokio::{
        task::yield_now,
        time::{Instant, advance},
    };

    use crate::{
        connection::OriginName, server::Server, settings::Settings, stream::Stream, testing::TestServer,
        websocket::Framing,
    };

    /// A WebSocket without its handshake.
    fn open(framing: Framing, like: &Connection) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, address) = listener.accept().unwrap();
        peer.set_nonblocking(true).unwrap();
        socket.set_nonblocking(true).unwrap();
        let stream = Stream::Plain(socket.try_into().unwrap());
        (Connection::register(&like.inner.endpoint, stream, framing, address.ip(), OriginName::NONE), peer)
    }

    /// What has come.
    fn read(mut peer: &TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        let error = peer.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_heartbeat_frame_comes_one_interval_after_the_opening_and_so_does_each_after_the_other() {
        const STEP: Duration = Duration::from_millis(10);
        let settings = Settings { heartbeat_enabled: false, ..Settings::default() };
        let interval = settings.heartbeat_frame_interval;
        let server = TestServer::new(Server::builder().settings(settings)).await.unwrap();
        let (service, page) = (Arc::clone(server.service()), server.connect().await);
        tokio::spawn(async move { service.send_heartbeat_frames().await });

        let mut peers = Vec::new();
        for (wait, framing) in [
            (0, Framing::SockJs),
            (80, Framing::Raw),
            (10, Framing::SockJs),
            (9_990, Framing::SockJs),
            (5, Framing::Raw),
        ] {
            advance(Duration::from_millis(wait)).await;
            let (connection, peer) = open(framing, page.connection());
            peers.push((Instant::now(), connection, peer, Vec::new()));
        }
        while peers.iter().any(|(.., frames)| frames.len() < 3) {
            advance(STEP).await;
            // The sweep, and the socket's turn.
            yield_now().await;
            yield_now().await;
            for (opened, connection, peer, frames) in &mut peers {
                let bytes = read(peer);
                if !bytes.is_empty() {
                    frames.push((opened.elapsed(), bytes));
                    // Else it is sent pings.
                    connection.heard();
                }
            }
        }
        for (_, connection, _, frames) in peers {
            let frame: &[u8] = if connection.framing() == Framing::SockJs { b"\x81\x01h" } else { b"\x89\x00" };
            for (count, (after, bytes)) in (1..).zip(frames) {
                assert_eq!(bytes, frame);
                let late = after.checked_sub(interval * count).expect("before its time");
                assert!(late <= interval / 256 + 2 * STEP, "{late:?} late");
            }
        }
    }
}
