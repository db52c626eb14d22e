//! Groups of functions, for owners who grant several at once. What belongs to a group follows from
//! the functions' descriptors.

use std::collections::BTreeSet;

use cloister_protocols::catalogue::{self, Descriptor, Kind, Needs};

/// A group of functions.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The name that owners give.
    pub name: &'static str,
    /// Its functions, in words.
    pub summary: &'static str,
    has: fn(&Descriptor) -> bool,
}

/// All groups.
pub const GROUPS: &[Group] = &[Group {
    name: "describe",
    summary: "sums and counts over rows: nothing that shows the value of one row by its rank",
    has: |function| {
        function.kind == Kind::Rows && matches!(function.needs, Needs::LinearSums | Needs::Counts)
    },
}];

impl Group {
    /// Returns the names of its functions.
    #[must_use]
    pub fn functions(&self) -> BTreeSet<String> {
        let all = catalogue::entries().filter(|entry| (self.has)(entry));
        all.map(|entry| entry.name.to_owned()).collect()
    }
}

/// Returns the functions that these names of functions and groups stand for.
///
/// # Errors
/// A name of neither.
pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<BTreeSet<String>, String> {
    let mut functions = BTreeSet::new();
    for name in names {
        match GROUPS.iter().find(|group| group.name == name) {
            Some(group) => functions.extend(group.functions()),
            None if catalogue::find(name).is_some() => {
                functions.insert(name.to_owned());
            }
            None => return Err(name.to_owned()),
        }
    }
    Ok(functions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_the_functions_that_its_rule_finds() {
        let described = named(["describe"]).unwrap();
        assert!(described.contains("SecureSum") && described.contains("StatisticsContingency"));
        for shows_values in ["Sort", "TopK", "KthElement", "MinimumMaximum", "Measure"] {
            assert!(!described.contains(shows_values), "{shows_values}");
        }
        let more = named(["describe", "SecureMedian"]).unwrap();
        assert_eq!(more.len(), described.len() + 1);
        assert_eq!(named(["describe", "Sum"]), Err("Sum".to_owned()));
    }

    #[test]
    fn no_group_is_called_like_a_function() {
        assert!(GROUPS.iter().all(|group| catalogue::find(group.name).is_none()));
        assert!(GROUPS.iter().all(|group| !group.functions().is_empty()));
    }
}
