//! The subjects of measurements: the functions of the catalogue, and their operations on shares.
//! Each has public test data of any size.

use std::sync::LazyLock;

use cloister_protocols::catalogue::{self, Behind, Descriptor, InputKind, Needs};
use cloister_protocols::computation::{Column, Input, Suite};
use cloister_protocols::parameters::Parameters;
use serde_json::{Map, Value, json};

use crate::problem::{Outcome, Problem};

/// A function, or an operation on shares, that can be measured.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// Its name here: the function's own, or the operation's.
    pub(super) name: &'static str,
    /// The function of the catalogue.
    pub(super) function: &'static Descriptor,
    /// The unit of its size.
    pub(super) unit: &'static str,
    /// The size of one party's data where nothing is said.
    pub(super) usual_size: usize,
    data: Data,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    /// None; so many rounds.
    Rounds,
    Numbers,
    Vector,
    Texts,
    Mode,
    TextPairs,
    Points,
    Extremes,
    Ranked,
    Matrices,
    /// A matrix of a few columns at the first party, a column at the second.
    Regression,
    /// Items, of which all parties have half.
    Set,
    /// Rows by ids, of which all parties have half, with the columns of the first two.
    Joined([Behind; 2]),
    /// The name of the operation; all numbers at once.
    Operation(&'static str),
    /// Products, each of which waits for the one before.
    Chain,
}

/// The computation of all parties, with its data.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    /// The subject.
    pub(super) subject: &'static Subject,
    /// The size of one party's data.
    pub(super) size: usize,
    /// The parameters, as a client sends them.
    pub(super) parameters: Map<String, Value>,
    /// The parties' data, in order.
    pub(super) inputs: Vec<Input>,
}

/// All of them, the one without content first.
pub(super) static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| {
    let mut subjects: Vec<Subject> = catalogue::entries().filter_map(whole).collect();
    subjects.sort_by_key(|subject| subject.data != Data::Rounds);
    subjects.extend(catalogue::entries().find_map(mode));
    for function in catalogue::entries().filter(|function| is_measurement(function)) {
        subjects.extend(OPERATIONS.map(|(name, unit, size)| Subject {
            name,
            function,
            unit,
            usual_size: size,
            data: Data::Operation(name),
        }));
        subjects.push(Subject {
            name: "chain",
            function,
            unit: "products",
            usual_size: 100,
            data: Data::Chain,
        });
    }
    subjects
});

/// The operations on shares: each with the name of its unit, and the number of units by default.
const OPERATIONS: [(&str, &str, usize); 8] = [
    ("multiply", "products", 100_000),
    ("conjunction", "bits", 1_000_000),
    ("inject", "bits", 100_000),
    ("inner_product", "products", 100_000),
    ("matrix_product", "rows", 128),
    ("compare", "comparisons", 10_000),
    ("sort", "numbers", 1_000),
    ("join", "rows", 1_000),
];

/// The suite of three nodes, of which some may bring no data.
#[cfg(test)]
pub(super) const REPLICATED: &str = Suite::REPLICATED.name();

/// The suite of all parties without helpers: two suffice. It has to be asked for by name.
pub(super) const PAIRWISE: &str = Suite::PAIRWISE.name();

/// The parameter that asks for the mode alone.
const ONLY_MODE: &str = "only_mode";

/// The number of categories in the test data.
const CATEGORIES: u64 = 5;

/// The number of columns in the test data of a regression, one after the other in a row.
const REGRESSORS: usize = 4;

/// Returns a function of the catalogue with data as it takes them. Returns none for measurements of
/// operations, and for preprocessing, which is measured with the functions that use it.
fn whole(function: &'static Descriptor) -> Option<Subject> {
    let (unit, usual_size, data) = match function.input {
        InputKind::Other if function.needs == Needs::LinearSums => ("rounds", 2, Data::Rounds),
        InputKind::Other => return None,
        InputKind::Numbers if function.needs == Needs::LinearSums => {
            ("numbers", 100, Data::Numbers)
        }
        InputKind::Numbers => ("rows", 100, Data::Numbers),
        InputKind::Vector => ("words", 1_000, Data::Vector),
        InputKind::Texts => ("rows", 100, Data::Texts),
        InputKind::TextPairs => ("rows", 100, Data::TextPairs),
        InputKind::Points => ("rows", 100, Data::Points),
        InputKind::Extremes => ("rows", 100, Data::Extremes),
        InputKind::Ranked => ("rows", 100, Data::Ranked),
        InputKind::Matrix => ("rows", 10, Data::Matrices),
        InputKind::Regressors => ("rows", 100, Data::Regression),
        InputKind::Set => ("items", 1_000, Data::Set),
        InputKind::Keyed(behind) => ("rows", 1_000, Data::Joined(behind)),
    };
    Some(Subject { name: function.name, function, unit, usual_size, data })
}

