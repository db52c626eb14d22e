//! The rule on leverage against plaintext, on both suites, in simulation: attacks by one column, by
//! two that differ by the last bit, and honest designs.

use rand_core::Rng;

use crate::algebra::pseudo_inverse::pseudo_inverse;
use crate::computation::{Answer, Column, Input, Outcome};
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{FEWEST, Profile, Refusal, Rules};
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::adversary::{Action, Tamper};
use crate::kernel::simulation::{Ending, Simulation};
use crate::suites::pairwise;
use crate::testing::names::{CORRELATION, REGRESSION};
use crate::testing::{Run, rng, seed};

/// One party's columns, each a list of the rows' values.
type Columns = Vec<Vec<f64>>;

/// The bound on the leverage.
fn bound() -> f64 {
    1.0 / f64::from(u32::try_from(FEWEST - 1).unwrap())
}

/// Returns rules that withhold small counts, and ask for nothing else.
fn withholding() -> Rules {
    Rules { min_cell: 5, ..Profile::Teaching.rules() }
}

/// Returns rows with ids from `first` on.
fn keyed(first: usize, columns: &Columns) -> Input {
    let rows = columns[0].len();
    Input::Keyed {
        ids: (first..first + rows).map(|id| format!("id {id}")).collect(),
        columns: columns.iter().cloned().map(Column::Numbers).collect(),
    }
}

/// Returns the run by all parties alone, and by three nodes.
fn suites(run: impl Fn() -> Run) -> [Run; 2] {
    let alone = Parameters { suite: Some(pairwise::SUITE.to_owned()), ..run().parameters };
    let helpers = usize::from(run().inputs.len() < 3);
    [run().parameters(alone), run().committee(helpers, [2, 0, 1])]
}

/// Returns the answer that all parties have, or the fault that they end with.
fn ended(run: &Run) -> Result<Answer, Fault> {
    let report = run.simulate(Simulation::new(seed()));
    let faults: Vec<Option<Fault>> =
        report.endings.iter().map(|ending| ending.fault().cloned()).collect();
    let (parties, helpers) = faults.split_at(run.inputs.len());
    assert!(parties.iter().all(|fault| *fault == faults[0]), "{faults:?}");
    // A helper does not see why an answer is not defined.
    assert!(helpers.iter().all(|fault| fault.is_none() || *fault == faults[0]), "{faults:?}");
    match &faults[0] {
        Some(fault) => Err(fault.clone()),
        None => Ok(report.endings[0].done().unwrap().answer.get().clone()),
    }
}

fn is_singled_out(ended: &Result<Answer, Fault>) -> bool {
    matches!(ended, Err(Fault::Refused(Refusal::SinglesOut { fewest: FEWEST, .. })))
}

/// Returns the largest leverage of a row in these columns and the constant: by Gram–Schmidt in
/// doubles, twice.
fn largest(columns: &Columns) -> f64 {
    let rows = columns[0].len();
    let mut basis: Columns = Vec::new();
    for column in std::iter::once(&vec![1.0; rows]).chain(columns) {
        let mut rest = column.clone();
        for _ in 0..2 {
            for q in &basis {
                let along: f64 = q.iter().zip(&rest).map(|(q, x)| q * x).sum();
                rest.iter_mut().zip(q).for_each(|(x, q)| *x -= along * q);
            }
        }
        let norm = rest.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm > 1e-9 * column.iter().map(|x| x * x).sum::<f64>().sqrt() {
            basis.push(rest.into_iter().map(|x| x / norm).collect());
        }
    }
    (0..rows).map(|row| basis.iter().map(|q| q[row] * q[row]).sum()).fold(0.0, f64::max)
}

