//! Encryption towards a server, as its address asks for it, and towards the driver of MySQL.

use std::sync::{Arc, LazyLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};

use crate::address::Encryption;

/// The protection of a connection to a server, as its address asks for it.
pub(in crate::sql) struct Protection {
    encryption: Encryption,
    /// Certificates that may sign the server's, as PEM.
    certificates: Option<Vec<u8>>,
    /// The name that the server's certificate has.
    name: String,
}

impl Protection {
    pub(in crate::sql) fn new(
        encryption: Encryption,
        certificates: Option<Vec<u8>>,
        name: String,
    ) -> Self {
        Self { encryption, certificates, name }
    }

    pub(super) fn encryption(&self) -> Encryption {
        self.encryption
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the settings towards the server, or `None` if the certificates cannot be read.
    pub(super) fn towards_server(&self) -> Option<Arc<ClientConfig>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .ok()?;
        let known = match self.encryption {
            Encryption::Verified => {
                return Some(Arc::new(
                    builder.with_root_certificates(self.roots()?).with_no_client_auth(),
                ));
            }
            Encryption::Signed => {
                let roots = Arc::new(self.roots()?);
                Known::Signed(
                    WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                        .build()
                        .ok()?,
                )
            }
            Encryption::Required | Encryption::Preferred | Encryption::Off => Known::Any,
        };
        let verifier = Arc::new(Unnamed { known, provider });
        let config =
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        Some(Arc::new(config))
    }

    fn roots(&self) -> Option<RootCertStore> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in
            CertificateDer::pem_slice_iter(self.certificates.as_deref().unwrap_or_default())
        {
            roots.add(certificate.ok()?).ok()?;
        }
        Some(roots)
    }
}

/// Returns the settings towards the driver, which takes any certificate at this socket of ours.
pub(super) fn towards_driver() -> Option<Arc<ServerConfig>> {
    static CONFIG: LazyLock<Option<Arc<ServerConfig>>> = LazyLock::new(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).ok()?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).ok()?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .ok()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key);
        Some(Arc::new(config.ok()?))
    });
    CONFIG.clone()
}

/// The certificates that are taken under any name.
#[derive(Debug)]
enum Known {
    Any,
    Signed(Arc<WebPkiServerVerifier>),
}

/// A check of certificates that does not look at their name.
#[derive(Debug)]
struct Unnamed {
    known: Known,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unnamed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};

        let Known::Signed(verifier) = &self.known else {
            return Ok(ServerCertVerified::assertion());
        };
        match verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        ) {
            Err(Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
