//! The cryptography of all TLS connections: key exchange and cipher suites, named explicitly.
//!
//! Nothing here is process-global: each setting gets this provider as a value.

use std::sync::Arc;

use rustls::SupportedCipherSuite;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};

/// Returns the provider of all our connections.
///
/// Key exchange is X25519MLKEM768 if the peer supports it, so that recorded traffic stays closed to
/// later quantum computers, and X25519 otherwise. The handshake is authenticated as a whole, so an
/// attacker between the two cannot downgrade the choice.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: cipher_suites(has_fast_aes()),
        kx_groups: vec![kx_group::X25519MLKEM768, kx_group::X25519],
        ..default_provider()
    })
}

/// Orders the cipher suites by preference.
///
/// AES-128 goes first if the processor has AES instructions: a link is bound by its rounds, 10 a
/// block against 14 of AES-256. A search of 128 bits is infeasible; NIST counts AES-128 as its
/// category 1 against quantum computers. Without the instructions AES is slow and its tables leak
/// through the cache, so ChaCha20 goes first.
fn cipher_suites(fast_aes: bool) -> Vec<SupportedCipherSuite> {
    let aes_128 = cipher_suite::TLS13_AES_128_GCM_SHA256;
    let aes_256 = cipher_suite::TLS13_AES_256_GCM_SHA384;
    let chacha20 = cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
    if fast_aes { vec![aes_128, aes_256, chacha20] } else { vec![chacha20, aes_128, aes_256] }
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
        let with_aes = cipher_suites(true)[0].suite();
        let without = cipher_suites(false)[0].suite();
        assert_eq!(with_aes, CipherSuite::TLS13_AES_128_GCM_SHA256);
        assert_eq!(without, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
    }

    #[test]
    fn no_cipher_suite_is_older_than_tls_1_3() {
        for suite in provider().cipher_suites.iter() {
            assert_eq!(suite.version().version, ProtocolVersion::TLSv1_3);
        }
    }
}
