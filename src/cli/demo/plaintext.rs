//! The plaintext check: the same statistics over the pooled rows, computed another way.
//!
//! Sums are exact by Shewchuk's expansions ("Adaptive Precision Floating-Point Arithmetic", 1997),
//! rounded once; moments take two passes. Nothing here is shared with the protocols' arithmetic.

/// Returns the sum, rounded once at the end.
pub(super) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    // Numbers that do not overlap, the smallest first; their sum is exactly the sum so far.
    let mut partials: Vec<f64> = Vec::new();
    for value in values {
        let mut x = value;
        let mut kept = Vec::with_capacity(partials.len() + 1);
        for y in partials {
            let (high, low) = two_sum(x, y);
            if low != 0.0 {
                kept.push(low);
            }
            x = high;
        }
        kept.push(x);
        partials = kept;
    }
    round(&partials)
}

/// Returns the mean, by the exact sum.
pub(super) fn mean(values: &[f64]) -> f64 {
    sum(values.iter().copied()) / count(values.len())
}

/// Returns the covariance with n − 1, in two passes.
pub(super) fn covariance(x: &[f64], y: &[f64]) -> f64 {
    products(x, y) / (count(x.len()) - 1.0)
}

/// Returns slope and intercept of the regression of `y` on `x`.
pub(super) fn regression(x: &[f64], y: &[f64]) -> (f64, f64) {
    let slope = products(x, y) / products(x, x);
    (slope, mean(y) - slope * mean(x))
}

/// Returns Pearson's correlation coefficient.
pub(super) fn correlation(x: &[f64], y: &[f64]) -> f64 {
    products(x, y) / (products(x, x).sqrt() * products(y, y).sqrt())
}

/// Returns the number in the middle, or the mean of the two in the middle.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    let (lower, upper) = (middle(sorted.len().saturating_sub(1) / 2), middle(sorted.len() / 2));
    (lower + upper) / 2.0
}

/// Returns the third standardized moment, with n as the divisor.
pub(super) fn skewness(values: &[f64]) -> f64 {
    let (mean, n) = (mean(values), count(values.len()));
    let deviation = (products(values, values) / n).sqrt();
    sum(values.iter().map(|x| ((x - mean) / deviation).powi(3))) / n
}

/// Converts a count to a double.
pub(super) fn count(number: usize) -> f64 {
    // Some hundred rows: exact.
    u32::try_from(number).map_or(f64::NAN, f64::from)
}

/// Returns Σ(x − mean x)(y − mean y).
fn products(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    sum(x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)))
}

/// Returns the double nearest to x + y, and the exact rest.
fn two_sum(x: f64, y: f64) -> (f64, f64) {
    let (big, small) = if x.abs() < y.abs() { (y, x) } else { (x, y) };
    let high = big + small;
    (high, small - (high - big))
}

/// Adds up from the greatest, and looks one further where the sum is half-way between doubles.
fn round(partials: &[f64]) -> f64 {
    let mut descending = partials.iter().rev().copied();
    let mut high = descending.next().unwrap_or(0.0);
    while let Some(next) = descending.next() {
        let (rounded, low) = two_sum(high, next);
        high = rounded;
        if low == 0.0 {
            continue;
        }
        let further = descending.next().unwrap_or(0.0);
        let same_side = (low < 0.0 && further < 0.0) || (low > 0.0 && further > 0.0);
        let candidate = high + 2.0 * low;
        if same_side && candidate - high == 2.0 * low {
            return candidate;
        }
        return high;
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_rounded_once() {
        assert_eq!(sum([0.1; 10]), 1.0);
        assert_eq!(sum([1e100, 1.0, -1e100]), 1.0);
        assert_eq!(sum([1e16, 1.0, 1e-16]), 10_000_000_000_000_002.0);
        assert_eq!(sum([]), 0.0);
    }

    #[test]
    fn middle_and_shape_are_found() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 9.0])), (2.0, 3.0));
        assert!(median(&[]).is_nan());
        assert_eq!(skewness(&[1.0, 2.0, 3.0]), 0.0);
        assert!((skewness(&[0.0, 0.0, 0.0, 4.0]) - 2.0 / 3.0_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn a_line_is_found() {
        let x: Vec<f64> = (0..10).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|x| 3.0 - 0.5 * x).collect();
        assert_eq!(regression(&x, &y), (-0.5, 3.0));
        assert_eq!(correlation(&x, &y), -1.0);
        assert!((covariance(&x, &x) - 55.0 / 6.0).abs() < 1e-14);
    }
}
