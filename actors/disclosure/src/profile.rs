//! The facts about a value that the meter needs: how much a row tells, and how fine it is.

use std::collections::BTreeMap;

use crate::real::real;

/// The finest decimal step that is looked for: 10^-12.
const FINEST: i32 = 12;

/// A value's distribution over the rows of its source, as four numbers.
///
/// It is secret: all four depend on the data.
#[derive(Clone, Copy, PartialEq)]
pub struct Profile {
    entropy_bits: f64,
    variance: f64,
    resolution: f64,
    range: f64,
    components: u32,
}

impl Profile {
    /// Describes numbers. Those that are not finite are left out.
    ///
    /// The resolution is the greatest of 1, 0.1, … 10^-12 of which all values are multiples, as
    /// decimal texts. Without one it is 2^-52 of the largest value.
    #[must_use]
    pub fn of_numbers(values: &[f64]) -> Self {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        // Adding 0 makes one zero of the two.
        let mut values: Vec<f64> = finite.map(|value| value + 0.0).collect();
        values.sort_unstable_by(f64::total_cmp);
        let runs = values.chunk_by(|one, other| one == other).map(<[f64]>::len);
        let (Some(least), Some(greatest)) = (values.first(), values.last()) else {
            return Self::nothing();
        };
        Self {
            entropy_bits: entropy(runs, values.len()),
            variance: variance(&values),
            resolution: resolution(&values, least.abs().max(greatest.abs())),
            range: greatest - least,
            components: 1,
        }
    }

    /// Describes texts, of whose categories a question opens all counts.
    ///
    /// The variance is the mean of the indicators'. One of k counts follows from the others.
    #[must_use]
    pub fn of_texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        values.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
        let rows: usize = counts.values().sum();
        let shares = counts.values().map(|count| real(*count as u64) / real(rows as u64));
        let variance = shares.map(|share| share * (1.0 - share)).sum::<f64>();
        let categories = counts.len().max(1);
        Self {
            entropy_bits: entropy(counts.values().copied(), rows),
            variance: variance / real(categories as u64),
            resolution: 1.0,
            range: if categories > 1 { 1.0 } else { 0.0 },
            components: u32::try_from(categories - 1).unwrap_or(u32::MAX),
        }
    }

    /// Returns the entropy of a row, in bits: that of the frequencies of distinct values.
    #[must_use]
    pub fn entropy_bits(&self) -> f64 {
        self.entropy_bits
    }

    /// Returns the variance over the rows, in the square of the value's unit; infinite for values
    /// beyond 10^154.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// Returns the step between values, in the value's unit.
    #[must_use]
    pub fn resolution(&self) -> f64 {
        self.resolution
    }

    /// Returns the bits that an answer about this many rows tells, at most.
    ///
    /// A whole number with variance V has an entropy of at most ½·log₂(2πe·(V + 1/12)). It is also
    /// at most the logarithm of the number of values that a sum can take, and what the rows hold.
    #[must_use]
    pub fn bits_told(&self, rows: u64) -> f64 {
        let rows = real(rows);
        let steps = self.variance * rows / (self.resolution * self.resolution);
        let normal =
            0.5 * (std::f64::consts::TAU * std::f64::consts::E * (steps + 1.0 / 12.0)).log2();
        let counted = (rows * self.range / self.resolution + 1.0).log2();
        let sums = normal.min(counted) * f64::from(self.components);
        // A comparison with a number that is none has the other number as its result.
        sums.min(rows * self.entropy_bits).max(0.0)
    }

    /// Returns the bits that this many rows hold.
    #[must_use]
    pub fn content(&self, rows: u64) -> f64 {
        real(rows) * self.entropy_bits
    }

    fn nothing() -> Self {
        Self { entropy_bits: 0.0, variance: 0.0, resolution: 1.0, range: 0.0, components: 1 }
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Profile")
    }
}

fn entropy(counts: impl Iterator<Item = usize>, rows: usize) -> f64 {
    let rows = real(rows as u64);
    let shares = counts.map(|count| real(count as u64) / rows);
    // An empty sum is −0.
    shares.map(|share| -share * share.log2()).sum::<f64>().max(0.0)
}

fn variance(values: &[f64]) -> f64 {
    let rows = real(values.len() as u64);
    let mean: f64 = values.iter().map(|value| value / rows).sum();
    values.iter().map(|value| (value - mean) * ((value - mean) / rows)).sum()
}

fn resolution(values: &[f64], largest: f64) -> f64 {
    let mut digits = 0;
    for value in values {
        while !is_decimal(*value, digits) {
            digits += 1;
            if digits > FINEST {
                return (largest * f64::EPSILON).max(f64::MIN_POSITIVE);
            }
        }
    }
    10_f64.powi(-digits)
}

/// Returns `true` if a number of so many digits after the point is read as this value.
fn is_decimal(value: f64, digits: i32) -> bool {
    let step = 10_f64.powi(digits);
    let rounded = (value * step).round() / step;
    // A number so large has no digits after the point.
    rounded == value || !rounded.is_finite()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_the_smallest_decimal_step() {
        let resolution = |values: &[f64]| Profile::of_numbers(values).resolution();
        assert!((resolution(&[1.0, 200.0, -3.0]) - 1.0).abs() < 1e-15);
        assert!((resolution(&[0.1, 0.2, 0.3]) - 0.1).abs() < 1e-15);
        assert!((resolution(&[1.25, 7.0]) - 0.01).abs() < 1e-15);
        assert!((resolution(&[1e-12, 4.0]) - 1e-12).abs() < 1e-25);
        assert!((resolution(&[1.0 / 3.0, 2.0]) - f64::EPSILON * 2.0).abs() < 1e-30);
        assert!((resolution(&[1e300, f64::MAX]) - 1.0).abs() < 1e-15);
        assert!(resolution(&[5e-324]) > 0.0);
    }

    #[test]
    fn entropy_and_variance_are_those_of_the_frequencies() {
        let coins = Profile::of_numbers(&[0.0, 1.0, -0.0, 1.0]);
        assert!((coins.entropy_bits() - 1.0).abs() < 1e-12);
        assert!((coins.variance() - 0.25).abs() < 1e-12);
        let texts = Profile::of_texts(["f", "m", "f", "m"]);
        assert!((texts.entropy_bits() - 1.0).abs() < 1e-12);
        assert!((texts.bits_told(100) - coins.bits_told(100)).abs() < 1e-9);
    }

    #[test]
    fn a_sum_tells_no_more_than_its_rows_hold_and_never_less_than_nothing() {
        let hostile = [
            vec![],
            vec![f64::NAN, f64::INFINITY],
            vec![7.0; 5],
            vec![f64::MAX, -f64::MAX, 0.0],
            vec![5e-324, 0.0],
            (0..500).map(f64::from).collect(),
        ];
        for values in hostile {
            let profile = Profile::of_numbers(&values);
            for rows in [0, 1, 10, 1 << 24] {
                let told = profile.bits_told(rows);
                assert!(told >= 0.0 && told <= profile.content(rows), "{values:?}");
            }
        }
        // 171 rows with a standard deviation of 144: ½·log₂(17.08 · 20833 · 171).
        let uniform: Vec<f64> = (0..500).map(f64::from).collect();
        let told = Profile::of_numbers(&uniform).bits_told(171);
        assert!((told - 12.93).abs() < 0.01, "{told}");
        // Rare categories: 0 bits would be free for ever.
        let rare = Profile::of_texts((0..10_000).map(|row| if row == 0 { "yes" } else { "no" }));
        assert!(rare.bits_told(10_000) > 0.1);
    }
}
