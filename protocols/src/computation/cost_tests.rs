//! The costs of every function, pinned: rounds, the longest chain of messages, messages and bytes.
//!
//! The data are public and always the same: 100 numbers a party, or another input of the kind that
//! the function takes. Beside the costs, the messages themselves are pinned, by the hash of each
//! case's transcript under one seed: a change of code that should change no byte changes none.
//!
//! A developer that changes a protocol on purpose runs these tests with `CLOISTER_REWRITE=1`, which
//! writes both tables. The difference is then part of the change that is reviewed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::rc::Rc;

use crate::computation::{Column, Input};
use crate::engine::reveals::{EXACT_SUM, RELEASE, ROWS_OF_EACH};
use crate::functions::catalogue::{entries, find};
use crate::functions::common::tables::Categories;
use crate::functions::measure::Operation;
use crate::functions::parameters::Parameters;
use crate::functions::vector_sum::Encoding;
use crate::kernel::disclosure::{Profile, Rules};
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;
use crate::kernel::simulation::adversary::{Adversary, Envelope};
use crate::kernel::simulation::{Ending, Link, Simulation};
use crate::kernel::wire::VERSION;
use crate::suites::{intersection, masked, pairwise};
use crate::testing::names::{
    CONTINGENCY_VERTICAL, CORRELATION, EMPTY, INTERSECTION, INTERSECTION_SIZE, INTERSECTION_SUM,
    MATRIX_PRODUCT, MEAN_BY_GROUP, MEASURE, PREPARE, REGRESSION, UNION_SIZE,
};
use crate::testing::{Run, seed};

#[path = "hostile_tests.rs"]
mod hostile;

/// The costs of each case. They are rounds after the agreement, at the party that has most;
/// messages one after the other, the agreement included; messages and bytes that all members send
/// together.
const COSTS: &str = include_str!("../costs.txt");

/// The first bytes of the hash of each case's transcript, under seed 1.
const TRANSCRIPTS: &str = include_str!("../transcripts.txt");

/// The number of values that one party brings.
const SIZE: usize = 100;

/// The rows and columns of a matrix of so many numbers.
const SIDE: usize = 10;

/// The columns of a matrix of regressors of so many numbers.
const COLUMNS: usize = 5;

/// A function, its parameters, and the beginning of its line.
struct Case {
    name: String,
    function: &'static str,
    parameters: Parameters,
}

/// The members that take part, and the rules.
#[derive(Clone, Copy)]
struct Setting {
    parties: usize,
    /// True if one more member computes on shares.
    helper: bool,
    /// True if all parties compute on shares, and no other member.
    all: bool,
    profile: Profile,
}

const SETTINGS: [Setting; 6] = [
    Setting { parties: 3, helper: false, all: false, profile: Profile::Teaching },
    Setting { parties: 5, helper: false, all: false, profile: Profile::Teaching },
    Setting { parties: 2, helper: true, all: false, profile: Profile::Teaching },
    Setting { parties: 3, helper: false, all: false, profile: Profile::Production },
    Setting { parties: 2, helper: false, all: true, profile: Profile::Teaching },
    Setting { parties: 3, helper: false, all: true, profile: Profile::Teaching },
];

fn cases() -> Vec<Case> {
    let case = |function: &'static str, asked: &str, parameters: Parameters| Case {
        name: [function, asked].join(" ").trim_end().to_owned(),
        function,
        parameters,
    };
    let plain = |function| case(function, "", Parameters::default());
    let mut cases = vec![
        plain(EMPTY),
        plain(PREPARE),
        plain("SecureSum"),
        plain("SecureVectorSum"),
        case("SecureVectorSum", "integer", encoded(Encoding::Integer)),
        case("SecureVectorSum", "fixed", encoded(Encoding::Fixed)),
        plain("StatisticsFrequency"),
        case("StatisticsFrequency", "declared", declared(Categories::One(letters()))),
        case("StatisticsFrequency", "mode", mode(Categories::One(letters()))),
        plain("StatisticsContingency"),
        case("StatisticsContingency", "declared", declared(both())),
        case("StatisticsContingency", "mode", mode(both())),
        plain("StatisticsBivariate"),
        plain("StatisticsUnivariate"),
        plain("MinimumMaximum"),
        plain("KthElement"),
        plain("SecureMedian"),
        case("Quantiles", "3", quantiles(&[0.25, 0.5, 0.75])),
        case("TopK", "10", Parameters::default().with("k", Some(10))),
        plain("Sort"),
        plain(MATRIX_PRODUCT),
        plain(REGRESSION),
        case(REGRESSION, "by id", by_id()),
        plain(INTERSECTION),
        plain(INTERSECTION_SIZE),
        plain(UNION_SIZE),
        plain(INTERSECTION_SUM),
        plain(CONTINGENCY_VERTICAL),
        plain(MEAN_BY_GROUP),
        plain(CORRELATION),
    ];
    let measured = [
        (Operation::Multiply, SIZE, 1),
        (Operation::Multiply, SIZE, 2),
        (Operation::Conjunction, SIZE, 1),
        (Operation::Inject, SIZE, 1),
        (Operation::InnerProduct, SIZE, 1),
        (Operation::MatrixProduct, SIDE, 1),
        (Operation::Compare, SIZE, 1),
        (Operation::Compare, SIZE, 2),
        (Operation::Sort, SIZE, 1),
        (Operation::Join, SIZE, 1),
    ];
    cases.extend(measured.map(|(operation, size, times)| {
        let asked = format!("{operation} {size} x{times}");
        case(MEASURE, &asked, measure(operation, size, times))
    }));
    cases
}

