//! A socket as a WebSocket has it: plain, or with TLS on it.

use std::{
    io::{self, IoSlice, Read, Write},
    net::Shutdown,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use rustls::ServerConnection;
use socket2::SockRef;
use tokio::net::TcpStream;

/// Reads and writes what goes at once, and tells when to try again. A plain one is no larger than its socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

/// The most that is encrypted ahead of a socket which is full, in bytes: one record.
const MAX_AHEAD: usize = 16 * 1024;

impl Stream {
    /// What is below TLS, if there is any.
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.socket,
        }
    }

    /// Whether bytes may be there to read although the socket has none: those that came together with others.
    pub(crate) fn may_have_read_ahead(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// As [`TcpStream::try_read`]. After `WouldBlock`, [`poll_read_ready`](Self::poll_read_ready) tells when to try
    /// again.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.try_read(buffer),
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
            Self::Tls(stream) => stream.hand_over(&mut stream.session()),
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

/// A socket and the state of TLS on it, without which nothing can be read or written.
#[derive(Debug)]
pub(crate) struct TlsStream {
    socket: TcpStream,
    session: Mutex<ServerConnection>,
}

impl TlsStream {
    /// Goes on after the handshake.
    pub(crate) fn new(socket: TcpStream, session: ServerConnection) -> Self {
        Self { socket, session: Mutex::new(session) }
    }

    fn session(&self) -> MutexGuard<'_, ServerConnection> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut session = self.session();
        loop {
            // What has been decrypted comes first, so that the socket says `WouldBlock` only when nothing is left.
            match session.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            // The end of the socket shows in the next turn, as a cut unless the peer said that it was the end.
            session.read_tls(&mut Raw(&self.socket))?;
            let processed = session.process_new_packets();
            // Answers of TLS itself, or the alert that says what was wrong. Where the socket is full they go out with
            // what is next written.
            let _ = self.hand_over(&mut session);
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut session = self.session();
        if !self.hand_over(&mut session)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let written = session.writer().write(bytes.get(..MAX_AHEAD).unwrap_or(bytes))?;
        self.hand_over(&mut session)?;
        Ok(written)
    }

    fn close(&self) {
        let mut session = self.session();
        session.send_close_notify();
        // Does not reach a peer that reads nothing, who has no use for it.
        let _ = self.hand_over(&mut session);
    }

    /// Writes what is encrypted, and says whether that is all of it.
    fn hand_over(&self, session: &mut ServerConnection) -> io::Result<bool> {
        while session.wants_write() {
            match session.write_tls(&mut Raw(&self.socket)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.close();
    }
}

/// The socket as rustls sees it.
struct Raw<'a>(&'a TcpStream);

impl Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