/// Makes the subject of the mode alone, of a table of one variable.
fn mode(function: &'static Descriptor) -> Option<Subject> {
    if function.needs != Needs::Counts || function.input != InputKind::Texts {
        return None;
    }
    let function = function.form(&Parameters::default().with(ONLY_MODE, true)).ok()?;
    Some(Subject { name: "mode", function, unit: "rows", usual_size: 100, data: Data::Mode })
}

/// Returns `true` if a function does nothing but an operation on shares.
fn is_measurement(function: &Descriptor) -> bool {
    function.input == InputKind::Other && function.is_on_shares()
}

/// Returns the subject of this name.
pub(super) fn find(name: &str) -> Option<&'static Subject> {
    SUBJECTS.iter().find(|subject| subject.name == name)
}

impl Subject {
    /// Returns the suites that compute it, the default first.
    pub(super) fn suites(&self) -> Vec<&'static str> {
        self.function.suites().iter().map(|suite| suite.name()).collect()
    }

    /// Returns the suite that computes it by default.
    pub(super) fn usual_suite(&self) -> &'static str {
        self.suites().first().copied().unwrap_or_default()
    }

    /// Returns `true` if it is computed on shares.
    pub(super) fn is_on_shares(&self) -> bool {
        self.function.is_on_shares()
    }

    /// Returns `true` if `size` counts the data of each party; an operation is one of all nodes.
    pub(super) fn is_of_each_party(&self) -> bool {
        !matches!(
            self.data,
            Data::Rounds
                | Data::Vector
                | Data::Matrices
                | Data::Regression
                | Data::Operation(_)
                | Data::Chain
        )
    }

    /// Refuses an operation on shares to two parties: there is no client that could name a third.
    /// By themselves they have it on another suite.
    pub(super) fn check_parties(&self, parties: usize, suite: &str) -> Outcome {
        match (self.data, parties) {
            (Data::Operation(_) | Data::Chain, ..3) if suite != PAIRWISE => {
                Err(Problem::usage(format!(
                    "`{}` is an operation of three nodes: use --parties 3 or more, or \
                     --suite {PAIRWISE}",
                    self.name
                )))
            }
            _ => Ok(()),
        }
    }

    /// Returns the size of one party's test data, in numbers.
    pub(super) fn items_of_a_party(&self, size: usize) -> usize {
        /// The size of texts and objects beside numbers, here and as JSON.
        const LONG: usize = 4;
        match self.data {
            Data::Rounds | Data::Operation(_) | Data::Chain => 0,
            Data::Matrices => size.saturating_mul(size),
            Data::Regression => size.saturating_mul(REGRESSORS),
            Data::Numbers | Data::Vector | Data::Ranked => size,
            _ => size.saturating_mul(LONG),
        }
    }

    /// Returns the number of 64-bit words that are added at this size, where it is known beforehand.
    pub(super) fn words(&self, size: usize) -> usize {
        match self.data {
            // In the encoding `integer`.
            Data::Vector => size,
            _ => 0,
        }
    }

    /// Makes test data of this size for so many parties, for this suite.
    pub(super) fn workload(&'static self, size: usize, parties: usize, suite: &str) -> Workload {
        let inputs = (0..parties).map(|party| self.input(size, party, parties)).collect();
        let mut parameters = self.parameters(size);
        if suite == PAIRWISE {
            parameters.insert("suite".to_owned(), json!(PAIRWISE));
            // Correlations that one run leaves to the next would change the cost of each.
            parameters.insert("ahead".to_owned(), json!(false));
        }
        Workload { subject: self, size, parameters, inputs }
    }

    fn parameters(&self, size: usize) -> Map<String, Value> {
        let parameters = match self.data {
            Data::Rounds => json!({"times": size}),
            Data::Vector => json!({"encoding": "integer"}),
            Data::Texts => json!({"categories": categories()}),
            Data::Mode => json!({"categories": categories(), ONLY_MODE: true}),
            Data::TextPairs => json!({"categories": [categories(), categories()]}),
            Data::Operation(name) => json!({"operation": name, "size": size}),
            Data::Chain => json!({"operation": "multiply", "size": 1, "times": size}),
            _ => json!({}),
        };
        let mut parameters = parameters.as_object().cloned().unwrap_or_default();
        for entry in self.function.parameters {
            let example = entry.example.and_then(|example| serde_json::from_str(example).ok());
            if let Some(example) = example.filter(|_| !parameters.contains_key(entry.name)) {
                parameters.insert(entry.name.to_owned(), example);
            }
        }
        parameters
    }

    fn input(&self, size: usize, party: usize, parties: usize) -> Input {
        let items = items_of(party, 0);
        match self.data {
            Data::Rounds | Data::Operation(_) | Data::Chain => Input::Numbers(Vec::new()),
            Data::Numbers => Input::Numbers(items.map(number).take(size).collect()),
            Data::Vector => Input::Integers(items.map(integer).take(size).collect()),
            Data::Texts | Data::Mode => Input::Texts(items.map(category).take(size).collect()),
            Data::TextPairs => Input::TextPairs(
                items
                    .map(|item| (category(item), category(item / CATEGORIES)))
                    .take(size)
                    .collect(),
            ),
            Data::Set => Input::Texts(ids(party, size)),
            Data::Joined(behind) => {
                let behind = behind.get(party).copied().unwrap_or(Behind::Nothing);
                let texts = || Column::Texts(items_of(party, 0).map(category).take(size).collect());
                let numbers =
                    |from| Column::Numbers(items_of(party, from).map(number).take(size).collect());
                let columns = match behind {
                    Behind::Nothing => Vec::new(),
                    Behind::Category => vec![texts()],
                    Behind::Number => vec![numbers(0)],
                    Behind::Numbers => {
                        (0..REGRESSORS).map(|column| numbers(column * size)).collect()
                    }
                };
                Input::Keyed { ids: ids(party, size), columns }
            }
            Data::Points => Input::Points(
                items.map(|item| (number(item), number(mixed(item)))).take(size).collect(),
            ),
            Data::Extremes => Input::Points(
                items.map(|item| (number(item), number(item) + 1.0)).take(size).collect(),
            ),
            Data::Ranked => {
                let array = items.map(number).take(size).collect();
                let rank = (size * parties).div_ceil(2) as u64;
                Input::Ranked { array, rank, bounds: None }
            }
            Data::Matrices if party < 2 => {
                let elements = items.map(number).take(size * size).collect();
                Input::Matrix { rows: size, columns: size, elements }
            }
            Data::Regression if party < 2 => {
                let columns = if party == 0 { REGRESSORS } else { 1 };
                let elements = items.map(number).take(size * columns).collect();
                Input::Matrix { rows: size, columns, elements }
            }
            Data::Matrices | Data::Regression => {
                Input::Matrix { rows: 0, columns: 0, elements: Vec::new() }
            }
        }
    }
}

