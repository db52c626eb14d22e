//! Solvers for the answers that an attacker has collected. Each takes equations, and returns only
//! unknowns that the equations determine: no guess is ever called knowledge.
//!
//! - [`LinearSystem`]: exact elimination modulo the prime 2^61 − 1, for sums of whole numbers;
//! - [`Weighing`]: Lindström's detecting matrices (*On a combinatory detection problem I*, 1964),
//!   which find n values of 0 or 1 by about 2n / log₂ n sums;
//! - [`from_power_sums`]: Newton's identities, for moments of few rows;
//! - [`complement`] and [`whole_residuals`]: a column from a fit with few degrees of freedom;
//! - [`tighten`]: intervals of withheld counts from sums of counts.

/// The modulus of [`LinearSystem`].
const PRIME: u64 = (1 << 61) - 1;

/// The largest factors and values that are taken for whole numbers and not for fractions.
const MOST_FACTOR: i64 = 1_000;
const MOST_VALUE: i64 = 1 << 40;

/// Linear equations between whole numbers, eliminated as they come.
pub(super) struct LinearSystem {
    unknowns: usize,
    /// Rows in reduced echelon form, each with its pivot. The value stands behind the coefficients.
    rows: Vec<(usize, Vec<u64>)>,
    contradicts_itself: bool,
}

impl LinearSystem {
    pub(super) fn new(unknowns: usize) -> Self {
        Self { unknowns, rows: Vec::new(), contradicts_itself: false }
    }

    /// Adds the equation that these unknowns, times these factors, add up to `value`.
    pub(super) fn add(&mut self, terms: &[(usize, i64)], value: i64) {
        let mut row = vec![0; self.unknowns + 1];
        for (unknown, factor) in terms {
            row[*unknown] = plus(row[*unknown], residue(*factor));
        }
        row[self.unknowns] = residue(value);
        for (pivot, other) in &self.rows {
            subtract(&mut row, other, *pivot);
        }
        let Some(pivot) = row[..self.unknowns].iter().position(|factor| *factor != 0) else {
            self.contradicts_itself |= row[self.unknowns] != 0;
            return;
        };
        let inverse = power(row[pivot], PRIME - 2);
        row.iter_mut().for_each(|factor| *factor = times(*factor, inverse));
        for (_, other) in &mut self.rows {
            subtract(other, &row, pivot);
        }
        self.rows.push((pivot, row));
    }

    pub(super) fn rank(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn contradicts_itself(&self) -> bool {
        self.contradicts_itself
    }

    /// Returns the eliminated equations that have small whole factors.
    pub(super) fn equations(&self) -> Vec<(Vec<(usize, i64)>, i64)> {
        let is_small = |number: i64, most: i64| number.abs() <= most;
        let equation = |(_, row): &(usize, Vec<u64>)| {
            let factors = row[..self.unknowns].iter().map(|factor| centred(*factor)).enumerate();
            let terms: Vec<(usize, i64)> = factors.filter(|(_, factor)| *factor != 0).collect();
            let value = centred(row[self.unknowns]);
            let fits = terms.iter().all(|(_, factor)| is_small(*factor, MOST_FACTOR));
            (fits && is_small(value, MOST_VALUE)).then_some((terms, value))
        };
        self.rows.iter().filter_map(equation).collect()
    }

    /// Returns the unknowns that the equations determine, with their values; none if the equations
    /// contradict each other.
    pub(super) fn known(&self) -> Vec<(usize, i64)> {
        if self.contradicts_itself {
            return Vec::new();
        }
        let is_alone = |row: &[u64]| row.iter().filter(|factor| **factor != 0).count() == 1;
        let determined = self.rows.iter().filter(|(_, row)| is_alone(&row[..self.unknowns]));
        determined.map(|(pivot, row)| (*pivot, centred(row[self.unknowns]))).collect()
    }
}

fn subtract(row: &mut [u64], other: &[u64], pivot: usize) {
    let factor = row[pivot];
    if factor == 0 {
        return;
    }
    for (element, other) in row.iter_mut().zip(other) {
        if *other != 0 {
            *element = plus(*element, PRIME - times(factor, *other));
        }
    }
}

fn plus(a: u64, b: u64) -> u64 {
    (a + b) % PRIME
}

fn times(a: u64, b: u64) -> u64 {
    u64::try_from(u128::from(a) * u128::from(b) % u128::from(PRIME)).unwrap()
}

fn power(base: u64, exponent: u64) -> u64 {
    let mut result = 1;
    for bit in (0..64 - exponent.leading_zeros()).rev() {
        result = times(result, result);
        if exponent >> bit & 1 == 1 {
            result = times(result, base);
        }
    }
    result
}

fn residue(value: i64) -> u64 {
    u64::try_from(i128::from(value).rem_euclid(i128::from(PRIME))).unwrap()
}

fn centred(residue: u64) -> i64 {
    let value = i64::try_from(residue).unwrap();
    if residue > PRIME / 2 { value - i64::try_from(PRIME).unwrap() } else { value }
}

/// A plan of 2^k sums that determine k·2^(k−1) values of 0 or 1, whatever constant is added to all.
///
/// There are |S| items for each subset S of k elements. Item j of S takes part in the sum of a
/// subset x if x∩S is one of the first 2^j subsets of S whose size has the parity of |S|. The
/// alternating sum over all x ⊆ S then has 2^j times the item's value, and nothing of items of
/// subsets that do not contain S.
pub(super) struct Weighing {
    elements: u32,
    /// The subset and the number of each item, with larger subsets first.
    items: Vec<(usize, u32)>,
}

impl Weighing {
    pub(super) fn new(elements: u32) -> Self {
        let mut subsets: Vec<usize> = (1..1 << elements).collect();
        subsets.sort_by_key(|subset| std::cmp::Reverse(subset.count_ones()));
        let of = |subset: usize| (0..subset.count_ones()).map(move |item| (subset, item));
        Self { elements, items: subsets.into_iter().flat_map(of).collect() }
    }

