//! Datasets: JSON documents by name, sealed because they can hold passwords of databases. What is in
//! them is the caller's.

use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use serde_json::Value;

use crate::limits::{MAX_DATASETS, check_name, document_text};
use crate::{Vault, VaultError, Written, records};

/// Name to sealed document.
const DATASETS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("datasets");
const TABLE: &str = "datasets";

pub(crate) fn make_tables(transaction: &WriteTransaction) -> Result<(), VaultError> {
    transaction.open_table(DATASETS)?;
    Ok(())
}

impl Vault {
    /// Keeps `document` under `name`, in place of an earlier one.
    ///
    /// # Errors
    ///
    /// A name of no or more than 200 bytes, a document of more than 1 MiB, or more than 1,000
    /// datasets.
    pub fn put_dataset(&self, name: &str, document: &Value) -> Written<()> {
        let sealed = check_name("a dataset's name", name)
            .and_then(|()| document_text(document))
            .and_then(|_| records::seal(&self.store().sealer, TABLE, name.as_bytes(), document));
        let sealed = match sealed {
            Ok(sealed) => sealed,
            Err(error) => return Written::refused(error),
        };
        let name = name.to_owned();
        self.submit(sealed.len(), move |group| {
            let mut datasets = group.transaction.open_table(DATASETS)?;
            if datasets.len()? >= MAX_DATASETS && datasets.get(name.as_str())?.is_none() {
                return Err(too_many());
            }
            datasets.insert(name.as_str(), sealed.as_slice())?;
            Ok(())
        })
    }

    /// The document under `name`, if there is one.
    pub fn dataset(&self, name: &str) -> Result<Option<Value>, VaultError> {
        let datasets = self.read()?.open_table(DATASETS)?;
        let Some(sealed) = datasets.get(name)? else { return Ok(None) };
        records::open(&self.store().sealer, TABLE, name.as_bytes(), sealed.value()).map(Some)
    }

    /// All datasets by name, in the names' order.
    pub fn datasets(&self) -> Result<Vec<(String, Value)>, VaultError> {
        let datasets = self.read()?.open_table(DATASETS)?;
        let mut all = Vec::new();
        for entry in datasets.iter()? {
            let (name, sealed) = entry?;
            let name = name.value();
            let document =
                records::open(&self.store().sealer, TABLE, name.as_bytes(), sealed.value())?;
            all.push((name.to_owned(), document));
        }
        Ok(all)
    }

    /// Removes the dataset's document; tells whether there was one. What was asked about the dataset
    /// stays remembered.
    pub fn remove_dataset(&self, name: &str) -> Written<bool> {
        let name = name.to_owned();
        self.submit(name.len(), move |group| {
            let mut datasets = group.transaction.open_table(DATASETS)?;
            let removed = datasets.remove(name.as_str())?.is_some();
            Ok(removed)
        })
    }
}

fn too_many() -> VaultError {
    VaultError::Limit { what: "datasets", limit: MAX_DATASETS, hint: "remove those not used" }
}
