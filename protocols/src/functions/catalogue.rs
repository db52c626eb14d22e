//! Every computation: its name, what it takes, what it answers, and which suite serves it.

mod parameters;

pub use self::parameters::ParameterEntry;
use crate::functions::on_shares::joins;
use crate::functions::{bivariate, sum, univariate};
use crate::suites::{intersection, masked, pairwise, replicated};

/// The data that a function takes from one party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Numbers.
    Numbers,
    /// One vector of numbers.
    Vector,
    /// Texts.
    Texts,
    /// Pairs of texts.
    TextPairs,
    /// Pairs of numbers.
    Points,
    /// Objects with a `minimum` and a `maximum`, read as pairs of numbers.
    Extremes,
    /// Objects with an `array` of numbers, the `rank` that is asked for, and perhaps a
    /// `lower_bound` and an `upper_bound`.
    Ranked,
    /// One matrix of numbers as a list of its rows, or nothing.
    Matrix,
    /// Texts, perhaps as a list inside a list.
    Set,
    /// Ids, or rows that begin with one.
    Keyed,
    /// Something else, or nothing.
    Other,
}

/// A function that parties can compute together.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name that clients give.
    pub name: &'static str,
    /// What it computes, in one sentence.
    pub summary: &'static str,
    /// The data that it takes from one party.
    pub input: InputKind,
    /// The suite that serves it.
    pub suite: &'static str,
    /// The keys of its answer.
    pub result_keys: &'static [&'static str],
    /// What the nodes of parties and helpers get to know beside the answer, at most: the
    /// [`crate::computation::Security`] of an answer says what they got to know of these.
    pub reveals: &'static [&'static str],
}

impl Entry {
    /// The suites that serve it, the one first that does where nothing else is asked for among three
    /// parties or more.
    #[must_use]
    pub fn suites(&self) -> &'static [&'static str] {
        match self.suite {
            replicated::SUITE => &[replicated::SUITE, pairwise::SUITE],
            masked::SUITE => &[masked::SUITE],
            intersection::SUITE => &[intersection::SUITE],
            _ => &[pairwise::SUITE],
        }
    }

    /// Whether its data are rows, each of one somebody or something, which the rules on rows and on
    /// the largest party's share are about. Vectors and matrices are not: each may stand for any
    /// number of people. In a regression of one party's column on another's matrix both have all rows:
    /// none has a share of them, and their number is told and checked by the function itself.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        let without =
            [VECTOR_SUM, MATRIX_PRODUCT, REGRESSION, INTERSECTION, MEASURE, EMPTY, PREPARE];
        !without.contains(&self.name) && !self.is_of_joins()
    }

    /// Whether its rows are found by their ids, or counted by them. The rule on rows is then asked of those
    /// that all parties have, and nobody has a share of them.
    #[must_use]
    pub fn is_of_joins(&self) -> bool {
        let joins = [
            INTERSECTION_SIZE,
            UNION_SIZE,
            INTERSECTION_SUM,
            CONTINGENCY_VERTICAL,
            MEAN_BY_GROUP,
            CORRELATION,
        ];
        joins.contains(&self.name)
    }
}

/// All functions, in the order in which they are listed to clients.
#[must_use]
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// The function of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// The name of the computation of nothing.
pub const EMPTY: &str = "Empty";

/// The name of making ahead what later computations of the suite `pairwise` use up.
pub const PREPARE: &str = "Prepare";

/// The name of the measurement of one operation on shares.
pub const MEASURE: &str = "Measure";

/// The name of the sum of numbers.
pub const SUM: &str = "SecureSum";

/// The name of the product of matrices.
pub const MATRIX_PRODUCT: &str = "SecureMatrixMultiplication";

/// The name of the regression of one party's column on another's matrix.
pub const REGRESSION: &str = "StatisticsRegressionOLSVertical";

/// The name of the intersection of sets.
pub const INTERSECTION: &str = "SetIntersection";

/// The name of the size of an intersection.
pub const INTERSECTION_SIZE: &str = "SetIntersectionSize";

/// The name of the size of a union.
pub const UNION_SIZE: &str = "SetUnionSize";

/// The name of a sum over an intersection.
pub const INTERSECTION_SUM: &str = "SetIntersectionSum";

/// The name of the table of two parties' categories of the same people.
pub const CONTINGENCY_VERTICAL: &str = "StatisticsContingencyVertical";