    pub(super) fn items(&self) -> usize {
        self.items.len()
    }

    pub(super) fn sums(&self) -> usize {
        1 << self.elements
    }

    /// Returns the items of a sum.
    pub(super) fn members(&self, sum: usize) -> Vec<usize> {
        let is_in = |item: &usize| takes_part(self.items[*item], sum);
        (0..self.items.len()).filter(is_in).collect()
    }

    /// Returns each item's value; none if the sums are of other values than 0 and 1.
    pub(super) fn values(&self, sums: &[i64]) -> Option<Vec<i64>> {
        let mut values = vec![0; self.items.len()];
        let mut at = 0;
        while at < self.items.len() {
            let (subset, _) = self.items[at];
            let mut left = alternating(subset, |x| sums[x]);
            for (item, value) in self.items[..at].iter().zip(&values) {
                if item.0 & subset == subset {
                    left -= value * alternating(subset, |x| i64::from(takes_part(*item, x)));
                }
            }
            let count = usize::try_from(subset.count_ones()).unwrap();
            if !(0..1 << count).contains(&left) {
                return None;
            }
            (0..count).for_each(|item| values[at + item] = left >> item & 1);
            at += count;
        }
        Some(values)
    }
}

fn takes_part((subset, item): (usize, u32), x: usize) -> bool {
    let inside = x & subset;
    // Of each two subsets that differ in the first element, one has the parity of the whole.
    let is_even = (subset.count_ones() - inside.count_ones()).is_multiple_of(2);
    is_even && packed(inside, subset) >> 1 < 1 << item
}

/// Returns the bits of `inside` at the places of `subset`, side by side.
fn packed(inside: usize, subset: usize) -> usize {
    let places = (0..usize::BITS).filter(|place| subset >> place & 1 == 1);
    places.enumerate().map(|(at, place)| (inside >> place & 1) << at).sum()
}

/// Adds over all parts of a subset, with the sign of the number of elements left out.
fn alternating(subset: usize, value: impl Fn(usize) -> i64) -> i64 {
    let sign = |x: usize| if (subset ^ x).count_ones().is_multiple_of(2) { 1 } else { -1 };
    (0..=subset).filter(|x| x & subset == *x).map(|x| sign(x) * value(x)).sum()
}

/// Returns the whole numbers, in ascending order, whose first powers to n-th powers have these
/// sums. Returns none if there are no such numbers from 0 to `largest`.
pub(super) fn from_power_sums(sums: &[f64], largest: i128) -> Option<Vec<i128>> {
    let mut symmetric = vec![1.0];
    for k in 1..=sums.len() {
        let terms = (1..=k).map(|i| {
            let sign = if i % 2 == 1 { 1.0 } else { -1.0 };
            sign * symmetric[k - i] * sums[i - 1]
        });
        symmetric.push(terms.sum::<f64>() / k as f64);
    }
    let signed = symmetric.iter().enumerate().map(|(k, e)| {
        let whole = e.round() as i128;
        if k % 2 == 0 { whole } else { -whole }
    });
    let mut polynomial: Vec<i128> = signed.collect();
    let mut roots = Vec::new();
    for root in 0..=largest {
        while let Some(rest) = divided(&polynomial, root) {
            roots.push(root);
            polynomial = rest;
        }
    }
    (roots.len() == sums.len()).then_some(roots)
}

/// Divides a polynomial, largest power first, by x − root; none if a rest is left.
fn divided(polynomial: &[i128], root: i128) -> Option<Vec<i128>> {
    let mut quotient = Vec::with_capacity(polynomial.len());
    let mut carried = 0;
    for coefficient in polynomial {
        carried = carried * root + coefficient;
        quotient.push(carried);
    }
    let rest = quotient.pop()?;
    (rest == 0 && !quotient.is_empty()).then_some(quotient)
}

/// Returns an orthonormal basis of the vectors that are orthogonal to all these columns.
pub(super) fn complement(columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let rows = columns[0].len();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let unit = |row: usize| (0..rows).map(|other| f64::from(u8::from(other == row))).collect();
    let all = columns.iter().cloned().chain((0..rows).map(unit));
    for (place, mut vector) in all.enumerate() {
        let before = norm(&vector);
        // Twice, so that rounding leaves nothing of the earlier ones.
        for _ in 0..2 {
            for earlier in &basis {
                let part = dot(&vector, earlier);
                vector.iter_mut().zip(earlier).for_each(|(x, e)| *x -= part * e);
            }
        }
        let length = norm(&vector);
        if length > 1e-6 * before {
            basis.push(vector.iter().map(|x| x / length).collect());
        } else {
            assert!(place >= columns.len(), "a column depends on those before it");
        }
    }
    basis.split_off(columns.len())
}

/// Returns all columns of whole numbers that are fitted values plus a residual of this length,
/// which lies in the span of one or two orthonormal vectors.
pub(super) fn whole_residuals(fitted: &[f64], basis: &[Vec<f64>], length: f64) -> Vec<Vec<i64>> {
    let at = |u: f64, v: f64| -> Option<Vec<i64>> {
        let second = basis.get(1);
        let values = fitted.iter().enumerate().map(|(row, fit)| {
            fit + length * (u * basis[0][row] + second.map_or(0.0, |second| v * second[row]))
        });
        let whole =
            |value: f64| ((value - value.round()).abs() < 1e-3).then(|| value.round() as i64);
        values.map(whole).collect()
    };
    let mut found: Vec<Vec<i64>> = if basis.len() == 1 {
        [1.0, -1.0].into_iter().filter_map(|sign| at(sign, 0.0)).collect()
    } else {
        angles(fitted, basis, length)
            .into_iter()
            .filter_map(|angle| at(angle.cos(), angle.sin()))
            .collect()
    };
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns the angles of a circle of residuals at which one row, that which varies most, is whole.
fn angles(fitted: &[f64], basis: &[Vec<f64>], length: f64) -> Vec<f64> {
    let amplitude = |row: usize| basis[0][row].hypot(basis[1][row]);
    let rows = 0..fitted.len();
    let row = rows.max_by(|one, other| amplitude(*one).total_cmp(&amplitude(*other))).unwrap();
    let reach = length * amplitude(row);
    let phase = basis[1][row].atan2(basis[0][row]);
    let (low, high) = ((fitted[row] - reach).ceil() as i64, (fitted[row] + reach).floor() as i64);
    let of = |whole: i64| {
        let angle = ((whole as f64 - fitted[row]) / reach).clamp(-1.0, 1.0).acos();
        [phase + angle, phase - angle]
    };
    (low..=high).flat_map(of).collect()
}

/// Solves a square system by elimination with pivots.
pub(super) fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let size = rows.len();
    for k in 0..size {
        let pivot = (k..size).max_by(|a, b| rows[*a][k].abs().total_cmp(&rows[*b][k].abs()));
        rows.swap(k, pivot.unwrap());
        let pivot_row = rows[k].clone();
        for row in (0..size).filter(|row| *row != k) {
            let factor = rows[row][k] / pivot_row[k];
            rows[row].iter_mut().zip(&pivot_row).for_each(|(x, above)| *x -= factor * above);
        }
    }
    (0..size).map(|k| rows[k][size] / rows[k][k]).collect()
}

pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// Returns the two numbers with this sum and this sum of squares; none where these are not whole.
pub(super) fn two_whole_numbers(sum: f64, squares: f64) -> Option<[f64; 2]> {
    let difference = 2.0 * squares - sum * sum;
    let root = difference.max(0.0).sqrt();
    let both = [(sum - root) / 2.0, (sum + root) / 2.0];
    both.iter().all(|x| (x - x.round()).abs() < 1e-3).then(|| both.map(f64::round))
}

/// Lowest and highest possible values of a count.
pub(super) type Interval = (i64, i64);

/// Tightens the intervals of counts until the sums of some of them say no more.
pub(super) fn tighten(counts: &mut [Interval], sums: &[(Vec<usize>, i64)]) {
    loop {
        let before = counts.to_vec();
        for (members, total) in sums {
            for member in members {
                let others = || members.iter().filter(|other| *other != member);
                let low: i64 = others().map(|other| counts[*other].0).sum();
                let high: i64 = others().map(|other| counts[*other].1).sum();
                let (least, most) = counts[*member];
                counts[*member] = (least.max(total - high), most.min(total - low));
            }
        }
        if *counts == *before {
            return;
        }
    }
}

mod tests {
    use super::super::draws::Draws;
    use super::*;

