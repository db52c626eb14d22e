//! Sightings of audit chains: what this node remembers of the other members' chains, and what they
//! have told of ours that is not in it.
//!
//! A state folder that was replaced by an older copy opens like any other. Other members remember
//! the heads that they were told, and tell the node. A head that is not in our chain shows that the
//! state is older. The operator acknowledges the loss. Then the number of losses rises, so that
//! heads of before it say nothing any more, and members remember the chain from there on.
//!
//! After a loss it is not known what was answered about any source, or which grants were used. Each
//! source is closed until its owner opens it again, and all grants count as used up.
//!
//! An operator who finds that a member's word is unfounded has it dropped. This word raises no alarm
//! again, and closes nothing.
//!
//! Members are known by their names. A name that passes to another node causes an alarm too many. A
//! member that is renamed is not remembered until it is seen under its new name: an alarm too few.

use std::collections::BTreeMap;

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition,
    TableError,
};
use serde::{Deserialize, Serialize};

use crate::answers::forget_all;
use crate::approvals::use_up_all;
use crate::chain::{Head, StoredEntry};
use crate::error::VaultError;
use crate::limits::{MAX_MEMORIES, MAX_WITNESSES, check_name};
use crate::records;
use crate::schema::{AUDIT, CONTRADICTIONS, OPENED, SIGHTINGS, UNFOUNDED, losses, store_losses};
use crate::state::State;
use crate::store::Group;
use crate::writer::Written;

/// A head of a member's chain, as another member has seen it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sighting {
    /// The number of losses of the state that the chain's operator had acknowledged.
    pub losses: u64,
    /// The head.
    pub head: Head,
}

/// The state's part of an agreement in which members told what they have seen of our chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hearing {
    /// The number of losses that the operator has acknowledged.
    pub losses: u64,
    /// The contradictions that are written down and not acknowledged, by the members that told them.
    pub known: BTreeMap<String, Sighting>,
    /// Those among the told ones that are to be written down: later than the known one of the
    /// member, and not found to be unfounded.
    pub new: Vec<(String, Sighting)>,
}

/// The sightings of a state.
pub(crate) struct Witnesses<'a>(pub(crate) &'a State);

/// A table of sightings by members.
#[derive(Clone, Copy)]
struct Sightings {
    table: TableDefinition<'static, &'static str, &'static [u8]>,
    /// The name that its records are bound to.
    name: &'static str,
    /// The chain that they are of.
    chain: Chain,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Chain {
    /// That of the member.
    Theirs,
    /// This node's. Sightings of before its last loss are not stored.
    Ours,
}

const HEADS: Sightings = Sightings { table: SIGHTINGS, name: "heads", chain: Chain::Theirs };
const TOLD: Sightings =
    Sightings { table: CONTRADICTIONS, name: "contradictions", chain: Chain::Ours };
const FALSE: Sightings = Sightings { table: UNFOUNDED, name: "unfounded", chain: Chain::Ours };

/// A sealed sighting.
#[derive(Serialize, Deserialize)]
struct Record {
    losses: u64,
    number: u64,
    hash: [u8; 32],
}

impl Sighting {
    /// Returns whether it is of a later point of the chain than another.
    #[must_use]
    pub fn is_after(&self, other: &Self) -> bool {
        (self.losses, self.head.number) > (other.losses, other.head.number)
    }
}

impl Witnesses<'_> {
    pub(crate) fn losses(&self) -> Result<u64, VaultError> {
        losses(&self.0.read()?)
    }

    pub(crate) fn remember(&self, seen: Vec<(String, Sighting)>) -> Written<()> {
        // Each agreement brings heads, and nothing waits for them.
        storing(HEADS, seen).map_or_else(Written::refused, |work| self.0.defer(0, work))
    }

    pub(crate) fn remembered(&self) -> Result<BTreeMap<String, Sighting>, VaultError> {
        let unreadable = |member: &str, error: VaultError| {
            tracing::warn!(member, %error, "its head is forgotten: the record cannot be read");
            Ok(())
        };
        self.all(&self.0.read()?, HEADS, unreadable)
    }

