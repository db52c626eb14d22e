//! The digits of a statistic that its sample supports: two of its standard error.
//!
//! More digits would be read as knowledge. Extremes and sums are exact, and keep theirs.

use serde_json::{Map, Value};

/// The most significant digits of a double.
const MOST: f64 = 17.0;

/// The digits of a statistic whose standard error cannot be computed from the result.
const USUAL: f64 = 1e-5;

/// The facts of a result that standard errors are computed from.
#[derive(Clone, Debug, Default)]
pub(super) struct Digits {
    samples: Option<f64>,
    deviation: Option<f64>,
    correlation: Option<f64>,
    errors: Vec<f64>,
}

impl Digits {
    /// Shows all digits.
    pub(super) fn all() -> Self {
        Self::default()
    }

    /// Reads the facts of a result.
    pub(super) fn of(result: &Map<String, Value>) -> Self {
        let number = |key: &str| result.get(key).and_then(Value::as_f64);
        let errors = result.get("standard_errors").and_then(Value::as_array);
        Self {
            samples: number("samples").filter(|samples| *samples > 1.0),
            deviation: number("standard_deviation"),
            correlation: number("correlation_coefficient"),
            errors: errors.into_iter().flatten().filter_map(Value::as_f64).collect(),
        }
    }

    /// Rounds an entry of the result to the digits that its standard error supports.
    pub(super) fn supported(&self, key: &str, value: &Value) -> Value {
        match (key, value) {
            ("mle", Value::Array(items)) if items.len() == self.errors.len() => {
                let rounded = items.iter().zip(&self.errors).map(|(item, error)| {
                    item.as_f64().map_or_else(|| item.clone(), |number| rounded(number, *error))
                });
                rounded.collect()
            }
            ("standard_errors" | "correlation", Value::Array(items)) => {
                items.iter().map(|item| self.supported(key, item)).collect()
            }
            (_, Value::Number(number)) if number.is_f64() => {
                let error = number.as_f64().and_then(|number| self.error(key, number));
                match (number.as_f64(), error) {
                    (Some(number), Some(error)) => rounded(number, error),
                    _ => value.clone(),
                }
            }
            _ => value.clone(),
        }
    }

    /// Returns the standard error of a statistic; none for one that is exact or unknown.
    fn error(&self, key: &str, value: f64) -> Option<f64> {
        let samples = self.samples?;
        match key {
            "mean" | "harmonic_mean" | "geometric_mean" | "root_mean_square" => {
                Some(self.deviation? / samples.sqrt())
            }
            "correlation_coefficient" | "correlation" | "r_squared" => {
                Some((1.0 - value * value) / samples.sqrt())
            }
            "regression_slope" => {
                let explained = self.correlation?.powi(2);
                Some(value.abs() * ((1.0 / explained - 1.0) / samples).sqrt())
            }
            "regression_interceipt" | "regression_slope_only" => Some(value.abs() * USUAL),
            // A deviation from a normal sample has this relative standard error.
            _ if key.starts_with("variance")
                || key.starts_with("standard_")
                || key.starts_with("coefficient_of_variation")
                || key.starts_with("covariance") =>
            {
                Some(value.abs() / (2.0 * samples).sqrt())
            }
            "root_mean_square_deviation" => Some(value.abs() / (2.0 * samples).sqrt()),
            "skewness" | "kurtosis" | "kurtosis_excess" | "hyper_skewness" | "hyper_flatness" => {
                Some((6.0 / samples).sqrt())
            }
            _ => None,
        }
    }
}

/// Rounds a number to two digits of its standard error.
fn rounded(number: f64, error: f64) -> Value {
    let place = error.log10().floor();
    if !place.is_finite() {
        return number.into();
    }
    if 1.0 - place > MOST {
        return of_small(number, place).into();
    }
    // The digits of the whole number all stand.
    let decimals = (1.0 - place).clamp(0.0, MOST);
    let text = (0..=17)
        .find(|count| f64::from(*count) >= decimals)
        .map(|count: u8| format!("{number:.*}", usize::from(count)));
    let rounded = text.and_then(|text| text.parse::<f64>().ok());
    // Zero has no sign for people.
    rounded.map_or(number, |rounded| rounded + 0.0).into()
}

/// Rounds a number whose standard error is below the decimals of a double: to its significant digits
/// down to the second one of the error, which stands at 10^`place`.
fn of_small(number: f64, place: f64) -> f64 {
    let behind_first = number.abs().log10().floor() - place + 1.0;
    let digits = (0..=16_u8).find(|count| f64::from(*count) >= behind_first).unwrap_or(16);
    let text = format!("{number:.*e}", usize::from(digits));
    if behind_first < 0.0 { 0.0 } else { text.parse().unwrap_or(number) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn digits_are_those_of_the_standard_error() {
        let result = json!({
            "samples": 100, "standard_deviation": 12.345_678_9, "mean": 40.123_456_789,
            "maximum": 80.123_456_789, "sum": 4_012.345_678_9, "skewness": 0.123_456_789,
        });
        let object = result.as_object().unwrap();
        let digits = Digits::of(object);
        let shown = |key: &str| digits.supported(key, &object[key]);
        assert_eq!(shown("mean"), json!(40.1));
        assert_eq!(shown("standard_deviation"), json!(12.35));
        assert_eq!(shown("skewness"), json!(0.12));
        for exact in ["maximum", "sum", "samples"] {
            assert_eq!(shown(exact), object[exact]);
        }
    }

    #[test]
    fn small_numbers_keep_the_digits_of_their_error() {
        let result = json!({
            "samples": 4, "standard_deviation": 1.290_994_448_7e-20, "mean": 2.500_123e-20,
            "variance": 1.666_666_7e-40, "harmonic_mean": 1.92e-35,
        });
        let object = result.as_object().unwrap();
        let digits = Digits::of(object);
        let shown = |key: &str| digits.supported(key, &object[key]).as_f64().unwrap();
        assert_eq!(shown("mean"), 2.50e-20);
        assert_eq!(shown("standard_deviation"), 1.29e-20);
        assert_eq!(shown("variance"), 1.67e-40);
        // Its standard error is far above it.
        assert_eq!(shown("harmonic_mean"), 0.0);
    }

    #[test]
    fn strong_correlations_do_not_become_one() {
        let result = json!({
            "samples": 50, "correlation_coefficient": 0.999_876_54, "regression_slope": 2.000_345_678,
        });
        let object = result.as_object().unwrap();
        let digits = Digits::of(object);
        let shown = |key: &str| digits.supported(key, &object[key]);
        assert_eq!(shown("correlation_coefficient"), json!(0.999_877));
        assert_eq!(shown("regression_slope"), json!(2.000_3));
    }

    #[test]
    fn results_without_a_sample_keep_their_digits() {
        let result = json!({"mean": 1.0 / 3.0, "samples": 1});
        let object = result.as_object().unwrap();
        assert_eq!(Digits::of(object).supported("mean", &object["mean"]), object["mean"]);
        let two =
            json!({"mle": [1.234_567, 20.5], "standard_errors": [0.012_3, 0.0], "samples": 9});
        let object = two.as_object().unwrap();
        let shown = Digits::of(object).supported("mle", &object["mle"]);
        assert_eq!(shown, json!([1.235, 20.5]));
    }
}
