//! A SockJS session that has no socket of its own: requests come and fetch what waits for the peer.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use swampdragon_protocol::{CloseCode, SockJsFrame, close_code, encode_elements};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, sleep_until},
};

use crate::{connection::OriginName, peer::Peer};

/// What waits for the peer of a SockJS session, and the request that receives it: at most one at a time.
pub(crate) struct PolledSession {
    id: Box<str>,
    /// Where the request came from that opened the session.
    address: IpAddr,
    /// Of the page that opened the session.
    origin: OriginName,
    state: Mutex<State>,
    /// Tells the session's task that it has closed, or has got or lost its receiver.
    changed: Notify,
    /// Tells who waits to receive that nobody does any more.
    receiver_gone: Notify,
    sends: mpsc::Sender<Batch>,
}

/// The messages of one request. Dropping it tells the request that they will not be handled.
pub(super) struct Batch {
    pub(super) messages: Vec<String>,
    pub(super) handled: oneshot::Sender<()>,
}

struct State {
    /// Whether a receiver has been told that the session is open.
    opened: bool,
    /// Elements of the next `a[...]` frame.
    waiting: Vec<String>,
    waiting_bytes: usize,
    receiver: Receiving,
    closed: Option<Closed>,
}

enum Receiving {
    By(Attached),
    NobodySince(Instant),
}

struct Attached {
    peer: Arc<Peer>,
    heartbeat_due: bool,
    waker: Option<Waker>,
}

struct Closed {
    frame: String,
    end: End,
}

/// How a session came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// What the application is told.
    pub(super) code: u16,
    pub(super) at: Instant,
    /// Whether the peer may still come and be told why.
    pub(super) peer_may_ask: bool,
}

/// Why a request does not receive.
pub(super) enum NotAttached {
    /// Another one does.
    Busy,
    /// The session is over: these frames are the last.
    Closed(Vec<String>),
}

fn close_frame(code: CloseCode) -> String {
    SockJsFrame::Close { code: code.code, reason: code.reason.into() }.encode()
}

impl PolledSession {
    /// A session, and what is sent to it, for its task.
    pub(super) fn new(id: &str, address: IpAddr, origin: OriginName) -> (Self, mpsc::Receiver<Batch>) {
        // One batch waits while another is handled; more wait in their own requests, which are not read meanwhile.
        let (sends, batches) = mpsc::channel(1);
        let state = State {
            opened: false,
            waiting: Vec::new(),
            waiting_bytes: 0,
            receiver: Receiving::NobodySince(Instant::now()),
            closed: None,
        };
        let session = Self {
            id: id.into(),
            address,
            origin,
            state: Mutex::new(state),
            changed: Notify::new(),
            receiver_gone: Notify::new(),
            sends,
        };
        (session, batches)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below leaves the state whole, so a panic elsewhere cannot have spoilt it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    pub(crate) fn origin(&self) -> OriginName {
        self.origin
    }

    /// With which code the session was closed.
    pub(crate) fn close_code(&self) -> Option<u16> {
        self.state().closed.as_ref().map(|closed| closed.end.code)
    }

    /// Waits for the turn to send; turns come in the order in which they were asked for. `None` when the session is
    /// over.
    pub(super) async fn turn_to_send(&self) -> Option<mpsc::Permit<'_, Batch>> {
        self.sends.reserve().await.ok().filter(|_| self.is_open())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state().closed.is_none()
    }

    /// Puts an element of a frame by for the peer. Past `limit` bytes the session closes.
    pub(crate) fn send(&self, element: &str, limit: usize) {
        let mut state = self.state();
        if state.closed.is_some() {
            return;
        }
        if state.waiting_bytes + element.len() > limit {
            tracing::warn!(limit, "peer reads too slowly (max_outgoing_bytes): closed");
            state.waiting = Vec::new();
            state.waiting_bytes = 0;
            drop(state);
            return self.close(close_code::SLOW_READER);
        }
        state.waiting_bytes += element.len();
        state.waiting.push(element.to_owned());
        wake(state);
    }

