//! The statistics of one variable that a client asks for, and the sums that they need.
//!
//! Each sum that is opened is an equation about the rows. So no more are opened than the statistics
//! need: Σx always, Σx² for the second order, the sums of the third to sixth powers for the moments,
//! and those of logarithms and reciprocals, with both extremes, for the other means.

use crate::functions::parameters::refuse;
use crate::kernel::equations::Equations;
use crate::kernel::fault::InputError;

/// The parameter's name.
pub(crate) const STATISTICS: &str = "statistics";

/// The number of the numbers, which is told whatever is asked for.
pub(crate) const SAMPLES: &str = "samples";

/// The names of a result, in its order: the number of numbers, and all statistics.
pub(crate) const RESULT_KEYS: [&str; 22] = [
    SAMPLES,
    "minimum",
    "maximum",
    "sum",
    "mean",
    "harmonic_mean",
    "geometric_mean",
    "variance",
    "variance_mle",
    "variance_of_sample_mean",
    "standard_deviation",
    "standard_deviation_mle",
    "standard_error_of_sample_mean",
    "coefficient_of_variation",
    "coefficient_of_variation_mle",
    "root_mean_square",
    "root_mean_square_deviation",
    "skewness",
    "kurtosis",
    "kurtosis_excess",
    "hyper_skewness",
    "hyper_flatness",
];

const EXTREMES: &[&str] = names(1, 2);
const MEANS: &[&str] = names(5, 2);
const SECOND: &[&str] = names(7, 10);
const MOMENTS: &[&str] = names(17, 5);

/// Returns so many names of the result, from that place on.
const fn names(first: usize, count: usize) -> &'static [&'static str] {
    const ALL: &[&str] = &RESULT_KEYS;
    let (_, rest) = ALL.split_at(first);
    rest.split_at(count).0
}

/// The statistics that were asked for, by the groups that need the same sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The least and the largest number.
    pub(crate) extremes: bool,
    /// The geometric and harmonic mean, which need the extremes, too.
    pub(crate) means: bool,
    /// The statistics of the second order.
    pub(crate) squares: bool,
    /// The standardised moments of the third to sixth order, which need the second.
    pub(crate) moments: bool,
}

/// The names of the statistics, in the order of the results; none if the client named none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statistics(Option<Vec<&'static str>>);

impl Wanted {
    const ALL: Self = Self { extremes: true, means: true, squares: true, moments: true };
    const NUMBER_MEAN_AND_DEVIATION: Self =
        Self { extremes: false, means: false, squares: true, moments: false };

    /// Reports whether the extremes have to be found.
    pub(crate) fn needs_extremes(self) -> bool {
        self.extremes || self.means
    }

    /// Returns the equations that are told.
    pub(crate) fn equations(self) -> Equations {
        let sum = |wanted: bool, sums: u64| if wanted { sums } else { 0 };
        Equations {
            linear: 1 + sum(self.squares, 1) + sum(self.means, 2) + sum(self.moments, 4),
            ..Equations::ranks(sum(self.needs_extremes(), 2))
        }
    }
}

impl Statistics {
    /// Reads the names that a client gave.
    pub(crate) fn new(names: Option<&[String]>) -> Result<Self, InputError> {
        let Some(names) = names else { return Ok(Self(None)) };
        if names.is_empty() {
            return Err(refuse(STATISTICS, "name at least one of them".into()));
        }
        let known: Vec<&'static str> = all().collect();
        if let Some(other) = names.iter().find(|name| !known.contains(&name.as_str())) {
            let other: String = other.chars().take(40).flat_map(char::escape_default).collect();
            let reason = format!("`{other}` is none of {}", known.join(", "));
            return Err(refuse(STATISTICS, reason));
        }
        let asked = |name: &&str| names.iter().any(|asked| asked == name);
        Ok(Self(Some(known.into_iter().filter(asked).collect())))
    }

    /// Returns the canonical text; none if the client named none.
    pub(crate) fn text(&self) -> Option<String> {
        self.0.as_ref().map(|names| names.join(", "))
    }

    /// Returns what is opened. If small counts are withheld and no statistic was named, these are
    /// the statistics that follow from number, mean and standard deviation.
    pub(crate) fn wanted(&self, withholds: bool) -> Wanted {
        let Some(names) = &self.0 else {
            return if withholds { Wanted::NUMBER_MEAN_AND_DEVIATION } else { Wanted::ALL };
        };
        let any = |group: &[&str]| names.iter().any(|name| group.contains(name));
        let moments = any(MOMENTS);
        let squares = moments || any(SECOND);
        Wanted { extremes: any(EXTREMES), means: any(MEANS), squares, moments }
    }

    /// Reports whether a statistic is shown. Without names all are; those that were not opened are
    /// null.
    pub(crate) fn shows(&self, name: &str) -> bool {
        name == SAMPLES || self.0.as_ref().is_none_or(|names| names.contains(&name))
    }
}

/// Lists all statistics but the number of the numbers.
fn all() -> impl Iterator<Item = &'static str> {
    RESULT_KEYS.into_iter().skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::Function;
    use crate::functions::univariate::UnivariateStatistics;

    fn named(names: &[&str]) -> Result<Statistics, InputError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Statistics::new(Some(&names))
    }

    #[test]
    fn each_group_costs_the_sums_that_it_needs() {
        let weight = |names: &[&str]| named(names).unwrap().wanted(true).equations().weight();
        assert_eq!(weight(&["mean"]), 1);
        assert_eq!(weight(&["mean", "sum"]), 1);
        assert_eq!(weight(&["standard_deviation"]), 2);
        assert_eq!(weight(&["skewness"]), 6);
        assert_eq!(weight(&["minimum"]), 3);
        assert_eq!(weight(&["geometric_mean"]), 5);
        let default = Statistics::default();
        assert_eq!(default.wanted(true).equations(), Equations::linear(2));
        assert_eq!(default.wanted(false).equations(), Equations { linear: 8, ranks: 2, counts: 0 });
    }

    #[test]
    fn the_statistics_are_the_keys_of_the_result() {
        let mut named: Vec<&str> = all().chain([SAMPLES]).collect();
        let mut keys = UnivariateStatistics::DESCRIPTOR.result_keys.to_vec();
        named.sort_unstable();
        keys.sort_unstable();
        assert_eq!(named, keys);
    }

    #[test]
    fn names_are_checked_and_have_one_text() {
        let asked = named(&["mean", "minimum", "mean"]).unwrap();
        assert_eq!(asked.text().unwrap(), "minimum, mean");
        assert!(asked.shows("mean") && asked.shows(SAMPLES) && !asked.shows("sum"));
        assert_eq!(Statistics::default().text(), None);
        assert!(Statistics::default().shows("sum"));
        assert!(named(&[]).is_err() && named(&["median"]).is_err() && named(&[SAMPLES]).is_err());
    }
}
