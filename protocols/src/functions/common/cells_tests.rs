//! Tables whose small cells are not opened, against plaintext, in simulation.

use crate::suites::pairwise::CorrelationStore;
use std::collections::BTreeMap;

use rand_core::Rng;
use serde_json::{Value, json};

use crate::computation::Input;
use crate::engine::openings;
use crate::engine::reveals::{CELLS, CLASSES, DECLARED, SAME_ROWS};
use crate::functions::common::tables::Categories;
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{Profile, Rules};
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::Simulation;
use crate::release::Subject;
use crate::suites::replicated;
use crate::testing::{Run, rng, seed};

fn texts(items: &[&str]) -> Input {
    Input::Texts(items.iter().map(|item| (*item).to_owned()).collect())
}

fn pairs(items: &[(&str, &str)]) -> Input {
    Input::TextPairs(items.iter().map(|(x, y)| ((*x).to_owned(), (*y).to_owned())).collect())
}

fn names(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn declared(names: &[&str]) -> Parameters {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Parameters::default().with("categories", Some(Categories::One(names)))
}

fn cells_from(min_cell: u64) -> Rules {
    Rules { min_cell, ..Profile::Teaching.rules() }
}

fn json(run: &Run) -> Value {
    serde_json::to_value(run.answer()).unwrap()
}

/// Returns an answer of which so many cells are withheld; none if their number is, too.
fn with_withheld(mut answer: Value, cells: Option<u64>) -> Value {
    answer["samples"] = Value::Null;
    answer["withheld"] = json!(cells);
    if answer["table"].is_object() {
        answer["withheld_rows"] = Value::Null;
        answer["withheld_columns"] = Value::Null;
    }
    answer
}

/// Creates a run over a twice, b and e six times, and c once. Without any one party there are three
/// b and e at least, and one a.
fn frequency() -> Run {
    let first = &["b", "a", "b", "b", "e", "e", "e"][..];
    let inputs = [first, &["c", "b", "b", "b", "e", "e", "e"], &["a"]].map(texts);
    Run::new("StatisticsFrequency", inputs.to_vec())
}

#[test]
fn small_and_empty_cells_look_the_same_and_are_never_the_mode() {
    let table = |min_cell: u64| {
        let names = declared(&["a", "b", "c", "d", "e"]);
        json(&frequency().rules(cells_from(min_cell)).parameters(names))
    };
    let nulls =
        |b: Option<u64>, e: Option<u64>| json!({"a": null, "b": b, "c": null, "d": null, "e": e});
    let due = with_withheld(json!({"histogram": nulls(None, Some(6)), "mode": "e"}), Some(4));
    assert_eq!(table(3), due, "b protects a");
    assert_eq!(table(2), due, "of the two a, either party would learn the other's");
    let due = with_withheld(json!({"histogram": nulls(None, None), "mode": null}), Some(5));
    assert_eq!(table(4), due);
    assert_eq!(table((1 << 62) - 1), due);
    let due = json!({"histogram": {"a": 2, "b": 6, "c": 1, "d": 0, "e": 6}, "mode": "b",
        "samples": 15, "withheld": 0});
    assert_eq!(table(1), due, "where every count may be shown, zeros are");
}

/// Creates rows of pairs: so many of each.
fn counted_pairs(counts: &[(&str, &str, u64)]) -> Input {
    let of = |(x, y, count): &(&str, &str, u64)| (((*x).to_owned(), (*y).to_owned()), *count);
    Input::CountedPairs(counts.iter().map(of).collect())
}

/// Creates the rows of one party: five of each pair of f, k, m and x, y, z, but for these.
fn five_but(others: &[(&str, &str, u64)]) -> Input {
    let all = ["f", "k", "m"].into_iter().flat_map(|x| ["x", "y", "z"].map(|y| (x, y, 5)));
    let kept = all.filter(|(x, y, _)| !others.iter().any(|(a, b, _)| (x, y) == (a, b)));
    counted_pairs(&kept.chain(others.iter().copied()).collect::<Vec<_>>())
}

#[test]
fn names_from_the_data_are_dropped_with_the_last_count_that_may_be_shown() {
    // The number of those that are left out is withheld, too: each of them occurs.
    let due = with_withheld(json!({"histogram": {"e": 6}, "mode": "e"}), None);
    assert_eq!(json(&frequency().rules(cells_from(3))), due);
    let due = with_withheld(json!({"histogram": {}, "mode": null}), None);
    assert_eq!(json(&frequency().rules(cells_from(4))), due);
    // One u at the second party. It is withheld with the first row, f.
    let inputs = vec![five_but(&[]), five_but(&[("u", "y", 1)])];
    let run = Run::new("StatisticsContingency", inputs).rules(cells_from(3));
    let row = json!({"x": 10, "y": 10, "z": 10});
    let due = json!({"table": {"k": row, "m": row}, "mode": ["k", "x"]});
    let due = with_withheld(due, None);
    assert_eq!(json(&run.committee(1, [2, 0, 1])), due);
}

#[test]
fn other_cells_protect_a_small_one_in_its_row_and_column() {
    let small = || vec![five_but(&[("k", "y", 1)]), five_but(&[("k", "y", 0)])];
    let run = || Run::new("StatisticsContingency", small()).rules(cells_from(3));
    let due = json!({
        "f": {"x": null, "y": null, "z": 10},
        "k": {"x": null, "y": null, "z": 10},
        "m": {"x": 10, "y": 10, "z": 10},
    });
    let answer = json(&run().committee(1, [2, 0, 1]));
    assert_eq!(answer, with_withheld(json!({"table": due, "mode": ["f", "z"]}), None));
    // Of these six of a cell, the first party would know the other's one.
    let inputs = vec![five_but(&[]), five_but(&[("k", "y", 1)])];
    let other = Run::new("StatisticsContingency", inputs).rules(cells_from(3));
    assert_eq!(json(&other.committee(1, [2, 0, 1])), answer);
    // The mode alone is that of the cells that are shown.
    let parameters = Parameters::default().with("only_mode", Some(true));
    let mode = run().parameters(parameters).committee(1, [2, 0, 1]);
    assert_eq!(json(&mode), json!({"mode": ["f", "z"]}));
}

#[test]
fn the_mode_alone_is_never_a_withheld_cell() {
    let mode = |counts: [u64; 4], min_cell: u64| {
        let of = |(name, count): (&str, u64)| (name.to_owned(), count);
        let input =
            Input::CountedTexts(["a", "b", "c", "d"].into_iter().zip(counts).map(of).collect());
        let parameters = Parameters::default().with("only_mode", Some(true));
        let run = Run::new("StatisticsFrequency", vec![input; 3]).rules(cells_from(min_cell));
        json(&run.parameters(parameters))["mode"].clone()
    };
    assert_eq!(mode([30, 1, 20, 19], 5), json!("c"), "a protects b");
    assert_eq!(mode([30, 10, 20, 19], 5), json!("a"));
    assert_eq!(mode([30, 1, 1, 1], 5), Value::Null);
    assert_eq!(mode([30, 1, 20, 19], 1), json!("a"));
}

#[test]
fn small_tables_are_shown_or_withheld_as_a_whole() {
    let table = |a: u64, b: u64| {
        let all = [("f", "x", a), ("f", "y", 5), ("m", "x", b), ("m", "y", 5)];
        let run = Run::new("StatisticsContingency", vec![counted_pairs(&all); 3]);
        json(&run.rules(cells_from(5)))["table"].clone()
    };
    assert_eq!(table(5, 6), json!({"f": {"x": 15, "y": 15}, "m": {"x": 18, "y": 15}}));
    for (a, b) in [(1, 5), (5, 1), (1, 1)] {
        assert_eq!(table(a, b), json!({}));
    }
}

fn random_texts(rng: &mut PredictableRng, count: usize) -> Vec<String> {
    let name = |index: u32| ["a", "b", "c", "d", "e", "f", "g"][index.min(6) as usize].to_owned();
    // The first names often, the last ones hardly ever.
    (0..count).map(|_| name((rng.next_u32() % 128).leading_zeros().saturating_sub(25))).collect()
}

#[test]
fn tables_are_those_of_the_plaintext_with_any_parties_and_helpers() {
    let mut rng = rng(seed());
    for (parties, helpers, seats) in [
        (3, 0, [0, 1, 2]),
        (5, 0, [4, 0, 2]),
        (7, 0, [1, 6, 3]),
        (2, 1, [0, 1, 2]),
        (2, 2, [3, 0, 2]),
    ] {
        let data: Vec<Vec<String>> =
            (0..parties).map(|index| random_texts(&mut rng, 9 * index + 5)).collect();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        data.iter().flatten().for_each(|name| *counts.entry(name).or_default() += 1);
        let inputs: Vec<Input> = data.iter().cloned().map(Input::Texts).collect();
        let some = counts.values().copied().max().unwrap().max(2);
        for min_cell in [2, 5, some, some + 1] {
            let few_of_others = |name: &str, all: u64| {
                data.iter().any(|own| {
                    let own = own.iter().filter(|other| *other == name).count() as u64;
                    (1..min_cell).contains(&(all - own))
                })
            };
            let covers = |name: &str, all: u64| {
                data.iter().all(|own| {
                    let own = own.iter().filter(|other| *other == name).count() as u64;
                    all - own >= min_cell
                })
            };
            let shown = counts
                .iter()
                .filter(|(name, count)| **count >= min_cell && !few_of_others(name, **count));
            let mut due: BTreeMap<&str, u64> = shown.map(|(name, count)| (*name, *count)).collect();
            if due.len() < counts.len() {
                let cover = due.iter().find(|(name, count)| covers(name, **count));
                match cover.map(|(name, _)| *name) {
                    Some(name) => drop(due.remove(name)),
                    None => due.clear(),
                }
            }
            let run = Run::new("StatisticsFrequency", inputs.clone()).rules(cells_from(min_cell));
            let run = run.committee(helpers, seats);
            assert_eq!(json(&run)["histogram"], json!(due), "{parties} {min_cell}");
        }
    }
}

#[test]
fn the_report_says_which_suite_it_was_and_what_helpers_see() {
    let run = frequency().rules(cells_from(3)).parameters(declared(&["a", "b", "c", "e"]));
    let report = run.simulate(Simulation::new(seed()));
    let outcome = report.results().unwrap()[0];
    assert_eq!(
        (outcome.security.suite.name(), outcome.security.corruptible),
        (replicated::SUITE, 1)
    );
    assert_eq!(
        outcome.security.reveals,
        [DECLARED, CELLS, SAME_ROWS, CLASSES].map(|entry| entry.told)
    );
    // No party has masked and opened the table.
    assert!(!report.meters[0].round_names().contains(&"commit"));
    assert_eq!(run.request(0).unwrap().suite().name(), "masked");
}

#[test]
fn the_cost_of_a_table_is_that_of_its_cells() {
    let cost = |cells: usize, few: bool| {
        // Ten of each category at each party, but none of the first one, if few are wanted.
        let count = |index: usize| if few && index == 0 { 0 } else { 10 };
        let rows = (0..cells).map(|index| (index.to_string(), count(index)));
        let input = Input::CountedTexts(rows.collect());
        let names = (0..cells).map(|index| index.to_string()).collect();
        let parameters = Parameters::default().with("categories", Some(Categories::One(names)));
        let run = Run::new("StatisticsFrequency", vec![input; 3]).rules(cells_from(5));
        let report = run.parameters(parameters).simulate(Simulation::new(1));
        report.results().unwrap();
        (report.rounds(), [0, 1, 2].map(|seat: usize| report.meters[seat].total().bytes_sent))
    };
    let (rounds, few) = cost(64, true);
    let (more_rounds, more) = cost(6464, true);
    // The number of rows is shared first, for the comparison with the cells.
    assert_eq!((rounds, more_rounds), (1 + 17, 1 + 17));
    // Of 6,400 cells: 204 bytes each at the seat that sends most, 148 at the others.
    let of_cells = [0, 1, 2].map(|seat| more[seat] - few[seat]);
    assert_eq!(of_cells, [1_307_204, 948_804, 948_804]);
    assert_eq!(cost(64, false).0, 1 + 16, "no cover is looked for");
}

/// Returns everything that any member opens in such a run.
fn opened(run: &Run) -> Vec<(Party, Vec<u8>)> {
    openings::take();
    run.simulate(Simulation::new(1)).results().unwrap();
    let mut opened = openings::take();
    opened.sort_by_key(|(party, _)| *party);
    opened
}

#[test]
fn what_is_opened_does_not_depend_on_small_cells() {
    let run = |cells: [usize; 5], helper: bool| {
        let names = ["a", "b", "c", "d", "e"];
        let rows = names.iter().zip(cells);
        let rows = rows.flat_map(|(name, count)| std::iter::repeat_n(*name, count));
        let rows: Vec<&str> = rows.collect();
        let half =
            |first: usize| texts(&rows.iter().skip(first).step_by(2).copied().collect::<Vec<_>>());
        let mut inputs = vec![half(0), half(1)];
        let committee = if helper { (1, [2, 0, 1]) } else { (0, [0, 1, 2]) };
        inputs.extend((!helper).then(|| texts(&[])));
        let rules = Rules { min_parties: 2, max_share: 100, ..Profile::Production.rules() };
        let run = Run::new("StatisticsFrequency", inputs).rules(rules);
        run.parameters(declared(&names)).committee(committee.0, committee.1)
    };
    for helper in [false, true] {
        let one = opened(&run([29, 4, 0, 0, 40], helper));
        assert!(!one.is_empty());
        // The cell that protects the small ones is opened as little as these.
        for other in [[29, 1, 0, 0], [35, 0, 0, 4], [29, 4, 4, 4], [50, 2, 3, 1]] {
            let [a, b, c, d] = other;
            assert_eq!(one, opened(&run([a, b, c, d, 40], helper)), "{other:?}");
        }
        assert_ne!(one, opened(&run([29, 10, 0, 0, 40], helper)), "a cell that may be shown");
    }
}

/// Runs the first computation, in which the third party has the other request, and has it changed.
/// Returns every member's fault.
fn faults(run: &Run, other: &Run, change: fn(&mut Subject)) -> Vec<Option<Fault>> {
    let report = Simulation::new(seed()).run(|channel, party, rng| {
        let mut offer = crate::testing::offer(3, run.rules);
        run.request(0).unwrap().describe(&mut offer);
        let spec = offer.spec;
        let request = if party.index() == 2 { other } else { run }.request(party.index()).unwrap();
        let rules = run.rules;
        async move {
            let mut rng = rng;
            let mut offer = crate::testing::offer(3, rules);
            offer.spec = spec.clone();
            let session = crate::kernel::session::agree(&channel, offer, false, &mut rng).await?;
            let joint = *session.rules();
            let execution = crate::computation::Execution {
                channel: &channel,
                spec: &spec,
                roles: spec.roles().unwrap(),
                joint,
                stores: CorrelationStore::default(),
            };
            let committee = replicated::Committee::fixed([0, 1, 2]);
            let (prepared, mut subject) = request.into_parts();
            if party.index() == 2 {
                change(&mut subject);
            }
            let ended = execution.with_committee(session, committee, prepared, subject, &mut rng);
            ended.await.map(drop)
        }
    });
    report.endings.iter().map(|ending| ending.fault().cloned()).collect()
}

#[test]
fn parties_with_tables_of_other_sizes_are_noticed() {
    let run = |names: &[&str]| frequency().rules(cells_from(3)).parameters(declared(names));
    let (one, other) = (run(&["a", "b", "c", "e"]), run(&["a", "b", "c", "d", "e"]));
    assert_eq!(faults(&one, &one, |_| ()), vec![None; 3]);
    assert_eq!(faults(&one, &other, |_| ()), vec![Some(Fault::InvalidOpening); 3]);
    // As many cells, in other rows.
    let run = |rows: &[&str], columns: &[&str]| {
        let categories = Some(Categories::Two([names(rows), names(columns)]));
        let inputs = vec![pairs(&[("a", "x"), ("a", "x"), ("a", "y"), ("b", "x")]); 3];
        let run = Run::new("StatisticsContingency", inputs).rules(cells_from(3));
        run.parameters(Parameters::default().with("categories", categories))
    };
    let (one, other) = (run(&["a", "b"], &["x", "y", "z"]), run(&["a", "b", "c"], &["x", "y"]));
    assert_eq!(faults(&one, &one, |_| ()), vec![None; 3]);
    assert_eq!(faults(&one, &other, |_| ()), vec![Some(Fault::InvalidOpening); 3]);
}

#[test]
fn a_party_that_counts_other_rows_than_it_has_used_ends_the_computation() {
    let run = frequency().rules(cells_from(3)).parameters(declared(&["a", "b", "c", "e"]));
    let more = |subject: &mut Subject| subject.rows = subject.rows.map(|rows| rows + 1);
    assert_eq!(faults(&run, &run, more), vec![Some(Fault::InvalidOpening); 3]);
}

#[test]
fn the_mode_alone_ends_where_a_party_counts_other_rows_than_it_has_used() {
    let names = declared(&["a", "b", "c", "e"]).with("only_mode", Some(true));
    let run = frequency().rules(cells_from(3)).parameters(names);
    assert_eq!(faults(&run, &run, |_| ()), vec![None; 3]);
    let more = |subject: &mut Subject| subject.rows = subject.rows.map(|rows| rows + 1);
    assert_eq!(faults(&run, &run, more), vec![Some(Fault::InvalidOpening); 3]);
}

#[test]
fn nothing_of_a_table_too_large_is_shared() {
    let names = |count: usize| (0..count).map(|index| index.to_string()).collect();
    // Three parties can have 599,186 counts compared. 598,500 cells and their sums are more.
    let report = |rows: usize, columns: usize, only_mode: Option<bool>| {
        let categories = Some(Categories::Two([names(rows), names(columns)]));
        let run = Run::new("StatisticsContingency", vec![pairs(&[("1", "1"); 9]); 3]);
        let parameters = Parameters::default().with("categories", categories);
        let parameters = parameters.with("only_mode", only_mode);
        run.rules(cells_from(3)).parameters(parameters).simulate(Simulation::new(seed()))
    };
    for only_mode in [None, Some(true)] {
        let report = report(700, 855, only_mode);
        for (ending, meter) in report.endings.iter().zip(&report.meters) {
            let what = "cells to compare";
            let due = Fault::TableTooLarge { what, actual: 600_055, limit: 599_186 };
            assert_eq!(ending.fault(), Some(&due));
            assert!(meter.total().bytes_sent < 10_000, "{}", meter.total().bytes_sent);
        }
    }
}

/// Patients by age, in steps of ten years, at three hospitals.
const AGES: [[u64; 8]; 3] = [
    [11, 38, 52, 77, 94, 81, 33, 6],
    [14, 41, 49, 68, 102, 76, 29, 2],
    [9, 22, 37, 59, 71, 88, 40, 4],
];

#[test]
fn most_of_a_large_table_is_shown() {
    let inputs = AGES.iter().map(|ages| {
        let of = |(age, count): (usize, &u64)| {
            let age = format!("{age}0");
            // Fewer than half are men, and least of the oldest.
            let men = if age == "70" { count / 3 } else { count * 4 / 9 };
            [(("f".to_owned(), age.clone()), count - men), (("m".to_owned(), age), men)]
        };
        Input::CountedPairs(ages.iter().enumerate().flat_map(of).collect())
    });
    let run = Run::new("StatisticsContingency", inputs.collect()).rules(cells_from(5));
    let answer = json(&run);
    let cells = || ["f", "m"].into_iter().flat_map(|sex| (0..8).map(move |age| (sex, age)));
    let cell = |(sex, age): (&str, usize)| answer["table"][sex][format!("{age}0")].as_u64();
    let shown = cells().filter(|place| cell(*place).is_some()).count();
    assert_eq!(cell(("m", 7)), None, "2 + 0 + 1 of them");
    assert!(shown >= 8, "{shown} of 16 cells: {answer}");
}

#[test]
fn counted_texts_give_the_table_of_the_texts() {
    let mut rng = rng(seed());
    let data: Vec<Vec<String>> = (0..3).map(|_| random_texts(&mut rng, 40)).collect();
    let counted = |rows: &Vec<String>| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        rows.iter().for_each(|name| *counts.entry(name.clone()).or_default() += 1);
        // In parts, and with one that never occurs.
        let halves = counts.iter().flat_map(|(name, count)| {
            [(name.clone(), count / 2), (name.clone(), count - count / 2)]
        });
        Input::CountedTexts(halves.chain([("never".to_owned(), 0)]).collect())
    };
    let plain = Run::new("StatisticsFrequency", data.iter().cloned().map(Input::Texts).collect());
    let near = Run::new("StatisticsFrequency", data.iter().map(counted).collect());
    for min_cell in [1, 4] {
        for only_mode in [None, Some(true)] {
            let parameters = Parameters::default().with("only_mode", only_mode);
            let of = |run: &Run| {
                let run = Run::new(run.function, run.inputs.clone()).rules(cells_from(min_cell));
                run.parameters(parameters.clone()).answer()
            };
            assert_eq!(of(&plain), of(&near));
        }
    }
    let one = |x: &str, y: &str, count| ((x.to_owned(), y.to_owned()), count);
    let counted = Input::CountedPairs(vec![one("m", "x", 3), one("f", "y", 2), one("f", "x", 0)]);
    let plain = pairs(&[("m", "x"), ("f", "y"), ("m", "x"), ("f", "y"), ("m", "x")]);
    let run = |input: &Input| {
        let inputs = vec![input.clone(), pairs(&[("m", "z")]), pairs(&[])];
        json(&Run::new("StatisticsContingency", inputs).rules(cells_from(2)))
    };
    assert_eq!(run(&plain), run(&counted));
    let categories = Some(Categories::One(names(&["a"])));
    let undeclared = Run::new("StatisticsFrequency", vec![counted_text("b", 1), texts(&[])]);
    let undeclared = undeclared.parameters(Parameters::default().with("categories", categories));
    assert!(undeclared.request(0).is_err());
    for count in [(1 << 48) + 1, u64::MAX] {
        let run = Run::new("StatisticsFrequency", vec![counted_text("b", count); 2]);
        assert!(run.request(0).is_err(), "{count} rows");
    }
}

fn counted_text(name: &str, count: u64) -> Input {
    Input::CountedTexts(vec![(name.to_owned(), 0), (name.to_owned(), count)])
}