/// The name of the means of one party's column in another's groups.
pub const MEAN_BY_GROUP: &str = "MeanByGroupVertical";

/// The name of the correlations of all parties' columns.
pub const CORRELATION: &str = "CorrelationVertical";

/// The name of the sum of vectors.
pub const VECTOR_SUM: &str = "SecureVectorSum";

/// What the release check reveals, at most.
pub(crate) const GATE: &str = "if the rules ask for them: whether all parties together have enough rows, and whether one party \
     has too large a share of them, or of the sum of all magnitudes; to every party and helper";
const CATEGORIES: &str =
    "unless the client declares the categories: which party's data have which, to every party";
const CELLS: &str = "if the rules ask for a smallest cell, or the mode alone is asked for: the number of \
     cells of the table, to every helper";
const ROWS: &str = "the number of rows of all parties together, to every party and helper";
const ROWS_OF_EACH: &str = "how many rows each party has, to every party and helper";
const MATRICES: &str = "of each matrix, to every party and helper: its rows and columns, and between \
     which powers of two the binary digits of its elements lie";
const UNCOUNTED: &str = "how few people the matrices stand for is not checked: the rules on rows, shares \
     and small cells do not apply to matrices";
const REGRESSORS: &str =
    "the number of rows, and of columns of the matrix, to every party and helper";
const CHOSEN: &str = "a matrix can be chosen so that coefficients are single numbers of the column, which is \
     not noticed; the rules on shares and small cells do not apply";
const POWERS: &str = "the power of two next above all magnitudes of the column, and next above those of each \
     row of the matrix's pseudo-inverse (so, about how long each column of the matrix is without what the \
     others explain of it), to every party";
const EXACT: &str = "the exact coefficients, before they are rounded to doubles, to every party";
const SHOWN: &str = "how many numbers are shown, to every helper";
const NEIGHBOURS: &str = "where the answer lies between two numbers: these two, to every party";

/// What a regression of aligned rows reveals of these.
pub(crate) const OF_ALIGNED: &[&str] = &[REGRESSORS, CHOSEN, POWERS, EXACT];

