//! Every function that computes on shares, by all parties themselves, in simulation. It is compared
//! with plaintext and with three nodes that compute on shares.

use rand_core::Rng;

use super::{CorrelationStore, SUITE};
use crate::computation::{Answer, Assumption, Column, Input, Outcome};
use crate::functions::common::mode::{Cell, Mode};
use crate::functions::common::tables::Categories;
use crate::functions::parameters::Parameters;
use crate::functions::top_k::Occurrences;
use crate::kernel::disclosure::{Profile, Refusal, Rules};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::Simulation;
use crate::suites::replicated;
use crate::testing::names::{INTERSECTION_SUM, MATRIX_PRODUCT, REGRESSION};
use crate::testing::{Run, rng, seed};

const SIZES: [usize; 3] = [2, 3, 5];

/// Makes the same run by all parties themselves.
fn by_themselves(run: &Run) -> Run {
    let parameters = Parameters { suite: Some(SUITE.to_owned()), ..run.parameters.clone() };
    Run { parameters, inputs: run.inputs.clone(), dropped: run.dropped.clone(), ..*run }
}

/// Makes the same run by three nodes, of which one helps two parties.
fn by_three(run: &Run) -> Run {
    let suite = (run.inputs.len() > 2).then(|| replicated::SUITE.to_owned());
    let parameters = Parameters { suite, ..run.parameters.clone() };
    let run = Run { parameters, inputs: run.inputs.clone(), dropped: run.dropped.clone(), ..*run };
    if run.inputs.len() == 2 { run.committee(1, [0, 1, 2]) } else { run }
}

/// Returns the outcome of all parties, which must be alike; helpers have no answer.
fn outcome(run: &Run, stores: &[CorrelationStore]) -> Result<Outcome, Fault> {
    let report = run.simulate_with(Simulation::new(seed()), stores);
    let ended = |index: usize| match report.endings[index].done() {
        Some(outcome) => Ok(outcome.clone()),
        None => Err(report.endings[index].fault().cloned().expect("no party waits")),
    };
    let text =
        |ended: &Result<Outcome, Fault>| format!("{:?}", ended.as_ref().map(|o| o.answer.get()));
    let first = ended(0);
    assert!((1..run.inputs.len()).all(|index| text(&ended(index)) == text(&first)));
    first
}

fn json(answer: &Answer) -> String {
    serde_json::to_string(answer).unwrap()
}

/// Returns the answer by all parties themselves. That by three nodes must be the same, bit for bit.
fn answer(run: &Run, stores: &[CorrelationStore]) -> Answer {
    let own = outcome(&by_themselves(run), stores).unwrap();
    let others = run.inputs.len() - 1;
    assert_eq!((own.security.suite.name(), own.security.corruptible), (SUITE, others));
    let three = outcome(&by_three(run), &[]).unwrap();
    assert_eq!((three.security.suite.name(), three.security.corruptible), (replicated::SUITE, 1));
    assert_eq!(json(own.answer.get()), json(three.answer.get()), "{}", run.function);
    own.answer.get().clone()
}

/// Draws so many numbers of all sizes and signs, with ties.
fn numbers(rng: &mut PredictableRng, count: usize) -> Vec<f64> {
    (0..count)
        .map(|index| match index % 4 {
            0 => f64::from(rng.next_u32() % 3) - 1.0,
            1 => (f64::from(rng.next_u32()) - 2e9) * 1e-3,
            2 => f64::from(rng.next_u32() % 3) * 1e300,
            _ => -0.0,
        })
        .collect()
}

/// Draws numbers of each party; the last has none if there are more than two.
fn data(rng: &mut PredictableRng, parties: usize, count: usize) -> Vec<Vec<f64>> {
    (0..parties).map(|party| numbers(rng, if party == 2 { 0 } else { count + party })).collect()
}

fn sorted(data: &[Vec<f64>]) -> Vec<f64> {
    let mut all: Vec<f64> = data.iter().flatten().map(|x| x + 0.0).collect();
    all.sort_by(f64::total_cmp);
    all
}

