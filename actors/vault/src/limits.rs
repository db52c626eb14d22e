//! The vault's bounds, and the checks of names and documents against them.

use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error::VaultError;

/// The longest name (of a token, dataset, column, principal, function, kind, media type), in bytes.
pub const MAX_NAME_BYTES: usize = 200;
/// The longest JSON text of a document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;
/// The deepest nesting of arrays and objects in a document; readers of JSON stop at 128.
pub(crate) const MAX_DOCUMENT_DEPTH: usize = 100;
/// The longest content of one upload, in bytes: it is sealed and written in one transaction.
pub const MAX_UPLOAD_BYTES: usize = 1 << 30;
/// The most uploads of all owners. Checking a quota reads all their records.
pub(crate) const MAX_UPLOADS: u64 = 10_000;
/// The most tokens.
pub(crate) const MAX_TOKENS: u64 = 10_000;
/// The most datasets. A list of them holds their documents.
pub(crate) const MAX_DATASETS: u64 = 1_000;
/// The most columns of a question, of a class of questions, or of a selection.
pub const MAX_COLUMNS: usize = 1_000;
/// The most undecided requests for approval that one principal may have.
pub const MAX_OPEN_REQUESTS: usize = 100;
/// The longest text of parameters or of a condition in a question, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 64 << 10;
/// The most classes of one grant.
pub(crate) const MAX_CLASSES: usize = 1_000;
/// The most pairs of principal and source whose refusals are counted.
pub(crate) const MAX_REFUSALS: u64 = 10_000;
/// The most approvals, decided or not.
pub(crate) const MAX_APPROVALS: u64 = 10_000;
/// The most sources of which memories are kept: datasets, and those that were removed.
pub(crate) const MAX_MEMORIES: u64 = 2_000;

/// The longest answer that is kept, in bytes. A longer one is computed again.
pub(crate) const MAX_ANSWER_BYTES: usize = 1 << 20;
/// The most bytes of answers that are kept of one principal.
pub(crate) const MAX_PRINCIPAL_ANSWERS_BYTES: u64 = 8 << 20;
/// The most bytes of answers that are kept.
pub(crate) const MAX_ANSWERS_BYTES: u64 = 64 << 20;
/// The most answers that are kept, of which a principal has a quarter. To keep one more reads all
/// their records.
pub(crate) const MAX_ANSWERS: u64 = 1_000;

/// The most members of which heads are remembered, those that have left included.
pub(crate) const MAX_WITNESSES: u64 = 1_000;

/// Refuses a name that is empty, too long, or holds control characters.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), VaultError> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(VaultError::Invalid { what, rule: "printable text that is not empty" });
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(VaultError::Invalid { what, rule: "at most 200 bytes long" });
    }
    Ok(())
}

/// Turns columns into a set: sorted, each once, each a valid name.
pub(crate) fn checked_columns(columns: &[String]) -> Result<Vec<String>, VaultError> {
    if columns.len() > MAX_COLUMNS {
        return Err(VaultError::TooBig { what: "the number of columns", limit: 1_000 });
    }
    columns.iter().try_for_each(|column| check_name("a column's name", column))?;
    let mut set = columns.to_vec();
    set.sort_unstable();
    set.dedup();
    Ok(set)
}

/// Encodes a document as JSON text. Refuses one that is too long or too deep to be read back.
pub(crate) fn document_text(document: &Value) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    if !is_within_depth(document, MAX_DOCUMENT_DEPTH) {
        return Err(VaultError::TooBig { what: "the nesting of a document", limit: 100 });
    }
    let text = json_text("a document", document)?;
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(VaultError::TooBig { what: "a document's bytes", limit: 1 << 20 });
    }
    Ok(text)
}

/// Encodes any value as JSON text, wiped when it is dropped.
pub(crate) fn json_text(
    what: &'static str,
    value: &impl Serialize,
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    match serde_json::to_vec(value) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(_) => Err(VaultError::Invalid { what, rule: "a value that has a JSON text" }),
    }
}

fn is_within_depth(value: &Value, left: usize) -> bool {
    let Some(below) = left.checked_sub(1) else { return false };
    match value {
        Value::Array(items) => items.iter().all(|item| is_within_depth(item, below)),
        Value::Object(fields) => fields.values().all(|field| is_within_depth(field, below)),
        _ => true,
    }
}
