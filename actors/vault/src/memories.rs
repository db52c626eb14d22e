//! The memories of sources: what was answered about the rows of each, sealed.
//!
//! A memory is the bytes of its owner; this module knows nothing of what is in it. It is written as
//! a whole, in one transaction. No memory is forgotten but at an owner's word.

use redb::ReadableTable;
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::limits::{MAX_MEMORIES, MAX_UPLOAD_BYTES, check_name};
use crate::schema::MEMORIES;
use crate::seal::length_prefixed;
use crate::state::State;
use crate::uploads::Content;
use crate::writer::Written;

/// The memories of a state.
pub(crate) struct Memories<'a>(pub(crate) &'a State);

impl Memories<'_> {
    pub(crate) fn keep(&self, source: &str, content: Content) -> Written<()> {
        let sealed = check_name("a source's name", source).and_then(|()| {
            if content.len() > MAX_UPLOAD_BYTES {
                return Err(VaultError::TooBig { what: "a memory's bytes", limit: 1 << 30 });
            }
            self.0.sealer().seal(&context(source), &content)
        });
        let sealed = match sealed {
            Ok(sealed) => sealed,
            Err(error) => return Written::refused(error),
        };
        let source = source.to_owned();
        self.0.submit(content.len(), move |group| {
            let mut memories = group.transaction.open_table(MEMORIES)?;
            let known = memories.get(source.as_str())?.is_some();
            if !known && memories.iter()?.count() as u64 >= MAX_MEMORIES {
                let hint = "reset the memories of sources that are gone";
                return Err(VaultError::Limit { what: "memories", limit: MAX_MEMORIES, hint });
            }
            memories.insert(source.as_str(), sealed.as_slice())?;
            Ok(())
        })
    }

    pub(crate) fn get(&self, source: &str) -> Result<Option<Content>, VaultError> {
        let transaction = self.0.read()?;
        let memories = match transaction.open_table(MEMORIES) {
            // A state of before there were memories.
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            memories => memories?,
        };
        let Some(sealed) = memories.get(source)? else { return Ok(None) };
        let opened = self.0.sealer().open(&context(source), sealed.value());
        opened.map(Some).ok_or(VaultError::Altered { table: "memories" })
    }

    pub(crate) fn forget(&self, source: &str) -> Written<bool> {
        let source = source.to_owned();
        self.0.submit(0, move |group| {
            let mut memories = group.transaction.open_table(MEMORIES)?;
            Ok(memories.remove(source.as_str())?.is_some())
        })
    }
}

fn context(source: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(length_prefixed(&[b"memories", source.as_bytes()]))
}
