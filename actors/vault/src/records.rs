//! Records: JSON values, sealed and bound to their table and key.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::VaultError;
use crate::limits::json_text;
use crate::seal::{Sealer, length_prefixed};

/// Seals a record, bound to its table and key.
pub(crate) fn seal<T: Serialize>(
    sealer: &Sealer,
    table: &'static str,
    key: &[u8],
    record: &T,
) -> Result<Vec<u8>, VaultError> {
    sealer.seal(&length_prefixed(&[table.as_bytes(), key]), &json_text("a record", record)?)
}

/// Opens the record of this table and key.
pub(crate) fn open<T: DeserializeOwned>(
    sealer: &Sealer,
    table: &'static str,
    key: &[u8],
    sealed: &[u8],
) -> Result<T, VaultError> {
    sealer
        .open(&length_prefixed(&[table.as_bytes(), key]), sealed)
        .and_then(|text| serde_json::from_slice(&text).ok())
        .ok_or(VaultError::Altered { table })
}
