//! A copy of an open state in a folder of its own.
//!
//! One snapshot is copied, table by table, while the state is read and written. The key is written last:
//! a copy that was broken off has none, and does not open as a state.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use redb::{
    Builder, Database, Key, ReadTransaction, ReadableTable, TableDefinition, TableError,
    TableHandle, Value, WriteTransaction,
};

use crate::chain::Head;
use crate::error::VaultError;
use crate::folder::Folder;
use crate::schema::{self, change_freed, freed, stored_head};
use crate::state::State;
use crate::store::durable;

impl State {
    /// Copies the state as last committed into a folder that is not there yet. Returns the head of the
    /// copy's audit chain. What was copied before a fault is removed.
    pub(crate) fn back_up(&self, to: &Path) -> Result<Head, VaultError> {
        let snapshot = self.read()?;
        let folder = Folder::begin(to)?;
        let copied = copy(&snapshot, &folder).and_then(|()| folder.put_key(self.node_key()));
        if let Err(error) = copied {
            // The fault is told, and this one is not: the copy has no key.
            let _ = fs::remove_dir_all(to);
            return Err(error);
        }
        stored_head(&snapshot)
    }
}

/// Copies all tables of a snapshot.
fn copy(snapshot: &ReadTransaction, folder: &Folder) -> Result<(), VaultError> {
    let database: Database = Builder::new().create(folder.database()?)?;
    let transaction = durable(&database)?;
    let mut copying = Copying { snapshot, transaction: &transaction, names: BTreeSet::new() };
    schema::for_each_table(&mut copying)?;
    // A table that only a later version knows must not be lost.
    for table in snapshot.list_tables()? {
        if !copying.names.contains(table.name()) {
            return Err(VaultError::Altered { table: "meta" });
        }
    }
    // Removed uploads leave no room in a new file.
    if freed(snapshot)? > 0 {
        change_freed(&transaction, |_| 0)?;
    }
    Ok(transaction.commit()?)
}

/// The copying of one table after the other.
struct Copying<'a> {
    snapshot: &'a ReadTransaction,
    transaction: &'a WriteTransaction,
    names: BTreeSet<String>,
}

impl schema::Visitor for Copying<'_> {
    fn visit<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<(), VaultError> {
        self.names.insert(table.name().to_owned());
        let from = match self.snapshot.open_table(table) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            from => from?,
        };
        let mut to = self.transaction.open_table(table)?;
        for entry in from.iter()? {
            let (key, value) = entry?;
            to.insert(key.value(), value.value())?;
        }
        Ok(())
    }
}
