//! Functions of joins against plaintext, on both suites, in simulation.

use std::collections::{BTreeMap, BTreeSet};

use rand_core::Rng;
use serde_json::json;

use super::categories::Group;
use crate::computation::{Answer, Outcome};
use crate::engine::openings;
use crate::functions::common::tables::Table;
use crate::functions::input::{Column, Input};
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{Profile, Refusal, Rules};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::Simulation;
use crate::kernel::text::Case;
use crate::suites::pairwise;
use crate::testing::names::{
    CONTINGENCY_VERTICAL, CORRELATION, INTERSECTION_SIZE, INTERSECTION_SUM, MEAN_BY_GROUP,
    REGRESSION, UNION_SIZE,
};
use crate::testing::{Run, rng, seed};

/// The rows of one party: ids, and the numbers behind each.
pub(super) type Rows = Vec<(u64, Vec<f64>)>;

pub(super) fn keyed(rows: &Rows) -> Input {
    let columns = rows.first().map_or(0, |(_, cells)| cells.len());
    Input::Keyed {
        ids: rows.iter().map(|(id, _)| format!("id {id}")).collect(),
        columns: (0..columns)
            .map(|column| Column::Numbers(rows.iter().map(|(_, cells)| cells[column]).collect()))
            .collect(),
    }
}

pub(super) fn categorised(rows: &[(u64, String)]) -> Input {
    Input::Keyed {
        ids: rows.iter().map(|(id, _)| format!("id {id}")).collect(),
        columns: vec![Column::Texts(rows.iter().map(|(_, text)| text.clone()).collect())],
    }
}

pub(super) fn ids(rows: &[u64]) -> Input {
    Input::Texts(rows.iter().map(|id| format!("id {id}")).collect())
}

/// Draws distinct random ids among so many.
pub(super) fn some_ids(rng: &mut PredictableRng, count: usize, among: u64) -> Vec<u64> {
    let mut ids = BTreeSet::new();
    while ids.len() < count {
        ids.insert(rng.next_u64() % among);
    }
    let mut ids: Vec<u64> = ids.into_iter().collect();
    for last in (1..ids.len()).rev() {
        ids.swap(last, usize::try_from(rng.next_u64()).unwrap() % (last + 1));
    }
    ids
}

fn number(rng: &mut PredictableRng) -> f64 {
    f64::from(rng.next_u32()) / 1e6 - 2_000.0
}

fn random_rows(rng: &mut PredictableRng, count: usize, columns: usize) -> Rows {
    let ids = some_ids(rng, count, count as u64 * 5 / 4);
    ids.into_iter().map(|id| (id, (0..columns).map(|_| number(rng)).collect())).collect()
}

/// Returns the cells of all parties' rows with the ids that all have.
pub(super) fn join(parties: &[Rows]) -> Vec<Vec<f64>> {
    let maps: Vec<BTreeMap<u64, &Vec<f64>>> =
        parties.iter().map(|rows| rows.iter().map(|(id, cells)| (*id, cells)).collect()).collect();
    maps[0]
        .keys()
        .filter(|id| maps.iter().all(|map| map.contains_key(id)))
        .map(|id| maps.iter().flat_map(|map| map[id].iter().copied()).collect())
        .collect()
}

/// Returns the run by all parties alone, by three nodes of them, and with a helper where there are
/// two.
pub(super) fn settings(run: impl Fn() -> Run) -> Vec<Run> {
    let by_themselves = |run: Run| {
        let suite = Some(pairwise::SUITE.to_owned());
        Run { parameters: Parameters { suite, ..run.parameters.clone() }, ..run }
    };
    match run().inputs.len() {
        2 => vec![by_themselves(run()), run().committee(1, [0, 1, 2])],
        3 => vec![by_themselves(run()), run(), run().committee(0, [2, 0, 1])],
        count => vec![run(), run().committee(0, [count - 1, 0, 1])],
    }
}

