use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::rustls::{
    Error, ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    version::{TLS12, TLS13},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::TlsError;
use crate::settings::Settings;

/// The certificate in use, and the files from which it was read.
pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads what the settings name; `None` if they name nothing.
    pub(crate) fn open(settings: &Settings) -> Result<Option<Self>, TlsError> {
        let (certificate, key) = match (&settings.tls_certificate, &settings.tls_key) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(TlsError::Half { given: "tls_certificate", missing: "tls_key" }),
            (None, Some(_)) => return Err(TlsError::Half { given: "tls_key", missing: "tls_certificate" }),
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        };
        let config = RwLock::new(read(&certificate, &key)?);
        Ok(Some(Self { certificate, key, config }))
    }

    /// Reads the files anew, for connections that come from now on. If that fails, those in use stay.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let config = read(&self.certificate, &self.key)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner)).into()
    }

    /// Does the handshake. A peer that does not speak TLS is told so.
    pub(crate) async fn begin(&self, mut stream: TcpStream, deadline: Instant) -> Option<TlsStream<TcpStream>> {
        let begun = async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD {
                stream.write_all(PLAIN_REFUSED).await?;
                stream.shutdown().await?;
                // Closing a socket with unread bytes resets it, and the peer might never see the answer.
                let mut unread = [0; 1024];
                while stream.read(&mut unread).await? > 0 {}
                return Err(io::Error::other("no TLS"));
            }
            self.acceptor().accept(stream).await
        };
        match timeout_at(deadline, begun).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "TLS handshake failed");
                None
            }
            // It was too slow (`handshake_timeout`).
            Err(_) => None,
        }
    }
}

fn refused(setting: &'static str, file: &Path, what: &'static str) -> impl FnOnce(pem::Error) -> TlsError {
    let file = file.to_owned();
    move |source| TlsError::File { setting, file, what, source: source.into() }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(refused("tls_certificate", certificate, "certificate"))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(refused("tls_key", key, "private key"))?;
    let unfit = |error: Error| TlsError::Unfit {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source: error.into(),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// What a TLS connection begins with: a record of its handshake (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// The answer to a request that came without TLS.
const PLAIN_REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=UTF-8\r\n\
    Content-Length: 45\r\nConnection: close\r\n\r\nThis port speaks TLS only: ask for https://.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_without_tls_is_as_long_as_it_says() {
        let answer = str::from_utf8(PLAIN_REFUSED).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head} {}", body.len());
    }
}
