//! Two ends of a real socket, and peers that break the rules.

pub(crate) mod old_tls;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cloister_certs::{
    CertificateFacts, Fingerprint, HandshakeProblem, Identity, Member, Roster, Side, Validity,
    diagnose, peer_fingerprint, server_name,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CipherSuite, ClientConfig, CommonState, DigitallySignedStruct, DistinguishedName, Error,
    HandshakeKind, NamedGroup, ProtocolVersion, ServerConfig, SignatureScheme,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// No test waits for this; it ends one that would hang.
const GUARD: Duration = Duration::from_secs(180);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const GREETING: &[u8] = b"welcome";

/// The facts that one end knows of the other after a handshake.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) peer: Option<Fingerprint>,
    pub(crate) version: Option<ProtocolVersion>,
    pub(crate) group: Option<NamedGroup>,
    pub(crate) suite: Option<CipherSuite>,
    pub(crate) protocol: Option<Vec<u8>>,
    pub(crate) kind: Option<HandshakeKind>,
}

pub(crate) type Outcome = Result<Known, HandshakeProblem>;

/// One end: its settings, and the certificate that it shows.
pub(crate) struct End<Config> {
    pub(crate) config: Arc<Config>,
    pub(crate) shows: CertificateFacts,
}

pub(crate) fn party(name: &str) -> Identity {
    made_at(name, SystemTime::now())
}

pub(crate) fn expired_party(name: &str) -> Identity {
    made_at(name, SystemTime::now() - 200 * DAY)
}

pub(crate) fn early_party(name: &str) -> Identity {
    made_at(name, SystemTime::now() + 2 * DAY)
}

fn made_at(name: &str, moment: SystemTime) -> Identity {
    Identity::create(name, Validity::days(100), moment).unwrap()
}

pub(crate) fn member(identities: &[&Identity]) -> Member {
    Member {
        name: identities[0].name().to_owned(),
        fingerprints: identities.iter().map(|one| one.fingerprint()).collect(),
    }
}

pub(crate) fn roster(identities: &[&Identity]) -> Arc<Roster> {
    Arc::new(Roster::new(identities.iter().map(|one| member(&[one]))).unwrap())
}

/// Makes a server as nodes run it.
pub(crate) fn server(identity: &Identity, roster: Arc<Roster>) -> End<ServerConfig> {
    let config = cloister_certs::server_config(identity, roster).unwrap();
    End { config, shows: identity.facts().clone() }
}

/// Makes a client as nodes run it.
pub(crate) fn client(identity: &Identity, expects: &Member) -> End<ClientConfig> {
    let config = cloister_certs::client_config(identity, expects).unwrap();
    End { config, shows: identity.facts().clone() }
}

/// Connects the two and exchanges a greeting. Returns the outcome at each end.
pub(crate) async fn meet(
    server: &End<ServerConfig>,
    client: &End<ClientConfig>,
) -> (Outcome, Outcome) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    guarded(async { tokio::join!(serve(server, accepted), call(client, socket)) }).await
}

/// Runs the server under test against a caller that writes these bytes and no more. Returns the
/// server's outcome, and the bytes that the caller reads.
pub(crate) async fn meet_caller(server: &End<ServerConfig>, bytes: &[u8]) -> (Outcome, Vec<u8>) {
    let (ours, theirs) = sockets().await;
    guarded(async { tokio::join!(serve(server, ours), recite(theirs, bytes)) }).await
}

/// Runs the client under test against an answerer that writes these bytes and no more.
pub(crate) async fn meet_answerer(client: &End<ClientConfig>, bytes: &[u8]) -> (Outcome, Vec<u8>) {
    let (ours, theirs) = sockets().await;
    guarded(async { tokio::join!(call(client, ours), recite(theirs, bytes)) }).await
}

pub(crate) async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (other, _) = listener.accept().await.unwrap();
    (one, other)
}

pub(crate) async fn guarded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(GUARD, future).await.expect("hangs")
}

pub(crate) async fn serve(end: &End<ServerConfig>, socket: TcpStream) -> Outcome {
    let explain = |error| diagnose(&error, Side::Server, &end.shows, SystemTime::now());
    let acceptor = TlsAcceptor::from(Arc::clone(&end.config));
    match acceptor.accept(socket).into_fallible().await {
        Ok(mut stream) => {
            stream.write_all(GREETING).await.map_err(explain)?;
            stream.shutdown().await.map_err(explain)?;
            Ok(known(stream.get_ref().1))
        }
        Err((error, socket)) => {
            part(socket).await;
            Err(explain(error))
        }
    }
}

pub(crate) async fn call(end: &End<ClientConfig>, socket: TcpStream) -> Outcome {
    let explain = |error| diagnose(&error, Side::Client, &end.shows, SystemTime::now());
    let connector = TlsConnector::from(Arc::clone(&end.config));
    match connector.connect(server_name(), socket).into_fallible().await {
        Ok(mut stream) => {
            let mut greeting = [0; GREETING.len()];
            stream.read_exact(&mut greeting).await.map_err(explain)?;
            assert_eq!(greeting, GREETING);
            Ok(known(stream.get_ref().1))
        }
        Err((error, socket)) => {
            part(socket).await;
            Err(explain(error))
        }
    }
}

async fn recite(mut socket: TcpStream, bytes: &[u8]) -> Vec<u8> {
    socket.write_all(bytes).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    answer
}

/// Leaves a connection so that the other end can read the last alert: no more words, then listen
/// until it leaves as well.
async fn part(mut socket: TcpStream) {
    let _ = socket.shutdown().await;
    let _ = socket.read_to_end(&mut Vec::new()).await;
}

fn known(connection: &CommonState) -> Known {
    Known {
        peer: peer_fingerprint(connection),
        version: connection.protocol_version(),
        group: connection.negotiated_key_exchange_group().map(|group| group.name()),
        suite: connection.negotiated_cipher_suite().map(|suite| suite.suite()),
        protocol: connection.alpn_protocol().map(<[u8]>::to_vec),
        kind: connection.handshake_kind(),
    }
}

/// Makes a client that accepts any server, and shows this certificate or none.
pub(crate) fn rogue_client(shown: Option<CertifiedKey>) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAnyone));
    Arc::new(match shown {
        None => builder.with_no_client_auth(),
        Some(shown) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown))),
    })
}

/// Makes a server that accepts any client, and shows this certificate.
pub(crate) fn rogue_server(shown: CertifiedKey) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(Arc::new(AcceptAnyone))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    Arc::new(config)
}

/// Makes a chain of these certificates, with the key of another identity or the same.
pub(crate) fn showing(chain: &[&Identity], key_of: &Identity) -> CertifiedKey {
    let folder = tempfile::tempdir().unwrap();
    key_of.save(folder.path()).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.path().join("key.pem")).unwrap();
    let chain = chain
        .iter()
        .map(|one| CertificateDer::from_pem_slice(one.certificate_pem().as_bytes()).unwrap());
    CertifiedKey::new(chain.collect(), any_supported_type(&key).unwrap())
}

/// A verifier that no node may have. It exists in tests only.
#[derive(Debug)]
struct AcceptAnyone;

impl ServerCertVerifier for AcceptAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for AcceptAnyone {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
