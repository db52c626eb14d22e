//! What functions answer.

use serde::Serialize;

use crate::statistics::bivariate::Bivariate;
pub use crate::statistics::on_shares::matrix::Precision;
use crate::statistics::on_shares::mode::Mode;
use crate::statistics::on_shares::rows::Occurrences;
use crate::statistics::tables::{Histogram, Table};
use crate::statistics::univariate::Univariate;

/// The answer of a function. Serializes to an object with the function's result keys.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// A sum.
    Sum {
        /// The sum over all parties' numbers, rounded once.
        sum: f64,
    },
    /// A sum of vectors.
    VectorSum {
        /// The sum of each element over all parties, rounded once.
        sum: Vec<f64>,
    },
    /// A sum of vectors of whole numbers.
    IntegerVectorSum {
        /// The sum of each element over all parties.
        sum: Vec<i64>,
    },
    /// A frequency table.
    Frequency(Histogram),
    /// A contingency table.
    Contingency(Table),
    /// Statistics of two variables.
    Bivariate(Bivariate),
    /// The number of a rank.
    Kth {
        /// The number.
        item: f64,
        /// The number of all numbers.
        samples: u64,
    },
    /// The median.
    Median {
        /// The number in the middle, or the mean of the two in the middle.
        median: f64,
    },
    /// The smallest and the largest number.
    Extremes {
        /// The smallest.
        minimum: f64,
        /// The largest.
        maximum: f64,
        /// The number of all pairs that came in.
        samples: u64,
    },
    /// The largest numbers.
    Top {
        /// Largest first.
        top: Vec<Occurrences>,
        /// The number of all numbers.
        samples: u64,
    },
    /// All numbers.
    Sorted {
        /// In ascending order.
        sorted: Vec<f64>,
        /// How many they are.
        samples: u64,
    },
    /// A product of matrices.
    Product {
        /// Its rows.
        product: Vec<Vec<f64>>,
        /// The scale at which it was computed; not among the result's keys.
        #[serde(skip)]
        precision: Precision,
    },
    /// Least squares.
    Coefficients {
        /// The coefficients as a column: a list of lists of one.
        mle: Vec<Vec<f64>>,
    },
    /// Statistics of one variable.
    Univariate(Box<Univariate>),
    /// The mode of a table alone.
    Mode(Mode),
    /// Quantiles.
    Quantiles {
        /// One for each probability, in their order.
        quantiles: Vec<f64>,
        /// The number of all numbers.
        samples: u64,
    },
    /// The answer of the computation of nothing.
    Empty {},
}

impl Answer {
    /// The scale at which it was computed, if it is of a kind that has one.
    #[must_use]
    pub fn precision(&self) -> Option<Precision> {
        match self {
            Self::Product { precision, .. } => Some(*precision),
            _ => None,
        }
    }
}
