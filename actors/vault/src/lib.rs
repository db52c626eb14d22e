//! The persistent state of a node: tokens, datasets, uploads, approvals, counts of refusals, answers,
//! earlier selections, the audit chain, and sightings of chains.
//!
//! One folder holds it: `state.redb`, and `key`, 32 random bytes that everything else is sealed
//! with. A [`Vault`] is open in one process at a time. Reads are snapshots of committed data. One
//! thread makes all writes: it takes the waiting ones, applies them in one transaction, commits
//! durably, and only then answers ([`Written`]). An answer means that the write survives a crash.
//!
//! Sealed (AES-256-GCM, bound to table and key) are all records but the audit entries, whose
//! documents are made for auditors to read. In the clear are the keys of the tables: names of
//! tokens and datasets, ids, numbers; and the number of records.
//!
//! Nothing here reads a clock (times are arguments), knows HTTP or actors, or decides on access. An
//! attacker who has the key and can write to the folder can restore an older copy of the whole
//! folder. Only the heads that other members recorded show it: those that they tell in agreements
//! ([`Vault::hear`]), and those in their logs ([`Vault::verify_against`]).
//!
//! The modules from the bottom up:
//!
//! - `error` and `limits`; `seal` and `records`, which are sealed JSON; `folder` with the key;
//!   `questions`, which approvals are of.
//! - `chain`: audit entries and their hashes, without a database.
//! - `schema`: all tables. `store` and `writer`: transactions and group commit. `state`: all of it,
//!   open. `backup`: a copy of it.
//! - One module for each kind of record, and [`Vault`] over them.

mod answers;
mod approvals;
mod audit;
mod backup;
mod chain;
mod datasets;
mod error;
mod folder;
mod limits;
mod memories;
mod questions;
mod records;
mod refusals;
mod schema;
mod seal;
mod selections;
mod state;
mod store;
mod tokens;
mod uploads;
mod vault;
mod witnesses;
mod writer;

pub use answers::KeptAnswer;
pub use approvals::{Approval, Decision, Permission, State};
pub use chain::{AuditEntry, BrokenChain, BrokenReason, Head, Verified, Witnessed, verify_lines};
pub use error::VaultError;
pub use limits::{
    MAX_COLUMNS, MAX_DOCUMENT_BYTES, MAX_NAME_BYTES, MAX_OPEN_REQUESTS, MAX_UPLOAD_BYTES,
};
pub use questions::{Class, Columns, Condition, Conditions, Parameters, Question};
pub use tokens::{Role, RoleUnknown, Token, TokenRefusal};
pub use uploads::{Content, Quota, Upload};
pub use vault::Vault;
pub use witnesses::{Hearing, Sighting};
pub use writer::Written;