fn float(rows: usize) -> f64 {
    f64::from(u32::try_from(rows).unwrap())
}

fn close(one: f64, other: f64, within: f64) {
    assert!((one - other).abs() <= within * other.abs().max(1e-9), "{one} instead of {other}");
}

#[test]
fn sizes_are_those_of_plaintext() {
    let mut rng = rng(seed());
    for parties in [2, 3, 4, 5] {
        let disjoint: Vec<Vec<u64>> =
            (0..parties as u64).map(|party| (party * 10..party * 10 + 7).collect()).collect();
        let mut empty = vec![(0..4).collect::<Vec<u64>>(); parties];
        empty[parties - 1].clear();
        let random = |rng: &mut PredictableRng, large: usize| -> Vec<Vec<u64>> {
            (0..parties)
                .map(|party| some_ids(rng, if party == 1 { large } else { 20 }, 300))
                .collect()
        };
        let mut cases = vec![
            disjoint,
            vec![(0..9).collect(); parties],
            vec![vec![7]; parties],
            vec![Vec::new(); parties],
            empty,
        ];
        cases.push(random(&mut rng, 200));
        // Duplicates count once.
        let mut twice = random(&mut rng, 100);
        twice.iter_mut().for_each(|ids| ids.extend_from_within(..5));
        cases.push(twice);
        for sets in cases {
            let plain: Vec<BTreeSet<u64>> =
                sets.iter().map(|ids| ids.iter().copied().collect()).collect();
            let common = plain[0].iter().filter(|id| plain.iter().all(|set| set.contains(id)));
            let common = Some(common.count() as u64);
            let union = plain.iter().flatten().collect::<BTreeSet<_>>().len() as u64;
            let inputs = || sets.iter().map(|set| ids(set)).collect();
            let teaching = Rules { min_rows: 0, ..Profile::Teaching.rules() };
            for run in settings(|| Run::new(INTERSECTION_SIZE, inputs()).rules(teaching)) {
                let due = Answer::IntersectionSize { size_intersection: common, padded_to: None };
                assert_eq!(run.answer(), due, "{sets:?}");
            }
            for run in settings(|| Run::new(UNION_SIZE, inputs()).rules(teaching)) {
                let due = Answer::UnionSize { size_union: Some(union), padded_to: None };
                assert_eq!(run.answer(), due);
            }
            for run in settings(|| Run::new(UNION_SIZE, inputs()).rules(teaching)) {
                let padded_to = sets.iter().map(|ids| ids.len() as u64 + 30).max();
                let parameters = run.parameters.clone().with("pad_to", padded_to);
                let due = Answer::UnionSize { size_union: Some(union), padded_to };
                assert_eq!(run.parameters(parameters).answer(), due);
            }
        }
    }
}

#[test]
fn small_sizes_are_withheld_where_the_rules_ask_for_it() {
    for (common, shown) in [(0, None), (1, None), (4, None), (5, Some(5)), (9, Some(9))] {
        for parties in [3, 4] {
            let inputs: Vec<Input> = (1..=parties)
                .map(|party| {
                    ids(&(0..common).chain(100 * party..100 * party + 20).collect::<Vec<_>>())
                })
                .collect();
            for run in settings(|| Run::new(INTERSECTION_SIZE, inputs.clone())) {
                let run = run.rules(Profile::Production.rules());
                let due = Answer::IntersectionSize { size_intersection: shown, padded_to: None };
                assert_eq!(run.answer(), due);
            }
        }
    }
}

