//! The layout of `state.redb`: all tables, and the single entries of the table `meta`.

use redb::{
    Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, Value,
    WriteTransaction,
};

use crate::chain::Head;
use crate::error::VaultError;

/// The version of the layout that this code writes.
const FORMAT: u32 = 1;

/// Single entries by name, all little-endian: [`FORMAT_ENTRY`], [`KEY_ENTRY`], [`HEAD_ENTRY`],
/// [`LAST_APPROVAL_ENTRY`], [`LOSSES_ENTRY`], [`FREED_ENTRY`].
/// The mark of the last probe whether the state can be written.
pub(crate) const PROBED: &str = "probed";

pub(crate) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
/// The version of the layout.
const FORMAT_ENTRY: &str = "format";
/// The check value of the node's key ([`key_check`]).
const KEY_ENTRY: &str = "key";
/// Number and hash of the last audit entry.
pub(crate) const HEAD_ENTRY: &str = "head";
/// The id of the last approval. No id is used twice.
const LAST_APPROVAL_ENTRY: &str = "approvals";
/// The number of losses of the state that were acknowledged. States without one do not have it.
const LOSSES_ENTRY: &str = "losses";
/// The bytes of the file that removed uploads left free, about. States of older versions do not have it.
const FREED_ENTRY: &str = "freed";

/// Token id to sealed record.
pub(crate) const TOKENS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("tokens");
/// Token name to token id.
pub(crate) const TOKEN_NAMES: TableDefinition<'static, &str, &str> =
    TableDefinition::new("token names");
/// Dataset name to sealed document.
pub(crate) const DATASETS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("datasets");
/// Upload id to sealed record.
pub(crate) const UPLOADS: TableDefinition<'static, u128, &[u8]> = TableDefinition::new("uploads");
/// Upload id and number of the chunk to sealed bytes.
pub(crate) const UPLOAD_CHUNKS: TableDefinition<'static, (u128, u64), &[u8]> =
    TableDefinition::new("upload chunks");
/// Approval id to sealed record.
pub(crate) const APPROVALS: TableDefinition<'static, u64, &[u8]> =
    TableDefinition::new("approvals");
/// Digest of a question, or in older versions of a class of computations, to approval id.
pub(crate) const APPROVAL_CLASSES: TableDefinition<'static, &[u8; 32], u64> =
    TableDefinition::new("approval classes");
/// Digest of principal and source to the sealed count of refusals. States of older versions do not
/// have it before the first is counted.
pub(crate) const REFUSALS: TableDefinition<'static, &[u8; 32], &[u8]> =
    TableDefinition::new("refusals");
/// Dataset and number of the selection, from 0, to sealed record.
pub(crate) const SELECTIONS: TableDefinition<'static, (&str, u64), &[u8]> =
    TableDefinition::new("selections");
/// Dataset, number of the selection and number of the chunk to sealed row hashes.
pub(crate) const SELECTION_ROWS: TableDefinition<'static, (&str, u64, u64), &[u8]> =
    TableDefinition::new("rows");
/// Source to sealed memory.
pub(crate) const MEMORIES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("memories");
/// Member to the sealed newest head of its chain that this node was told. This table and the next
/// three are made with their first records.
pub(crate) const SIGHTINGS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("heads");
/// Member to the sealed head of ours that it told and that is not in our chain.
pub(crate) const CONTRADICTIONS: TableDefinition<'static, &str, &[u8]> =
    TableDefinition::new("contradictions");
/// Member to the sealed head that it told and that our operator found to be unfounded.
pub(crate) const UNFOUNDED: TableDefinition<'static, &str, &[u8]> =
    TableDefinition::new("unfounded");
/// Source that its owner has opened since the last loss of the state, to nothing.
pub(crate) const OPENED: TableDefinition<'static, &str, &[u8]> =
    TableDefinition::new("opened sources");
/// Digest of a question and its rows to the sealed record of its answer. This table and the next one
/// are made with the first answer that is kept.
pub(crate) const ANSWERS: TableDefinition<'static, &[u8; 32], &[u8]> =
    TableDefinition::new("answers");
/// Digest of a question and its rows to its sealed answer.
pub(crate) const ANSWER_TEXTS: TableDefinition<'static, &[u8; 32], &[u8]> =
    TableDefinition::new("answer texts");
/// Entry number, from 1, to hash and bytes of the audit entry.
pub(crate) const AUDIT: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("audit");

/// Work on tables of any types.
pub(crate) trait Visitor {
    /// Works on one table.
    fn visit<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<(), VaultError>;
}

/// Has each table visited that there may be.
pub(crate) fn for_each_table(visitor: &mut impl Visitor) -> Result<(), VaultError> {
    visitor.visit(META)?;
    visitor.visit(TOKENS)?;
    visitor.visit(TOKEN_NAMES)?;
    visitor.visit(DATASETS)?;
    visitor.visit(UPLOADS)?;
    visitor.visit(UPLOAD_CHUNKS)?;
    visitor.visit(APPROVALS)?;
    visitor.visit(APPROVAL_CLASSES)?;
    visitor.visit(REFUSALS)?;
    visitor.visit(SELECTIONS)?;
    visitor.visit(SELECTION_ROWS)?;
    visitor.visit(MEMORIES)?;
    visitor.visit(SIGHTINGS)?;
    visitor.visit(CONTRADICTIONS)?;
    visitor.visit(UNFOUNDED)?;
    visitor.visit(OPENED)?;
    visitor.visit(ANSWERS)?;
    visitor.visit(ANSWER_TEXTS)?;
    visitor.visit(AUDIT)?;
    Ok(())
}