    #[test]
    fn a_linear_system_finds_planted_numbers_and_nothing_that_is_open() {
        let mut draws = Draws::printed();
        let planted: Vec<i64> = (0..40).map(|_| draws.below(2000) as i64 - 1000).collect();
        let mut system = LinearSystem::new(40);
        // The last two unknowns stand together only.
        while system.rank() < 39 {
            let mut chosen: Vec<usize> = (0..38).filter(|_| draws.chance()).collect();
            if draws.chance() {
                chosen.extend([38, 39]);
            }
            let terms: Vec<(usize, i64)> = chosen.iter().map(|at| (*at, 1)).collect();
            system.add(&terms, chosen.iter().map(|at| planted[*at]).sum());
        }
        let mut known = system.known();
        known.sort_unstable();
        assert_eq!(known, planted[..38].iter().copied().enumerate().collect::<Vec<_>>());
        system.add(&[(0, 1)], planted[0] + 1);
        assert!(system.known().is_empty());
    }

    #[test]
    fn a_weighing_finds_planted_bits_whatever_is_added_to_all_sums() {
        let mut draws = Draws::printed();
        for elements in 1..=6 {
            let weighing = Weighing::new(elements);
            assert_eq!(weighing.items(), (elements as usize) << (elements - 1));
            let planted: Vec<i64> = (0..weighing.items()).map(|_| draws.below(2) as i64).collect();
            let sum = |x| 1234 + weighing.members(x).iter().map(|at| planted[*at]).sum::<i64>();
            let sums: Vec<i64> = (0..weighing.sums()).map(sum).collect();
            assert_eq!(weighing.values(&sums), Some(planted));
        }
    }