fn by_id() -> Parameters {
    Parameters::default().with("by_id", Some(true))
}

fn encoded(encoding: Encoding) -> Parameters {
    Parameters::default().with("encoding", Some(encoding))
}

fn declared(categories: Categories) -> Parameters {
    Parameters::default().with("categories", Some(categories))
}

fn mode(categories: Categories) -> Parameters {
    declared(categories).with("only_mode", Some(true))
}

fn quantiles(probabilities: &[f64]) -> Parameters {
    Parameters::default().with("probabilities", Some(probabilities.to_vec()))
}

fn measure(operation: Operation, size: usize, times: u32) -> Parameters {
    let (operation, size, times) = (Some(operation), Some(size), Some(times));
    Parameters::default().with("operation", operation).with("size", size).with("times", times)
}

fn letters() -> Vec<String> {
    ["a", "b", "c", "d"].map(str::to_owned).to_vec()
}

fn both() -> Categories {
    Categories::Two([letters(), letters()])
}

/// Data of the same sizes, and otherwise different.
#[derive(Clone, Copy)]
struct World {
    factor: usize,
    unit: f64,
}

const USUAL: World = World { factor: 389, unit: 0.125 };
const OTHER: World = World { factor: 577, unit: -0.125 };

impl World {
    /// Returns the numbers of one party: none twice and none 0, not all whole.
    fn numbers(self, party: usize) -> Vec<f64> {
        let number = |index: usize| (SIZE * party + index) * self.factor % 1_009;
        let number = |index: usize| f64::from(u16::try_from(number(index)).unwrap());
        (1..=SIZE).map(|index| number(index) * self.unit).collect()
    }

    /// Returns the texts of one party: four letters.
    fn texts(self, party: usize) -> Vec<String> {
        let letters = letters();
        (0..SIZE).map(|index| letters[(index * index * self.factor + party) % 4].clone()).collect()
    }
}

/// Makes ids of which the first half are all parties'.
fn ids(party: usize, world: World) -> Vec<String> {
    let id = |row: usize| match row {
        0..50 => (row * world.factor % 1_009).to_string(),
        _ => format!("{party} {row}"),
    };
    (0..SIZE).map(id).collect()
}

/// Makes these ids with so many columns of numbers behind them.
fn keyed(party: usize, columns: usize, world: World) -> Input {
    Input::Keyed {
        ids: ids(party, world),
        columns: (0..columns).map(|more| Column::Numbers(world.numbers(party + more))).collect(),
    }
}

/// Makes the same ids with one column of categories.
fn categorised(party: usize, world: World) -> Input {
    // Each of the four letters at the parties' common ids, and each pair of them.
    let text = |row: usize| letters()[(row >> (2 * (party % 2))) % 4].clone();
    let columns = vec![Column::Texts((0..SIZE).map(text).collect())];
    Input::Keyed { ids: ids(party, world), columns }
}

