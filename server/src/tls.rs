//! TLS on the listener for pages.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use tokio_rustls::TlsAcceptor;

use crate::settings::Settings;

/// The certificate in use, and the files from which it was read.
pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

/// Why TLS cannot be spoken with the files given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// One of the two settings is given without the other.
    #[error("{given} is set and {missing} is not; TLS needs both")]
    Half {
        /// The setting that is given.
        given: &'static str,
        /// The setting that is not.
        missing: &'static str,
    },
    /// A file is not there, cannot be read, or has not what it should have.
    #[error("{setting} is `{}`, from which no {what} in PEM can be read: {source}", file.display())]
    File {
        /// The setting.
        setting: &'static str,
        /// Its value.
        file: PathBuf,
        /// What the file should have.
        what: &'static str,
        /// What is wrong.
        source: pem::Error,
    },
    /// The two do not belong together, or are of a kind that cannot be used.
    #[error("tls_certificate `{}` and tls_key `{}` cannot be used: {source}", certificate.display(), key.display())]
    Unfit {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
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

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

fn refused(setting: &'static str, file: &Path, what: &'static str) -> impl FnOnce(pem::Error) -> TlsError {
    let file = file.to_owned();
    move |source| TlsError::File { setting, file, what, source }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(refused("tls_certificate", certificate, "certificate"))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(refused("tls_key", key, "private key"))?;
    let unfit = |source| TlsError::Unfit { certificate: certificate.to_owned(), key: key.to_owned(), source };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// What a TLS connection begins with: a record of its handshake (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// Whether bytes that came first are TLS.
pub(crate) fn is_tls(first: u8) -> bool {
    first == HANDSHAKE_RECORD
}

/// The answer to a request that came without TLS.
pub(crate) const PLAIN_REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=UTF-8\r\n\
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