    /// Compares what was told with the chain, in one snapshot: an acknowledgement in between would
    /// remove the contradictions of a state whose losses were read before.
    pub(crate) fn hear(&self, told: &[(String, Sighting)]) -> Result<Hearing, VaultError> {
        let transaction = self.0.read()?;
        let losses = losses(&transaction)?;
        let known = self.all(&transaction, TOLD, refuse)?;
        let unfounded = self.all(&transaction, FALSE, pass_over)?;
        let mut new = Vec::new();
        for (member, sighting) in told {
            let is_new = unfounded.get(member) != Some(sighting)
                && known.get(member).is_none_or(|known| sighting.is_after(known));
            if is_new && contradicts(&transaction, losses, sighting)? {
                new.push((member.clone(), *sighting));
            }
        }
        Ok(Hearing { losses, known, new })
    }

    pub(crate) fn contradict(&self, told: Vec<(String, Sighting)>) -> Written<()> {
        storing(TOLD, told).map_or_else(Written::refused, |work| self.0.submit(0, work))
    }

    pub(crate) fn contradictions(&self) -> Result<BTreeMap<String, Sighting>, VaultError> {
        self.all(&self.0.read()?, TOLD, refuse)
    }

    pub(crate) fn unfounded(&self) -> Result<BTreeMap<String, Sighting>, VaultError> {
        self.all(&self.0.read()?, FALSE, pass_over)
    }

    /// Forgets a contradiction if it is still the one that the operator has judged.
    pub(crate) fn find_unfounded(&self, member: &str, judged: Sighting) -> Written<bool> {
        let member = member.to_owned();
        self.0.submit(0, move |group| {
            let mut told = group.transaction.open_table(TOLD.table)?;
            let known = match told.get(member.as_str())? {
                Some(sealed) => opened(group, TOLD.name, &member, sealed.value())?,
                None => return Ok(false),
            };
            if known != judged {
                return Ok(false);
            }
            let sealed = sealed(group, FALSE.name, &member, &judged)?;
            told.remove(member.as_str())?;
            group
                .transaction
                .open_table(FALSE.table)?
                .insert(member.as_str(), sealed.as_slice())?;
            Ok(true)
        })
    }

    /// Raises the number of losses beyond all that was told, and forgets the contradictions. Closes
    /// all sources, forgets kept answers, and uses up all grants: they may have been used since.
    ///
    /// The number is the time if that is more. A state that is put back twice would have the same
    /// number twice otherwise, and heads of the one loss would pass for heads of the other.
    pub(crate) fn acknowledge(&self, now: u64) -> Written<u64> {
        self.0.submit(0, move |group| {
            let told = group.transaction.open_table(CONTRADICTIONS)?;
            let mut most = group.losses()?;
            for entry in told.iter()? {
                let (member, sealed) = entry?;
                let told = opened(group, "contradictions", member.value(), sealed.value())?;
                most = most.max(told.losses);
            }
            drop(told);
            let losses = most.saturating_add(1).max(now);
            use_up_all(group)?;
            // An older state may have kept an answer that its newest had forgotten.
            forget_all(group)?;
            store_losses(group.transaction, losses)?;
            group.transaction.delete_table(CONTRADICTIONS)?;
            group.transaction.delete_table(OPENED)?;
            Ok(losses)
        })
    }

    pub(crate) fn is_closed(&self, source: &str) -> Result<bool, VaultError> {
        let transaction = self.0.read()?;
        if losses(&transaction)? == 0 {
            return Ok(false);
        }
        let Some(opened) = table(&transaction, OPENED)? else { return Ok(true) };
        Ok(opened.get(source)?.is_none())
    }

    pub(crate) fn open_again(&self, source: &str) -> Written<()> {
        if let Err(error) = check_name("a source's name", source) {
            return Written::refused(error);
        }
        let source = source.to_owned();
        self.0.submit(0, move |group| {
            if group.losses()? == 0 {
                return Ok(());
            }
            let mut opened = group.transaction.open_table(OPENED)?;
            if opened.len()? >= MAX_MEMORIES && opened.get(source.as_str())?.is_none() {
                let hint = "sources of removed datasets count, too";
                return Err(VaultError::Limit {
                    what: "opened sources",
                    limit: MAX_MEMORIES,
                    hint,
                });
            }
            opened.insert(source.as_str(), [].as_slice())?;
            Ok(())
        })
    }