fn input(case: &Case, party: usize, world: World) -> Input {
    let function = case.function;
    let (numbers, texts) = (world.numbers(party), world.texts(party));
    let reversed = numbers.iter().rev().copied();
    match function {
        "StatisticsFrequency" => Input::Texts(texts),
        "StatisticsContingency" => {
            Input::TextPairs(texts.into_iter().zip(world.texts(party + 1)).collect())
        }
        "StatisticsBivariate" | "MinimumMaximum" => {
            let pairs = numbers.iter().copied().zip(reversed);
            Input::Points(pairs.map(|(x, y)| (x.min(y), x.max(y))).collect())
        }
        // Its answer tells if all numbers are above 0, and then there are more means to sum.
        "StatisticsUnivariate" => Input::Numbers(numbers.iter().map(|x| x.abs()).collect()),
        "KthElement" => Input::Ranked { array: numbers, rank: 50, bounds: None },
        "SecureVectorSum" => Input::Numbers(numbers.iter().map(|number| number.floor()).collect()),
        INTERSECTION | INTERSECTION_SIZE | UNION_SIZE => Input::Texts(ids(party, world)),
        INTERSECTION_SUM => keyed(party, usize::from(party == 0), world),
        CONTINGENCY_VERTICAL | MEAN_BY_GROUP if party == 0 => categorised(party, world),
        CONTINGENCY_VERTICAL if party == 1 => categorised(party, world),
        MEAN_BY_GROUP if party == 1 => keyed(party, 1, world),
        CONTINGENCY_VERTICAL | MEAN_BY_GROUP => keyed(party, 0, world),
        CORRELATION => keyed(party, 1, world),
        REGRESSION if case.parameters.asks_for("by_id").unwrap() => keyed(party, 1, world),
        MATRIX_PRODUCT if party < 2 => {
            Input::Matrix { rows: SIDE, columns: SIDE, elements: numbers }
        }
        REGRESSION if party == 0 => {
            Input::Matrix { rows: SIZE / COLUMNS, columns: COLUMNS, elements: numbers }
        }
        REGRESSION if party == 1 => Input::Numbers(numbers[..SIZE / COLUMNS].to_vec()),
        MATRIX_PRODUCT | REGRESSION => Input::Matrix { rows: 0, columns: 0, elements: Vec::new() },
        MEASURE | EMPTY | PREPARE => Input::Numbers(Vec::new()),
        _ => Input::Numbers(numbers),
    }
}

/// Returns the run, if there is such a one.
fn run(case: &Case, setting: Setting, world: World) -> Option<Run> {
    let Setting { parties, helper, all, profile } = setting;
    let has_rows = find(case.function).unwrap().has_rows();
    let is_measured = case.function == MEASURE;
    // Rules on rows are about rows. Of joins, one shows what the rule on their rows costs. A
    // measurement takes no helper.
    let asks_for_rows = has_rows || case.function == CORRELATION;
    if profile == Profile::Production && !asks_for_rows || is_measured && helper {
        return None;
    }
    let inputs = (0..parties).map(|party| input(case, party, world)).collect();
    let run = Run::new(case.function, inputs).parameters(case.parameters.clone());
    let run = run.rules(profile.rules());
    if all {
        let suite = Some(pairwise::SUITE.to_owned());
        let run = Run { parameters: Parameters { suite, ..run.parameters.clone() }, ..run };
        return run.request(0).is_ok().then_some(run);
    }
    if case.function == PREPARE {
        return None;
    }
    // If nothing is computed on shares, a helper is named in vain, and the two compute alone.
    let suite = run.request(0).ok().map(|request| request.suite().name());
    let alone = [Some(masked::SUITE), Some(intersection::SUITE)];
    let on_shares = !alone.contains(&suite);
    Some(if helper && on_shares { run.committee(1, [0, 1, 2]) } else { run })
}

/// The tables of costs and of transcripts.
struct Tables {
    costs: String,
    transcripts: String,
}

impl Tables {
    fn new(world: World, seed: u64) -> Self {
        let mut tables = Self {
            costs: format!(
                "{:<34} {:>7} {:<10} {:>6} {:>6} {:>8} {:>9}\n",
                "function", "members", "rules", "rounds", "depth", "messages", "bytes"
            ),
            transcripts: format!(
                "{:<34} {:>7} {:<10} transcript of wire version {VERSION}\n",
                "function", "members", "rules"
            ),
        };
        cases().iter().for_each(|case| tables.add(case, world, seed));
        tables
    }

    fn add(&mut self, case: &Case, world: World, seed: u64) {
        for setting in SETTINGS {
            let Some(run) = run(case, setting, world) else { continue };
            let link = Link { latency: 1.0, bandwidth: f64::INFINITY };
            let recorder = Recorder::default();
            let simulation = Simulation::new(seed)
                .link(link)
                .called(run.helpers)
                .without_transcript()
                .adversary(recorder.clone());
            let report = run.simulate(simulation);
            let members = match run.helpers {
                0 if setting.all => format!("{} all", setting.parties),
                0 => setting.parties.to_string(),
                helpers => format!("{}+{helpers}", setting.parties),
            };
            let depth = report.ended.iter().copied().fold(0.0, f64::max);
            let messages: u64 = report.meters.iter().map(|m| m.total().messages_sent).sum();
            let (rounds, bytes) = (report.rounds(), report.bytes());
            let ends = if report.results().is_ok() { "" } else { "  refused" };
            let case = format!("{:<34} {members:>7} {:<10}", case.name, setting.profile.name());
            writeln!(self.costs, "{case} {rounds:>6} {depth:>6} {messages:>8} {bytes:>9}{ends}")
                .unwrap();
            writeln!(self.transcripts, "{case} {}", recorder.hash()).unwrap();
        }
    }
}

