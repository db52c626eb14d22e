//! The part of the data that clients see: names, columns, types, units, and rows rounded down.
//! Never a value.

use cloister_sources::{Column, Dataset};

use super::Store;
use crate::services::public;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::object::{Principal, Reply};

impl Store {
    pub(super) fn list(&self, principal: &Principal) -> Result<Reply, ApiError> {
        let documents = self.vault.datasets().map_err(|error| ApiError::state(&error))?;
        let mut entries = Vec::new();
        for (name, _) in documents {
            if self.policies.of(&name).is_for(principal.name()) {
                entries.push(self.dataset(principal, &name)?.entry());
            }
        }
        public(&entries)
    }

    pub(super) fn describe(&self, principal: &Principal, name: &str) -> Result<Reply, ApiError> {
        let dataset = self.dataset(principal, name)?;
        public(&describe(&dataset))
    }
}

fn describe(dataset: &Dataset) -> cloister_api::Dataset {
    let missing = dataset.missing.iter().copied().chain(std::iter::repeat(0));
    cloister_api::Dataset {
        name: dataset.name.clone(),
        rows: dataset.entry().rows,
        columns: dataset
            .columns
            .iter()
            .zip(missing)
            .map(|(column, missing)| cloister_api::Column {
                times: dataset.times.get(&column.name).map(ToString::to_string),
                ..describe_column(column, band(missing, dataset.rows))
            })
            .collect(),
    }
}

fn describe_column(column: &Column, missing: &str) -> cloister_api::Column {
    cloister_api::Column {
        name: column.name.clone(),
        kind: column.kind.to_string(),
        unit: column.unit.clone(),
        range: column.range,
        levels: column.levels.clone(),
        missing: missing.to_owned(),
        times: None,
    }
}

/// Rounds the part of missing values up to a band, so that it does not count people.
fn band(missing: u64, rows: u64) -> &'static str {
    let reaches = |percent: u64| missing.saturating_mul(100) > rows.saturating_mul(percent);
    match missing {
        0 => "none",
        _ if !reaches(5) => "up to 5 %",
        _ if !reaches(25) => "up to 25 %",
        _ if !reaches(50) => "up to 50 %",
        _ => "over 50 %",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_in_bands() {
        let bands = [0, 1, 5, 6, 25, 50, 51].map(|missing| band(missing, 100));
        let expected = [
            "none",
            "up to 5 %",
            "up to 5 %",
            "up to 25 %",
            "up to 25 %",
            "up to 50 %",
            "over 50 %",
        ];
        assert_eq!(bands, expected);
    }
}