    fn all(
        &self,
        transaction: &ReadTransaction,
        of: Sightings,
        unreadable: impl Fn(&str, VaultError) -> Result<(), VaultError>,
    ) -> Result<BTreeMap<String, Sighting>, VaultError> {
        let Some(table) = table(transaction, of.table)? else { return Ok(BTreeMap::new()) };
        let mut all = BTreeMap::new();
        for entry in table.iter()? {
            let (member, sealed) = entry?;
            let key = member.value().as_bytes();
            match records::open::<Record>(self.0.sealer(), of.name, key, sealed.value()) {
                Ok(record) => drop(all.insert(member.value().to_owned(), record.into())),
                Err(error) => unreadable(member.value(), error)?,
            }
        }
        Ok(all)
    }
}

/// Returns whether a sighting of our own chain shows that this state is older: it is of after a loss
/// that we know nothing of, or its entry is not in our chain. A sighting of before the last
/// acknowledged loss shows nothing.
fn contradicts(
    transaction: &ReadTransaction,
    losses: u64,
    told: &Sighting,
) -> Result<bool, VaultError> {
    if told.losses != losses {
        return Ok(told.losses > losses);
    }
    if told.head.number == 0 {
        return Ok(false);
    }
    let audit = transaction.open_table(AUDIT)?;
    let Some(value) = audit.get(told.head.number)? else { return Ok(true) };
    Ok(StoredEntry::split(value.value()).is_none_or(|own| own.hash != told.head.hash))
}

/// Lets no contradiction that cannot be read pass for none.
fn refuse(_: &str, error: VaultError) -> Result<(), VaultError> {
    Err(error)
}

/// Passes over an unfounded word that cannot be read: it raises an alarm once more.
fn pass_over(_: &str, _: VaultError) -> Result<(), VaultError> {
    Ok(())
}

/// Returns the write that stores sightings which are later than the stored ones.
fn storing(
    of: Sightings,
    all: Vec<(String, Sighting)>,
) -> Result<impl FnOnce(&mut Group<'_>) -> Result<(), VaultError> + Send, VaultError> {
    all.iter().try_for_each(|(member, _)| check_name("a member's name", member))?;
    Ok(move |group: &mut Group<'_>| {
        let least = if of.chain == Chain::Ours { group.losses()? } else { 0 };
        let mut table = group.transaction.open_table(of.table)?;
        for (member, seen) in all {
            // The loss may have been acknowledged while this write waited.
            if seen.losses < least {
                continue;
            }
            let before = match table.get(member.as_str())? {
                // A record that cannot be read is replaced.
                Some(sealed) => opened(group, of.name, &member, sealed.value()).ok(),
                None if table.len()? >= MAX_WITNESSES => continue,
                None => None,
            };
            if of.chain == Chain::Theirs && before.is_some_and(|before| before.losses < seen.losses)
            {
                tracing::warn!(member, "it has lost its newest state, and its log begins anew");
            }
            if before.is_none_or(|before| seen.is_after(&before)) {
                let sealed = sealed(group, of.name, &member, &seen)?;
                table.insert(member.as_str(), sealed.as_slice())?;
            }
        }
        Ok(())
    })
}

/// Opens a table that states of earlier versions do not have.
fn table(
    transaction: &ReadTransaction,
    of: TableDefinition<'static, &'static str, &'static [u8]>,
) -> Result<Option<ReadOnlyTable<&'static str, &'static [u8]>>, VaultError> {
    match transaction.open_table(of) {
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        table => Ok(Some(table?)),
    }
}

fn sealed(
    group: &Group<'_>,
    table: &'static str,
    member: &str,
    seen: &Sighting,
) -> Result<Vec<u8>, VaultError> {
    let Sighting { losses, head: Head { number, hash } } = *seen;
    records::seal(group.sealer, table, member.as_bytes(), &Record { losses, number, hash })
}

fn opened(
    group: &Group<'_>,
    table: &'static str,
    member: &str,
    sealed: &[u8],
) -> Result<Sighting, VaultError> {
    let record: Record = records::open(group.sealer, table, member.as_bytes(), sealed)?;
    Ok(record.into())
}

impl From<Record> for Sighting {
    fn from(Record { losses, number, hash }: Record) -> Self {
        Self { losses, head: Head { number, hash } }
    }
}