/// Hashes every message as it is sent. It changes none.
#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<BTreeMap<[usize; 2], blake3::Hasher>>>);

impl Recorder {
    /// Returns the first 16 bytes of the hash of all messages. Their order matters within a pair of
    /// parties only.
    fn hash(&self) -> String {
        let mut all = blake3::Hasher::new();
        for pair in self.0.borrow().values() {
            all.update(pair.finalize().as_bytes());
        }
        all.finalize().to_hex()[..32].to_owned()
    }
}

impl Adversary for Recorder {
    fn intercept(&mut self, envelope: Envelope) -> Vec<Envelope> {
        let Envelope { from, message, .. } = &envelope;
        let pair = [from.index(), message.to.index()];
        let mut hashers = self.0.borrow_mut();
        let hasher = hashers.entry(pair).or_default();
        hasher.update(&message.body.len().to_le_bytes());
        hasher.update(&message.body);
        drop(hashers);
        vec![envelope]
    }
}

/// Compares a file with the table that it is to be, or writes it where the environment asks.
fn is_or_becomes(file: &str, pinned: &str, table: &str) {
    let rewrites = std::env::var_os("CLOISTER_REWRITE").is_some();
    if rewrites {
        std::fs::write(format!("{}/src/{file}", env!("CARGO_MANIFEST_DIR")), table).unwrap();
    }
    let differs = table.lines().zip(pinned.lines()).find(|(now, pinned)| now != pinned);
    assert!(rewrites || table == pinned, "src/{file} is not as it is pinned: {differs:#?}");
}

#[test]
fn rounds_bytes_and_transcripts_of_every_function_are_pinned() {
    let Tables { costs, transcripts } = Tables::new(USUAL, 1);
    let changed = changed_in_one_version(TRANSCRIPTS, &transcripts);
    assert_eq!(changed, None, "messages have changed: raise `wire::VERSION`, then pin them again");
    is_or_becomes("transcripts.txt", TRANSCRIPTS, &transcripts);
    is_or_becomes("costs.txt", COSTS, &costs);
}

/// Returns the first transcript that has changed, if the wire version has not. A node of before would take
/// such messages for its own. New functions change nothing of those before.
fn changed_in_one_version<'a>(pinned: &'a str, now: &str) -> Option<&'a str> {
    let (mut pinned, mut now) = (pinned.lines(), now.lines());
    if pinned.next() != now.next() {
        return None;
    }
    let now: BTreeMap<&str, &str> = now.filter_map(|line| line.rsplit_once(' ')).collect();
    pinned.find(|line| {
        let (case, hash) = line.rsplit_once(' ').unwrap_or_default();
        now.get(case).is_some_and(|new| *new != hash)
    })
}

#[test]
fn transcripts_change_with_the_wire_version_only() {
    let first = "transcript of wire version 9\n";
    let table = |head: &str, lines: &[&str]| format!("{head}{}\n", lines.join("\n"));
    let pinned = table(first, &["Sum 3 aa", "Sort 3 bb"]);
    let more = table(first, &["Sum 3 aa", "Median 3 cc", "Sort 3 bb"]);
    let other = table(first, &["Sum 3 aa", "Sort 3 dd"]);
    assert_eq!(changed_in_one_version(&pinned, &more), None);
    assert_eq!(changed_in_one_version(&pinned, &other), Some("Sort 3 bb"));
    let raised = other.replace("version 9", "version 10");
    assert_eq!(changed_in_one_version(&pinned, &raised), None);
    // So it is with the real ones.
    let (head, lines) = TRANSCRIPTS.split_once('\n').unwrap();
    assert!(head.ends_with(&format!("wire version {VERSION}")), "{head}");
    let (line, rest) = lines.split_once('\n').unwrap();
    let altered = format!("{head}\n{line}0\n{rest}");
    assert_eq!(changed_in_one_version(TRANSCRIPTS, &altered), Some(line));
}

#[test]
fn what_a_function_costs_depends_neither_on_masks_nor_on_data() {
    // Both differ from those that are pinned.
    let Tables { costs, transcripts } = Tables::new(OTHER, seed());
    let differs = costs.lines().zip(COSTS.lines()).find(|(other, pinned)| other != pinned);
    assert_eq!(differs, None, "the first line that is not as it is pinned");
    assert!(
        transcripts.lines().zip(TRANSCRIPTS.lines()).skip(1).all(|(other, pinned)| other != pinned)
    );
}

