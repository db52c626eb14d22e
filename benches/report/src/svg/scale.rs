//! Scales from values to positions, and their ticks at round values.

use crate::numbers::finite;

/// The most ticks of an axis.
const MOST_TICKS: usize = 12;

/// The intended number of linear ticks.
const TICKS: f64 = 8.0;

/// The factor by which a logarithmic axis exceeds its values.
const MARGIN: f64 = 1.35;

/// The divisions of a power of ten, from coarse to fine.
const DIVISIONS: [&[f64]; 3] = [&[1.0], &[1.0, 2.0, 5.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 7.0]];

/// A map of a range of values to a range of positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Linear,
    Logarithmic,
}

impl Scale {
    /// Makes a linear scale from 0 to a value above 0.
    pub(crate) fn linear(end: f64, from: f64, to: f64) -> Self {
        // A picture of a computation that took no time still has an axis.
        let high = finite(end).unwrap_or(0.0).max(1e-9);
        Self { kind: Kind::Linear, low: 0.0, high, from, to }
    }

    /// Makes a logarithmic scale around the values above 0, or returns `None` if there are none.
    pub(crate) fn logarithmic(
        values: impl Iterator<Item = f64>,
        from: f64,
        to: f64,
    ) -> Option<Self> {
        let mut least = f64::INFINITY;
        let mut most = 0.0_f64;
        for value in values.filter(|value| drawable(*value)) {
            least = least.min(value);
            most = most.max(value);
        }
        if most == 0.0 {
            return None;
        }
        Some(Self { kind: Kind::Logarithmic, low: least / MARGIN, high: most * MARGIN, from, to })
    }

    /// Returns the position of a value.
    pub(crate) fn position(&self, value: f64) -> f64 {
        let fraction = match self.kind {
            Kind::Linear => (value - self.low) / (self.high - self.low),
            Kind::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        self.from + fraction * (self.to - self.from)
    }

    /// Returns round values within the range, in ascending order.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        match self.kind {
            Kind::Linear => self.linear_ticks(),
            Kind::Logarithmic => self.logarithmic_ticks(),
        }
    }

    fn linear_ticks(&self) -> Vec<f64> {
        let step = round_above(self.high / TICKS);
        // The last tick may exceed the end by a rounding error.
        let end = self.high * (1.0 + 1e-9);
        (0_u32..)
            .map(|count| f64::from(count) * step)
            .take_while(|tick| *tick <= end)
            .take(MOST_TICKS)
            .collect()
    }

    /// Returns powers of ten: divided if they are too few, thinned out if they are too many.
    fn logarithmic_ticks(&self) -> Vec<f64> {
        let divided = DIVISIONS.map(|division| self.divided(division));
        let [powers, ..] = &divided;
        let thinned = powers.iter().step_by(powers.len() / MOST_TICKS + 1).copied().collect();
        divided.into_iter().find(|ticks| (3..=MOST_TICKS).contains(&ticks.len())).unwrap_or(thinned)
    }

    fn divided(&self, division: &[f64]) -> Vec<f64> {
        let first = self.low.log10().floor();
        (0_u32..700)
            .map(|count| 10_f64.powf(first + f64::from(count)))
            .take_while(|power| *power <= self.high)
            .flat_map(|power| division.iter().map(move |part| part * power))
            .filter(|tick| (self.low..=self.high).contains(tick))
            .collect()
    }
}

/// Returns `true` if a value has a place on a logarithmic axis.
pub(crate) fn drawable(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// Returns the least of 1, 2 and 5 times a power of ten that is not less than the number.
fn round_above(number: f64) -> f64 {
    let power = 10_f64.powf(number.log10().floor());
    let least = number * (1.0 - 1e-9);
    [1.0, 2.0, 5.0]
        .map(|step| step * power)
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(one: &[f64], other: &[f64]) -> bool {
        one.len() == other.len()
            && one.iter().zip(other).all(|(one, other)| (one - other).abs() <= 1e-9 * other.abs())
    }

    #[test]
    fn linear_ticks_are_round_and_begin_at_nothing() {
        let scale = Scale::linear(0.103, 0.0, 100.0);
        assert!(near(&scale.ticks(), &[0.0, 0.02, 0.04, 0.06, 0.08, 0.1]), "{:?}", scale.ticks());
        assert!((scale.position(0.0515) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn many_powers_of_ten_are_ticks_themselves() {
        let scale = Scale::logarithmic([1e2, 1e6].into_iter(), 0.0, 1.0).unwrap();
        assert!(near(&scale.ticks(), &[1e2, 1e3, 1e4, 1e5, 1e6]), "{:?}", scale.ticks());
    }

    #[test]
    fn few_powers_of_ten_are_divided() {
        let scale = Scale::logarithmic([0.9e-3, 1.1e-2].into_iter(), 0.0, 1.0).unwrap();
        assert!(near(&scale.ticks(), &[1e-3, 2e-3, 5e-3, 1e-2]), "{:?}", scale.ticks());
    }

    #[test]
    fn a_power_of_ten_is_as_long_as_the_next() {
        let scale = Scale::logarithmic([1.0, 100.0].into_iter(), 300.0, 0.0).unwrap();
        let first = scale.position(1.0) - scale.position(10.0);
        let second = scale.position(10.0) - scale.position(100.0);
        assert!((first - second).abs() < 1e-9 && first > 0.0);
    }

    #[test]
    fn what_has_no_logarithm_is_not_on_the_axis() {
        let strange = [0.0, -1.0, f64::NAN, f64::INFINITY];
        assert_eq!(Scale::logarithmic(strange.into_iter(), 0.0, 1.0), None);
        let scale = Scale::logarithmic([0.0, 5.0].into_iter(), 0.0, 1.0).unwrap();
        assert!(scale.position(5.0).is_finite());
    }

    #[test]
    fn axes_of_nothing_and_of_everything_end() {
        for end in [0.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(Scale::linear(end, 0.0, 1.0).ticks().len() <= MOST_TICKS);
        }
        let all = Scale::logarithmic([1e-300, 1e300].into_iter(), 0.0, 1.0).unwrap();
        assert!((2..=MOST_TICKS).contains(&all.ticks().len()));
    }
}
