//! Errors of the caller: data or parameters that do not fit. The parties have heard nothing of them.

/// What is wrong with the caller's data or parameters. Says where, never what the value was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// A number is NaN or infinite.
    #[error("item {index} is not a finite number")]
    NotFinite {
        /// Position in the data, from 0.
        index: usize,
    },
    /// A whole number is no double: doubles stand for all whole numbers up to 2^53 only.
    #[error("item {index} is a whole number that no double-precision number equals")]
    NotADouble {
        /// Position in the data, from 0.
        index: usize,
    },
    /// A number is outside the range that the parameters declare.
    #[error("item {index} is outside the declared range: magnitudes {range}")]
    OutOfRange {
        /// Position in the data, from 0.
        index: usize,
        /// The declared range in words.
        range: String,
    },
    /// A number is not whole, where whole numbers were declared.
    #[error("item {index} is not a whole number, but the encoding is `integer`")]
    NotWhole {
        /// Position in the data, from 0.
        index: usize,
    },
    /// A category is not among the declared ones.
    #[error("item {index} is of a category that `categories` does not declare")]
    UndeclaredCategory {
        /// Position in the data, from 0.
        index: usize,
    },
    /// An id that an earlier row has.
    #[error("item {index} has the id of an earlier one; each id may come once")]
    RepeatedId {
        /// Position in the data, from 0.
        index: usize,
    },
    /// More data than one computation may hold.
    #[error("{what}: {actual} is more than the limit of {limit}")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        actual: usize,
        /// How much there may be.
        limit: usize,
    },
    /// A parameter has a value that the function cannot use.
    #[error("parameter `{name}`: {reason}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A parameter that the function does not have.
    #[error("`{function}` has no parameter `{name}`; it has: {known}")]
    UnknownParameter {
        /// The parameter's name.
        name: String,
        /// The function's name.
        function: &'static str,
        /// The names of those that it has.
        known: String,
    },
    /// A parameter has a value of another type than the function takes.
    #[error("the parameters cannot be read: {reason}")]
    UnreadableParameters {
        /// What is wrong.
        reason: String,
    },
    /// A request is used with another number of parties than it was made for.
    #[error("the request was made for {made_for} parties, not for {actual}")]
    OtherParties {
        /// The number of parties that it was made for.
        made_for: usize,
        /// The number of parties that there are.
        actual: usize,
    },
    /// A column of a matrix depends linearly on the others, so that their coefficients are not determined.
    #[error(
        "column {column} of the matrix depends linearly on the others, as far as double-precision \
         numbers tell: leave it out"
    )]
    Dependent {
        /// Its place, from 0.
        column: usize,
    },
    /// The data has not the shape that the function takes.
    #[error("the data does not fit the function: {expected}")]
    Shape {
        /// What the function takes.
        expected: &'static str,
    },
}
