//! Results as people read them: in the catalogue's order, with the digits that the data support, and
//! long lists cut.
//!
//! Programs read `--format json` and `--format csv`, which have every entry and every digit.

use cloister_protocols::catalogue;
use serde_json::{Map, Value};

use super::digits::Digits;

/// The most entries of a list, of a table's rows, and of its columns.
const MOST: usize = 100;

/// An entry of a result, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name in the result.
    pub key: String,
    /// Its value, without the entries that were cut.
    pub value: Value,
    /// A sentence on what was cut, if anything was.
    pub note: Option<String>,
}

/// Returns the entries of a function's result, those that people look for first.
#[must_use]
pub fn entries(function: &str, result: &Value) -> Vec<Entry> {
    let Value::Object(object) = result else {
        return vec![entry("result", result, &Digits::all())];
    };
    let keys = catalogue::find(function).map(|known| known.all_result_keys()).unwrap_or_default();
    let place = |key: &str| keys.iter().position(|known| *known == key).unwrap_or(keys.len());
    let digits = Digits::of(object);
    let mut entries: Vec<Entry> =
        object.iter().map(|(key, value)| entry(key, value, &digits)).collect();
    entries.sort_by_key(|entry| place(&entry.key));
    entries
}

fn entry(key: &str, value: &Value, digits: &Digits) -> Entry {
    let mut longest = 0;
    let value = cut(&digits.supported(key, value), &mut longest);
    let note = (longest > MOST)
        .then(|| format!("the first {MOST} of {longest}; `--format json` has all of them"));
    Entry { key: key.to_owned(), value, note }
}

/// Cuts all lists inside. The longest of them is told.
fn cut(value: &Value, longest: &mut usize) -> Value {
    match value {
        Value::Array(items) => {
            *longest = items.len().max(*longest);
            items.iter().take(MOST).map(|item| cut(item, longest)).collect()
        }
        Value::Object(entries) => {
            *longest = entries.len().max(*longest);
            let kept = entries.iter().take(MOST);
            let kept: Map<_, _> =
                kept.map(|(key, value)| (key.clone(), cut(value, longest))).collect();
            Value::Object(kept)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_stand_in_the_catalogues_order() {
        let result = json!({"mean": 2.0, "maximum": 3.0, "samples": 2, "unknown": 1});
        let entries = entries("StatisticsUnivariate", &result);
        let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["samples", "maximum", "mean", "unknown"]);
        assert!(entries.iter().all(|entry| entry.note.is_none()));
    }

    #[test]
    fn long_lists_are_cut_with_their_count() {
        let sorted: Vec<usize> = (0..5_000).collect();
        let histogram: Map<String, Value> =
            (0..300).map(|at| (format!("c{at:03}"), json!(at))).collect();
        let result = json!({"sorted": sorted, "histogram": histogram, "short": [1]});
        let entries = entries("Sort", &result);
        let of = |key: &str| entries.iter().find(|entry| entry.key == key).unwrap();
        assert_eq!(of("sorted").value.as_array().unwrap().len(), 100);
        assert!(of("sorted").note.as_ref().unwrap().starts_with("the first 100 of 5000; "));
        assert_eq!(of("histogram").value.as_object().unwrap().len(), 100);
        assert!(of("histogram").note.as_ref().unwrap().contains("of 300; "));
        assert_eq!(of("short").note, None);
    }
}
