//! TLS for the API that clients call: the node shows a certificate, clients show none.
//!
//! TLS 1.3 only, with the same cryptography as between nodes. A node's own identity serves where its
//! operator has no certificate of an authority; clients then pin it as the other members do. Session
//! tickets are left on: a client proves who it is with its token in each request, so a resumed session
//! is worth nothing without one, and existing clients open a connection for each request.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::settings::{SettingsError, provider};
use crate::verifier::PinnedMember;
use crate::{Identity, Member};

/// Why a certificate of the operator's own cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ApiCertificateError {
    /// A file cannot be read, or does not hold what it should.
    #[error("{path}: {reason}; name a PEM file that holds {wanted}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The two do not belong together, or the library does not take them.
    #[error("the API's certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// For a node's API, with the node's own identity.
pub fn api_server_config(identity: &Identity) -> Result<ServerConfig, SettingsError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth();
    let resolver = Arc::new(SingleCertAndKey::from(identity.certified()));
    Ok(builder.with_cert_resolver(resolver))
}

/// For a node's API, with a certificate of the operator's own, as an authority has given it: a file
/// with the certificate and its chain, and one with the key.
pub fn api_server_config_of(
    certificate: &Path,
    key: &Path,
) -> Result<ServerConfig, ApiCertificateError> {
    let chain = chain(certificate)?;
    let wanted = "a private key";
    let key = PrivateKeyDer::from_pem_slice(&read(key, wanted)?)
        .map_err(|error| misfit(key, wanted, &error))?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth();
    Ok(builder.with_single_cert(chain, key)?)
}

/// For a client of a node that shows its own identity: that one and no other is accepted.
pub fn api_client_config(member: &Member) -> Result<ClientConfig, SettingsError> {
    let provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let verifier = PinnedMember::new(member.clone(), algorithms);
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        // rustls calls any verifier of one's own dangerous. This one accepts less than the
        // library's: one certificate, not whatever an authority signed.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// For a client of a node whose operator has a certificate of an authority: that authority's file says
/// whom to believe.
pub fn api_client_config_of(authority: &Path) -> Result<ClientConfig, ApiCertificateError> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(authority)? {
        roots.add(certificate)?;
    }
    let builder =
        ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13])?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// For a client of a service that is no node and shows a certificate of a public authority.
pub fn public_client_config() -> Result<ClientConfig, SettingsError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let builder =
        ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13])?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ApiCertificateError> {
    let wanted = "certificates";
    let text = read(path, wanted)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| misfit(path, wanted, &error))?;
    match chain.is_empty() {
        true => Err(misfit(path, wanted, &"there is none")),
        false => Ok(chain),
    }
}

fn read(path: &Path, wanted: &'static str) -> Result<Vec<u8>, ApiCertificateError> {
    fs::read(path).map_err(|error| misfit(path, wanted, &error))
}

fn misfit(
    path: &Path,
    wanted: &'static str,
    reason: &dyn std::fmt::Display,
) -> ApiCertificateError {
    ApiCertificateError::File { path: path.to_owned(), wanted, reason: reason.to_string() }
}
