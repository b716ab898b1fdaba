use std::{
    fs,
    path::{Path, PathBuf},
};

use ::redis::{Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, TlsCertificates};

use super::ConnectRedisError;

/// The files by which a TLS connection to Redis is made: an address that begins with `rediss` asks for one.
///
/// They are read once, when the store is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisTls {
    /// Certificates (PEM) of the authorities that may vouch for Redis. None: the public ones that browsers trust.
    pub ca_file: Option<PathBuf>,
    /// The certificate (PEM) by which this server shows who it is, if Redis asks. Goes with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// The private key (PEM) of that certificate.
    pub key_file: Option<PathBuf>,
}

impl RedisTls {
    /// `server` with these files, if it is to be reached by TLS.
    pub(super) fn secure(&self, server: ConnectionInfo) -> Result<ConnectionInfo, ConnectRedisError> {
        if !matches!(server.addr(), ConnectionAddr::TcpTls { .. }) {
            return Ok(server);
        }
        // The redis crate takes whatever provider of cryptography the process has. The program may have chosen one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client_tls = match (&self.cert_file, &self.key_file) {
            (Some(certificate), Some(key)) => Some(ClientTlsConfig {
                client_cert: read("redis_tls_cert_file", certificate, "CERTIFICATE")?,
                client_key: read("redis_tls_key_file", key, "PRIVATE KEY")?,
            }),
            (None, None) => None,
            (Some(_), None) => return Err(ConnectRedisError::HalfIdentity { missing: "redis_tls_key_file" }),
            (None, Some(_)) => return Err(ConnectRedisError::HalfIdentity { missing: "redis_tls_cert_file" }),
        };
        let root_cert =
            self.ca_file.as_deref().map(|file| read("redis_tls_ca_file", file, "CERTIFICATE")).transpose()?;
        let client = Client::build_with_tls(server, TlsCertificates { client_tls, root_cert })
            .map_err(|source| ConnectRedisError::Certificates { source })?;
        Ok(client.get_connection_info().clone())
    }
}

/// Reads a file that must have a part of this kind; without one, no certificate at all would be trusted, say.
fn read(setting: &'static str, file: &Path, kind: &'static str) -> Result<Vec<u8>, ConnectRedisError> {
    let refuse = |problem: String| ConnectRedisError::TlsFile { setting, file: file.to_owned(), problem };
    let content = fs::read(file).map_err(|error| refuse(error.to_string()))?;
    // "RSA PRIVATE KEY" and "EC PRIVATE KEY" are keys as well.
    let has_part = String::from_utf8_lossy(&content)
        .lines()
        .any(|line| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{kind}-----")));
    if has_part { Ok(content) } else { Err(refuse(format!("it has no part `BEGIN {kind}` (PEM)"))) }
}