#[test]
fn two_parties_sizes_are_withheld_from_their_nodes_too() {
    let rules = Rules { min_cell: 5, ..Profile::Teaching.rules() };
    for (common, shown) in [(0, None), (4, None), (5, Some(5))] {
        let set =
            |party: u64| ids(&(0..common).chain(100 * party..100 * party + 20).collect::<Vec<_>>());
        let inputs = vec![set(1), set(2)];
        let union = shown.map(|_| 40 + common);
        for (function, due) in [
            (
                INTERSECTION_SIZE,
                Answer::IntersectionSize { size_intersection: shown, padded_to: None },
            ),
            (UNION_SIZE, Answer::UnionSize { size_union: union, padded_to: None }),
        ] {
            for run in settings(|| Run::new(function, inputs.clone()).rules(rules)) {
                // No blinded items travel: of those the nodes would see how many match.
                let report = run.simulate(Simulation::new(seed()));
                assert!(
                    report
                        .meters
                        .iter()
                        .all(|meter| !meter.round_names().contains(&"twice blinded"))
                );
                assert_eq!(*report.results().unwrap()[0].answer.get(), due, "{common}");
            }
        }
    }
}

#[test]
fn the_rule_on_rows_is_asked_of_what_sets_are_filled_up_from() {
    let rules = Rules { min_rows: 10, ..Profile::Teaching.rules() };
    for (each, enough) in [(4, false), (5, true)] {
        let inputs =
            vec![ids(&(0..each).collect::<Vec<_>>()), ids(&(3..3 + each).collect::<Vec<_>>())];
        for run in settings(|| Run::new(INTERSECTION_SIZE, inputs.clone()).rules(rules)) {
            let suite = run.parameters.clone();
            let run = run.parameters(suite.with("pad_to", Some(50)));
            if enough {
                assert!(matches!(run.answer(), Answer::IntersectionSize { .. }));
            } else {
                assert!(matches!(fault(&run), Fault::Refused(Refusal::TooFewRows { .. })));
            }
        }
    }
}

/// Checks that the opened places of a join are random. Opened are the number of its rows and places
/// that no party chose. Of the same data the places differ in each run, also of parties that have
/// nothing but ids.
#[test]
fn opened_places_are_not_those_of_the_data() {
    const COMMON: u64 = 17;
    let rows =
        |party: u64| -> Vec<u64> { (0..COMMON).chain(100 * party..100 * party + 23).collect() };
    let seed = seed();
    for suite in [pairwise::SUITE, "replicated"] {
        let places = |run_number: u64| {
            let first = keyed(&rows(1).into_iter().map(|id| (id, vec![1.5])).collect());
            let run = Run::new(INTERSECTION_SUM, vec![first, ids(&rows(2)), ids(&rows(3))]);
            let run =
                run.parameters(Parameters { suite: Some(suite.into()), ..Parameters::default() });
            let _ = openings::take();
            let report = run.simulate(Simulation::new(seed.wrapping_add(run_number)));
            report.results().unwrap();
            let opened = openings::take()
                .into_iter()
                .filter(|(_, bytes)| bytes.len() == 8 * usize::try_from(COMMON).unwrap());
            let mut all: Vec<Vec<u8>> = opened.map(|(_, bytes)| bytes).collect();
            all.dedup();
            all.into_iter()
                .map(|bytes| {
                    let mut places: Vec<u64> = bytes
                        .as_chunks::<8>()
                        .0
                        .iter()
                        .map(|word| u64::from_le_bytes(*word))
                        .collect();
                    places.sort_unstable();
                    places
                })
                .collect::<BTreeSet<_>>()
        };
        let (one, other) = (places(0), places(1));
        // The places of the one party that has a column.
        assert_eq!((one.len(), other.len()), (1, 1), "{suite}");
        assert_ne!(one, other, "{suite}");
    }
}

#[test]
fn a_join_of_single_rows_is_one() {
    for parties in [2, 3, 4] {
        let rows: Vec<Rows> = (0..parties)
            .map(|party| vec![(7, if party == 1 { vec![2.5] } else { vec![] })])
            .collect();
        for run in settings(|| Run::new(INTERSECTION_SUM, rows.iter().map(keyed).collect())) {
            assert_eq!(run.answer(), Answer::IntersectionSum { sum: 2.5, size_intersection: 1 });
        }
    }
}

