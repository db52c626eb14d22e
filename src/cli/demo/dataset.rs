//! The demonstration's data: the parts of three parties, which the command brings along.
//!
//! Breast Cancer Wisconsin (Diagnostic), UCI Machine Learning Repository, CC BY 4.0; see
//! `tests/data/NOTICE`.

use std::collections::BTreeMap;

use crate::problem::{Outcome, Problem};

const PARTS: [&str; 3] = [
    include_str!("../../../tests/data/wdbc.party1.csv"),
    include_str!("../../../tests/data/wdbc.party2.csv"),
    include_str!("../../../tests/data/wdbc.party3.csv"),
];

/// One party's columns.
pub(super) struct PartyData {
    columns: BTreeMap<String, Vec<f64>>,
}

/// Returns the parties' data, in their order.
pub(super) fn parties() -> Outcome<Vec<PartyData>> {
    PARTS.iter().map(|part| PartyData::read(part).map_err(Problem::ours)).collect()
}

/// Concatenates all parties' values of a column, for the plaintext check only.
pub(super) fn pooled(parties: &[PartyData], column: &str) -> Vec<f64> {
    parties.iter().flat_map(|party| party.column(column)).copied().collect()
}

impl PartyData {
    /// Returns a column.
    pub(super) fn column(&self, name: &str) -> &[f64] {
        self.columns.get(name).expect("the demonstration asks for columns that it brings along")
    }

    fn read(text: &str) -> Result<Self, csv::Error> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
        let mut columns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for row in reader.deserialize() {
            let row: Vec<f64> = row?;
            for (name, value) in names.iter().zip(row) {
                columns.entry(name.clone()).or_default().push(value);
            }
        }
        Ok(Self { columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_that_is_brought_along_is_complete() {
        let parties = parties().unwrap();
        assert_eq!(pooled(&parties, "mean_radius").len(), 569);
        assert_eq!(parties[2].column("benign").len(), 114);
    }
}
