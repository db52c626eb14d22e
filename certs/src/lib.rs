//! Identities of cloister nodes, their fingerprints, and the mutual-TLS settings that pin them.
//!
//! A party makes its own [`Identity`]: a private key that never leaves its machine, and a
//! self-signed certificate. Its operator reads the [`Fingerprint`] aloud as [`Words`], and the
//! other members pin it in the consortium file. The pin alone authenticates a connection:
//! [`server_config`] admits the members of a [`Roster`], [`client_config`] accepts exactly one
//! [`Member`], and [`peer_fingerprint`] returns the authenticated peer. The sender of a message is
//! the holder of the certificate's key; no field of a message says who sent it.
//!
//! With the same key a party signs documents for people: its [`card`], and studies that it agrees
//! with ([`document`]). A [`Certificate`] verifies such a [`Signature`], each for one [`Purpose`]
//! only. The [`consortium`] file lists the members and pins their certificates; [`membership`] makes
//! it from their cards.
//!
//! Among members there is no certificate authority, no revocation list and no trust by name. To
//! remove a member, take its pin out of the consortium file. To renew one, pin two fingerprints
//! for a while ([`Renewal`]). There is no switch that checks less.
//!
//! This crate opens no socket and knows no address. [`diagnose`] explains failed handshakes on
//! both sides. Nothing here logs: fingerprints and names are returned in values and errors, keys
//! never are.

mod api;
pub mod card;
mod certificate;
pub mod consortium;
pub mod document;
pub mod files;
mod fingerprint;
mod identity;
mod identity_error;
pub mod membership;
mod pem_text;
mod problem;
mod provider;
mod refusal;
mod renewal;
mod roster;
mod settings;
mod signing;
mod storage;
pub mod thresholds;
mod validity;
mod verifier;
mod words;

pub use api::{
    ApiCertificate, ApiCertificateError, ReadCertificate, api_client_config, api_client_config_of,
    public_client_config,
};
pub use certificate::{CertificateFacts, CertificateFault, Expiry};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use identity::Identity;
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
pub use validity::Validity;
pub use words::Words;