    #[test]
    fn newtons_identities_find_planted_numbers() {
        let mut draws = Draws::printed();
        for _ in 0..20 {
            let mut planted: Vec<i128> = (0..6).map(|_| draws.below(100) as i128).collect();
            planted.sort_unstable();
            let sum = |k: i32| planted.iter().map(|x| (*x as f64).powi(k)).sum();
            let sums: Vec<f64> = (1..=6).map(sum).collect();
            assert_eq!(from_power_sums(&sums, 120), Some(planted));
        }
        assert_eq!(from_power_sums(&[1.0, 2.0], 120), None);
    }

    #[test]
    fn whole_columns_are_found_by_one_and_by_two_degrees_of_freedom() {
        let mut draws = Draws::printed();
        for freedom in [1, 2] {
            let planted: Vec<i64> = (0..12).map(|_| draws.below(300) as i64).collect();
            let columns: Vec<Vec<f64>> = (0..12 - freedom)
                .map(|_| (0..12).map(|_| draws.below(1000) as f64).collect())
                .collect();
            let basis = complement(&columns);
            assert_eq!(basis.len(), freedom);
            let y: Vec<f64> = planted.iter().map(|x| *x as f64).collect();
            let parts: Vec<f64> = basis.iter().map(|vector| dot(vector, &y)).collect();
            let residual = |row: usize| -> f64 {
                basis.iter().zip(&parts).map(|(vector, part)| vector[row] * part).sum()
            };
            let fitted: Vec<f64> = (0..12).map(|row| y[row] - residual(row)).collect();
            assert_eq!(whole_residuals(&fitted, &basis, norm(&parts)), [planted]);
        }
    }

    #[test]
    fn a_planted_solution_of_a_square_system_is_found() {
        let solved = solve(vec![vec![0.0, 2.0, 8.0], vec![3.0, 1.0, 10.0]]);
        assert_eq!(solved, [2.0, 4.0]);
        assert_eq!(two_whole_numbers(11.0, 65.0), Some([4.0, 7.0]));
        assert_eq!(two_whole_numbers(11.0, 66.0), None);
    }

    #[test]
    fn a_withheld_count_follows_from_the_margin_of_its_row() {
        let mut counts = [(19, 19), (0, 4), (0, 4), (0, 4)];
        tighten(&mut counts, &[(vec![0, 1], 22), (vec![2, 3], 8)]);
        assert_eq!(counts, [(19, 19), (3, 3), (4, 4), (4, 4)]);
    }
}
