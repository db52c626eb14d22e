//! The answers of functions.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

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
    /// The intersection of all parties' sets.
    Intersection {
        /// The items, in ascending order, as they are compared.
        intersection: Vec<String>,
        /// The number of these items.
        size_intersection: u64,
        /// The size that all parties' sets were padded to, if one was declared.
        #[serde(skip_serializing_if = "Option::is_none")]
        padded_to: Option<u64>,
    },
    /// The size of the intersection of all parties' sets.
    IntersectionSize {
        /// The number of items; none where it is withheld.
        size_intersection: Option<u64>,
        /// The size that all parties' sets were padded to, if one was declared.
        #[serde(skip_serializing_if = "Option::is_none")]
        padded_to: Option<u64>,
    },
    /// The size of the union of all parties' sets.
    UnionSize {
        /// The number of items, each counted once; none where it is withheld.
        size_union: Option<u64>,
        /// The size that all parties' sets were padded to, if one was declared.
        #[serde(skip_serializing_if = "Option::is_none")]
        padded_to: Option<u64>,
    },
    /// The sum of a column over joined rows.
    IntersectionSum {
        /// The sum.
        sum: f64,
        /// The number of joined rows.
        size_intersection: u64,
    },
    /// Correlations of columns of joined rows.
    Correlation {
        /// The correlation of each two columns, row by row, in the order of parties and of their
        /// columns.
        correlation: Vec<Vec<f64>>,
        /// The number of joined rows.
        samples: u64,
        /// A bound on the absolute error of every correlation, where columns were rounded; 0 where
        /// none was, so that each correlation is the double nearest to the exact one.
        precision: f64,
    },
    /// Least squares over joined rows.
    Regression {
        /// The coefficients, as a column: the intercept, if there is one, and then in the order of
        /// parties and of their columns.
        mle: Vec<Vec<f64>>,
        /// The standard error of each coefficient.
        standard_errors: Vec<f64>,
        /// The explained part of the variance. Without an intercept, the variance is taken about
        /// zero instead of the mean.
        r_squared: f64,
        /// The number of joined rows.
        samples: u64,
        /// A bound on the absolute error of each coefficient and of its standard error, in the order
        /// of the coefficients, where columns were rounded. It is 0 where none was: then all results
        /// are the doubles nearest to the exact ones. The error of R² is below 10^-9 in any case.
        precision: Vec<f64>,
    },
    /// Means of groups of joined rows.
    Groups {
        /// The number of rows and the mean of each group that is large enough.
        groups: BTreeMap<String, Group>,
        /// The number of rows in all groups; none where a group is withheld, whose size it would tell.
        samples: Option<u64>,
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
        /// The count of all parties' numbers.
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
        /// The count of all parties' pairs.
        samples: u64,
    },
    /// The largest numbers.
    Top {
        /// The numbers with their occurrences, the largest first.
        top: Vec<Occurrences>,
        /// The count of all parties' numbers.
        samples: u64,
    },
    /// All numbers.
    Sorted {
        /// The numbers, in ascending order.
        sorted: Vec<f64>,
        /// The count of all parties' numbers.
        samples: u64,
    },
    /// A product of matrices.
    Product {
        /// The rows of the product.
        product: Vec<Vec<f64>>,
        /// The scale at which it was computed. It is not among the result's keys.
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
        /// The quantiles, one for each probability, in the order of the probabilities.
        quantiles: Vec<f64>,
        /// The count of all parties' numbers.
        samples: u64,
    },
    /// An answer that was opened before.
    Kept(KeptAnswer),
    /// The answer of the computation of nothing.
    Empty {},
}

/// The text of an answer that was opened before, to the byte.
#[derive(Clone, Debug)]
pub struct KeptAnswer(Box<RawValue>);

impl KeptAnswer {
    /// Takes the JSON text of an answer that this node has opened and kept.
    #[must_use]
    pub fn new(text: Box<RawValue>) -> Self {
        Self(text)
    }
}

impl PartialEq for KeptAnswer {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Serialize for KeptAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Answer {
    /// Returns the scale at which the answer was computed, if it is of a kind that has one.
    #[must_use]
    pub fn precision(&self) -> Option<Precision> {
        match self {
            Self::Product { precision, .. } => Some(*precision),
            _ => None,
        }
    }
}
