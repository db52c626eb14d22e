//! Datasets: JSON documents by name, which the caller defines. They are sealed, because they can
//! hold passwords of databases.

use redb::{ReadableTable, ReadableTableMetadata};
use serde_json::Value;

use crate::error::VaultError;
use crate::limits::{MAX_DATASETS, check_name, document_text};
use crate::records;
use crate::schema::DATASETS;
use crate::state::State;
use crate::writer::Written;

const TABLE: &str = "datasets";

/// The datasets of a state.
pub(crate) struct Datasets<'a>(pub(crate) &'a State);

impl Datasets<'_> {
    pub(crate) fn put(&self, name: &str, document: &Value) -> Written<()> {
        let sealed = match self.seal(name, document) {
            Ok(sealed) => sealed,
            Err(error) => return Written::refused(error),
        };
        let name = name.to_owned();
        self.0.submit(sealed.len(), move |group| {
            let mut datasets = group.transaction.open_table(DATASETS)?;
            if datasets.len()? >= MAX_DATASETS && datasets.get(name.as_str())?.is_none() {
                return Err(too_many());
            }
            datasets.insert(name.as_str(), sealed.as_slice())?;
            Ok(())
        })
    }

    pub(crate) fn get(&self, name: &str) -> Result<Option<Value>, VaultError> {
        let datasets = self.0.read()?.open_table(DATASETS)?;
        match datasets.get(name)? {
            Some(sealed) => self.open(name, sealed.value()).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn all(&self) -> Result<Vec<(String, Value)>, VaultError> {
        let datasets = self.0.read()?.open_table(DATASETS)?;
        let mut all = Vec::new();
        for entry in datasets.iter()? {
            let (name, sealed) = entry?;
            let document = self.open(name.value(), sealed.value())?;
            all.push((name.value().to_owned(), document));
        }
        Ok(all)
    }

    pub(crate) fn remove(&self, name: &str) -> Written<bool> {
        let name = name.to_owned();
        self.0.submit(name.len(), move |group| {
            let mut datasets = group.transaction.open_table(DATASETS)?;
            let removed = datasets.remove(name.as_str())?.is_some();
            Ok(removed)
        })
    }

    fn seal(&self, name: &str, document: &Value) -> Result<Vec<u8>, VaultError> {
        check_name("a dataset's name", name)?;
        document_text(document)?;
        records::seal(self.0.sealer(), TABLE, name.as_bytes(), document)
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Result<Value, VaultError> {
        records::open(self.0.sealer(), TABLE, name.as_bytes(), sealed)
    }
}

fn too_many() -> VaultError {
    VaultError::Limit { what: "datasets", limit: MAX_DATASETS, hint: "remove those not used" }
}