    /// Has whoever receives get a heartbeat frame. A peer that is not there needs none.
    pub(crate) fn heartbeat(&self) {
        let mut state = self.state();
        if let Receiving::By(attached) = &mut state.receiver {
            attached.heartbeat_due = true;
        }
        wake(state);
    }

    /// Closes the session. The peer gets what waits for it, and then this code as often as it asks.
    pub(crate) fn close(&self, code: CloseCode) {
        self.end(code, code.code, true);
    }

    fn end(&self, told: CloseCode, code: u16, peer_may_ask: bool) {
        let mut state = self.state();
        if state.closed.is_some() {
            return;
        }
        state.closed = Some(Closed { frame: close_frame(told), end: End { code, at: Instant::now(), peer_may_ask } });
        wake(state);
        self.changed.notify_one();
    }

    /// Waits until the session is over, be it that nobody has received for `disconnect_delay`.
    pub(super) async fn ended(&self, disconnect_delay: Duration) -> End {
        loop {
            let deadline = {
                let state = self.state();
                if let Some(closed) = &state.closed {
                    return closed.end;
                }
                match state.receiver {
                    Receiving::By(_) => None,
                    Receiving::NobodySince(instant) => Some(instant + disconnect_delay),
                }
            };
            match deadline {
                None => self.changed.notified().await,
                Some(deadline) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = sleep_until(deadline) => self.end_if_forsaken(disconnect_delay),
                },
            }
        }
    }

    fn end_if_forsaken(&self, disconnect_delay: Duration) {
        let state = self.state();
        if matches!(state.receiver, Receiving::NobodySince(instant) if instant.elapsed() >= disconnect_delay) {
            drop(state);
            self.end(close_code::GO_AWAY, close_code::ABNORMAL.code, false);
        }
    }

    /// Waits until no request receives.
    pub(super) async fn no_receiver(&self) {
        loop {
            let gone = self.receiver_gone.notified();
            tokio::pin!(gone);
            // From here on no change is missed.
            gone.as_mut().enable();
            if matches!(self.state().receiver, Receiving::NobodySince(_)) {
                return;
            }
            gone.await;
        }
    }

    /// Ends the HTTP connection of the request that receives, if one does.
    pub(super) fn cut_off_receiver(&self) {
        if let Receiving::By(attached) = &self.state().receiver {
            attached.peer.cut_off();
        }
    }

    /// Makes a request of `peer` the one that receives.
    pub(super) fn attach(&self, peer: &Arc<Peer>) -> Result<(), NotAttached> {
        let mut state = self.state();
        if let (Some(closed), true) = (&state.closed, state.opened) {
            let last = closed.frame.clone();
            return Err(NotAttached::Closed(state.take_waiting().into_iter().chain([last]).collect()));
        }
        if matches!(state.receiver, Receiving::By(_)) {
            return Err(NotAttached::Busy);
        }
        state.receiver = Receiving::By(Attached { peer: Arc::clone(peer), heartbeat_due: false, waker: None });
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// The next frame for the request that receives. After a close frame none comes.
    pub(super) fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Frame> {
        let mut state = self.state();
        if !state.opened {
            state.opened = true;
            return Poll::Ready(Frame::Next(SockJsFrame::Open.encode()));
        }
        if let Some(frame) = state.take_waiting() {
            return Poll::Ready(Frame::Next(frame));
        }
        if let Some(closed) = &state.closed {
            return Poll::Ready(Frame::Last(closed.frame.clone()));
        }
        if let Receiving::By(attached) = &mut state.receiver {
            if std::mem::take(&mut attached.heartbeat_due) {
                return Poll::Ready(Frame::Next(SockJsFrame::Heartbeat.encode()));
            }
            attached.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The request that received has got all it is to get.
    pub(super) fn detach(&self) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.receiver, Receiving::NobodySince(Instant::now()));
        drop(state);
        // A waker may come back here when it is dropped.
        drop(before);
        self.receiver_gone.notify_waiters();
        self.changed.notify_one();
    }

    /// The request that received was cut off. What it carried may be lost, and nobody can tell how much of it, so the
    /// session is over.
    pub(super) fn interrupted(&self) {
        self.end(close_code::INTERRUPTED, close_code::ABNORMAL.code, true);
        self.detach();
    }
}