/// Makes all tables, and records format, key and an empty audit chain.
pub(crate) fn create(transaction: &WriteTransaction, key: &[u8; 32]) -> Result<(), VaultError> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(FORMAT_ENTRY, FORMAT.to_le_bytes().as_slice())?;
    meta.insert(KEY_ENTRY, key_check(key).as_slice())?;
    meta.insert(HEAD_ENTRY, Head::default().bytes().as_slice())?;
    transaction.open_table(TOKENS)?;
    transaction.open_table(TOKEN_NAMES)?;
    transaction.open_table(DATASETS)?;
    transaction.open_table(UPLOADS)?;
    transaction.open_table(UPLOAD_CHUNKS)?;
    transaction.open_table(APPROVALS)?;
    transaction.open_table(APPROVAL_CLASSES)?;
    transaction.open_table(REFUSALS)?;
    transaction.open_table(SELECTIONS)?;
    transaction.open_table(SELECTION_ROWS)?;
    transaction.open_table(MEMORIES)?;
    transaction.open_table(AUDIT)?;
    Ok(())
}

/// Derives the value by which the right key is recognised.
pub(crate) fn key_check(key: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("cloister 1 check of the node key", key)
}

/// Reads the check value of the key that a state was begun with, or `None` if there is no state
/// yet.
pub(crate) fn recorded_check(database: &Database) -> Result<Option<[u8; 32]>, VaultError> {
    let transaction = database.begin_read()?;
    let meta = match transaction.open_table(META) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        meta => meta?,
    };
    let format = meta.get(FORMAT_ENTRY)?.ok_or_else(altered)?;
    let found = format.value().try_into().map(u32::from_le_bytes).map_err(|_| altered())?;
    if found > FORMAT {
        return Err(VaultError::Newer { found, known: FORMAT });
    }
    let check = meta.get(KEY_ENTRY)?.ok_or_else(altered)?;
    check.value().try_into().map(Some).map_err(|_| altered())
}

/// Reads the stored head of the audit chain.
pub(crate) fn stored_head(transaction: &ReadTransaction) -> Result<Head, VaultError> {
    let meta = transaction.open_table(META)?;
    let bytes = meta.get(HEAD_ENTRY)?.ok_or_else(altered)?;
    Head::from_bytes(bytes.value()).ok_or_else(altered)
}

/// Stores the head of the audit chain.
pub(crate) fn store_head(transaction: &WriteTransaction, head: Head) -> Result<(), VaultError> {
    transaction.open_table(META)?.insert(HEAD_ENTRY, head.bytes().as_slice())?;
    Ok(())
}

/// Reads the number of losses of the state that were acknowledged.
pub(crate) fn losses(transaction: &ReadTransaction) -> Result<u64, VaultError> {
    losses_of(&transaction.open_table(META)?)
}

/// Stores the number of losses of the state.
pub(crate) fn store_losses(transaction: &WriteTransaction, losses: u64) -> Result<(), VaultError> {
    transaction.open_table(META)?.insert(LOSSES_ENTRY, losses.to_le_bytes().as_slice())?;
    Ok(())
}

/// Reads the number of losses from the table `meta`.
pub(crate) fn losses_of(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<u64, VaultError> {
    match meta.get(LOSSES_ENTRY)? {
        Some(bytes) => bytes.value().try_into().map(u64::from_le_bytes).map_err(|_| altered()),
        None => Ok(0),
    }
}

/// Reads the bytes of the file that are free, about.
pub(crate) fn freed(transaction: &ReadTransaction) -> Result<u64, VaultError> {
    freed_of(&transaction.open_table(META)?)
}

/// Changes the bytes of the file that are free: removed contents leave them, and new ones take them.
pub(crate) fn change_freed(
    transaction: &WriteTransaction,
    change: impl FnOnce(u64) -> u64,
) -> Result<(), VaultError> {
    let mut meta = transaction.open_table(META)?;
    let freed = change(freed_of(&meta)?);
    meta.insert(FREED_ENTRY, freed.to_le_bytes().as_slice())?;
    Ok(())
}

fn freed_of(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<u64, VaultError> {
    match meta.get(FREED_ENTRY)? {
        Some(bytes) => bytes.value().try_into().map(u64::from_le_bytes).map_err(|_| altered()),
        None => Ok(0),
    }
}

/// Takes the next id of an approval. The calling job must not refuse afterwards.
pub(crate) fn next_approval_id(transaction: &WriteTransaction) -> Result<u64, VaultError> {
    let mut meta = transaction.open_table(META)?;
    let last = match meta.get(LAST_APPROVAL_ENTRY)? {
        Some(bytes) => bytes.value().try_into().map(u64::from_le_bytes).map_err(|_| altered())?,
        None => 0,
    };
    let id = last.checked_add(1).ok_or_else(altered)?;
    meta.insert(LAST_APPROVAL_ENTRY, id.to_le_bytes().as_slice())?;
    Ok(id)
}

fn altered() -> VaultError {
    VaultError::Altered { table: "meta" }
}