fn uniform(rng: &mut PredictableRng) -> f64 {
    f64::from(rng.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0
}

fn random(rng: &mut PredictableRng, rows: usize, columns: usize) -> Columns {
    (0..columns).map(|_| (0..rows).map(|_| uniform(rng)).collect()).collect()
}

/// Makes the first row's leverage what is asked for, by its value in the first column.
fn with_leverage(mut columns: Columns, due: f64) -> Columns {
    let (mut low, mut high) = (1.0, 1e6);
    for _ in 0..100 {
        columns[0][0] = f64::midpoint(low, high);
        let is_less = largest(&columns) < due;
        if is_less { low = columns[0][0] } else { high = columns[0][0] }
    }
    columns
}

#[test]
fn rows_at_the_bound_are_refused_and_rows_below_are_not() {
    let mut rng = rng(seed());
    for count in [1, 3] {
        for (due, is_high) in [(0.49, false), (0.499_999, false), (0.500_001, true), (0.51, true)] {
            let heavy = with_leverage(random(&mut rng, 24, count), due);
            assert!((largest(&heavy) - due).abs() < 1e-9);
            let other = random(&mut rng, 24, 2);
            // Whichever party has the columns.
            for turned in [false, true] {
                let run = || {
                    let mut inputs = vec![keyed(0, &heavy), keyed(0, &other)];
                    inputs.rotate_left(usize::from(turned));
                    Run::new(CORRELATION, inputs).rules(withholding())
                };
                for run in suites(run) {
                    assert_eq!(is_singled_out(&ended(&run)), is_high, "{count} {due}");
                }
            }
        }
    }
}

#[test]
fn random_designs_are_refused_by_the_largest_leverage_alone() {
    let mut rng = rng(seed());
    let mut seen = [false, false];
    for round in 0..24 {
        let rows = 8 + usize::try_from(rng.next_u32() % 20).unwrap();
        // Heavy tails, and small whole numbers with a column that depends on another.
        let mut design = |count: usize| -> Columns {
            let mut columns = random(&mut rng, rows, count);
            match round % 3 {
                0 => columns.iter_mut().flatten().for_each(|x| *x = x.powi(7) * 1e3),
                1 => columns.iter_mut().flatten().for_each(|x| *x = (*x * 1.6).round()),
                _ => {}
            }
            if count > 1 && round % 3 == 1 {
                columns[count - 1] = columns[0].iter().map(|x| 3.0 - 2.0 * x).collect();
            }
            columns
        };
        let parties = [design(1), design(2), design(1)];
        let most = parties.iter().map(largest).fold(0.0, f64::max);
        if (most - bound()).abs() < 1e-6 {
            continue;
        }
        let inputs = || parties.iter().map(|columns| keyed(0, columns)).collect();
        let run = Run::new(CORRELATION, inputs()).rules(withholding());
        let ended = ended(&run.committee(0, [0, 1, 2]));
        assert_eq!(is_singled_out(&ended), most >= bound(), "{most} {ended:?}");
        seen[usize::from(most >= bound())] = true;
    }
    assert_eq!(seen, [true, true]);
}

/// Attacks by the columns of the first of two parties, over rows 0 to 39 of both. Rows from 40 on
/// are the attacker's alone.
fn attacks(rng: &mut PredictableRng) -> Vec<(&'static str, Columns)> {
    let one_hot = |rows: &[usize], of: usize| -> Vec<f64> {
        (0..of).map(|row| f64::from(u8::from(rows.contains(&row)))).collect()
    };
    let base: Vec<f64> = (0..60).map(|_| 1.5 + uniform(rng) / 4.0).collect();
    let moved = |rows: &[usize]| -> Vec<f64> {
        let last = |row: usize| if rows.contains(&row) { f64::EPSILON } else { 0.0 };
        base.iter().enumerate().map(|(row, x)| x + last(row)).collect()
    };
    let decoys: Vec<usize> = [7].into_iter().chain(40..60).collect();
    let other: Vec<f64> = (0..60).map(|_| (uniform(rng) * 1e6).round() / 1_024.0).collect();
    let sum = base.iter().zip(&other).map(|(x, y)| x * 1_024.0 + y).collect::<Vec<f64>>();
    let mut near = sum.clone();
    near[7] += 1.0 / 1_024.0;
    vec![
        ("one row", vec![one_hot(&[7], 60)]),
        ("two rows", vec![one_hot(&[7, 8], 60)]),
        (
            "all rows of the join but one",
            vec![decoys.iter().fold(vec![1.0; 60], |mut x, row| {
                x[*row] = 0.0;
                x
            })],
        ),
        ("one row of the join and many others", vec![one_hot(&decoys, 60)]),
        ("two columns that differ by the last bit", vec![base.clone(), moved(&[7])]),
        ("the same, and in many rows outside", vec![base.clone(), moved(&decoys)]),
        ("two rows by the last bit", vec![base.clone(), moved(&[7, 8])]),
        ("three columns", vec![base.clone(), other, near]),
        (
            "a value far from all others",
            vec![{
                let mut far = base.clone();
                far[7] = 1e12;
                far
            }],
        ),
    ]
}

#[test]
fn columns_that_single_out_rows_are_refused_whatever_they_look_like() {
    let mut rng = rng(seed());
    for (name, columns) in attacks(&mut rng) {
        let y: Columns = random(&mut rng, 40, 1);
        let run = || Run::new(REGRESSION, vec![keyed(0, &columns), keyed(0, &y)]);
        let by_id = Parameters::default().with("by_id", true).with("intercept", true);
        for run in suites(|| run().parameters(by_id.clone()).rules(withholding())) {
            assert!(is_singled_out(&ended(&run)), "{name}");
        }
        // Else the columns are answered, or are too near to dependent for least squares in doubles.
        for run in suites(|| run().parameters(by_id.clone())) {
            let ended = ended(&run);
            assert!(matches!(
                ended,
                Ok(_) | Err(Fault::Imprecise { .. } | Fault::Undefined { .. })
            ));
        }
    }
}

#[test]
fn honest_designs_have_the_same_answer_as_without_the_rule() {
    let mut rng = rng(seed());
    let rows = 40;
    // A full set of dummies with the constant, the rarest of three rows.
    let group = |row: usize| if (6..9).contains(&row) { 0 } else { 1 + row % 3 };
    let dummies: Columns = (0..4)
        .map(|of| (0..rows).map(|row| f64::from(u8::from(group(row) == of))).collect())
        .collect();
    let skewed: Columns = random(&mut rng, rows, 2)
        .into_iter()
        .map(|column| column.into_iter().map(|x: f64| (2.0 * x).exp()).collect())
        .collect();
    for own in [dummies, skewed, random(&mut rng, rows, 3)] {
        let y = random(&mut rng, rows, 1);
        for (function, own) in [(CORRELATION, own.clone()), (REGRESSION, own)] {
            let by_id = (function == REGRESSION).then_some(true);
            let parameters = Parameters::default().with("by_id", by_id);
            let run = || {
                Run::new(function, vec![keyed(0, &own), keyed(5, &y)])
                    .parameters(parameters.clone())
            };
            let plain = suites(run);
            for (plain, ruled) in plain.iter().zip(suites(|| run().rules(withholding()))) {
                assert_eq!(ended(plain), ended(&ruled));
            }
        }
    }
}

#[test]
fn one_party_with_columns_is_asked_for_no_leverage() {
    let mut columns = vec![vec![0.0; 20]; 2];
    columns[0][3] = 1.0;
    columns[1][4] = 1.0;
    let ids = Input::Texts((0..20).map(|id| format!("id {id}")).collect());
    let run = || Run::new(CORRELATION, vec![keyed(0, &columns), ids.clone()]).rules(withholding());
    for run in suites(run) {
        assert!(matches!(ended(&run), Ok(Answer::Correlation { samples: 20, .. })));
    }
}

/// Returns the run of a regression whose rows belong together by their order.
fn aligned(x: &Columns, y: &[f64], rules: Rules) -> Run {
    let (rows, columns) = (y.len(), x.len());
    let elements = (0..rows).flat_map(|row| x.iter().map(move |column| column[row])).collect();
    let x = Input::Matrix { rows, columns, elements };
    Run::new(REGRESSION, vec![x, Input::Numbers(y.to_vec())]).rules(rules)
}

#[test]
fn aligned_rows_have_the_rule_too() {
    let mut rng = rng(seed());
    let (rules, mut seen) = (withholding(), Vec::new());
    for (name, columns) in attacks(&mut rng) {
        let y = random(&mut rng, 40, 1).remove(0);
        // All are rows here: there are none outside of a join.
        let columns: Columns = columns.into_iter().map(|column| column[..40].to_vec()).collect();
        let run = || aligned(&columns, &y, rules);
        let elements: Vec<f64> =
            (0..40).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
        if pseudo_inverse(&elements, columns.len()).is_err() {
            // Columns that nearly depend are refused by their party.
            continue;
        }
        seen.push(name);
        for run in suites(run) {
            let ended = ended(&run);
            assert!(is_singled_out(&ended), "{name} {ended:?}");
        }
    }
    assert!(seen.contains(&"all rows of the join but one"), "{seen:?}");
    // With a column of ones, and without.
    let mut x = random(&mut rng, 40, 3);
    x[1] = vec![1.0; 40];
    let without = vec![x[0].clone(), x[2].clone()];
    assert!(largest(&x) < 0.4);
    let y = random(&mut rng, 40, 1).remove(0);
    for run in suites(|| aligned(&without, &y, rules)) {
        assert!(ended(&run).is_ok());
    }
    let mut y = random(&mut rng, 40, 1).remove(0);
    for [plain, ruled] in [0, 1].map(|suite| {
        [Profile::Teaching.rules(), rules].map(|rules| {
            let [one, other] = suites(|| aligned(&x, &y, rules));
            if suite == 0 { one } else { other }
        })
    }) {
        assert_eq!(ended(&plain), ended(&ruled));
    }
    // The other party's column, too: it would tell a row of the matrix.
    y[9] = 1e3;
    for run in suites(|| aligned(&x, &y, rules)) {
        assert!(is_singled_out(&ended(&run)));
    }
}

#[test]
fn what_is_sent_wrongly_lets_no_refused_answer_through() {
    let mut rng = rng(seed());
    let mut one_hot = vec![vec![0.0; 12]];
    one_hot[0][5] = 1.0;
    let y = random(&mut rng, 12, 1);
    let run = Run::new(CORRELATION, vec![keyed(0, &one_hot), keyed(0, &y)]).rules(withholding());
    let run = run.committee(1, [0, 1, 2]);
    let seed = seed();
    let honest = run.simulate(Simulation::new(seed));
    assert!(
        honest.endings.iter().all(|ending| matches!(ending, Ending::Stopped(Fault::Refused(_))))
    );
    let sent = honest.transcript.iter().filter(|delivery| delivery.sequence > 0);
    let sent: Vec<(Party, Party, u32)> = sent.map(|d| (d.from, d.to, d.sequence)).collect();
    for (place, (from, to, number)) in sent.into_iter().enumerate() {
        let action = [Action::Drop, Action::Truncate(1), Action::Extend(16)][place % 3].clone();
        let tamper = Tamper::new(from, Some(to), number, action).retagging();
        let report = run.simulate(Simulation::new(seed).adversary(tamper.clone()));
        let none = report.endings.iter().all(|ending: &Ending<Outcome>| ending.done().is_none());
        assert!(none, "{tamper:?}");
    }
}
