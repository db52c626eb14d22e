//! The bounds on errors, against correlations and regressions of the columns as they are, in exact
//! fractions.

use num_bigint::BigInt;
use num_traits::Signed;
use rand_core::Rng;

use super::columns::{Cells, Encoded, Use};
use super::columns_tests::{big, double};
use super::moments::Moments;
use crate::kernel::fault::Fault;
use crate::kernel::random::PredictableRng;
use crate::testing::{rng, seed};

/// The bits after the point of numbers here.
const DIGITS: u32 = 600;

fn fixed(x: f64) -> BigInt {
    big(x) >> (1_075 - DIGITS)
}

fn fraction(numerator: &BigInt, denominator: &BigInt) -> BigInt {
    (numerator << DIGITS) / denominator
}

fn root(numerator: &BigInt, denominator: &BigInt) -> BigInt {
    let square: BigInt = (numerator << (2 * DIGITS)) / denominator;
    square.sqrt()
}

/// Checks that a result is within the bound; or where nothing was rounded, the nearest double.
fn check(found: f64, due: &BigInt, bound: f64) {
    let off = (fixed(found) - due).abs();
    let nearest = fixed(found).abs() >> 53_u32;
    let allowed = if bound == 0.0 { nearest } else { fixed(bound) };
    assert!(off <= &allowed + 4, "{found}, off by {off} of {allowed}");
}

/// Columns of numbers: of all rows, and of those in the join, which come first.
struct World {
    columns: Vec<Vec<f64>>,
    joined: usize,
}

impl World {
    /// Draws columns whose numbers have exponents in a range, some of them with a larger number
    /// outside of the join, some with numbers close to each other.
    fn new(rng: &mut PredictableRng, columns: usize) -> Self {
        let joined = 8 + usize::try_from(rng.next_u32() % 12).unwrap();
        let column = |_| {
            let span = 1 + i32::try_from(rng.next_u32() % 6).unwrap();
            let mut column: Vec<f64> = (0..joined + 3).map(|_| double(rng, -span..span)).collect();
            let kind = rng.next_u32() % 5;
            let offset = double(rng, 6..9);
            match kind {
                0 => column[joined] = double(rng, 10..22),
                1 => column[joined + 1] = double(rng, 22..70),
                2 => column.iter_mut().for_each(|x| *x += offset),
                3 => column.iter_mut().for_each(|x| *x = (*x * 8.0).round()),
                _ => {}
            }
            column
        };
        Self { columns: (0..columns).map(column).collect(), joined }
    }

    /// Returns the sums of the columns of joined rows, as they are, and of their products.
    fn exact(&self, intercept: bool) -> Vec<Vec<BigInt>> {
        let ones = vec![1.0; self.joined];
        let first = intercept.then_some(ones.as_slice()).into_iter();
        let columns = self.columns.iter().map(|column| &column[..self.joined]);
        let columns: Vec<Vec<BigInt>> =
            first.chain(columns).map(|column| column.iter().copied().map(big).collect()).collect();
        let product = |x: &[BigInt], y: &[BigInt]| x.iter().zip(y).map(|(x, y)| x * y).sum();
        columns.iter().map(|x| columns.iter().map(|y| product(x, y)).collect()).collect()
    }

    /// Returns the moments of the encoded columns.
    fn encoded(&self) -> Moments {
        let columns: Vec<Encoded> = self
            .columns
            .iter()
            .map(|column| {
                let cells = Cells::numbers(column).unwrap();
                cells
                    .encoded(0, Use::Products, column.len() as u64)
                    .unwrap()
                    .into_encoded()
                    .unwrap()
            })
            .collect();
        let joined = |column: &Encoded| -> Vec<BigInt> {
            column.words[0][..self.joined].iter().map(|word| word.0.cast_signed().into()).collect()
        };
        let numbers: Vec<Vec<BigInt>> = columns.iter().map(joined).collect();
        let product = |x: &[BigInt], y: &[BigInt]| x.iter().zip(y).map(|(x, y)| x * y).sum();
        Moments {
            rows: self.joined.into(),
            sums: numbers.iter().map(|column| column.iter().sum()).collect(),
            products: numbers
                .iter()
                .map(|x| numbers.iter().map(|y| product(x, y)).collect())
                .collect(),
            units: columns.iter().map(|column| column.unit).collect(),
        }
    }
}

/// Counts the outcomes of trials: without rounding, with a bound, and refused.
#[derive(Debug, Default)]
struct Outcomes {
    exact: usize,
    bounded: usize,
    refused: usize,
}

impl Outcomes {
    fn note(&mut self, bound: f64) {
        if bound == 0.0 { self.exact += 1 } else { self.bounded += 1 }
    }

    /// Notes a refusal, which is of a column that was rounded.
    fn refuse(&mut self, fault: &Fault, encoded: &Moments) {
        match fault {
            Fault::Imprecise { column } => assert!(encoded.units[*column].rounded),
            other => panic!("{other:?}"),
        }
        self.refused += 1;
    }
}

