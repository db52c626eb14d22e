//! Identities of cloister nodes, their fingerprints, and the mutual-TLS settings that pin them.
//!
//! A party makes its own [`Identity`]: a key that never leaves its machine, and a certificate that
//! signs itself. Its operator reads the [`Fingerprint`] aloud as [`Words`], the other members pin it in the
//! consortium file, and from then on the two ends of a connection know each other by it:
//! [`server_config`] admits the members of a [`Roster`], [`client_config`] accepts exactly one
//! [`Member`], and [`peer_fingerprint`] says who is there. Who sent a message is who holds the
//! certificate's key, nothing that the message says.
//!
//! With the same key a party signs what it hands to people: its card, and studies that it agrees with.
//! A [`Certificate`] checks such a [`Signature`], each for one [`Purpose`] only.
//!
//! Among members there is no certificate authority, no revocation list and no trust by name: to remove a member,
//! take its pin out of the consortium file; to renew one, pin two fingerprints for a while ([`Renewal`]). There
//! is no switch that checks less. This crate opens no socket and knows no address; and where a
//! connection fails, [`diagnose`] says why, on both sides.
//!
//! Nothing here logs: fingerprints and names come back in values and errors, keys never do.

mod api;
mod certificate;
mod fingerprint;
mod identity;
mod identity_error;
mod pem_text;
mod problem;
mod refusal;
mod renewal;
mod roster;
mod settings;
mod signing;
mod storage;
mod verifier;
mod words;

pub use api::{
    ApiCertificateError, api_client_config, api_client_config_of, api_server_config,
    api_server_config_of, public_client_config,
};
pub use certificate::{CertificateFacts, CertificateFault, Expiry};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use identity::{Identity, Validity};
pub use identity_error::IdentityError;
pub use pem_text::PemFault;
pub use problem::{HandshakeProblem, Side, diagnose};
pub use refusal::Refusal;
pub use renewal::{Renewal, Stage};
pub use roster::{Member, Roster, RosterError};
pub use settings::{
    PROTOCOL, SettingsError, client_config, peer_facts, peer_fingerprint, server_config,
    server_name,
};
pub use signing::{Certificate, CertificateError, Purpose, Signature, SignatureError};
pub use words::{WORDS, Words};
