//! Records: JSON values that are sealed and bound to their table and key.

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::VaultError;
use crate::seal::{Sealer, place};

/// Seals `record` for the place `key` of `table`.
pub(crate) fn seal<T: Serialize>(
    sealer: &Sealer,
    table: &'static str,
    key: &[u8],
    record: &T,
) -> Result<Vec<u8>, VaultError> {
    let text = serde_json::to_vec(record).map(Zeroizing::new).map_err(|_| VaultError::Invalid {
        what: "a record",
        rule: "a value that has a JSON text",
    })?;
    sealer.seal(&place(&[table.as_bytes(), key]), &text)
}

/// Opens what stands at the place `key` of `table`.
pub(crate) fn open<T: DeserializeOwned>(
    sealer: &Sealer,
    table: &'static str,
    key: &[u8],
    sealed: &[u8],
) -> Result<T, VaultError> {
    sealer
        .open(&place(&[table.as_bytes(), key]), sealed)
        .and_then(|text| serde_json::from_slice(&text).ok())
        .ok_or(VaultError::Altered { table })
}