#[test]
fn every_function_that_there_is_has_its_costs_pinned() {
    let cases = cases();
    for entry in entries() {
        assert!(cases.iter().any(|case| case.function == entry.name), "{}", entry.name);
    }
}

/// Returns a party's part of a regression of many rows on two columns, in which no row has much leverage.
fn few_columns(party: usize) -> Input {
    let numbers = USUAL.numbers(party);
    let rows = SIZE / 2;
    match party {
        0 => Input::Matrix { rows, columns: 2, elements: numbers },
        1 => Input::Numbers(numbers[..rows].to_vec()),
        _ => Input::Matrix { rows: 0, columns: 0, elements: Vec::new() },
    }
}

/// Returns the run of a case under rules that ask for much, with padded sets; none if it cannot be.
fn strict(case: &Case) -> Option<Run> {
    let is_aligned = case.function == REGRESSION && !case.parameters.asks_for("by_id").unwrap();
    let inputs =
        (0..3).map(|party| if is_aligned { few_columns(party) } else { input(case, party, USUAL) });
    let inputs = inputs.collect();
    let rules = Rules { min_rows: 5, min_cell: 3, ..Profile::Teaching.rules() };
    let run = Run::new(case.function, inputs).parameters(case.parameters.clone()).rules(rules);
    let is_set = [INTERSECTION_SIZE, UNION_SIZE].contains(&case.function);
    let parameters = run.parameters.clone().with("pad_to", is_set.then_some(2 * SIZE));
    let run = run.parameters(parameters);
    run.request(0).is_ok().then_some(run)
}

/// No run reveals what its function does not list: the channel ends it. This is the other direction.
#[test]
fn each_entry_of_a_list_is_revealed_by_some_run_and_nothing_else_is() {
    let mut told: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let is_tried = |case: &&Case| case.function != MEASURE || case.name.contains("join");
    for case in cases().iter().filter(is_tried) {
        let settings = [SETTINGS[0], SETTINGS[4]].map(|setting| run(case, setting, USUAL));
        for run in settings.into_iter().chain([strict(case)]).flatten() {
            let report = run.simulate(Simulation::new(seed()).without_transcript());
            for ending in &report.endings {
                let fault = ending.fault();
                assert!(!matches!(fault, Some(Fault::Internal(_))), "{}: {fault:?}", case.name);
                let reveals =
                    ending.done().into_iter().flat_map(|outcome| &outcome.security.reveals);
                told.entry(case.function).or_default().extend(reveals.cloned());
            }
        }
    }
    for function in entries() {
        let listed = function.forms().flat_map(|form| form.reveals);
        for entry in listed.filter(|entry| **entry != RELEASE) {
            let is_told = told[function.name].contains(entry.told);
            assert!(is_told, "{} lists and never reveals: {}", function.name, entry.told);
        }
    }
}

#[test]
fn what_a_function_does_not_list_is_not_opened() {
    let report = Simulation::new(seed()).run(|channel, _, _| async move {
        channel.list(find("SecureSum").unwrap().reveals);
        channel.reveal(Reveal::ANSWER)?;
        channel.reveal(EXACT_SUM)?;
        channel.reveal(ROWS_OF_EACH)
    });
    let is_refused = |ending: &Ending<()>| matches!(ending.fault(), Some(Fault::Internal(_)));
    assert!(report.endings.iter().all(is_refused));
}

#[test]
fn under_a_rule_that_rounds_functions_of_counts_and_those_that_round_are_allowed_alone() {
    let round = Some("se/10".parse().unwrap());
    let setting = Setting { parties: 3, helper: false, all: false, profile: Profile::Teaching };
    for case in cases() {
        // Preprocessing is among all parties.
        let setting = Setting { all: case.function == PREPARE, ..setting };
        let run = run(&case, setting, USUAL).unwrap();
        let rules = Rules { round, ..Profile::Production.rules() };
        let is_allowed = run.request(0).unwrap().rounds(&rules).is_some();
        let due = [
            EMPTY,
            PREPARE,
            MEASURE,
            "StatisticsFrequency",
            "StatisticsContingency",
            "StatisticsUnivariate",
            INTERSECTION,
            INTERSECTION_SIZE,
            UNION_SIZE,
            CONTINGENCY_VERTICAL,
        ];
        assert_eq!(is_allowed, due.contains(&case.function), "{}", case.name);
    }
}
