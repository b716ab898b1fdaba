//! Redis by TLS, with certificates made for the occasion.

use std::{
    error::Error,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use swampdragon_server::session_store::{ConnectRedisError, RedisSessionStore, RedisTls, SessionStoreOptions};

use crate::{
    conformance::conforms_in_turn,
    redis::{Redis, direct, options},
    redis_server::RedisServer,
};

/// A server at 127.0.0.1 that speaks nothing but TLS, and the files that go with it.
struct TlsServer {
    server: RedisServer,
    files: tempfile::TempDir,
}

impl TlsServer {
    /// `auth_clients` is "yes" for a server that wants to see certificates, too.
    fn start(auth_clients: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| fs::write(files.path().join(name), text).unwrap();

        let mut authority = CertificateParams::new([]).unwrap();
        authority.distinguished_name.push(DnType::CommonName, "authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        write("ca.pem", authority.self_signed(&key).unwrap().pem());
        let authority = Issuer::new(authority, key);
        for (name, host) in [("server", "127.0.0.1"), ("client", "swampdragon")] {
            let key = KeyPair::generate().unwrap();
            let mut certificate = CertificateParams::new([host.to_owned()]).unwrap();
            certificate.distinguished_name.push(DnType::CommonName, name);
            let certificate = certificate.signed_by(&key, &authority).unwrap();
            write(&format!("{name}.pem"), certificate.pem());
            write(&format!("{name}-key.pem"), key.serialize_pem());
        }

        let path = |name: &str| files.path().join(name).display().to_string();
        let server = RedisServer::on_port(&[
            "--tls-port",
            "PORT",
            "--tls-cert-file",
            &path("server.pem"),
            "--tls-key-file",
            &path("server-key.pem"),
            "--tls-ca-cert-file",
            &path("ca.pem"),
            "--tls-auth-clients",
            auth_clients,
        ]);
        Self { server, files }
    }

    fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.server.port())
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.files.path().join(name))
    }

    fn trusting(&self) -> SessionStoreOptions {
        let redis_tls = RedisTls { ca_file: self.file("ca.pem"), ..RedisTls::default() };
        // What is wrong with a certificate is told at once, however long one would wait.
        SessionStoreOptions { redis_tls, start_wait: Duration::from_secs(60), ..options() }
    }
}

#[tokio::test]
async fn a_server_by_tls_conforms() {
    let server = TlsServer::start("no");
    let direct = direct(&server.server).await;
    conforms_in_turn!(async |case| {
        Redis::shared_with(&server.url(), vec![direct.clone()], case, server.trusting()).await
    });
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_at_once() {
    let server = TlsServer::start("no");
    let started = Instant::now();
    let options = SessionStoreOptions { redis_tls: RedisTls::default(), ..server.trusting() };
    let unknown = RedisSessionStore::connect(&server.url(), &options).await.unwrap_err();
    assert!(matches!(unknown, ConnectRedisError::Tls { .. }), "{unknown:?}");
    assert_eq!(
        unknown.to_string(),
        format!(
            "Redis at 127.0.0.1:{} cannot be spoken to by TLS; set `redis_tls_ca_file` to who vouches for its \
             certificate, which must be for that very host, or begin the address with redis instead of rediss if it \
             speaks without",
            server.server.port()
        )
    );
    assert!(unknown.source().unwrap().to_string().contains("UnknownIssuer"), "{:?}", unknown.source());

    let other_name = server.url().replace("127.0.0.1", "localhost");
    let misplaced = RedisSessionStore::connect(&other_name, &server.trusting()).await.unwrap_err();
    assert!(matches!(misplaced, ConnectRedisError::Tls { .. }), "{misplaced:?}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_server_that_asks_who_we_are_is_shown_our_certificate() {
    let server = TlsServer::start("yes");
    let mut options = server.trusting();
    let nobody = RedisSessionStore::connect(&server.url(), &options).await.unwrap_err();
    assert!(matches!(nobody, ConnectRedisError::Tls { .. }), "{nobody:?}");

    options.redis_tls.cert_file = server.file("client.pem");
    let half = RedisSessionStore::connect(&server.url(), &options).await.unwrap_err();
    assert_eq!(
        half.to_string(),
        "redis_tls_cert_file and redis_tls_key_file go together: set redis_tls_key_file, too, or neither"
    );
    options.redis_tls.key_file = server.file("client-key.pem");
    RedisSessionStore::connect(&server.url(), &options).await.unwrap();
}

#[tokio::test]
async fn a_file_without_certificates_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.pem");
    fs::write(&file, "nothing").unwrap();
    let redis_tls = RedisTls { ca_file: Some(file.clone()), ..RedisTls::default() };
    let options = SessionStoreOptions { redis_tls, ..options() };
    let error = RedisSessionStore::connect("rediss://127.0.0.1:1", &options).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("redis_tls_ca_file is `{}`: it has no part `BEGIN CERTIFICATE` (PEM)", file.display())
    );
}
