use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use swampdragon_protocol::close_code;
use tokio_tungstenite::tungstenite::Message;
use tracing::Instrument;

use super::reading::{End, Reading, turn};
use crate::connection::Connection;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Drives one connection: reads its messages and hands them to its handler, one at a time, from open to close.
///
/// Written by hand because an idle connection *is* this future: two words, where the compiler's would hold room for
/// everything it ever awaits. While a handler works nothing is read, so a peer cannot outrun it.
pub(crate) struct Driver {
    connection: Connection,
    awake: Option<Box<Awake>>,
}

/// What a connection needs only while something is under way.
#[derive(Default)]
struct Awake {
    /// A handler at work.
    work: Option<Work>,
    /// Part of a message.
    unfinished: Option<Reading>,
    /// Bytes that came with the handshake, or may have, have not been looked at.
    read_ahead: bool,
    end: Option<End>,
    closed: bool,
}

impl Driver {
    /// Opens the connection. `read_ahead` is what the peer sent behind its handshake.
    pub(crate) fn new(connection: Connection, read_ahead: &[u8]) -> Self {
        connection.send_open();
        let opening = connection.clone();
        let unfinished = (!read_ahead.is_empty()).then(|| Reading::new(read_ahead, connection.max_message_size()));
        let tls = connection.link().is_some_and(|link| link.stream().may_have_read_ahead());
        let awake = Awake {
            work: Some(Box::pin(async move { opening.opened().await }.instrument(connection.span()))),
            read_ahead: unfinished.is_some() || tls,
            unfinished,
            ..Awake::default()
        };
        Self { connection, awake: Some(Box::new(awake)) }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            if let Some(awake) = &mut this.awake {
                if let Some(work) = &mut awake.work {
                    ready!(work.as_mut().poll(cx));
                    awake.work = None;
                }
                if awake.closed {
                    return Poll::Ready(());
                }
                if let Some(end) = awake.end.take() {
                    awake.closed = true;
                    awake.work = Some(close(this.connection.clone(), end));
                    continue;
                }
            }
            let read_ahead = this.awake.as_ref().is_some_and(|awake| awake.read_ahead);
            if !read_ahead {
                if this.awake.as_ref().is_some_and(|awake| awake.unfinished.is_none()) {
                    this.awake = None;
                }
                // Takes from the task's budget each time, so a busy peer does not starve the others. Its error shows
                // again in the read below.
                let Some(link) = this.connection.link() else { return Poll::Ready(()) };
                let _ = ready!(link.stream().poll_read_ready(cx));
            }
            this.read();
        }
    }
}

impl Driver {
    /// One turn of reading, and the work that follows from it.
    fn read(&mut self) {
        let connection = &self.connection;
        // A driver is made for a connection that has one.
        let Some(link) = connection.link() else { return };
        let unfinished = self.awake.as_mut().and_then(|awake| awake.unfinished.take());
        let uptime = connection.service().uptime();
        let mut turn = turn(
            unfinished,
            connection.max_message_size(),
            &mut |buffer| link.stream().try_read(buffer),
            &mut |text| connection.answered_at_once(text, uptime),
            &mut |bytes| connection.send_bytes(bytes),
        );
        if turn.heard {
            connection.heard();
        }
        // A ping costs as much as a message.
        connection.count_messages(turn.pings, uptime);
        let at_once =
            |message: &&Message| matches!(message, Message::Text(text) if connection.answered_at_once(text, uptime));
        let answers = turn.messages.iter().take_while(at_once).count();
        turn.messages.drain(..answers);
        if turn.messages.is_empty() && turn.end.is_none() && turn.unfinished.is_none() {
            self.awake = None;
            return;
        }
        let awake = self.awake.get_or_insert_default();
        awake.read_ahead = false;
        awake.unfinished = turn.unfinished;
        awake.end = turn.end;
        if !turn.messages.is_empty() {
            awake.work = Some(Box::pin(deliver(connection.clone(), turn.messages).instrument(connection.span())));
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Also when a handler panicked or the runtime shuts down: nothing of the connection stays behind.
        self.connection.forget();
    }
}

async fn deliver(connection: Connection, messages: Vec<Message>) {
    for message in messages {
        if !connection.is_open() {
            return;
        }
        match &message {
            Message::Text(text) => connection.received(text.as_str()).await,
            Message::Binary(bytes) => connection.received_binary(bytes).await,
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
        }
    }
}

fn close(connection: Connection, end: End) -> Work {
    let span = connection.span();
    let work = async move {
        match end {
            End::Closed(code, echo) => {
                connection.send_bytes(&echo);
                connection.ended();
                connection.closed(code).await;
            }
            End::Lost => {
                connection.abort();
                connection.closed(close_code::ABNORMAL.code).await;
            }
            End::Broken(code, reason) => {
                connection.fail(code, &reason);
                connection.closed(code.code).await;
                connection.linger().await;
            }
        }
    };
    Box::pin(work.instrument(span))
}
