//! Every computation: its name, what it takes, what it answers, and which suite serves it.
//!
//! Functions that this version cannot compute are listed too, with the suite that they wait for, so
//! that a client is told so instead of "unknown".

use crate::statistics::{bivariate, sum, univariate};
use crate::{masked, pairwise, replicated};

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
    /// Something else, or nothing.
    Other,
}

/// Whether this version computes a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Available,
    /// It will when it has another suite.
    Awaits {
        /// The suite's name.
        suite: &'static str,
    },
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
    /// The suite that serves it, or will.
    pub suite: &'static str,
    /// Whether this version computes it.
    pub status: Status,
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
            [VECTOR_SUM, MATRIX_PRODUCT, REGRESSION, MEASURE, EMPTY, PREPARE].contains(&self.name);
        !without
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

/// The name of the sum of vectors.
pub const VECTOR_SUM: &str = "SecureVectorSum";

/// What the gate reveals, at most.
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

static ENTRIES: [Entry; 20] = [
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
        "least squares of one party's column on the columns of another's matrix",
        InputKind::Matrix,
        &["mle"],
        &[REGRESSORS, CHOSEN, POWERS, EXACT],
    ),
    awaits(
        "intersection",
        "SetIntersection",
        "the elements that all parties have",
        InputKind::Other,
        &["intersection", "size_intersection"],
    ),
    awaits(
        "intersection",
        "SetIntersectionSize",
        "how many elements all parties have",
        InputKind::Other,
        &["size_intersection"],
    ),
    awaits(
        "intersection",
        "StatisticsContingencyVertical",
        "how often pairs of categories occur, one of each pair at either party",
        InputKind::TextPairs,
        &["table", "mode"],
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
        status: Status::Available,
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
    let (suite, status) = (masked::SUITE, Status::Available);
    Entry { name, summary, input, suite, status, result_keys, reveals }
}

const fn on_shares(
    name: &'static str,
    summary: &'static str,
    input: InputKind,
    result_keys: &'static [&'static str],
    reveals: &'static [&'static str],
) -> Entry {
    let (suite, status) = (replicated::SUITE, Status::Available);
    Entry { name, summary, input, suite, status, result_keys, reveals }
}

const fn awaits(
    suite: &'static str,
    name: &'static str,
    summary: &'static str,
    input: InputKind,
    result_keys: &'static [&'static str],
) -> Entry {
    Entry {
        name,
        summary,
        input,
        suite,
        status: Status::Awaits { suite },
        result_keys,
        reveals: &[],
    }
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