#[test]
fn correlations_are_within_their_bounds() {
    let mut rng = rng(seed());
    let mut outcomes = Outcomes::default();
    for _ in 0..300 {
        let world = World::new(&mut rng, 3);
        let (encoded, exact) = (world.encoded(), world.exact(true));
        let deviation = |i: usize, j: usize| {
            // The first column is of ones.
            let unit = &exact[0][0];
            unit * &exact[i + 1][j + 1] - &exact[0][i + 1] * &exact[0][j + 1]
        };
        let (correlation, bound) = match encoded.correlations() {
            Ok(found) => found,
            Err(fault) => {
                outcomes.refuse(&fault, &encoded);
                continue;
            }
        };
        outcomes.note(bound);
        assert!(bound <= 1e-9);
        for (i, row) in correlation.iter().enumerate() {
            for (j, found) in row.iter().enumerate() {
                let (both, x, y) = (deviation(i, j), deviation(i, i), deviation(j, j));
                let due = root(&(&both * &both), &(x * y));
                check(*found, &if both.is_negative() { -due } else { due }, bound);
            }
        }
    }
    println!("{outcomes:?}");
    assert!(outcomes.exact > 5 && outcomes.bounded > 50 && outcomes.refused > 20);
}

fn determinant(rows: &[Vec<BigInt>]) -> BigInt {
    let Some((first, rest)) = rows.split_first() else { return 1.into() };
    let minor = |column: usize| {
        let without = |row: &Vec<BigInt>| {
            row.iter().enumerate().filter(|(i, _)| *i != column).map(|(_, x)| x.clone()).collect()
        };
        determinant(&rest.iter().map(without).collect::<Vec<_>>())
    };
    let signed = |(column, x): (usize, &BigInt)| {
        if column % 2 == 0 { x * minor(column) } else { -x * minor(column) }
    };
    first.iter().enumerate().map(signed).sum()
}

/// Solves least squares by Cramer's rule, and compares.
fn check_regression(world: &World, explained: usize, intercept: bool, outcomes: &mut Outcomes) {
    let exact = world.exact(intercept);
    let y = explained + usize::from(intercept);
    let others: Vec<usize> = (0..exact.len()).filter(|column| *column != y).collect();
    let gram: Vec<Vec<BigInt>> =
        others.iter().map(|i| others.iter().map(|j| exact[*i][*j].clone()).collect()).collect();
    let all = determinant(&gram);
    let fit = match world.encoded().regression(explained, intercept) {
        Ok(fit) => fit,
        Err(fault) => return outcomes.refuse(&fault, &world.encoded()),
    };
    let coefficients: Vec<BigInt> = (0..others.len())
        .map(|place| {
            let mut replaced = gram.clone();
            for (row, i) in replaced.iter_mut().zip(&others) {
                row[place] = exact[*i][y].clone();
            }
            determinant(&replaced)
        })
        .collect();
    let part: BigInt = coefficients.iter().zip(&others).map(|(b, i)| b * &exact[*i][y]).sum();
    let residual = &exact[y][y] * &all - part;
    let freedom = BigInt::from(world.joined - others.len());
    for (place, bound) in fit.precision.iter().enumerate() {
        check(fit.mle[place][0], &fraction(&coefficients[place], &all), *bound);
        let minor: Vec<Vec<BigInt>> = gram
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != place)
            .map(|(_, row)| {
                row.iter()
                    .enumerate()
                    .filter(|(j, _)| *j != place)
                    .map(|(_, x)| x.clone())
                    .collect()
            })
            .collect();
        let variance = &residual * determinant(&minor);
        let due = root(&variance, &(&all * &all * &freedom));
        check(fit.standard_errors[place], &due, *bound);
    }
    let total = if intercept {
        // The element of the column of ones is N, and its unit twice that of a number.
        &exact[y][y] - &exact[0][y] * &exact[0][y] / &exact[0][0]
    } else {
        exact[y][y].clone()
    };
    let r_squared = (BigInt::from(1) << DIGITS) - fraction(&residual, &(&all * total));
    let is_exact = fit.precision.iter().all(|bound| *bound == 0.0);
    check(fit.r_squared, &r_squared, if is_exact { 2e-16 } else { 1e-9 });
    outcomes.note(if is_exact { 0.0 } else { 1.0 });
}

#[test]
fn regressions_are_within_their_bounds() {
    let mut rng = rng(seed());
    let mut outcomes = Outcomes::default();
    for trial in 0..400 {
        let mut world = World::new(&mut rng, 2 + trial % 2);
        if trial % 3 == 0 {
            // A close fit.
            let first = world.columns[0].clone();
            let y = world.columns.last_mut().unwrap();
            for (y, x) in y.iter_mut().zip(&first) {
                *y = 2.5 * x + *y * 1e-6;
            }
        }
        check_regression(&world, world.columns.len() - 1, trial % 4 < 2, &mut outcomes);
    }
    println!("{outcomes:?}");
    assert!(outcomes.exact > 5 && outcomes.bounded > 50 && outcomes.refused > 20);
}

#[test]
fn a_rounded_column_is_never_called_constant() {
    let mut world = World { columns: vec![vec![0.5, 1.0, 0.5, 2.0, 1.5, 3.0]; 2], joined: 5 };
    world.columns[1] = vec![1.0, 2.0, 3.0, 4.0, 6.0, 1e30];
    assert_eq!(world.encoded().correlations().err(), Some(Fault::Imprecise { column: 1 }));
    let fault = |explained| world.encoded().regression(explained, true).err();
    assert_eq!([fault(0), fault(1)], [(); 2].map(|()| Some(Fault::Imprecise { column: 1 })));
    // Neither is a single one.
    let single = World { columns: vec![world.columns[1].clone()], joined: 5 };
    assert_eq!(single.encoded().correlations().err(), Some(Fault::Imprecise { column: 0 }));
    // One that is constant, and exact, is.
    world.columns[1] = vec![0.1; 6];
    assert!(matches!(world.encoded().correlations().err(), Some(Fault::Undefined { .. })));
}
