//! Columns of numbers of very different size: sums are exact or refused, and products precise or
//! refused, on both suites.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use rand_core::Rng;

use super::categories::check_one_each;
use super::tests::{Rows, categorised, ids, join, keyed, settings};
use crate::algebra::packed_bits::PackedBits;
use crate::algebra::rounding::{fraction_to_double, integer_to_double};
use crate::computation::Answer;
use crate::engine::Engine;
use crate::functions::input::{Column, Input};
use crate::functions::parameters::Parameters;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::Simulation;
use crate::suites::replicated::tests::THREE;
use crate::testing::names::{CORRELATION, INTERSECTION_SUM, MEAN_BY_GROUP, REGRESSION};
use crate::testing::{Run, rng, seed};

/// Returns a double as a whole multiple of 2^-1075.
pub(super) fn big(x: f64) -> BigInt {
    let bits = x.to_bits();
    let (field, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
    let whole = match field {
        0 => BigInt::from(fraction) << 1,
        _ => BigInt::from(fraction | 1 << 52) << field,
    };
    if x.is_sign_negative() { -whole } else { whole }
}

/// Returns the double nearest to the exact sum.
fn exact_sum(numbers: &[f64]) -> f64 {
    integer_to_double(&numbers.iter().copied().map(big).sum(), -1_075).unwrap()
}

/// Draws a double with 53 random bits, and the exponent from a range.
pub(super) fn double(rng: &mut PredictableRng, exponents: std::ops::Range<i32>) -> f64 {
    let significand = f64::from_bits((rng.next_u64() >> 12) | 0x3ff0_0000_0000_0000);
    let span = exponents.end - exponents.start;
    let up = i32::try_from(rng.next_u32() % span.unsigned_abs()).unwrap();
    let sign = if rng.next_u32().is_multiple_of(2) { 1.0 } else { -1.0 };
    sign * significand * 2_f64.powi(exponents.start + up)
}

fn shared(parties: usize, rows: Rows, other: &[u64]) -> Vec<Input> {
    let others = (1..parties).map(|_| ids(other));
    std::iter::once(keyed(&rows)).chain(others).collect()
}

#[test]
fn a_huge_number_outside_of_the_join_changes_no_sum() {
    for parties in [2, 3, 4] {
        let rows = vec![(1, vec![5.0]), (2, vec![7.0]), (9, vec![1e17])];
        for run in
            settings(|| Run::new(INTERSECTION_SUM, shared(parties, rows.clone(), &[1, 2, 3])))
        {
            assert_eq!(run.answer(), Answer::IntersectionSum { sum: 12.0, size_intersection: 2 });
        }
        // And inside, to the last bit.
        let rows = vec![(1, vec![0.1]), (2, vec![1e17]), (3, vec![-1e17])];
        for run in
            settings(|| Run::new(INTERSECTION_SUM, shared(parties, rows.clone(), &[1, 2, 3])))
        {
            assert_eq!(run.answer(), Answer::IntersectionSum { sum: 0.1, size_intersection: 3 });
        }
    }
}

#[test]
fn sums_of_any_sizes_are_the_doubles_nearest_to_the_exact_ones() {
    let mut rng = rng(seed());
    for parties in [2, 3, 4] {
        for (least, most) in [(0, 1), (-3, 3), (-30, 25), (-900, -860), (900, 950)] {
            let rows: Rows = (0..24).map(|id| (id, vec![double(&mut rng, least..most)])).collect();
            let common: Vec<u64> = (0..24).filter(|_| rng.next_u32().is_multiple_of(2)).collect();
            let joined: Vec<f64> =
                common.iter().map(|id| rows[usize::try_from(*id).unwrap()].1[0]).collect();
            if common.is_empty() {
                continue;
            }
            let inputs = || shared(parties, rows.clone(), &common);
            for run in settings(|| Run::new(INTERSECTION_SUM, inputs())) {
                let Answer::IntersectionSum { sum, .. } = run.answer() else { panic!("no sum") };
                assert_eq!(sum, exact_sum(&joined), "{least} {most}");
            }
        }
    }
}

#[test]
fn a_huge_number_in_one_group_changes_no_other_groups_mean() {
    let mut rng = rng(seed());
    for parties in [2, 3, 4] {
        let groups: Vec<(u64, String)> = (0..12)
            .map(|id| (id, ["a", "b", "c"][usize::try_from(id % 3).unwrap()].into()))
            .collect();
        let mut values: Rows = (0..12).map(|id| (id, vec![double(&mut rng, -5..20)])).collect();
        values[2].1[0] = 1e17;
        let mut due: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for ((_, group), (_, cells)) in groups.iter().zip(&values) {
            due.entry(group).or_default().push(cells[0]);
        }
        let others = (2..parties).map(|_| ids(&(0..12).collect::<Vec<_>>()));
        let inputs: Vec<Input> =
            [categorised(&groups), keyed(&values)].into_iter().chain(others).collect();
        for run in settings(|| Run::new(MEAN_BY_GROUP, inputs.clone())) {
            let Answer::Groups { groups, .. } = run.answer() else { panic!("no groups") };
            for (name, values) in &due {
                let sum: BigInt = values.iter().copied().map(big).sum();
                let mean = fraction_to_double(&sum, &values.len().into(), -1_075).unwrap();
                assert_eq!(groups[*name].mean, mean, "{name}");
            }
        }
    }
}

#[test]
fn a_column_that_no_sum_holds_is_refused_before_anything_leaves() {
    let missing = vec![(1, vec![0.5]), (2, vec![-9.99e99]), (3, vec![0.0])];
    let due = InputError::TooWide { column: 0, smallest: -1, largest: 99 };
    let groups = vec![(1, "a".to_owned()), (2, "b".to_owned())];
    let cases = [
        (INTERSECTION_SUM, vec![ids(&[1, 2]), keyed(&missing), ids(&[1])]),
        (MEAN_BY_GROUP, vec![categorised(&groups), keyed(&missing), ids(&[1])]),
    ];
    for (function, inputs) in cases {
        for run in settings(|| Run::new(function, inputs.clone())) {
            let report = run.simulate(Simulation::new(seed()));
            assert_eq!(report.endings[1].fault(), Some(&Fault::Input(due.clone())));
            assert!(report.transcript.iter().all(|message| message.from.index() != 1));
        }
    }
    assert!(due.to_string().contains("1e-1 to 1e99"), "{due}");
    // Numbers that stand for groups are not added.
    let codes = Input::Keyed {
        ids: vec!["id 1".into(), "id 2".into()],
        columns: vec![Column::Numbers(vec![1e-300, 9.99e99])],
    };
    let values = keyed(&vec![(1, vec![2.0]), (2, vec![4.0])]);
    let answer = Run::new(MEAN_BY_GROUP, vec![codes, values, ids(&[1, 2])]).answer();
    assert!(matches!(answer, Answer::Groups { groups, .. } if groups.len() == 2));
}

#[test]
fn the_width_of_a_sum_ends_where_its_rows_fit_no_more() {
    // 2^20 rows of 107 digits fit 127 bits, and 2 rows of 126.
    let column = |digits: i32, rows: u64| {
        let numbers = [2_f64.powi(digits - 1), 1.0];
        super::columns::Cells::numbers(&numbers).unwrap().encoded(
            0,
            super::columns::Use::Sums,
            rows,
        )
    };
    for (digits, rows) in [(126, 2), (125, 3), (107, 1 << 20), (117, 1_000)] {
        assert!(column(digits, rows).is_ok(), "{digits} {rows}");
        assert!(column(digits + 1, rows).is_err(), "{digits} {rows}");
    }
    let largest = vec![(1, vec![2_f64.powi(125)]), (2, vec![1.0]), (3, vec![2_f64.powi(125)])];
    let run = Run::new(INTERSECTION_SUM, shared(3, largest[..2].to_vec(), &[1, 2]));
    let due = exact_sum(&[2_f64.powi(125), 1.0]);
    assert_eq!(run.answer(), Answer::IntersectionSum { sum: due, size_intersection: 2 });
    assert!(matches!(
        Run::new(INTERSECTION_SUM, shared(3, largest, &[1])).simulate(Simulation::new(1)).endings
            [0]
        .fault(),
        Some(Fault::Input(InputError::TooWide { .. }))
    ));
}

/// Returns the fault that all parties with data end with. Helpers are shown nothing that it follows
/// from.
fn fault(run: &Run) -> Fault {
    let report = run.simulate(Simulation::new(seed()));
    let faults: Vec<_> = report.endings.iter().map(|ending| ending.fault().cloned()).collect();
    let (parties, helpers) = faults.split_at(run.inputs.len());
    assert!(parties.iter().all(|fault| *fault == parties[0]), "{parties:?}");
    assert!(helpers.iter().all(Option::is_none), "{helpers:?}");
    parties[0].clone().unwrap()
}

/// Makes rows of which the first half of the ids are all parties', with small numbers, and one huge
/// number behind another id of the second party.
fn with_one_huge(parties: usize, huge: f64) -> Vec<Rows> {
    let rows = |party: u64| -> Rows {
        let id = |row: u64| if row < 12 { row } else { 100 * (party + 1) + row };
        (0..20)
            .map(|row| {
                let small = u32::try_from((row * row * (party + 3)) % 13 + row % 5).unwrap();
                (id(row), vec![f64::from(small)])
            })
            .collect()
    };
    let mut all: Vec<Rows> = (0..parties as u64).map(rows).collect();
    all[1][15].1[0] = huge;
    all
}

#[test]
fn a_huge_number_outside_of_the_join_makes_no_wrong_correlation() {
    for parties in [2, 3, 4] {
        let by_id = Parameters::default().with("by_id", Some(true)).with("intercept", Some(true));
        let inputs =
            |huge| -> Vec<Input> { with_one_huge(parties, huge).iter().map(keyed).collect() };
        let (narrow, wide) = (8.0, 1e17);
        for (one, other) in settings(|| Run::new(CORRELATION, inputs(narrow)))
            .into_iter()
            .zip(settings(|| Run::new(CORRELATION, inputs(wide))))
        {
            let Answer::Correlation { precision, .. } = one.answer() else { panic!("none") };
            assert_eq!(precision, 0.0);
            // 1e17 is a multiple of 2^17: with the ones of the other rows, 57 digits.
            assert_eq!(fault(&other), Fault::Imprecise { column: 1 });
        }
        for run in settings(|| Run::new(REGRESSION, inputs(wide)).parameters(by_id.clone())) {
            assert_eq!(fault(&run), Fault::Imprecise { column: 1 });
        }
        // A code for a missing value rounds all others to nothing. They are not all the same.
        for run in settings(|| Run::new(CORRELATION, inputs(9.99e99))) {
            assert_eq!(fault(&run), Fault::Imprecise { column: 1 });
        }
    }
}

#[test]
fn what_was_rounded_is_told_with_a_bound() {
    let mut rng = rng(seed());
    for parties in [2, 3] {
        let mut rows = with_one_huge(parties, 1.0);
        // Two digits more than a word holds.
        rows.iter_mut().flatten().for_each(|(_, cells)| cells[0] = double(&mut rng, 0..3));
        assert!(!join(&rows).is_empty());
        let inputs = || rows.iter().map(keyed).collect();
        for run in settings(|| Run::new(CORRELATION, inputs())) {
            let Answer::Correlation { precision, .. } = run.answer() else { panic!("none") };
            assert!(precision > 0.0 && precision < 1e-14, "{precision}");
        }
        let by_id = Parameters::default().with("by_id", Some(true)).with("intercept", Some(true));
        for run in settings(|| Run::new(REGRESSION, inputs()).parameters(by_id.clone())) {
            let Answer::Regression { precision, mle, .. } = run.answer() else { panic!("none") };
            assert_eq!(precision.len(), mle.len());
            assert!(precision.iter().all(|bound| *bound > 0.0 && *bound < 1e-12), "{precision:?}");
        }
    }
}

/// Checks shared bits of three rows and two categories.
fn check_categories(dealt: [u64; 6]) -> Vec<Option<Fault>> {
    let report = Simulation::new(seed()).parties(3).run(move |channel, party, rng| async move {
        let mut rng = rng;
        let mut engine = THREE.engine(&channel, &mut rng).await?;
        let mine = if party.index() == 0 { dealt.to_vec() } else { Vec::new() };
        let bits = engine.share(&mine, &[6, 0, 0]).await?;
        check_one_each(&mut engine, &bits[0], 3).await
    });
    report.endings.iter().map(|ending| ending.fault().cloned()).collect()
}

#[test]
fn a_row_of_two_categories_or_none_is_refused() {
    // Category by category, the bits of three rows.
    assert_eq!(check_categories([1, 0, 1, 0, 1, 0]), vec![None; 3]);
    for dealt in [[1, 1, 1, 0, 1, 0], [1, 0, 0, 0, 1, 0], [1, 1, 0, 0, 1, 0], [0; 6], [1; 6]] {
        assert_eq!(check_categories(dealt), vec![Some(Fault::InvalidOpening); 3], "{dealt:?}");
    }
}

#[test]
fn a_column_that_was_not_encoded_is_no_column_of_zeros() {
    let terms = &super::terms::IDS_ALONE;
    let join = super::Join {
        terms,
        rows: 2,
        item_hashes: &[1, 2, 3],
        told: &[],
        category_case: super::Case::Exact,
    };
    let column = vec![PackedBits(7); 2];
    let table = join.table(vec![column.clone()], 1).unwrap();
    assert_eq!(table.words, [[PackedBits(7), PackedBits(7), PackedBits(0)]], "padded");
    for words in [vec![], vec![column.clone(); 2], vec![vec![]], vec![vec![PackedBits(7); 3]]] {
        assert!(matches!(join.table(words, 1), Err(Fault::Internal(_))));
    }
}