static ENTRIES: [Entry; 24] = [
    available(SUM, "the sum of all numbers", InputKind::Numbers, &["sum"], &[GATE, sum::REVEALS]),
    available(
        VECTOR_SUM,
        "the sum of all parties' vectors, element by element",
        InputKind::Vector,
        &["sum"],
        &["unless the encoding is `fixed`: the sums before they are rounded, to every party"],
    ),
    available(
        "StatisticsFrequency",
        "how often each category occurs",
        InputKind::Texts,
        &["histogram", "mode"],
        &[GATE, CATEGORIES, CELLS],
    ),
    available(
        "StatisticsContingency",
        "how often each pair of categories occurs",
        InputKind::TextPairs,
        &["table", "mode"],
        &[GATE, CATEGORIES, CELLS],
    ),
    available(
        "StatisticsBivariate",
        "covariance, correlation and regression of two variables",
        InputKind::Points,
        &[
            "samples",
            "covariance",
            "covariance_mle",
            "correlation_coefficient",
            "regression_slope",
            "regression_interceipt",
            "regression_slope_only",
        ],
        &[GATE, bivariate::REVEALS],
    ),
    on_shares(
        "StatisticsUnivariate",
        "extremes, means, moments and their ratios of one variable",
        InputKind::Numbers,
        &[
            "samples",
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
        ],
        &[GATE, ROWS, univariate::REVEALS],
    ),
    on_shares(
        "MinimumMaximum",
        "the smallest and the largest number",
        InputKind::Extremes,
        &["minimum", "maximum", "samples"],
        &[GATE, ROWS],
    ),
    on_shares(
        "KthElement",
        "the number of a given rank",
        InputKind::Ranked,
        &["item", "samples"],
        &[GATE, ROWS],
    ),
    on_shares(
        "SecureMedian",
        "the median of all numbers",
        InputKind::Numbers,
        &["median"],
        &[GATE, ROWS, NEIGHBOURS],
    ),
    on_shares(
        MATRIX_PRODUCT,
        "the product of one party's matrix and another's",
        InputKind::Matrix,
        &["product"],
        &[
            UNCOUNTED,
            MATRICES,
            "the exact product, before it is rounded to doubles, to every party",
        ],
    ),
    on_shares(
        "Quantiles",
        "the numbers that given shares of all numbers are below",
        InputKind::Numbers,
        &["quantiles", "samples"],
        &[GATE, ROWS, NEIGHBOURS],
    ),
    on_shares(
        "TopK",
        "the largest numbers and how often each occurs",
        InputKind::Numbers,
        &["top", "samples"],
        &[GATE, ROWS_OF_EACH, SHOWN],
    ),
    on_shares(
        "Sort",
        "all numbers in order",
        InputKind::Numbers,
        &["sorted", "samples"],
        &[GATE, ROWS_OF_EACH],
    ),
    on_shares(
        REGRESSION,
        "least squares of one party's column on the columns of another's matrix, or of all others' by ids",
        InputKind::Matrix,
        &["mle", "standard_errors", "r_squared", "samples"],
        &[
            REGRESSORS,
            CHOSEN,
            POWERS,
            EXACT,
            joins::SIZES,
            joins::COLUMNS,
            joins::JOINED,
            joins::MOMENTS,
            joins::SCALES,
        ],
    ),
    Entry {
        name: INTERSECTION,
        summary: "the items that all parties have",
        input: InputKind::Set,
        suite: intersection::SUITE,
        result_keys: &["intersection", "size_intersection"],
        reveals: &[crate::functions::sets::SIZES],
    },
    on_shares(
        INTERSECTION_SIZE,
        "how many items all parties have",
        InputKind::Set,
        &["size_intersection"],
        &[joins::SIZES],
    ),
    on_shares(
        UNION_SIZE,
        "how many items there are at all parties together, each counted once",
        InputKind::Set,
        &["size_union"],
        &[joins::SIZES],
    ),
    on_shares(
        INTERSECTION_SUM,
        "the sum of one party's numbers over the ids that all parties have",
        InputKind::Keyed,
        &["sum", "size_intersection"],
        &[joins::SIZES, joins::COLUMNS, joins::JOINED, joins::SCALES],
    ),
    on_shares(
        CONTINGENCY_VERTICAL,
        "how often pairs of categories occur, one of each pair at the first party, one at the second, \
         over the ids that all parties have",
        InputKind::Keyed,
        &["table", "mode"],
        &[joins::SIZES, joins::COLUMNS, joins::JOINED, joins::CATEGORIES],
    ),
    on_shares(
        MEAN_BY_GROUP,
        "the means of the second party's numbers in each of the first party's groups, over the ids that \
         all parties have",
        InputKind::Keyed,
        &["groups", "samples"],
        &[joins::SIZES, joins::COLUMNS, joins::JOINED, joins::GROUPS, joins::SCALES],
    ),
    on_shares(
        CORRELATION,
        "the correlations of all parties' columns, over the ids that all parties have",
        InputKind::Keyed,
        &["correlation", "samples"],
        &[joins::SIZES, joins::COLUMNS, joins::JOINED, joins::MOMENTS],
    ),
    on_shares(
        MEASURE,
        "nothing: one operation on shares of random numbers, for measuring what it costs",
        InputKind::Other,
        &[],
        &[],
    ),
    Entry {
        name: PREPARE,
        summary: "nothing: makes ahead what later computations on shares between these nodes use up",
        input: InputKind::Other,
        suite: pairwise::SUITE,
        result_keys: &[],
        reveals: &[],
    },
    available(
        EMPTY,
        "nothing, in two rounds of eight bytes, or `times`: what agreeing and rounds cost",
        InputKind::Other,
        &[],
        &[],
    ),
];

const fn available(
    name: &'static str,
    summary: &'static str,
    input: InputKind,
    result_keys: &'static [&'static str],
    reveals: &'static [&'static str],
) -> Entry {
    Entry { name, summary, input, suite: masked::SUITE, result_keys, reveals }
}

const fn on_shares(
    name: &'static str,
    summary: &'static str,
    input: InputKind,
    result_keys: &'static [&'static str],
    reveals: &'static [&'static str],
) -> Entry {
    Entry { name, summary, input, suite: replicated::SUITE, result_keys, reveals }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for entry in entries() {
            assert_eq!(find(entry.name), Some(entry));
            assert_eq!(entries().iter().filter(|other| other.name == entry.name).count(), 1);
        }
        assert_eq!(find("securesum"), None);
    }
}
