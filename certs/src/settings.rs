//! The TLS settings of a node, in one place and without a switch.
//!
//! - TLS 1.3 only, named explicitly. If a dependency enables an older version in rustls, these
//!   settings still do not offer it.
//! - Key exchange and cipher suites as [`provider`] names them.
//! - Both sides present a certificate, and the pin decides (see the verifiers).
//! - No session tickets and no resumption. A resumed session would be accepted on an earlier check,
//!   after the member was unpinned or its certificate expired. Links are few and long-lived, so
//!   resumption has nothing to gain.
//! - No early data, because it can be replayed. The server sends nothing before the client is
//!   authenticated.
//! - No server name on the wire: it would tell an observer the members that talk to each other, and
//!   no check depends on it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, CommonState, ServerConfig};

use crate::certificate::CertificateFacts;
use crate::fingerprint::Fingerprint;
use crate::identity::Identity;
use crate::provider::provider;
use crate::roster::{Member, Roster};
use crate::verifier::{PinnedMember, PinnedMembers};

/// The protocol inside TLS, negotiated by ALPN. A peer that offers another is no node, or one of an
/// incompatible version.
pub const PROTOCOL: &[u8] = b"cloister/1";

/// The TLS library rejects these settings, which is a bug of ours.
#[derive(Debug, thiserror::Error)]
#[error("the TLS settings were not accepted: {0}; please report this")]
pub struct SettingsError(#[from] rustls::Error);

/// Builds the settings to accept connections from any member of the roster. [`peer_fingerprint`]
/// and the roster tell the members apart.
pub fn server_config(
    identity: &Identity,
    roster: Arc<Roster>,
) -> Result<Arc<ServerConfig>, SettingsError> {
    let provider = provider();
    let verifier = PinnedMembers::new(roster, provider.signature_verification_algorithms);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified_key())));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Builds the settings to connect to one member. No other peer is accepted.
pub fn client_config(
    identity: &Identity,
    member: &Member,
) -> Result<Arc<ClientConfig>, SettingsError> {
    let provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let verifier = PinnedMember::new(member.clone(), algorithms);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        // rustls calls every custom verifier dangerous. This one accepts less than the library's:
        // one pinned certificate, and none by an authority's signature.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified_key())));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// Returns the server name to connect with. rustls requires one. It is neither sent nor compared,
/// because the pin in [`client_config`] authenticates the peer.
pub fn server_name() -> ServerName<'static> {
    ServerName::IpAddress(Ipv4Addr::UNSPECIFIED.into())
}

/// Returns the fingerprint of the certificate whose key the peer has proven to hold, or `None`
/// until the handshake is complete.
pub fn peer_fingerprint(connection: &CommonState) -> Option<Fingerprint> {
    if connection.is_handshaking() {
        return None;
    }
    let certificate = connection.peer_certificates()?.first()?;
    Some(Fingerprint::of_certificate(certificate))
}

/// Returns the contents of the peer's certificate, or `None` until the handshake is complete and if
/// the certificate cannot be read.
pub fn peer_facts(connection: &CommonState) -> Option<CertificateFacts> {
    peer_fingerprint(connection)?;
    CertificateFacts::read(connection.peer_certificates()?.first()?).ok()
}
