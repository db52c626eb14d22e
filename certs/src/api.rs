//! TLS for the API that clients call: the node shows a certificate, clients show none.
//!
//! TLS 1.3 only, with the same cryptography as between nodes. An operator without a certificate of
//! an authority uses the node's own identity, and clients pin it as the other members do.
//!
//! Session tickets are left on, because existing clients open a connection for each request. Each
//! request carries the client's token, so a resumed session grants nothing by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::identity::Identity;
use crate::provider::provider;
use crate::roster::Member;
use crate::settings::SettingsError;
use crate::verifier::PinnedMember;

/// Reasons not to serve with a certificate of the operator's own.
#[derive(Debug, thiserror::Error)]
pub enum ApiCertificateError {
    /// A file cannot be read, or holds something else.
    #[error("{path}: {reason}; name a PEM file that holds {wanted}")]
    File {
        /// The file.
        path: PathBuf,
        /// The content that it should have.
        wanted: &'static str,
        /// The defect found.
        reason: String,
    },
    /// Certificate and key do not match, or the TLS library rejects one of them.
    #[error("the API's certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The certificate that a node's API shows, with its key. Clones change together.
#[derive(Clone, Debug)]
pub struct ApiCertificate(Arc<RwLock<Arc<CertifiedKey>>>);

/// A certificate that was read, and fits its key.
#[derive(Clone, Debug)]
pub struct ReadCertificate(Arc<CertifiedKey>);

impl ReadCertificate {
    /// Returns the certificate of the node's own identity.
    pub fn of_identity(identity: &Identity) -> Self {
        Self(identity.certified_key())
    }

    /// Reads a certificate that an authority issued to the operator. One file holds the certificate
    /// and its chain, the other the key. It blocks.
    pub fn of_files(certificate: &Path, key: &Path) -> Result<Self, ApiCertificateError> {
        let chain = chain(certificate)?;
        let wanted = "a private key";
        let key = PrivateKeyDer::from_pem_slice(&read(key, wanted)?)
            .map_err(|error| file_error(key, wanted, &error))?;
        Ok(Self(Arc::new(CertifiedKey::from_der(chain, key, &provider())?)))
    }
}

impl ApiCertificate {
    /// Creates the place of the API's certificate.
    pub fn new(certificate: ReadCertificate) -> Self {
        Self(Arc::new(RwLock::new(certificate.0)))
    }

    /// Shows another certificate from now on. Connections that are there stay.
    pub fn replace(&self, certificate: ReadCertificate) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certificate.0;
    }

    /// Builds the settings of the node's API, which shows the certificate that is here at the time
    /// of a handshake.
    pub fn server_config(&self) -> Result<ServerConfig, SettingsError> {
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = builder.with_protocol_versions(&[&TLS13])?.with_no_client_auth();
        Ok(builder.with_cert_resolver(Arc::new(self.clone())))
    }
}

impl ResolvesServerCert for ApiCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Builds the settings of a client that accepts one node's own identity and no other.
pub fn api_client_config(member: &Member) -> Result<ClientConfig, SettingsError> {
    let provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let verifier = PinnedMember::new(member.clone(), algorithms);
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        // rustls calls every custom verifier dangerous. This one accepts less than the library's:
        // one pinned certificate, and none by an authority's signature.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// Builds the settings of a client of nodes that have certificates of an authority. The file holds
/// that authority's own certificates.
pub fn api_client_config_of(authority: &Path) -> Result<ClientConfig, ApiCertificateError> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(authority)? {
        roots.add(certificate)?;
    }
    Ok(client_config_with_roots(roots)?)
}

/// Builds the settings of a client of a service that is no node and has a certificate of a public
/// authority.
pub fn public_client_config() -> Result<ClientConfig, SettingsError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    Ok(client_config_with_roots(roots)?)
}

fn client_config_with_roots(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(&[&TLS13])?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ApiCertificateError> {
    let wanted = "certificates";
    let text = read(path, wanted)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| file_error(path, wanted, &error))?;
    if chain.is_empty() {
        return Err(file_error(path, wanted, &"there is none"));
    }
    Ok(chain)
}

fn read(path: &Path, wanted: &'static str) -> Result<Vec<u8>, ApiCertificateError> {
    fs::read(path).map_err(|error| file_error(path, wanted, &error))
}

fn file_error(
    path: &Path,
    wanted: &'static str,
    reason: &dyn std::fmt::Display,
) -> ApiCertificateError {
    ApiCertificateError::File { path: path.to_owned(), wanted, reason: reason.to_string() }
}
