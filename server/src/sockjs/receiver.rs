use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use swampdragon_protocol::{SockJsFrame, close_code};

use super::session::{Frame, NotAttached, PolledSession};
use crate::{connection::Connection, peer::Peer};

/// How long a request waits for the one before it to be gone. A peer that comes back at once after its request was cut
/// off can be faster than the news of that.
const HANDOVER: Duration = Duration::from_millis(50);

/// One request's hold on a session, to receive frames from it. Dropping it before its last frame means that the request
/// was cut off.
pub(super) enum Receiver {
    Attached(Hold),
    /// The request gets these frames and holds nothing.
    Told(vec::IntoIter<String>),
}

pub(super) struct Hold {
    connection: Connection,
    released: bool,
}

impl Receiver {
    pub(super) async fn attach(connection: Connection, peer: &Arc<Peer>) -> Self {
        let Some(session) = connection.polled() else { return Self::Told(Vec::new().into_iter()) };
        let mut attached = session.attach(peer);
        if matches!(attached, Err(NotAttached::Busy)) {
            // Whether the time ran out shows in the next line.
            let _ = tokio::time::timeout(HANDOVER, session.no_receiver()).await;
            attached = session.attach(peer);
        }
        match attached {
            Ok(()) => Self::Attached(Hold { connection, released: false }),
            Err(NotAttached::Closed(frames)) => Self::Told(frames.into_iter()),
            Err(NotAttached::Busy) => {
                let code = close_code::ANOTHER_CONNECTION;
                let frame = SockJsFrame::Close { code: code.code, reason: code.reason.into() };
                Self::Told(vec![frame.encode()].into_iter())
            }
        }
    }

    /// The next frame; `None` after the last.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        match self {
            Self::Told(frames) => Poll::Ready(frames.next()),
            Self::Attached(hold) => hold.poll_next(cx),
        }
    }

    pub(super) async fn next(&mut self) -> Option<String> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Lets another request receive. Nothing comes any more.
    pub(super) fn finish(&mut self) {
        match self {
            Self::Told(frames) => *frames = Vec::new().into_iter(),
            Self::Attached(hold) => hold.release(PolledSession::detach),
        }
    }
}

impl Hold {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        let Some(session) = self.connection.polled().filter(|_| !self.released) else { return Poll::Ready(None) };
        session.poll_frame(cx).map(|frame| match frame {
            Frame::Next(frame) => Some(frame),
            Frame::Last(frame) => {
                self.release(PolledSession::detach);
                Some(frame)
            }
        })
    }

    fn release(&mut self, how: impl FnOnce(&PolledSession)) {
        if !std::mem::replace(&mut self.released, true)
            && let Some(session) = self.connection.polled()
        {
            how(session);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release(PolledSession::interrupted);
    }
}
