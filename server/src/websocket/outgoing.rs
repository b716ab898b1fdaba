use std::{
    io,
    net::Shutdown,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::{Buf, BytesMut};

use crate::stream::Stream;

/// The sending half of a socket, shared by everyone who has something to send.
///
/// Bytes go straight to the socket while it takes them. What it does not take waits in a queue that exists only
/// meanwhile, so an idle connection holds no buffer; the queue is bounded, and a peer that lets it fill up is
/// closed rather than waited for.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// `None` while the socket takes what it is given.
    halt: Mutex<Option<Box<Halt>>>,
}

/// Why bytes do not go straight to the socket.
#[derive(Debug)]
enum Halt {
    /// The socket is full; this waits for it.
    Queued(BytesMut),
    /// Nothing more is sent. What is queued still goes out.
    Ending(Option<BytesMut>),
    /// Nothing can be sent.
    Ended,
}

/// What sending came to.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Sent {
    /// The socket has it, or it joined a queue that is being drained.
    Accepted,
    /// A queue has just begun: the caller sees to it that [`Outgoing::drain`] runs.
    QueueBegan,
    /// The connection no longer sends.
    Refused,
    /// The queue would exceed its limit. What it holds still goes out.
    Overflowed,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Self { halt: Mutex::new(None) }
    }

    fn halt(&self) -> MutexGuard<'_, Option<Box<Halt>>> {
        // Every change below leaves the state whole, so a panic elsewhere cannot have spoilt it.
        self.halt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends bytes, or queues what the socket does not take, up to `limit` bytes.
    pub(super) fn send(&self, stream: &Stream, bytes: &[u8], limit: usize) -> Sent {
        let mut halt = self.halt();
        match halt.as_deref_mut() {
            Some(Halt::Ending(_) | Halt::Ended) => Sent::Refused,
            Some(Halt::Queued(queue)) => {
                if queue.len() + bytes.len() > limit {
                    return Sent::Overflowed;
                }
                queue.extend_from_slice(bytes);
                Sent::Accepted
            }
            None => match write_some(stream, bytes) {
                Ok(Progress { written, flushed: true }) if written == bytes.len() => Sent::Accepted,
                Ok(Progress { written, .. }) => {
                    *halt = Some(Box::new(Halt::Queued(BytesMut::from(&bytes[written..]))));
                    Sent::QueueBegan
                }
                Err(_) => {
                    *halt = Some(Box::new(Halt::Ended));
                    // The reading side learns of it and ends the connection.
                    stream.shut_down(Shutdown::Both);
                    Sent::Refused
                }
            },
        }
    }

    /// Sends the last bytes, usually a close frame: nothing after them is accepted. They do not count as overflow.
    pub(super) fn send_last(&self, stream: &Stream, bytes: &[u8]) -> Sent {
        let sent = self.send(stream, bytes, usize::MAX);
        self.end();
        sent
    }

    /// Accepts nothing more. Says whether a queue still waits for the socket.
    pub(super) fn end(&self) -> bool {
        let mut halt = self.halt();
        let end = match halt.take().map(|halt| *halt) {
            None => Halt::Ending(None),
            Some(Halt::Queued(queue)) => Halt::Ending(Some(queue)),
            Some(end @ (Halt::Ending(_) | Halt::Ended)) => end,
        };
        let is_queue_left = matches!(end, Halt::Ending(Some(_)));
        *halt = Some(Box::new(end));
        is_queue_left
    }

    /// Whether anything may still be sent.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.halt().as_deref(), None | Some(Halt::Queued(_)))
    }

    /// Writes the queue as the socket takes it. Returns when it is empty or the socket is gone.
    /// `progress` hears of every bit, which says that the peer is there.
    pub(super) async fn drain(&self, stream: &Stream, progress: impl Fn()) {
        loop {
            if stream.writable().await.is_err() {
                return;
            }
            let mut halt = self.halt();
            let Some(Halt::Queued(queue) | Halt::Ending(Some(queue))) = halt.as_deref_mut() else { return };
            let flushed = match write_some(stream, queue) {
                Ok(Progress { written, flushed }) => {
                    queue.advance(written);
                    progress();
                    flushed
                }
                Err(_) => {
                    *halt = Some(Box::new(Halt::Ended));
                    stream.shut_down(Shutdown::Both);
                    return;
                }
            };
            if queue.is_empty() && flushed {
                *halt = match halt.as_deref() {
                    Some(Halt::Queued(_)) => None,
                    _ => Some(Box::new(Halt::Ending(None))),
                };
                return;
            }
        }
    }

    /// Tells the peer that nothing more comes, once that is so. It may still send.
    pub(super) fn finish(&self, stream: &Stream) {
        if matches!(self.halt().as_deref(), Some(Halt::Ending(None))) {
            stream.shut_down(Shutdown::Write);
        }
    }

    /// Ends both directions at once; the reading side sees the end of the stream.
    pub(super) fn abort(&self, stream: &Stream) {
        *self.halt() = Some(Box::new(Halt::Ended));
        stream.shut_down(Shutdown::Both);
    }
}

/// How far writing got.
struct Progress {
    /// In bytes.
    written: usize,
    /// Nothing that was written waits for the socket any more.
    flushed: bool,
}

/// Writes until all is written or the socket is full.
fn write_some(stream: &Stream, bytes: &[u8]) -> io::Result<Progress> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.try_write(&bytes[written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Progress { written, flushed: stream.try_flush()? })
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;
    use crate::tls::tests::{pair, read};

    #[tokio::test]
    async fn bytes_that_only_tls_has_taken_are_not_forgotten() {
        let (stream, client) = pair().await;
        let (stream, outgoing) = (Stream::Tls(Box::new(stream)), Outgoing::new());
        let chunk = [7; 10_000];
        let mut sent = chunk.len();
        while outgoing.send(&stream, &chunk, usize::MAX) == Sent::Accepted {
            sent += chunk.len();
        }
        // TLS took all of the last chunk, and the socket did not.
        assert!(matches!(outgoing.halt().as_deref(), Some(Halt::Queued(queue)) if queue.is_empty()));
        let read = read(client, sent);
        outgoing.drain(&stream, || {}).await;
        read.await.unwrap();
        assert!(outgoing.halt().is_none());
    }
}
