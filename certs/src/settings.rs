//! The TLS settings of a node, in one place and without a switch.
//!
//! - TLS 1.3 only, and named as such: were a dependency to enable an older version in rustls, these
//!   settings would still not offer it.
//! - Key exchange is X25519MLKEM768 where the peer can, so that what is recorded today stays
//!   closed to the quantum computers of later; X25519 where it can't. The handshake is
//!   authenticated as a whole, so nobody between the two can talk them down.
//! - Both sides present a certificate, and the pin decides (see the verifiers).
//! - No session tickets and no resumption: a resumed session would be accepted on the strength of
//!   an earlier check, and a member that was unpinned, or whose certificate expired, must not
//!   come back that way. Links are few and long-lived, so there is nothing to gain.
//! - No early data, for it can be replayed; and the server sends nothing before it knows the
//!   client.
//! - No server name on the wire: it would tell an onlooker who talks with whom, and no check
//!   depends on it.
//!
//! Nothing here is process-global: the cryptography is named explicitly in each setting.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::pki_types::ServerName;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, CommonState, ServerConfig, SupportedCipherSuite};

use crate::verifier::{PinnedMember, PinnedMembers};
use crate::{CertificateFacts, Fingerprint, Identity, Member, Roster};

/// What peers speak inside TLS. A peer that offers something else is no node, or one of a version
/// that could not be understood.
pub const PROTOCOL: &[u8] = b"cloister/1";

/// The TLS library does not accept these settings: a bug of ours.
#[derive(Debug, thiserror::Error)]
#[error("the TLS settings were not accepted: {0}; please report this")]
pub struct SettingsError(#[from] rustls::Error);

/// For accepting connections: any member of the roster may come. Ask [`peer_fingerprint`] and the
/// roster which one came.
pub fn server_config(
    identity: &Identity,
    roster: Arc<Roster>,
) -> Result<Arc<ServerConfig>, SettingsError> {
    let provider = provider();
    let verifier = PinnedMembers::new(roster, provider.signature_verification_algorithms);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified())));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// For connecting to one member: nobody else is accepted at the other end.
pub fn client_config(
    identity: &Identity,
    member: &Member,
) -> Result<Arc<ClientConfig>, SettingsError> {
    let provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let verifier = PinnedMember::new(member.clone(), algorithms);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        // rustls calls any verifier of one's own dangerous. This one accepts less than the
        // library's: one certificate, not whatever an authority signed.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified())));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// The server name to connect with. rustls wants one; it is not sent and nothing is compared with
/// it, since the pin in [`client_config`] says who must answer.
pub fn server_name() -> ServerName<'static> {
    ServerName::IpAddress(Ipv4Addr::UNSPECIFIED.into())
}

/// Who is at the other end: the certificate whose key the peer has proven to hold. None until the
/// handshake is complete.
pub fn peer_fingerprint(connection: &CommonState) -> Option<Fingerprint> {
    if connection.is_handshaking() {
        return None;
    }
    let certificate = connection.peer_certificates()?.first()?;
    Some(Fingerprint::of_certificate(certificate))
}

/// What the certificate at the other end says: none until the handshake is complete, nor where the
/// certificate cannot be read.
pub fn peer_facts(connection: &CommonState) -> Option<CertificateFacts> {
    peer_fingerprint(connection)?;
    CertificateFacts::read(connection.peer_certificates()?.first()?).ok()
}

/// The cryptography of all our connections.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: cipher_suites(has_fast_aes()),
        kx_groups: vec![kx_group::X25519MLKEM768, kx_group::X25519],
        ..default_provider()
    })
}

/// AES-128 first where the processor has instructions for it: it does 10 rounds a block where
/// AES-256 does 14, a link is bound by it, and nobody can search 128 bits (NIST counts it as its
/// category 1 against quantum computers, too). Without the instructions AES is slow and its tables
/// leak through the cache, so ChaCha20 goes first.
fn cipher_suites(fast_aes: bool) -> Vec<SupportedCipherSuite> {
    let aes_128 = cipher_suite::TLS13_AES_128_GCM_SHA256;
    let aes_256 = cipher_suite::TLS13_AES_256_GCM_SHA384;
    let chacha20 = cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
    match fast_aes {
        true => vec![aes_128, aes_256, chacha20],
        false => vec![chacha20, aes_128, aes_256],
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn has_fast_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes")
}

#[cfg(target_arch = "aarch64")]
fn has_fast_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes")
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
fn has_fast_aes() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use rustls::{CipherSuite, ProtocolVersion};

    use super::*;

    #[test]
    fn the_first_cipher_suite_is_the_fast_one() {
        let first = |fast_aes| cipher_suites(fast_aes).first().map(SupportedCipherSuite::suite);
        assert_eq!(first(true), Some(CipherSuite::TLS13_AES_128_GCM_SHA256));
        assert_eq!(first(false), Some(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256));
    }

    #[test]
    fn no_cipher_suite_is_older_than_tls_1_3() {
        for suite in provider().cipher_suites.iter() {
            assert_eq!(suite.version().version, ProtocolVersion::TLSv1_3);
        }
    }
}
