//! Recomputing a chain: entry by entry, in bounded memory.

use std::io::{self, BufRead};
use std::sync::Arc;

use redb::ReadableTable;

use super::entry::{self, Stored};
use super::{AUDIT, Head, lines, stored_head};
use crate::{Vault, VaultError};

/// A chain that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The chain's head, as recomputed.
    pub head: Head,
}

/// A chain that agrees with what another member recorded of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witnessed {
    /// How many heads of ours the other had recorded.
    pub heads: u64,
    /// The greatest number among them: until there the other vouches for our chain; 0 without any.
    pub until: u64,
    /// The other's chain.
    pub other: Verified,
}

/// Where a chain is broken first, and how.
#[derive(Debug, Clone, thiserror::Error)]
#[error("entry {number}: {why}")]
pub struct Broken {
    /// The entry's number.
    pub number: u64,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a chain.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// The entry that should be here is not.
    #[error("it is missing")]
    Missing,
    /// It names another hash than the entry before has.
    #[error("it does not follow from the entry before")]
    Previous,
    /// Its hash is not that of its content.
    #[error("its content is not what was hashed")]
    Hash,
    /// It is not an entry in the form in which entries are written.
    #[error("it is not in the form in which entries are written")]
    Form,
    /// The chain ends here, and the stored head says otherwise.
    #[error("the chain ends before it, or goes on, and the stored head says otherwise")]
    Head,
    /// Another member recorded another hash for it, or recorded it and it is not there.
    #[error("another member has recorded a different entry here")]
    Witness,
    /// What another member's entry says about our head cannot be understood.
    #[error("it speaks of our head, and not in the form in which heads are recorded")]
    WitnessForm,
    /// The state could not be read.
    #[error(transparent)]
    Vault(VaultError),
    /// The exported lines could not be read.
    #[error("the lines could not be read: {0}")]
    Input(Arc<io::Error>),
}

impl Vault {
    /// Recomputes the whole chain, and compares its end with the stored head and with the head in
    /// memory.
    pub fn verify(&self) -> Result<Verified, Broken> {
        // The one in memory may be older than what is read next, and must be in it.
        let remembered = self.head();
        let mut chain = Chain::default();
        let transaction = self.read().map_err(|error| chain.fails(error))?;
        let audit = transaction.open_table(AUDIT).map_err(|error| chain.fails(error))?;
        for entry in audit.iter().map_err(|error| chain.fails(error))? {
            let (number, value) = entry.map_err(|error| chain.fails(error))?;
            let stored = Stored::split(value.value()).ok_or(chain.broken(Why::Form))?;
            chain.add(number.value(), &stored)?;
            if chain.head.number == remembered.number && chain.head.hash != remembered.hash {
                return Err(Broken { number: remembered.number, why: Why::Head });
            }
        }
        let head = stored_head(&transaction).map_err(|error| chain.fails(error))?;
        if head != chain.head || head.number < remembered.number {
            return Err(chain.broken(Why::Head));
        }
        Ok(chain.verified())
    }

    /// Verifies our own chain and the exported lines of another member, and that every head of ours
    /// that the other recorded is in our chain. `own_name` is our name as the other's documents have
    /// it: `{"heads": {"<own name>": {"number": 7, "hash": "<hex>"}}}`.
    ///
    /// [`Broken::number`] is of our chain, save for errors of the other's lines, whose `why` says so.
    pub fn verify_against(&self, own_name: &str, other: impl BufRead) -> Result<Witnessed, Broken> {
        let own = self.verify()?;
        let start = Chain::default();
        let transaction = self.read().map_err(|error| start.fails(error))?;
        let audit = transaction.open_table(AUDIT).map_err(|error| start.fails(error))?;
        let (mut heads, mut until) = (0_u64, 0_u64);
        let other = lines::each(other, |number, document| {
            let Some(head) =
                recorded_head(document, own_name).map_err(|why| Broken { number, why })?
            else {
                return Ok(());
            };
            let found = audit.get(head.number).map_err(|error| start.fails(error))?;
            let is_ours = match found {
                Some(value) => {
                    head.number <= own.entries
                        && Stored::split(value.value()).is_some_and(|own| own.hash == head.hash)
                }
                None => head == Head::default(),
            };
            if !is_ours {
                return Err(Broken { number: head.number, why: Why::Witness });
            }
            heads = heads.saturating_add(1);
            until = until.max(head.number);
            Ok(())
        })?;
        Ok(Witnessed { heads, until, other })
    }
}

/// The head of the member `name` that a document records, if it does.
fn recorded_head(document: &str, name: &str) -> Result<Option<Head>, Why> {
    let document: serde_json::Value = serde_json::from_str(document).map_err(|_| Why::Form)?;
    let Some(head) = document.get("heads").and_then(|heads| heads.get(name)) else {
        return Ok(None);
    };
    let number = head.get("number").and_then(serde_json::Value::as_u64);
    let hash = head.get("hash").and_then(serde_json::Value::as_str);
    let hash = hash.and_then(|hash| blake3::Hash::from_hex(hash).ok());
    match (number, hash) {
        (Some(number), Some(hash)) => Ok(Some(Head { number, hash: *hash.as_bytes() })),
        _ => Err(Why::WitnessForm),
    }
}

/// A chain as far as it is recomputed.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) head: Head,
}

impl Chain {
    /// Adds the next entry, or tells what is wrong with it.
    pub(crate) fn add(&mut self, number: u64, stored: &Stored<'_>) -> Result<(), Broken> {
        if number != self.next() {
            return Err(self.broken(Why::Missing));
        }
        let hash = entry::hash(&self.head.hash, number, stored.bytes);
        if hash != stored.hash {
            return Err(self.broken(Why::Hash));
        }
        self.head = Head { number, hash };
        Ok(())
    }

    pub(crate) fn verified(&self) -> Verified {
        Verified { entries: self.head.number, head: self.head }
    }

    /// Something is wrong with the next entry.
    pub(crate) fn broken(&self, why: Why) -> Broken {
        Broken { number: self.next(), why }
    }

    fn fails(&self, error: impl Into<VaultError>) -> Broken {
        self.broken(Why::Vault(error.into()))
    }

    fn next(&self) -> u64 {
        self.head.number.saturating_add(1)
    }
}
