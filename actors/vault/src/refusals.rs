//! Counts of refusals that tell of data, for each principal and source.
//!
//! A count survives a restart: otherwise a client could have as many refusals as it waits for
//! restarts. The number of pairs is bounded. Where there is no room, a new pair has the largest
//! count, so that its next request waits for an owner.

use redb::{ReadableTable, ReadableTableMetadata, TableError};

use crate::error::VaultError;
use crate::limits::{MAX_REFUSALS, check_name};
use crate::records;
use crate::schema::REFUSALS;
use crate::seal::length_prefixed;
use crate::state::State;
use crate::store::Group;
use crate::writer::Written;

const TABLE: &str = "refusals";

/// The counts of a state.
pub(crate) struct Refusals<'a>(pub(crate) &'a State);

impl Refusals<'_> {
    pub(crate) fn count(&self, principal: &str, source: &str) -> Written<u32> {
        match pair(principal, source) {
            Ok(pair) => self.0.submit(0, move |group| count(group, &pair)),
            Err(error) => Written::refused(error),
        }
    }

    pub(crate) fn of(&self, principal: &str, source: &str) -> Result<u32, VaultError> {
        let pair = pair(principal, source)?;
        let counts = match self.0.read()?.open_table(REFUSALS) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(0),
            counts => counts?,
        };
        match counts.get(&pair)? {
            Some(sealed) => records::open(self.0.sealer(), TABLE, &pair, sealed.value()),
            None if counts.len()? >= MAX_REFUSALS => Ok(u32::MAX),
            None => Ok(0),
        }
    }

    pub(crate) fn forgive(&self, principal: &str, source: &str) -> Written<()> {
        match pair(principal, source) {
            Ok(pair) => self.0.submit(0, move |group| {
                group.transaction.open_table(REFUSALS)?.remove(&pair)?;
                Ok(())
            }),
            Err(error) => Written::refused(error),
        }
    }
}

fn count(group: &mut Group<'_>, pair: &[u8; 32]) -> Result<u32, VaultError> {
    let mut counts = group.transaction.open_table(REFUSALS)?;
    let before: Option<u32> = match counts.get(pair)? {
        Some(sealed) => Some(records::open(group.sealer, TABLE, pair, sealed.value())?),
        None => None,
    };
    if before.is_none() && counts.len()? >= MAX_REFUSALS {
        let hint = "ask an owner to remove principals that are no longer needed";
        return Err(VaultError::Limit { what: "counts of refusals", limit: MAX_REFUSALS, hint });
    }
    let after = before.unwrap_or(0).saturating_add(1);
    let sealed = records::seal(group.sealer, TABLE, pair, &after)?;
    counts.insert(pair, sealed.as_slice())?;
    Ok(after)
}

/// Returns the key of a pair: the table shows no name.
fn pair(principal: &str, source: &str) -> Result<[u8; 32], VaultError> {
    check_name("a principal's name", principal)?;
    check_name("a source's name", source)?;
    let parts = length_prefixed(&[principal.as_bytes(), source.as_bytes()]);
    Ok(blake3::derive_key("cloister 1 refusals of a principal on a source", &parts))
}
