//! Rounding of answers to what their samples support.
//!
//! A number is rounded to a multiple of a step: the largest of 1, 2 and 5 times a power of ten that
//! is not above its standard error over a divisor that an owner has chosen.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The rule that numbers are rounded to a part of their standard error: `se/N`, with N from 1 to
/// 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rounding(NonZeroU16);

/// A text that is no [`Rounding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write `se/N` with a whole N from 1 to 1000, such as `se/10` for a tenth of the standard error"
)]
pub struct NoRounding;

impl Rounding {
    const PREFIX: &'static str = "se/";
    const LARGEST: u16 = 1_000;

    /// Returns the coarser of both; the one that there is if the other is absent.
    #[must_use]
    pub fn coarsest(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        [one, other].into_iter().flatten().min_by_key(|rounding| rounding.0)
    }

    /// Returns the step for a standard error; none if that is 0 or not finite, or so small that
    /// powers of ten near it lose digits.
    pub(crate) fn step(self, standard_error: f64) -> Option<Step> {
        let most = standard_error / f64::from(self.0.get());
        if !most.is_finite() || most < 1e-280 {
            return None;
        }
        // The smaller power first: a logarithm may be rounded up to the next whole number.
        let first = Self::exponent(most);
        let mut steps = [first, first.saturating_add(1)]
            .into_iter()
            .flat_map(|exponent| [1.0, 2.0, 5.0].map(|leading| Step { leading, exponent }));
        steps.rfind(|step| step.size() <= most)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a double's exponent is within ±324")]
    fn exponent(most: f64) -> i32 {
        most.log10().floor() as i32 - 1
    }
}

/// The distance between two rounded numbers: `leading` times ten to the power of `exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    leading: f64,
    exponent: i32,
}

impl Step {
    /// Returns the distance.
    pub(crate) fn size(self) -> f64 {
        self.multiple(1.0)
    }

    /// Returns the nearest multiple, a tie away from zero. It has no sign if it is 0.
    pub(crate) fn round(self, x: f64) -> f64 {
        let scaled = if self.exponent < 0 {
            x * 10_f64.powi(-self.exponent) / self.leading
        } else {
            x / 10_f64.powi(self.exponent) / self.leading
        };
        // Beyond the range of doubles the step is finer than the double itself.
        if scaled.is_finite() { self.multiple(scaled.round()) + 0.0 } else { x }
    }

    /// Divides by powers of ten below 1: these are no doubles, their inverses are, up to 10^22.
    fn multiple(self, times: f64) -> f64 {
        if self.exponent < 0 {
            times * self.leading / 10_f64.powi(-self.exponent)
        } else {
            times * self.leading * 10_f64.powi(self.exponent)
        }
    }
}

impl FromStr for Rounding {
    type Err = NoRounding;

    fn from_str(text: &str) -> Result<Self, NoRounding> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(NoRounding)?;
        // One text for each value: no sign, and no zero in front.
        if digits.starts_with(['+', '0']) {
            return Err(NoRounding);
        }
        let divisor: NonZeroU16 = digits.parse().map_err(|_| NoRounding)?;
        if divisor.get() <= Self::LARGEST { Ok(Self(divisor)) } else { Err(NoRounding) }
    }
}

impl TryFrom<String> for Rounding {
    type Error = NoRounding;

    fn try_from(text: String) -> Result<Self, NoRounding> {
        text.parse()
    }
}

impl From<Rounding> for String {
    fn from(rounding: Rounding) -> Self {
        rounding.to_string()
    }
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.0)
    }
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;
    use crate::testing::{rng, seed};

    fn rounding(text: &str) -> Rounding {
        text.parse().unwrap()
    }

    #[test]
    fn only_whole_parts_of_a_standard_error_are_a_rounding() {
        for text in ["se/1", "se/10", "se/1000"] {
            assert_eq!(rounding(text).to_string(), text);
        }
        for text in [
            "", "se", "se/", "se/0", "se/1001", "se/010", "se/+5", "se/-5", "se/2.5", "SE/5",
            "0.1", "se/ 5",
        ] {
            assert_eq!(text.parse::<Rounding>(), Err(NoRounding), "{text}");
            assert!(serde_json::from_value::<Rounding>(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_coarsest_holds_and_one_alone_holds() {
        let (fine, coarse) = (Some(rounding("se/100")), Some(rounding("se/5")));
        assert_eq!(Rounding::coarsest(fine, coarse), coarse);
        assert_eq!(Rounding::coarsest(coarse, fine), coarse);
        assert_eq!(Rounding::coarsest(None, fine), fine);
        assert_eq!(Rounding::coarsest(fine, None), fine);
        assert_eq!(Rounding::coarsest(None, None), None);
    }

    #[test]
    fn steps_are_the_largest_below_the_part_of_the_standard_error() {
        let size = |error: f64| rounding("se/10").step(error).unwrap().size();
        for (error, due) in [
            (10.0, 1.0_f64),
            (19.9, 1.0),
            (20.0, 2.0),
            (49.0, 2.0),
            (50.0, 5.0),
            (99.0, 5.0),
            (0.01, 0.001),
            (1e9, 1e8),
        ] {
            assert_eq!(size(error).to_bits(), due.to_bits(), "{error}");
        }
        for none in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(rounding("se/10").step(none), None);
        }
        let tenth = rounding("se/1").step(0.1).unwrap();
        assert_eq!(tenth.round(0.33).to_bits(), 0.3_f64.to_bits(), "the double nearest to 0.3");
    }

    #[test]
    fn rounded_numbers_are_near_and_multiples_of_the_step() {
        let mut rng = rng(seed());
        for _ in 0..2_000 {
            let mut unit = || f64::from(rng.next_u32()) / f64::from(u32::MAX) + 1e-6;
            let error = 10_f64.powf(40.0 * unit() - 20.0);
            let x = (unit() - 0.5) * error * 10_f64.powf(6.0 * unit());
            let step = rounding("se/7").step(error).unwrap();
            let (size, most) = (step.size(), error / 7.0);
            // The next step above is 2 or 2.5 times as large.
            assert!(size <= most && most < 2.5 * size * (1.0 + 1e-12), "{error} {size}");
            let rounded = step.round(x);
            assert!((rounded - x).abs() <= size * 0.5 + 4.0 * f64::EPSILON * x.abs(), "{x} {size}");
            let times = rounded / size;
            assert!((times - times.round()).abs() < 1e-6, "{rounded} {size}");
        }
    }
}
