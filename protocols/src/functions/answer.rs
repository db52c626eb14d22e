//! What functions answer.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::functions::bivariate::Bivariate;
pub use crate::functions::common::joins::categories::Group;
use crate::functions::common::mode::Mode;
use crate::functions::common::tables::{Histogram, Table};
pub use crate::functions::product::Precision;
use crate::functions::top_k::Occurrences;
use crate::functions::univariate::Univariate;

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
    /// What all parties have.
    Intersection {
        /// The items, in ascending order, as they are compared.
        intersection: Vec<String>,
        /// How many they are.
        size_intersection: u64,
        /// The size that all parties' sets were filled up to, if one was declared.
        #[serde(skip_serializing_if = "Option::is_none")]
        padded_to: Option<u64>,
    },
    /// How many items all parties have.
    IntersectionSize {
        /// How many; none where it is withheld.
        size_intersection: Option<u64>,
        /// The size that all parties' sets were filled up to, if one was declared.
        #[serde(skip_serializing_if = "Option::is_none")]
        padded_to: Option<u64>,
    },
    /// How many items there are at all parties together.
    UnionSize {
        /// How many, each counted once; none where it is withheld.
        size_union: Option<u64>,
        /// The size that all parties' sets were filled up to, if one was declared.
        #[serde(skip_serializing_if = "Option::is_none")]
        padded_to: Option<u64>,
    },
    /// The sum of a column over joined rows.
    IntersectionSum {
        /// The sum.
        sum: f64,
        /// How many rows there are.
        size_intersection: u64,
    },
    /// Correlations of columns of joined rows.
    Correlation {
        /// Of each two, row by row, in the order of parties and of their columns.
        correlation: Vec<Vec<f64>>,
        /// How many rows there are.
        samples: u64,
    },
    /// Least squares over joined rows.
    Regression {
        /// The coefficients, as a column: the intercept, if there is one, and then in the order of parties
        /// and of their columns.
        mle: Vec<Vec<f64>>,
        /// The standard error of each.
        standard_errors: Vec<f64>,
        /// The share of the variance that is explained; about zero instead of the mean if there is no
        /// intercept.
        r_squared: f64,
        /// How many rows there are.
        samples: u64,
    },
    /// Means of groups of joined rows.
    Groups {
        /// Of each group that is large enough, how many rows it has, and their mean.
        groups: BTreeMap<String, Group>,
        /// How many rows there are in all groups.
        samples: u64,
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
