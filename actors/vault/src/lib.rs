//! What a node must not forget: tokens, datasets, uploads, approvals, what was asked, and the
//! audit chain.
//!
//! One folder holds it: `state.redb`, and `key`, 32 random bytes that everything else is sealed
//! with. A [`Vault`] is open in one process at a time. Reads are snapshots of what is committed.
//! All writes go through one thread, which takes whatever waits, applies it in one transaction,
//! commits that durably, and only then answers ([`Written`]): an answer means that the write
//! survives a crash.
//!
//! Sealed (AES-256-GCM, bound to table and key): every record but the audit entries, whose
//! documents are made to be read by auditors. In the clear are the keys of the tables: names of
//! tokens and datasets, ids, numbers, and how many records there are.
//!
//! What it does not do: nothing here reads a clock (times are arguments), knows HTTP or actors, or
//! judges whether somebody may do something. Who can write to the folder and has the key can put an
//! older copy of the whole folder back; that shows only in the heads that other members recorded
//! ([`Vault::verify_against`]).

mod approvals;
mod audit;
mod datasets;
mod error;
mod folder;
mod limits;
mod memory;
mod records;
mod seal;
mod store;
mod tokens;
mod uploads;
mod vault;
mod writer;

pub use approvals::{Approval, Class, Decision, State};
pub use audit::{AuditEntry, Broken, Head, Verified, Why, Witnessed, verify_lines};
pub use error::VaultError;
pub use limits::{
    MAX_COLUMNS, MAX_DOCUMENT_BYTES, MAX_NAME_BYTES, MAX_OPEN_REQUESTS, MAX_SELECTION_ROWS,
    MAX_SELECTIONS, MAX_UPLOAD_BYTES,
};
pub use memory::Asked;
pub use tokens::{Role, RoleUnknown, Token, TokenRefusal};
pub use uploads::{Content, Quota, Upload};
pub use vault::Vault;
pub use writer::Written;
