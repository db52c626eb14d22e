//! Tables whose small cells are not opened, against plaintext, in simulation.

use crate::suites::pairwise::CorrelationStore;
use std::collections::BTreeMap;

use rand_core::Rng;
use serde_json::{Value, json};

use crate::computation::Input;
use crate::engine::openings;
use crate::functions::common::tables::Categories;
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{Profile, Rules};
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::Simulation;
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

/// Creates a run over a twice, b six times, and c once. Without any one party there are three b at
/// least, and one a.
fn frequency() -> Run {
    let inputs = [&["b", "a", "b", "b"][..], &["c", "b", "b", "b"], &["a"]].map(texts);
    Run::new("StatisticsFrequency", inputs.to_vec())
}

#[test]
fn small_and_empty_cells_look_the_same_and_are_never_the_mode() {
    let table = |min_cell: u64| {
        json(&frequency().rules(cells_from(min_cell)).parameters(declared(&["a", "b", "c", "d"])))
    };
    let due = json!({"histogram": {"a": null, "b": 6, "c": null, "d": null}, "mode": "b"});
    assert_eq!(table(3), due);
    assert_eq!(table(2), due, "of the two a, either party would learn the other's");
    let due = json!({"histogram": {"a": null, "b": null, "c": null, "d": null}, "mode": null});
    assert_eq!(table(4), due);
    assert_eq!(table((1 << 62) - 1), due);
    let due = json!({"histogram": {"a": 2, "b": 6, "c": 1, "d": 0}, "mode": "b"});
    assert_eq!(table(1), due, "where every count may be shown, zeros are");
}

#[test]
fn names_from_the_data_are_dropped_with_the_last_count_that_may_be_shown() {
    let due = json!({"histogram": {"b": 6}, "mode": "b"});
    assert_eq!(json(&frequency().rules(cells_from(3))), due);
    let due = json!({"histogram": {}, "mode": null});
    assert_eq!(json(&frequency().rules(cells_from(4))), due);
    // m and x, f and z are shown together, three at each party; y only ever once, and k only with y
    // and x. Six m and z are all at one party, and none of another's is seen.
    let three = |pair: (&'static str, &'static str)| std::iter::repeat_n(pair, 3);
    let both = || three(("m", "x")).chain(three(("f", "z")));
    let first = both().chain([("f", "y"), ("k", "y")]).chain(three(("m", "z")));
    let second = both().chain([("m", "y"), ("k", "x")]);
    let inputs = vec![pairs(&first.collect::<Vec<_>>()), pairs(&second.collect::<Vec<_>>())];
    let run = Run::new("StatisticsContingency", inputs).rules(cells_from(3));
    let table = json!({"f": {"x": null, "z": 6}, "m": {"x": 6, "z": 3}});
    let due = json!({"table": table, "mode": ["f", "z"]});
    assert_eq!(json(&run.committee(1, [2, 0, 1])), due);
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
            let shown = counts
                .iter()
                .filter(|(name, count)| **count >= min_cell && !few_of_others(name, **count));
            let due: BTreeMap<&str, u64> = shown.map(|(name, count)| (*name, *count)).collect();
            let run = Run::new("StatisticsFrequency", inputs.clone()).rules(cells_from(min_cell));
            let run = run.committee(helpers, seats);
            assert_eq!(json(&run)["histogram"], json!(due), "{parties} {min_cell}");
        }
    }
}

#[test]
fn the_report_says_which_suite_it_was_and_what_helpers_see() {
    let run = frequency().rules(cells_from(3)).parameters(declared(&["a", "b", "c"]));
    let report = run.simulate(Simulation::new(seed()));
    let outcome = report.results().unwrap()[0];
    assert_eq!(
        (outcome.security.suite.name(), outcome.security.corruptible),
        (replicated::SUITE, 1)
    );
    assert_eq!(outcome.security.reveals, ["the number of cells of the table, to every helper"]);
    // No party has masked and opened the table.
    assert!(!report.meters[0].round_names().contains(&"commit"));
    assert_eq!(run.request(0).unwrap().suite().name(), "masked");
}

#[test]
fn the_cost_of_a_table_is_that_of_its_cells() {
    let cost = |cells: usize, rules: Rules| {
        let names: Vec<String> = (0..cells).map(|index| index.to_string()).collect();
        let parameters = Parameters::default().with("categories", Some(Categories::One(names)));
        let run = Run::new("StatisticsFrequency", vec![texts(&["0"]), texts(&["1"]), texts(&[])]);
        let report = run.rules(rules).parameters(parameters).simulate(Simulation::new(1));
        report.results().unwrap();
        (report.rounds(), [0, 1, 2].map(|seat: usize| report.meters[seat].total().bytes_sent))
    };
    let (rounds, few) = cost(64, cells_from(5));
    let (more_rounds, more) = cost(6464, cells_from(5));
    // The number of rows is shared first, for the comparison with the cells.
    assert_eq!((rounds, more_rounds), (1 + 18, 1 + 18));
    // Of 6,400 cells: 228 bytes each at the seat that sends most, 164 at the others.
    let of_cells = [0, 1, 2].map(|seat| more[seat] - few[seat]);
    assert_eq!(of_cells, [1_456_804, 1_047_204, 1_047_204]);
    assert_eq!(cost(16_385, cells_from(5)).0, 1 + 18);
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
    let run = |cells: [usize; 4], helper: bool| {
        let names = ["a", "b", "c", "d"];
        let rows = names.iter().zip(cells);
        let rows = rows.flat_map(|(name, count)| std::iter::repeat_n(*name, count));
        let rows: Vec<&str> = rows.collect();
        let (first, second) = rows.split_at(rows.len() / 2);
        let mut inputs = vec![texts(first), texts(second)];
        let committee = if helper { (1, [2, 0, 1]) } else { (0, [0, 1, 2]) };
        inputs.extend((!helper).then(|| texts(&[])));
        let rules = Rules { min_parties: 2, max_share: 100, ..Profile::Production.rules() };
        let run = Run::new("StatisticsFrequency", inputs).rules(rules);
        run.parameters(declared(&names)).committee(committee.0, committee.1)
    };
    for helper in [false, true] {
        let one = opened(&run([29, 4, 0, 0], helper));
        assert!(!one.is_empty());
        for other in [[29, 1, 0, 0], [29, 0, 0, 4], [29, 4, 4, 4], [29, 2, 3, 1]] {
            assert_eq!(one, opened(&run(other, helper)), "{other:?}");
        }
        assert_ne!(one, opened(&run([29, 5, 0, 0], helper)), "a cell that may be shown");
    }
}

#[test]
fn parties_with_tables_of_other_sizes_are_noticed() {
    let run = frequency().rules(cells_from(3)).parameters(declared(&["a", "b", "c"]));
    let other = frequency().rules(cells_from(3)).parameters(declared(&["a", "b", "c", "d"]));
    let report = Simulation::new(seed()).run(|channel, party, rng| {
        let mut offer = crate::testing::offer(3, run.rules);
        run.request(0).unwrap().describe(&mut offer);
        let spec = offer.spec;
        let request =
            if party.index() == 2 { &other } else { &run }.request(party.index()).unwrap();
        async move {
            let mut rng = rng;
            let mut offer = crate::testing::offer(3, cells_from(3));
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
            let (prepared, subject) = request.into_parts();
            let ended = execution.with_committee(session, committee, prepared, subject, &mut rng);
            ended.await.map(drop)
        }
    });
    for ending in &report.endings {
        assert_eq!(ending.fault(), Some(&Fault::InvalidOpening));
    }
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