/// A frame for the request that receives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Next(String),
    /// A close frame.
    Last(String),
}

impl State {
    fn take_waiting(&mut self) -> Option<String> {
        if self.waiting.is_empty() {
            return None;
        }
        self.waiting_bytes = 0;
        Some(encode_elements(std::mem::take(&mut self.waiting)))
    }
}

/// Lets go of the state and wakes whoever receives.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = match &mut state.receiver {
        Receiving::By(attached) => attached.waker.take(),
        Receiving::NobodySince(_) => None,
    };
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::time::{advance, timeout};

    const DELAY: Duration = Duration::from_secs(5);

    fn session() -> (PolledSession, Arc<Peer>) {
        let address = IpAddr::from([127, 0, 0, 1]);
        (PolledSession::new("abc", address, OriginName::NONE).0, Arc::new(Peer::new(address)))
    }

    async fn next(session: &PolledSession) -> Frame {
        poll_fn(|cx| session.poll_frame(cx)).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_disconnect_delay_counts_from_the_last_receiver() {
        let (session, peer) = session();
        let started = Instant::now();
        for _ in 0..3 {
            assert!(session.attach(&peer).is_ok());
            // However long one receives, the session stays.
            assert!(timeout(Duration::from_secs(60), session.ended(DELAY)).await.is_err());
            session.detach();
            assert!(timeout(Duration::from_secs(4), session.ended(DELAY)).await.is_err());
        }
        let end = session.ended(DELAY).await;
        assert_eq!((end.code, end.peer_may_ask), (close_code::ABNORMAL.code, false));
        assert_eq!(started.elapsed(), 3 * Duration::from_secs(64) + Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_frame_is_for_those_who_are_there() {
        let (session, peer) = session();
        session.heartbeat();
        assert!(session.attach(&peer).is_ok());
        assert_eq!(next(&session).await, Frame::Next("o".into()));
        assert!(timeout(DELAY, next(&session)).await.is_err(), "the one before was for nobody");
        session.heartbeat();
        session.heartbeat();
        assert_eq!(next(&session).await, Frame::Next("h".into()));
        assert!(timeout(DELAY, next(&session)).await.is_err(), "two at once are one");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_goes_out_before_the_close() {
        let (session, peer) = session();
        session.send("1", 2);
        session.send("2", 2);
        session.close(close_code::GO_AWAY);
        session.close(close_code::CONNECTION_ABORTED);
        session.send("3", 2);
        advance(DELAY).await;
        assert!(session.attach(&peer).is_ok());
        assert_eq!(next(&session).await, Frame::Next("o".into()));
        assert_eq!(next(&session).await, Frame::Next("a[1,2]".into()));
        assert_eq!(next(&session).await, Frame::Last("c[3000,\"Go away!\"]".into()));
        session.detach();
        let Err(NotAttached::Closed(frames)) = session.attach(&peer) else { panic!("it is closed") };
        assert_eq!(frames, ["c[3000,\"Go away!\"]"]);
    }

    #[tokio::test(start_paused = true)]
    async fn past_the_limit_nothing_waits_any_more() {
        let (session, peer) = session();
        assert!(session.attach(&peer).is_ok());
        assert_eq!(next(&session).await, Frame::Next("o".into()));
        for element in ["1", "2", "3", "4"] {
            session.send(element, 2);
        }
        assert_eq!(next(&session).await, Frame::Last("c[4008,\"Reading too slowly\"]".into()));
        assert_eq!(session.ended(DELAY).await.code, close_code::SLOW_READER.code);
    }
}