impl Workload {
    /// Returns the data of each party as a client hands them in.
    pub(super) fn documents(&self) -> Vec<Value> {
        let extremes = self.subject.data == Data::Extremes;
        self.inputs.iter().map(|input| document(input, extremes)).collect()
    }

    /// Returns the number of the subject's units of all parties together.
    pub(super) fn amount(&self) -> usize {
        if self.subject.is_of_each_party() { self.size * self.inputs.len() } else { self.size }
    }
}

fn document(input: &Input, extremes: bool) -> Value {
    match input {
        Input::Numbers(items) => json!(items),
        Input::Integers(items) => json!([items]),
        Input::Texts(items) => json!(items),
        Input::TextPairs(items) => json!(items),
        Input::Points(items) if extremes => items
            .iter()
            .map(|(minimum, maximum)| json!({"minimum": minimum, "maximum": maximum}))
            .collect(),
        Input::Points(items) => json!(items),
        Input::Ranked { array, rank, .. } => json!([{"array": array, "rank": rank}]),
        Input::Matrix { columns, elements, .. } => {
            elements.chunks((*columns).max(1)).map(|row| json!(row)).collect()
        }
        Input::Keyed { ids, columns } => ids
            .iter()
            .enumerate()
            .map(|(row, id)| {
                let cells = columns.iter().map(|column| match column {
                    Column::Numbers(cells) => json!(cells.get(row)),
                    Column::Texts(cells) => json!(cells.get(row)),
                });
                [json!(id)].into_iter().chain(cells).collect::<Value>()
            })
            .collect(),
        // Not made here: they stand for data that were counted near their source.
        Input::CountedTexts(_) | Input::CountedPairs(_) | Input::Added { .. } => Value::Null,
    }
}

