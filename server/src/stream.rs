//! A socket as a WebSocket has it: plain, or with TLS on it.

use std::{
    io::{self, Read as _},
    net::Shutdown,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::{io::Interest, net::TcpStream};

use crate::tls::{self, TlsStream};

/// Reads and writes what goes at once, and tells when to try again. A plain one is no larger than its socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

impl Stream {
    /// What an HTTP connection leaves that has been upgraded, and what has been read of it.
    pub(crate) fn of(upgraded: Upgraded) -> Option<(Self, Bytes)> {
        match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => Some((Self::Plain(parts.io.into_inner()), parts.read_buf)),
            Err(upgraded) => tls::of(upgraded).map(|(stream, read)| (Self::Tls(Box::new(stream)), read)),
        }
    }

    /// What is below TLS, if there is any.
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.socket(),
        }
    }

    /// Whether bytes may be there to read although the socket has none: those that came together with others.
    pub(crate) fn may_have_read_ahead(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// As [`TcpStream::try_read`], for a buffer that is not empty. After `WouldBlock`,
    /// [`poll_read_ready`](Self::poll_read_ready) tells when to try again.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => read_and_note_the_end(socket, buffer),
            Self::Tls(stream) => stream.try_read(buffer),
        }
    }

    /// As [`TcpStream::try_write`]; what is written is on its way only when [`try_flush`](Self::try_flush) says so.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.try_write(bytes),
            Self::Tls(stream) => stream.try_write(bytes),
        }
    }

    /// Hands to the system what was written and encrypted, and says whether that is all of it. If not, try again once
    /// the stream is [writable](Self::writable).
    pub(crate) fn try_flush(&self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            Self::Tls(stream) => stream.try_flush(),
        }
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_read_ready(cx)
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket().readable().await
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.socket().writable().await
    }

    /// Ends one direction or both; with TLS, the peer is told that this is the end and no cut.
    pub(crate) fn shut_down(&self, direction: Shutdown) {
        if let Self::Tls(stream) = self {
            stream.close();
        }
        // Fails only when the peer has already reset the connection, which is as good.
        let _ = SockRef::from(self.socket()).shutdown(direction);
    }
}

/// Whether the system tells once that bytes have come, and not as long as some are there.
const EDGES: bool = cfg!(any(target_os = "linux", target_os = "android", target_vendor = "apple"));

/// Reads once, and has the socket known to be empty when it gave less than was asked for, as Tokio does when it reads by
/// itself: that spares the call which would say so.
fn read_and_note_the_end(socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    let emptied = socket.try_io(Interest::READABLE, || {
        read = (&*SockRef::from(socket)).read(buffer)?;
        // Bytes that arrive from now on are told anew, and so is an end.
        if EDGES && 0 < read && read < buffer.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    match emptied {
        Err(error) if read == 0 => Err(error),
        Ok(()) | Err(_) => Ok(read),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_stream_pays_nothing_for_tls() {
        assert_eq!(size_of::<Stream>(), size_of::<TcpStream>());
    }
}
