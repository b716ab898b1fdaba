use std::{
    io::{self, IoSlice, Read, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::rustls::ServerConnection;

/// The most that is encrypted ahead of a socket which is full, in bytes: one record.
const MAX_AHEAD: usize = 16 * 1024;

/// What an HTTP connection with TLS leaves that has been upgraded, and what has been read of it.
pub(crate) fn of(upgraded: Upgraded) -> Option<(TlsStream, Bytes)> {
    let parts = upgraded.downcast::<TokioIo<tokio_rustls::server::TlsStream<TcpStream>>>().ok()?;
    let (socket, session) = parts.io.into_inner().into_inner();
    Some((TlsStream { socket, session: Mutex::new(session) }, parts.read_buf))
}

/// A socket and the state of TLS on it, without which nothing can be read or written.
#[derive(Debug)]
pub(crate) struct TlsStream {
    socket: TcpStream,
    session: Mutex<ServerConnection>,
}

impl TlsStream {
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    fn session(&self) -> MutexGuard<'_, ServerConnection> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
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

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut session = self.session();
        if !self.hand_over(&mut session)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let written = session.writer().write(bytes.get(..MAX_AHEAD).unwrap_or(bytes))?;
        self.hand_over(&mut session)?;
        Ok(written)
    }

    pub(crate) fn try_flush(&self) -> io::Result<bool> {
        self.hand_over(&mut self.session())
    }

    /// Says that this is the end.
    pub(crate) fn close(&self) {
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
pub(crate) mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::{io::AsyncReadExt, net::TcpListener, task::JoinHandle};
    use tokio_rustls::{
        TlsAcceptor, TlsConnector, client,
        rustls::{
            ClientConfig, RootCertStore, ServerConfig,
            crypto::ring,
            pki_types::{PrivateKeyDer, ServerName},
        },
    };

    /// Two ends of one connection, after the handshake.
    pub(crate) async fn pair() -> (TlsStream, client::TlsStream<TcpStream>) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let server = server.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let server = TlsAcceptor::from(Arc::new(server.with_single_cert(vec![made.cert.der().clone()], key).unwrap()));
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let client = TlsConnector::from(Arc::new(client.with_root_certificates(roots).with_no_client_auth()));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let accepted = listener.accept().await.unwrap().0;
        let name = ServerName::try_from("localhost").unwrap();
        let (client, server) = tokio::try_join!(client.connect(name, socket), server.accept(accepted)).unwrap();
        let (socket, session) = server.into_inner();
        (TlsStream { socket, session: Mutex::new(session) }, client)
    }

    /// Reads so many bytes, whatever they are.
    pub(crate) fn read(mut client: client::TlsStream<TcpStream>, count: usize) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut bytes = vec![0; count];
            client.read_exact(&mut bytes).await.unwrap();
        })
    }

    #[tokio::test]
    async fn what_a_full_socket_does_not_take_is_told_and_goes_out_later() {
        let (stream, client) = pair().await;
        let mut written = 0;
        loop {
            match stream.try_write(&[7; 100_000]) {
                Ok(count) => written += count,
                Err(error) => break assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert!(!stream.try_flush().unwrap());
        let read = read(client, written);
        while !stream.try_flush().unwrap() {
            stream.socket().writable().await.unwrap();
        }
        read.await.unwrap();
    }
}