/// Makes the ids of one party, of which every other one is common to all parties.
fn ids(party: usize, size: usize) -> Vec<String> {
    (0..size)
        .map(|row| match row % 2 {
            0 => format!("patient {row}"),
            _ => format!("patient {row} of {party}"),
        })
        .collect()
}

/// Makes one party's items, from one of them on.
fn items_of(party: usize, from: usize) -> Items {
    Items { party: party as u64, next: from as u64 }
}

/// Numbers without an end that are the same on every machine: a party's test data.
struct Items {
    party: u64,
    next: u64,
}

impl Iterator for Items {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.next += 1;
        Some(mixed(self.party << 40 | self.next))
    }
}

/// Computes the finalizer of `SplitMix64` (Steele, Lea, Flood 2014).
fn mixed(item: u64) -> u64 {
    let item = item.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let item = (item ^ (item >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let item = (item ^ (item >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    item ^ (item >> 31)
}

/// Makes a number with three digits after the point, as measurements of patients have.
fn number(item: u64) -> f64 {
    f64::from(u32::try_from(item % 1_000_000).unwrap_or(0)) / 1_000.0
}

fn integer(item: u64) -> i64 {
    i64::try_from(item % (1 << 40)).unwrap_or(0)
}

fn category(item: u64) -> String {
    format!("category {}", item % CATEGORIES)
}

fn categories() -> Vec<String> {
    (0..CATEGORIES).map(category).collect()
}

#[cfg(test)]
mod tests {
    use cloister_protocols::catalogue::entries;
    use cloister_protocols::computation::Request;
    use cloister_protocols::session::Roles;

    use super::*;

    #[test]
    fn every_function_of_this_version_can_be_measured() {
        // Preprocessing is measured with the functions that use it.
        for entry in entries().filter(|entry| entry.needs != Needs::Preparation) {
            assert!(
                SUBJECTS.iter().any(|subject| subject.function.name == entry.name),
                "{}",
                entry.name
            );
        }
        assert_eq!(SUBJECTS[0].name, "Empty");
        assert_eq!(SUBJECTS.len(), 32);
    }

    #[test]
    fn every_workload_is_a_request_of_the_suite_that_is_named() {
        for subject in SUBJECTS.iter() {
            let workload = subject.workload(5, 3, subject.usual_suite());
            let roles = Roles::of_parties(3).unwrap();
            let parameters = Value::Object(workload.parameters.clone());
            let parameters: Parameters = serde_json::from_value(parameters).unwrap();
            for input in workload.inputs {
                let request =
                    Request::new(subject.function, &parameters, input, 0, &roles).unwrap();
                assert_eq!(request.suite().name(), subject.usual_suite(), "{}", subject.name);
            }
        }
    }

    #[test]
    fn what_is_computed_on_shares_has_another_suite_that_is_asked_for_by_name() {
        let suites = |name| find(name).unwrap().suites();
        assert_eq!(suites("SecureSum"), ["masked"]);
        assert_eq!(suites("StatisticsFrequency"), ["masked"]);
        for name in ["SecureMedian", "mode", "multiply", "StatisticsRegressionOLSVertical"] {
            assert_eq!(suites(name), [REPLICATED, PAIRWISE]);
            assert!(find(name).unwrap().is_on_shares());
        }
        let parameters = |suite| find("mode").unwrap().workload(1, 2, suite).parameters;
        assert_eq!(parameters(PAIRWISE)["suite"], "pairwise");
        assert_eq!(parameters(PAIRWISE)["only_mode"], true);
        assert!(!parameters(REPLICATED).contains_key("suite"));
    }

    #[test]
    fn two_parties_have_operations_on_shares_by_themselves_only() {
        let compare = find("compare").unwrap();
        assert!(compare.check_parties(2, REPLICATED).is_err());
        compare.check_parties(2, PAIRWISE).unwrap();
        compare.check_parties(3, REPLICATED).unwrap();
    }

    #[test]
    fn parties_have_other_data_and_always_the_same() {
        let numbers = |party| find("SecureSum").unwrap().input(10, party, 3);
        assert!(numbers(0) == numbers(0) && numbers(0) != numbers(1));
    }
}