fn of_numbers(function: &'static str, data: &[Vec<f64>]) -> Run {
    Run::new(function, data.iter().cloned().map(Input::Numbers).collect())
}

/// Makes stores. Correlations go from one test of a size to the next.
fn stores(parties: usize) -> Vec<CorrelationStore> {
    (0..parties).map(|_| CorrelationStore::default()).collect()
}

fn middle(all: &[f64]) -> f64 {
    let (lower, upper) = (all[(all.len() - 1) / 2], all[all.len() / 2]);
    lower / 2.0 + upper / 2.0
}

#[test]
fn ranks_are_those_of_plaintext_and_of_three_nodes() {
    let mut rng = rng(seed());
    for parties in SIZES {
        let stores = stores(parties);
        let data = data(&mut rng, parties, 3);
        let all = sorted(&data);
        let samples = all.len() as u64;

        let run = of_numbers("SecureMedian", &data);
        assert_eq!(answer(&run, &stores), Answer::Median { median: middle(&all) });

        let rank = 1 + usize::try_from(rng.next_u64() % samples).unwrap();
        let inputs = data.iter().map(|array| {
            let (rank, bounds) = (rank as u64, Some((-1e301, 1e301)));
            Input::Ranked { array: array.clone(), rank, bounds }
        });
        let run = Run::new("KthElement", inputs.collect());
        assert_eq!(answer(&run, &stores), Answer::Kth { item: all[rank - 1], samples });

        let inputs =
            data.iter().map(|array| Input::Points(array.iter().map(|x| (*x, *x)).collect()));
        let run = Run::new("MinimumMaximum", inputs.collect());
        let (minimum, maximum) = (all[0], all[all.len() - 1]);
        assert_eq!(answer(&run, &stores), Answer::Extremes { minimum, maximum, samples });

        let probabilities = Some(vec![0.0, 0.5, 1.0]);
        let parameters = Parameters::default().with("probabilities", probabilities);
        let run = of_numbers("Quantiles", &data).parameters(parameters);
        let quantiles = vec![minimum, middle(&all), maximum];
        assert_eq!(answer(&run, &stores), Answer::Quantiles { quantiles, samples });
    }
}

#[test]
fn rows_are_those_of_plaintext_and_of_three_nodes() {
    let mut rng = rng(seed());
    for parties in SIZES {
        let stores = stores(parties);
        let data = data(&mut rng, parties, 3);
        let all = sorted(&data);
        let samples = all.len() as u64;

        let run = of_numbers("Sort", &data);
        assert_eq!(answer(&run, &stores), Answer::Sorted { sorted: all.clone(), samples });

        let parameters = Parameters::default().with("k", Some(3));
        let run = of_numbers("TopK", &data).parameters(parameters);
        let largest: Vec<f64> = all.iter().rev().copied().collect();
        let equal = largest.chunk_by(|a, b| a == b);
        let occurrences =
            equal.map(|equal| Occurrences { value: equal[0], count: equal.len() as u64 });
        let Answer::Top { top, samples: counted } = answer(&run, &stores) else { panic!() };
        assert_eq!(counted, samples);
        assert_eq!(top, occurrences.take(top.len()).collect::<Vec<_>>());
        assert!(!top.is_empty());
    }
}

#[test]
fn moments_are_those_of_plaintext_and_of_three_nodes() {
    let mut rng = rng(seed());
    for parties in SIZES {
        // Whole numbers, four in all at each of five places, so that moments are exact.
        let mut number = || f64::from(rng.next_u32() % 64);
        let data: Vec<Vec<f64>> =
            (0..parties).map(|_| (0..4).map(|_| number()).collect()).collect();
        let Answer::Univariate(statistics) =
            answer(&of_numbers("StatisticsUnivariate", &data), &stores(parties))
        else {
            panic!()
        };
        let (all, count) = (sorted(&data), f64::from(u32::try_from(4 * parties).unwrap()));
        let sum: f64 = all.iter().sum();
        let squares: f64 = all.iter().map(|x| x * x).sum();
        assert_eq!((statistics.samples, statistics.sum), (4 * parties as u64, sum));
        assert_eq!(statistics.mean, sum / count);
        assert_eq!((statistics.minimum, statistics.maximum), (Some(all[0]), all.last().copied()));
        let variance = (squares * count - sum * sum) / (count * count);
        assert!((statistics.variance_mle.unwrap() - variance).abs() <= 1e-12 * variance);
    }
}

