//! Which parameters a function has. The catalogue does not say; a test holds this table to the parameters
//! that nodes read.

use cloister_protocols::catalogue::{self, Entry, InputKind};

use crate::client::people::Parameter;

/// A parameter, and whose.
struct Known {
    name: &'static str,
    kind: &'static str,
    summary: &'static str,
    /// Whether a function has it.
    of: fn(&Entry) -> bool,
    required: bool,
}

const fn known(
    name: &'static str,
    kind: &'static str,
    of: fn(&Entry) -> bool,
    summary: &'static str,
) -> Known {
    Known { name, kind, summary, of, required: false }
}

const ALL: [Known; 19] = [
    known("digits_before", "number", has_digits, "magnitudes are below 10 to this power"),
    known(
        "digits_after",
        "number",
        has_digits,
        "magnitudes are 0, or at least 10 to minus this power",
    ),
    known(
        "categories",
        "list",
        has_categories,
        "the categories that there may be, so that nobody learns who has which; of pairs, two lists",
    ),
    known("only_mode", "boolean", has_categories, "whether the mode alone is opened"),
    known("encoding", "text", is_vector, "`exact`, `integer`, or `fixed` with `fraction_bits`"),
    known(
        "fraction_bits",
        "number",
        is_vector,
        "binary digits after the point of `fixed`, up to 62",
    ),
    Known {
        required: true,
        ..known("probabilities", "list", is_quantiles, "of the quantiles, 0 to 1")
    },
    known("k", "number", is_top, "how many of the largest numbers; 10 if it is left out"),
    known(
        "by_id",
        "boolean",
        is_regression,
        "whether rows are found by the ids that they begin with",
    ),
    known("intercept", "boolean", is_regression, "whether a regression by ids has an intercept"),
    known(
        "case",
        "text",
        has_ids,
        "`lower`: items that differ in upper and lower case are the same",
    ),
    known("pad_to", "number", has_ids, "a size that is told instead of a set's true one"),
    known(
        "missing",
        "text",
        may_drop,
        "`drop`: rows with missing values are left out, and counted",
    ),
    Known { required: true, ..known("operation", "text", is_measure, "what is measured") },
    known("size", "number", is_measure, "on how many numbers, or rows"),
    known("times", "number", has_times, "how many times one after the other"),
    known(
        "suite",
        "text",
        has_choice,
        "the family of protocols; the node chooses if it is left out",
    ),
    known(
        "committee",
        "list",
        has_committee,
        "the three members whose nodes compute on shares, without data if they bring none",
    ),
    known(
        "ahead",
        "boolean",
        is_pairwise,
        "whether what nodes have made ahead may be used up; it is, if this is left out",
    ),
];

/// The parameters of a function of the catalogue.
pub(super) fn of(entry: &Entry) -> Vec<Parameter> {
    let parameter = |known: &Known| Parameter {
        name: known.name.to_owned(),
        kind: known.kind.to_owned(),
        required: known.required,
        summary: known.summary.to_owned(),
    };
    ALL.iter().filter(|known| (known.of)(entry)).map(parameter).collect()
}

fn has_digits(entry: &Entry) -> bool {
    use InputKind::{Extremes, Numbers, Points, Ranked, Vector};
    matches!(entry.input, Numbers | Points | Extremes | Ranked | Vector)
}

fn has_categories(entry: &Entry) -> bool {
    matches!(entry.input, InputKind::Texts | InputKind::TextPairs)
}

fn is_vector(entry: &Entry) -> bool {
    entry.input == InputKind::Vector
}

fn is_quantiles(entry: &Entry) -> bool {
    entry.name == "Quantiles"
}

fn is_top(entry: &Entry) -> bool {
    entry.name == "TopK"
}

fn is_regression(entry: &Entry) -> bool {
    entry.name == catalogue::REGRESSION
}

fn has_ids(entry: &Entry) -> bool {
    matches!(entry.input, InputKind::Set | InputKind::Keyed) || is_regression(entry)
}

/// Where rows come from a dataset, values may be missing in them.
fn may_drop(entry: &Entry) -> bool {
    use InputKind::{Numbers, Points, TextPairs, Texts};
    matches!(entry.input, Numbers | Points | Texts | TextPairs)
}

fn is_measure(entry: &Entry) -> bool {
    entry.name == catalogue::MEASURE
}

fn has_times(entry: &Entry) -> bool {
    is_measure(entry) || entry.name == catalogue::EMPTY
}

fn has_choice(entry: &Entry) -> bool {
    entry.suites().len() > 1
}

/// Sums and tables are decided over on shares, too, where rules on rows and cells hold.
fn has_committee(entry: &Entry) -> bool {
    ["replicated", "masked"].iter().any(|suite| entry.suites().contains(suite))
}

fn is_pairwise(entry: &Entry) -> bool {
    entry.suites().contains(&"pairwise")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cloister_protocols::parameters::Parameters;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_parameters_are_those_that_nodes_read() {
        let refusal =
            serde_json::from_value::<Parameters>(json!({"?": 1})).unwrap_err().to_string();
        let (_, names) = refusal.split_once("expected one of").unwrap();
        let read: BTreeSet<&str> = names.split('`').skip(1).step_by(2).collect();
        let told: BTreeSet<&str> = ALL.iter().map(|known| known.name).collect();
        assert_eq!(told, read);
        let entries = catalogue::entries();
        assert!(ALL.iter().all(|known| entries.iter().any(known.of)), "each is somebody's");
    }

    #[test]
    fn functions_have_what_they_are_about() {
        let names = |function: &str| {
            let parameters = of(catalogue::find(function).unwrap());
            parameters.into_iter().map(|parameter| parameter.name).collect::<Vec<_>>()
        };
        assert_eq!(names("SecureSum"), ["digits_before", "digits_after", "missing", "committee"]);
        assert!(names("TopK").contains(&"k".to_owned()));
        assert!(names("SetIntersection").contains(&"pad_to".to_owned()));
    }
}