#[test]
fn sums_are_over_the_rows_that_all_have() {
    let mut rng = rng(seed());
    for parties in [2, 3, 4] {
        for holder in 0..parties {
            let rows: Vec<Rows> = (0..parties)
                .map(|party| random_rows(&mut rng, 30 + 5 * party, usize::from(party == holder)))
                .collect();
            let joined = join(&rows);
            let due: f64 = joined.iter().map(|row| row[0]).sum();
            for run in settings(|| Run::new(INTERSECTION_SUM, rows.iter().map(keyed).collect())) {
                match run.answer() {
                    Answer::IntersectionSum { sum, size_intersection } => {
                        assert_eq!(size_intersection, joined.len() as u64);
                        close(sum, due, 1e-12);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

fn correlations(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = float(rows.len());
    let columns = rows[0].len();
    let means: Vec<f64> =
        (0..columns).map(|i| rows.iter().map(|row| row[i]).sum::<f64>() / n).collect();
    let moment = |i: usize, j: usize| -> f64 {
        rows.iter().map(|row| (row[i] - means[i]) * (row[j] - means[j])).sum()
    };
    (0..columns)
        .map(|i| {
            (0..columns).map(|j| moment(i, j) / (moment(i, i) * moment(j, j)).sqrt()).collect()
        })
        .collect()
}

#[test]
fn correlations_are_those_of_the_pooled_rows_at_every_scale() {
    let mut rng = rng(seed());
    for parties in [2, 3, 4] {
        let scales = [1e-200, 1.0, 1e150, 1e-3];
        let rows: Vec<Rows> = (0..parties)
            .map(|party| {
                let mut rows = random_rows(&mut rng, 25, 1 + party % 2);
                rows.iter_mut().flat_map(|(_, cells)| cells).for_each(|x| *x *= scales[party]);
                rows
            })
            .collect();
        let plain = join(&rows).into_iter().map(|row| {
            row.into_iter()
                .map(|x| {
                    if x.abs() > 1e100 {
                        x * 1e-150
                    } else if x.abs() < 1e-100 {
                        x * 1e200
                    } else {
                        x
                    }
                })
                .collect()
        });
        let due = correlations(&plain.collect::<Vec<_>>());
        for run in settings(|| Run::new(CORRELATION, rows.iter().map(keyed).collect())) {
            match run.answer() {
                Answer::Correlation { correlation, samples, precision } => {
                    assert!(precision < 1e-9, "{precision}");
                    assert_eq!(samples, join(&rows).len() as u64);
                    let pairs = correlation.iter().flatten().zip(due.iter().flatten());
                    pairs.for_each(|(one, other)| {
                        assert!((one - other).abs() < 1e-9, "{one} {other}")
                    });
                    assert!(correlation.iter().enumerate().all(|(i, row)| row[i] == 1.0));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Computes coefficients, standard errors and R² by orthogonal steps (modified Gram-Schmidt), which
/// have nothing in common with elimination.
fn least_squares(x: &[Vec<f64>], y: &[f64], centred: bool) -> (Vec<f64>, Vec<f64>, f64) {
    let (n, p) = (x.len(), x[0].len());
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut q: Vec<Vec<f64>> = (0..p).map(|j| x.iter().map(|row| row[j]).collect()).collect();
    let mut r = vec![vec![0.0; p]; p];
    for j in 0..p {
        for _ in 0..2 {
            for i in 0..j {
                let part = dot(&q[i], &q[j]);
                r[i][j] += part;
                let previous = q[i].clone();
                q[j].iter_mut().zip(previous).for_each(|(a, b)| *a -= part * b);
            }
        }
        r[j][j] = dot(&q[j], &q[j]).sqrt();
        let norm = r[j][j];
        q[j].iter_mut().for_each(|a| *a /= norm);
    }
    let back = |mut b: Vec<f64>| {
        for i in (0..p).rev() {
            let known: f64 = (i + 1..p).map(|j| r[i][j] * b[j]).sum();
            b[i] = (b[i] - known) / r[i][i];
        }
        b
    };
    let b = back(q.iter().map(|q| dot(q, y)).collect());
    let residuals: Vec<f64> = x.iter().zip(y).map(|(row, y)| y - dot(row, &b)).collect();
    let rss = dot(&residuals, &residuals);
    let mean = if centred { y.iter().sum::<f64>() / float(n) } else { 0.0 };
    let tss: f64 = y.iter().map(|y| (y - mean).powi(2)).sum();
    let inverse: Vec<Vec<f64>> =
        (0..p).map(|j| back((0..p).map(|i| f64::from(u8::from(i == j))).collect())).collect();
    // (XᵀX)⁻¹ = R⁻¹R⁻ᵀ, whose diagonal has the squares of the norms of R⁻¹'s rows.
    let variances =
        (0..p).map(|i| (0..p).map(|j| inverse[j][i].powi(2)).sum::<f64>() * rss / float(n - p));
    (b, variances.map(f64::sqrt).collect(), 1.0 - rss / tss)
}

#[test]
fn regressions_by_id_are_those_of_the_pooled_rows() {
    let mut rng = rng(seed());
    for (parties, intercept) in [(2, true), (2, false), (3, true), (4, false)] {
        let rows: Vec<Rows> =
            (0..parties).map(|party| random_rows(&mut rng, 40, [2, 2, 1, 0][party])).collect();
        let joined = join(&rows);
        // The first two columns are the first party's, the third is the explained one.
        let y: Vec<f64> = joined.iter().map(|row| row[2]).collect();
        let x: Vec<Vec<f64>> = joined
            .iter()
            .map(|row| {
                let others = row.iter().enumerate().filter(|(i, _)| *i != 2).map(|(_, x)| *x);
                intercept.then_some(1.0).into_iter().chain(others).collect()
            })
            .collect();
        let (b, errors, r_squared) = least_squares(&x, &y, intercept);
        let parameters =
            Parameters::default().with("by_id", Some(true)).with("intercept", Some(intercept));
        let run = || {
            Run::new(REGRESSION, rows.iter().map(keyed).collect()).parameters(parameters.clone())
        };
        for run in settings(run) {
            let Answer::Regression { mle, standard_errors, r_squared: found, samples, precision } =
                run.answer()
            else {
                panic!("no regression");
            };
            assert_eq!(samples, joined.len() as u64);
            assert!(precision.iter().all(|bound| *bound < 1e-9), "{precision:?}");
            mle.concat().iter().zip(&b).for_each(|(one, other)| close(*one, *other, 1e-7));
            standard_errors.iter().zip(&errors).for_each(|(one, other)| close(*one, *other, 1e-7));
            assert!((found - r_squared).abs() < 1e-9);
        }
    }
}

fn letter(rng: &mut PredictableRng, kinds: u64) -> String {
    format!("kind {}", rng.next_u64() % kinds)
}

fn tables(
    first: &[(u64, String)],
    second: &[(u64, String)],
    others: &[Vec<u64>],
) -> BTreeMap<(String, String), u64> {
    let second: BTreeMap<u64, &String> = second.iter().map(|(id, text)| (*id, text)).collect();
    let mut cells = BTreeMap::new();
    for (id, x) in first {
        if let Some(y) = second.get(id).filter(|_| others.iter().all(|ids| ids.contains(id))) {
            *cells.entry((x.clone(), (*y).clone())).or_default() += 1;
        }
    }
    cells
}

fn shown(table: &Table) -> BTreeMap<(String, String), u64> {
    let json = serde_json::to_value(table).unwrap();
    let rows = json["table"].as_object().unwrap();
    let cells = rows.iter().flat_map(|(x, row)| {
        row.as_object()
            .unwrap()
            .iter()
            .map(move |(y, count)| ((x.clone(), y.clone()), count.as_u64()))
    });
    cells.filter_map(|(cell, count)| Some((cell, count.filter(|count| *count > 0)?))).collect()
}

#[test]
fn tables_are_of_the_rows_that_all_have_and_name_no_other_category() {
    let mut rng = rng(seed());
    for parties in [2, 3, 5] {
        let column = |rng: &mut PredictableRng, count: usize, kinds: u64| -> Vec<(u64, String)> {
            let ids = some_ids(rng, count, 60);
            ids.into_iter().map(|id| (id, letter(rng, kinds))).collect()
        };
        let (mut first, second) = (column(&mut rng, 40, 4), column(&mut rng, 45, 3));
        // A category that does not occur in the join.
        first.push((999, "secret".into()));
        let others: Vec<Vec<u64>> = (2..parties).map(|_| some_ids(&mut rng, 55, 60)).collect();
        let due = tables(&first, &second, &others);
        let inputs = || {
            let columns = [categorised(&first), categorised(&second)].into_iter();
            columns.chain(others.iter().map(|rows| ids(rows))).collect()
        };
        for run in settings(|| Run::new(CONTINGENCY_VERTICAL, inputs())) {
            let Answer::Contingency(table) = run.answer() else { panic!("no table") };
            assert_eq!(shown(&table), due);
            assert!(!serde_json::to_string(&table).unwrap().contains("secret"));
        }
        let rules = Rules { min_parties: 2, min_cell: 5, ..Profile::Teaching.rules() };
        let large: BTreeMap<_, _> = due.into_iter().filter(|(_, count)| *count >= 5).collect();
        for run in settings(|| Run::new(CONTINGENCY_VERTICAL, inputs()).rules(rules)) {
            let Answer::Contingency(table) = run.answer() else { panic!("no table") };
            assert_eq!(shown(&table), large);
        }
    }
}

#[test]
fn means_are_those_of_each_group_of_the_join() {
    let mut rng = rng(seed());
    for parties in [2, 3, 4] {
        // More groups than a word has bits, in one case.
        let kinds = if parties == 3 { 70 } else { 3 };
        let groups: Vec<(u64, String)> = some_ids(&mut rng, 60, 90)
            .into_iter()
            .map(|id| (id, letter(&mut rng, kinds)))
            .collect();
        let values = random_rows(&mut rng, 50, 1);
        let others: Vec<Vec<u64>> = (2..parties).map(|_| some_ids(&mut rng, 80, 90)).collect();
        let of: BTreeMap<u64, f64> = values.iter().map(|(id, cells)| (*id, cells[0])).collect();
        let mut plain: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (id, group) in &groups {
            if let Some(value) = of.get(id).filter(|_| others.iter().all(|ids| ids.contains(id))) {
                plain.entry(group.clone()).or_default().push(*value);
            }
        }
        let columns = [categorised(&groups), keyed(&values)].into_iter();
        let inputs: Vec<Input> = columns.chain(others.iter().map(|rows| ids(rows))).collect();
        for least in [1, 3] {
            let rules = Rules { min_cell: least, ..Profile::Teaching.rules() };
            for run in settings(|| Run::new(MEAN_BY_GROUP, inputs.clone()).rules(rules)) {
                let Answer::Groups { groups, samples } = run.answer() else { panic!("no groups") };
                let all = plain.values().map(Vec::len).sum::<usize>() as u64;
                let withheld = plain.values().any(|values| (values.len() as u64) < least);
                assert_eq!(samples, (!withheld).then_some(all));
                let large = plain.iter().filter(|(_, values)| values.len() as u64 >= least);
                assert_eq!(groups.len(), large.clone().count());
                for (name, values) in large {
                    let Group { count, mean } = groups[name];
                    assert_eq!(count, values.len() as u64);
                    close(mean, values.iter().sum::<f64>() / float(values.len()), 1e-10);
                }
            }
        }
    }
}

fn fault(run: &Run) -> Fault {
    let report = run.simulate(Simulation::new(seed()));
    let faults: Vec<_> = report.endings.iter().map(|ending| ending.fault().cloned()).collect();
    assert!(faults.iter().all(|fault| *fault == faults[0]), "{faults:?}");
    faults[0].clone().unwrap()
}

#[test]
fn a_join_of_too_few_rows_is_refused_before_anything_else_is_computed() {
    let mut rng = rng(seed());
    let mut rows: Vec<Rows> = (0..3).map(|_| random_rows(&mut rng, 30, 1)).collect();
    for (party, rows) in rows.iter_mut().enumerate() {
        // Eighteen in common, one less than ten and the sums and products of three columns.
        for (place, (id, _)) in rows.iter_mut().enumerate() {
            *id = if place < 18 { place as u64 } else { 1_000 * (party as u64 + 1) + place as u64 };
        }
    }
    let rules = Profile::Production.rules();
    for run in settings(|| Run::new(CORRELATION, rows.iter().map(keyed).collect()).rules(rules)) {
        assert!(matches!(fault(&run), Fault::Refused(Refusal::TooFewRows { minimum: 10, .. })));
    }
    rows.iter_mut().for_each(|rows| rows[25].0 = 18);
    for run in settings(|| Run::new(CORRELATION, rows.iter().map(keyed).collect()).rules(rules)) {
        assert!(matches!(run.answer(), Answer::Correlation { samples: 19, .. }));
    }
}

#[test]
fn what_does_not_fit_is_refused_with_what_to_do() {
    let rows = |columns| -> Rows { (0..9).map(|id| (id, vec![1.5; columns])).collect() };
    let of = |columns: [usize; 2]| columns.map(|count| keyed(&rows(count))).to_vec();
    let undefined = |function, columns| match fault(&Run::new(function, of(columns))) {
        Fault::Undefined { why } => why,
        other => panic!("{other:?}"),
    };
    assert!(undefined(INTERSECTION_SUM, [1, 1]).contains("one party"));
    assert!(undefined(CONTINGENCY_VERTICAL, [1, 2]).contains("category"));
    assert!(undefined(MEAN_BY_GROUP, [1, 0]).contains("group"));
    assert!(undefined(CORRELATION, [0, 0]).contains("no party"));
    assert!(undefined(CORRELATION, [1, 1]).contains("the same in all"));
    assert!(undefined(CORRELATION, [5, 5]).contains("more rows"));
    let no_rows = Run::new(CORRELATION, vec![keyed(&rows(1)), keyed(&Vec::new())]);
    assert_eq!(fault(&no_rows), Fault::Undefined { why: "a party has no rows" });
    let twice: Rows = [(1, vec![1.0]), (2, vec![1.0]), (1, vec![2.0])].to_vec();
    let run = Run::new(CORRELATION, vec![keyed(&twice), keyed(&rows(1))]);
    assert_eq!(run.request(0).err(), Some(InputError::RepeatedId { index: 2 }));
    let infinite = vec![(1, vec![f64::INFINITY])];
    let run = Run::new(CORRELATION, vec![keyed(&infinite), keyed(&rows(1))]);
    assert_eq!(run.request(0).err(), Some(InputError::NotFinite { index: 0 }));
    let sized = Run::new(INTERSECTION_SIZE, of([1, 0]));
    assert!(matches!(sized.request(0), Err(InputError::Shape { .. })));
}

#[test]
fn how_many_rows_a_refused_join_has_shows_nowhere() {
    for parties in [2_u64, 3] {
        let rows = |common: u64| -> Vec<Input> {
            let rows = |party: u64| -> Rows {
                let id = |row: u64| if row < common { row } else { 1_000 * (party + 1) + row };
                (0..24).map(|row| (id(row), vec![f64::from((row % 7) as u32)])).collect()
            };
            (0..parties).map(|party| keyed(&rows(party))).collect()
        };
        for (least_rows, least_cell) in [(10, 1), (1, 16)] {
            let rules =
                Rules { min_rows: least_rows, min_cell: least_cell, ..Profile::Teaching.rules() };
            let mut costs = BTreeSet::new();
            for common in [0, 1, 9, 11] {
                let runs = settings(|| Run::new(CORRELATION, rows(common)).rules(rules));
                let costs_of = |run: Run| {
                    assert!(matches!(fault(&run), Fault::Refused(_)), "{common}");
                    let report = run.simulate(Simulation::new(seed()));
                    let named = report.meters.iter().flat_map(|meter| meter.round_names());
                    assert!(named.clone().all(|name| name != "twice blinded"));
                    (report.rounds(), report.bytes())
                };
                costs.insert(runs.into_iter().map(costs_of).collect::<Vec<_>>());
            }
            assert_eq!(costs.len(), 1, "{costs:?}");
        }
    }
}

/// Compares the costs of two runs of other data of the same sizes: bytes, messages and rounds are
/// equal.
#[test]
fn nothing_but_sizes_shows_in_what_is_sent() {
    let mut rng = rng(seed());
    for parties in [2_u32, 3] {
        let mut world = |shift: u64| -> Vec<Rows> {
            // Twelve rows in common, at other places and with other numbers.
            (0..u64::from(parties))
                .map(|party| {
                    let mut rows: Rows = (0..30)
                        .map(|place| {
                            let id = if place < 12 {
                                shift + place
                            } else {
                                1_000 * (party + 1) + place
                            };
                            (id, vec![number(&mut rng)])
                        })
                        .collect();
                    rows.rotate_left(usize::try_from((shift * (party + 3)) % 30).unwrap());
                    rows
                })
                .collect()
        };
        let worlds = [world(5), world(17)];
        let costs = worlds.each_ref().map(|rows| {
            let runs = settings(|| Run::new(CORRELATION, rows.iter().map(keyed).collect()));
            runs.into_iter()
                .map(|run| {
                    let report = run.simulate(Simulation::new(seed()));
                    let _: Vec<&Outcome> = report.results().unwrap();
                    let lengths: Vec<usize> =
                        report.transcript.iter().map(|d| d.body.len()).collect();
                    (report.rounds(), report.bytes(), lengths.len())
                })
                .collect::<Vec<_>>()
        });
        assert_eq!(costs[0], costs[1]);
    }
}

#[test]
fn categories_of_both_cases_are_one_where_that_is_asked_for() {
    let rows = |names: [&str; 4]| {
        categorised(&(0..).zip(names.map(str::to_owned)).collect::<Vec<(u64, String)>>())
    };
    let groups = ["Yes", "yes ", "YES", "no"];
    let lower = || Parameters::default().with("category_case", Some(Case::Lower));
    let json = |run: Run| serde_json::to_value(run.answer()).unwrap();
    let table = |parameters| {
        let inputs = vec![rows(groups), rows(["A", "a", "a", "B"])];
        json(Run::new(CONTINGENCY_VERTICAL, inputs).parameters(parameters))["table"].clone()
    };
    let table_of = json!({"no": {"a": 0, "b": 1}, "yes": {"a": 3, "b": 0}});
    assert_eq!(table(lower()), table_of);
    assert_eq!(table(Parameters::default()).as_object().unwrap().len(), 4);
    let numbers: Rows =
        (0..4).map(|id| (id, vec![f64::from(u32::try_from(id).unwrap())])).collect();
    let run = Run::new(MEAN_BY_GROUP, vec![rows(groups), keyed(&numbers)]).parameters(lower());
    let due = json!({"no": {"count": 1, "mean": 3.0}, "yes": {"count": 3, "mean": 1.0}});
    assert_eq!(json(run)["groups"], due);
}
