//! The public data of `tests/data` as tables of text, and small tables cut from them.

use std::path::Path;

use serde_json::Value;

/// Columns by name, and rows of cells as the files have them.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads one party's part of a data set.
    pub(super) fn read(set: &str, part: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let mut reader = csv::Reader::from_path(folder.join(format!("{set}.{part}.csv"))).unwrap();
        let columns = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect());
        Self { columns, rows: rows.collect() }
    }

    /// Makes a table of whole numbers.
    pub(super) fn of_numbers(columns: &[&str], rows: &[Vec<i64>]) -> Self {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        let rows = rows.iter().map(|row| row.iter().map(i64::to_string).collect()).collect();
        Self { columns, rows }
    }

    /// Returns a table of these rows of it.
    pub(super) fn part(&self, rows: impl IntoIterator<Item = usize>) -> Self {
        let rows = rows.into_iter().map(|row| self.rows[row].clone()).collect();
        Self { columns: self.columns.clone(), rows }
    }

    /// Returns a table of these columns of it.
    pub(super) fn only(&self, columns: &[&str]) -> Self {
        let places: Vec<usize> = columns.iter().map(|column| self.place(column)).collect();
        let pick = |row: &Vec<String>| places.iter().map(|place| row[*place].clone()).collect();
        let names = columns.iter().map(|name| (*name).to_owned()).collect();
        Self { columns: names, rows: self.rows.iter().map(pick).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn texts(&self, column: &str) -> Vec<&str> {
        let place = self.place(column);
        self.rows.iter().map(|row| row[place].as_str()).collect()
    }

    pub(super) fn numbers(&self, column: &str) -> Vec<f64> {
        self.texts(column).iter().map(|text| text.parse().unwrap()).collect()
    }

    /// Returns the ids, which attackers are taken to know.
    pub(super) fn ids(&self) -> Vec<i64> {
        self.texts("id").iter().map(|text| text.parse().unwrap()).collect()
    }

    /// Returns whether a condition holds for a row: the judge's own reading of conditions.
    pub(super) fn holds(&self, condition: &Value, row: usize) -> bool {
        let all = |of: &str| condition[of].as_array();
        if condition.is_null() {
            return true;
        }
        if let Some(parts) = all("and") {
            return parts.iter().all(|part| self.holds(part, row));
        }
        if let Some(parts) = all("or") {
            return parts.iter().any(|part| self.holds(part, row));
        }
        if let Some(part) = condition.get("not") {
            return !self.holds(part, row);
        }
        let cell = &self.rows[row][self.place(condition["column"].as_str().unwrap())];
        let ordering = match &condition["value"] {
            Value::String(text) => cell.as_str().partial_cmp(text.as_str()),
            number => cell.parse().ok().and_then(|cell: f64| cell.partial_cmp(&number.as_f64()?)),
        };
        let ordering = ordering.unwrap();
        match condition["op"].as_str().unwrap() {
            "=" => ordering.is_eq(),
            "<" => ordering.is_lt(),
            ">=" => ordering.is_ge(),
            other => panic!("no attacker compares by {other}"),
        }
    }

    pub(super) fn csv(&self) -> String {
        let lines = std::iter::once(&self.columns).chain(&self.rows);
        lines.map(|cells| cells.join(",") + "\n").collect()
    }

    fn place(&self, column: &str) -> usize {
        self.columns.iter().position(|name| name == column).unwrap()
    }
}