fn matrix(columns: usize, elements: Vec<f64>) -> Input {
    let rows = elements.len().checked_div(columns).unwrap_or_default();
    Input::Matrix { rows, columns, elements }
}

fn with_others(parties: usize, inputs: Vec<Input>) -> Vec<Input> {
    let others = std::iter::repeat_n(matrix(0, Vec::new()), parties - inputs.len());
    inputs.into_iter().chain(others).collect()
}

#[test]
fn matrices_are_those_of_plaintext_and_of_three_nodes() {
    let mut rng = rng(seed());
    for parties in SIZES {
        let stores = stores(parties);
        for bits in [8, 40] {
            let mut number = || {
                let number = f64::from(rng.next_u32() >> 24) * f64::from(bits - 7).exp2();
                if rng.next_u32().is_multiple_of(2) { number } else { -number }
            };
            let x: Vec<f64> = (0..6).map(|_| number()).collect();
            let y: Vec<f64> = (0..12).map(|_| number()).collect();
            let due: Vec<Vec<f64>> = (0..2)
                .map(|i| {
                    (0..4).map(|j| (0..3).map(|k| x[3 * i + k] * y[4 * k + j]).sum()).collect()
                })
                .collect();
            let inputs = with_others(parties, vec![matrix(3, x.clone()), matrix(4, y.clone())]);
            match answer(&Run::new(MATRIX_PRODUCT, inputs), &stores) {
                Answer::Product { product, .. } => assert_eq!(product, due),
                other => panic!("{other:?}"),
            }
        }
        let x: Vec<f64> = (0..10).map(|_| f64::from(rng.next_u32()) / 4e9 - 0.5).collect();
        let y: Vec<f64> = x.chunks(2).map(|row| 2.0 * row[0] - 3.0 * row[1]).collect();
        let inputs = with_others(parties, vec![matrix(2, x), Input::Numbers(y)]);
        match answer(&Run::new(REGRESSION, inputs), &stores) {
            Answer::Coefficients { mle } => {
                assert!(
                    (mle[0][0] - 2.0).abs() < 1e-6 && (mle[1][0] + 3.0).abs() < 1e-6,
                    "{mle:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn modes_are_those_of_plaintext_and_of_three_nodes() {
    let mut rng = rng(seed());
    for parties in SIZES {
        let stores = stores(parties);
        let names = ["a", "b", "c"];
        let mut any = || names[(rng.next_u32() % 3) as usize].to_owned();
        let data: Vec<Vec<(String, String)>> =
            (0..parties).map(|_| (0..4).map(|_| (any(), any())).collect()).collect();
        let only = |categories| {
            Parameters::default().with("only_mode", Some(true)).with("categories", Some(categories))
        };
        let count = |cell: &dyn Fn(&(String, String)) -> bool| {
            data.iter().flatten().filter(|pair| cell(pair)).count()
        };

        // The first of equal ones.
        let counts = names.map(|name| count(&|pair| pair.0 == name));
        let most = (0..3).rev().max_by_key(|index| counts[*index]).unwrap();
        let inputs = data.iter().map(|pairs| pairs.iter().map(|pair| pair.0.clone()).collect());
        let run = Run::new("StatisticsFrequency", inputs.map(Input::Texts).collect());
        let run = run.parameters(only(Categories::One(texts(&names))));
        let mode = Some(Cell::One(names[most].to_owned()));
        assert_eq!(answer(&run, &stores), Answer::Mode(Mode { mode }));

        let cells: Vec<[&str; 2]> = names.into_iter().flat_map(|x| names.map(|y| [x, y])).collect();
        let counts: Vec<usize> =
            cells.iter().map(|[x, y]| count(&|pair| pair.0 == *x && pair.1 == *y)).collect();
        let most = (0..9).rev().max_by_key(|index| counts[*index]).unwrap();
        let run =
            Run::new("StatisticsContingency", data.iter().cloned().map(Input::TextPairs).collect());
        let run = run.parameters(only(Categories::Two([texts(&names), texts(&names)])));
        let mode = Some(Cell::Two(cells[most][0].to_owned(), cells[most][1].to_owned()));
        assert_eq!(answer(&run, &stores), Answer::Mode(Mode { mode }));
    }
}

/// Makes runs of masked sums behind rules on the data of all, which `rows` numbers of each party
/// fulfil or not.
fn behind_rules(rules: Rules, rows: &[usize], rng: &mut PredictableRng) -> Vec<Run> {
    let mut number = || f64::from(rng.next_u32() % 8 + 8);
    let data: Vec<Vec<f64>> = rows.iter().map(|n| (0..*n).map(|_| number()).collect()).collect();
    let points = data.iter().map(|d| d.iter().map(|x| (*x, x * x - 3.0)).collect());
    let names: Vec<Vec<String>> = data
        .iter()
        .map(|d| d.iter().map(|x| if *x < 13.0 { "low" } else { "high" }.to_owned()).collect())
        .collect();
    let pairs = names.iter().map(|names| {
        Input::TextPairs(names.iter().map(|name| (name.clone(), "x".to_owned())).collect())
    });
    let categories = Some(Categories::One(texts(&["high", "low"])));
    let declared = Parameters::default().with("categories", categories);
    let axes = Some(Categories::Two([texts(&["high", "low"]), texts(&["x", "y"])]));
    let axes = Parameters::default().with("categories", axes);
    vec![
        of_numbers("SecureSum", &data).rules(rules),
        Run::new("StatisticsBivariate", points.map(Input::Points).collect()).rules(rules),
        Run::new("StatisticsFrequency", names.iter().cloned().map(Input::Texts).collect())
            .rules(rules)
            .parameters(declared),
        Run::new("StatisticsContingency", pairs.collect()).rules(rules).parameters(axes),
    ]
}

#[test]
fn two_parties_decide_rules_on_their_joint_data_as_three_nodes_do() {
    let mut rng = rng(seed());
    let stores = stores(2);
    let rules = Rules { min_rows: 10, max_share: 60, min_cell: 3, ..Profile::Teaching.rules() };
    for rows in [[16, 15], [5, 4], [31, 16], [15, 15]] {
        for run in behind_rules(rules, &rows, &mut rng) {
            // They do so without being asked to.
            let own = outcome(&run, &stores);
            let three = outcome(&by_three(&run), &[]);
            let text = format!("{} {rows:?}", run.function);
            match (own, three) {
                (Ok(own), Ok(three)) => {
                    assert_eq!(json(own.answer.get()), json(three.answer.get()), "{text}");
                    assert_eq!((own.security.corruptible, three.security.corruptible), (1, 1));
                    let own = own.security.adversary;
                    assert!(own.contains("the nodes of all 2 parties compute on shares"), "{own}");
                }
                (Err(own), Err(three)) => {
                    assert_eq!(own, three, "{text}");
                    assert!(matches!(own, Fault::Refused(_)), "{text} {own}");
                }
                (own, three) => panic!("{text}: {own:?} {three:?}"),
            }
        }
    }
    let [few, one] = [[5, 4], [31, 16]].map(|rows| {
        let run = behind_rules(rules, &rows, &mut rng).swap_remove(1);
        outcome(&run, &stores).unwrap_err()
    });
    let of = Party::new(0).unwrap();
    assert_eq!(few, Fault::Refused(Refusal::TooFewRows { minimum: 10, equations: 5, of }));
    assert_eq!(one, Fault::Refused(Refusal::Dominated { percent: 60, of }));
}

#[test]
fn functions_on_shares_ask_the_rules_by_themselves_too() {
    let mut rng = rng(seed());
    let strict = Rules { min_parties: 2, ..Profile::Production.rules() };
    for (parties, rules) in [(2, strict), (3, Profile::Production.rules())] {
        let stores = stores(parties);
        for (rows, enough) in [(15, true), (3, false)] {
            let mut data: Vec<Vec<f64>> = (0..parties).map(|_| numbers(&mut rng, rows)).collect();
            data[0].truncate(rows - 1);
            let run = of_numbers("SecureMedian", &data).rules(rules);
            let ended = outcome(&by_themselves(&run), &stores);
            let three = outcome(&by_three(&run), &[]);
            match (ended, three) {
                (Ok(own), Ok(three)) => {
                    assert!(enough);
                    assert_eq!(json(own.answer.get()), json(three.answer.get()));
                    let median = middle(&sorted(&data));
                    assert_eq!(*own.answer.get(), Answer::Median { median });
                }
                (Err(own), Err(three)) => {
                    assert!(!enough);
                    assert_eq!(own, three);
                    assert!(matches!(own, Fault::Refused(Refusal::TooFewRows { .. })), "{own}");
                }
                (own, three) => panic!("{own:?} {three:?}"),
            }
        }
    }
}

#[test]
fn who_computes_is_said_or_follows_from_the_number_of_parties() {
    let median = |parties| of_numbers("SecureMedian", &vec![vec![1.0, 2.0, 4.0]; parties]);
    // Two, by default.
    let two = outcome(&median(2), &[]).unwrap();
    assert_eq!((two.security.suite.name(), two.security.corruptible), (SUITE, 1));
    assert_eq!(*two.answer.get(), Answer::Median { median: 2.0 });
    let three = outcome(&median(3), &[]).unwrap();
    assert_eq!((three.security.suite.name(), three.security.corruptible), (replicated::SUITE, 1));
    let asked = outcome(&by_themselves(&median(3)), &[]).unwrap();
    assert_eq!((asked.security.suite.name(), asked.security.corruptible), (SUITE, 2));
    assert!(asked.security.adversary.contains("any 2 of them"), "{}", asked.security.adversary);

    // All compute: no member can be named, and none helps.
    for (parties, helpers) in [(2, 1), (3, 0), (4, 0)] {
        let run = by_themselves(&median(parties)).committee(helpers, [0, 1, 2]);
        let refused = run.request(0).unwrap_err();
        assert!(matches!(refused, InputError::Parameter { name: "committee", .. }), "{refused}");
    }
    // Masked sums have their own suite, whichever suite decides the rules.
    let sum = by_themselves(&of_numbers("SecureSum", &vec![vec![1.0]; 3]));
    let refused = sum.request(0).unwrap_err();
    assert!(matches!(refused, InputError::Parameter { name: "suite", .. }), "{refused}");
}

#[test]
fn blinded_items_are_named_where_some_were_blinded() {
    let rows = |first: u64| Input::Keyed {
        ids: (first..first + 12).map(|id| id.to_string()).collect(),
        columns: if first == 0 { vec![] } else { vec![Column::Numbers(vec![1.5; 12])] },
    };
    for (min_rows, is_blinded) in [(0, true), (3, false)] {
        let rules = Rules { min_rows, ..Profile::Teaching.rules() };
        let run = Run::new(INTERSECTION_SUM, vec![rows(0), rows(2)]).rules(rules);
        let report = run.simulate(Simulation::new(seed()));
        for (outcome, meter) in report.results().unwrap().into_iter().zip(&report.meters) {
            let security = &outcome.security;
            assert_eq!(meter.round_names().contains(&"twice blinded"), is_blinded);
            let decisional = Assumption::DecisionalDiffieHellmanRistretto255;
            assert_eq!(security.guarantee.hardness.contains(&decisional), is_blinded);
            assert_eq!(security.adversary.contains("masking"), is_blinded);
        }
    }
}
