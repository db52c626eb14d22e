//! Errors of the caller: data or parameters that do not fit. No message has gone to the parties
//! yet.

/// An error in the caller's data or parameters. It tells the position, never the value; of a column
/// that is too wide, the size of its numbers. Peers are not told the error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// A number that is NaN or infinite.
    #[error("item {index} is not a finite number")]
    NotFinite {
        /// The position in the data, from 0.
        index: usize,
    },
    /// A whole number that is no double: doubles hold all whole numbers up to 2^53 only.
    #[error("item {index} is a whole number that no double-precision number equals")]
    NotADouble {
        /// The position in the data, from 0.
        index: usize,
    },
    /// A number outside the range that the parameters declare.
    #[error("item {index} is outside the declared range: magnitudes {range}")]
    OutOfRange {
        /// The position in the data, from 0.
        index: usize,
        /// The declared range in words.
        range: String,
    },
    /// A number that is not whole, where whole numbers were declared.
    #[error("item {index} is not a whole number, but the encoding is `integer`")]
    NotWhole {
        /// The position in the data, from 0.
        index: usize,
    },
    /// A category that is not among the declared ones.
    #[error("item {index} is of a category that `categories` does not declare")]
    UndeclaredCategory {
        /// The position in the data, from 0.
        index: usize,
    },
    /// A blank text, where an id or an item of a set is asked for: it is a missing one.
    #[error(
        "item {index} has no id: the text is blank; leave such rows out, all people without an id would match"
    )]
    BlankId {
        /// The position in the data, from 0.
        index: usize,
    },
    /// An id that an earlier row has.
    #[error("item {index} has the id of an earlier one; each id may come once")]
    RepeatedId {
        /// The position in the data, from 0.
        index: usize,
    },
    /// A column of numbers that no exact sum holds. Only the own party sees the powers of ten.
    #[error(
        "column {column} behind the ids has magnitudes from about 1e{smallest} to 1e{largest}, too far \
         apart for an exact sum: if one of them is a code for a missing value, declare it as one, else \
         round or transform the column"
    )]
    TooWide {
        /// The position among the party's columns, from 0.
        column: usize,
        /// The power of ten next below the smallest magnitude but 0.
        smallest: i32,
        /// The power of ten next below the largest magnitude.
        largest: i32,
    },
    /// More data than one computation may hold.
    #[error("{what}: {actual} is more than the limit of {limit}")]
    TooMuch {
        /// The name of the data.
        what: &'static str,
        /// Their number.
        actual: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// More numbers than an exact sum of vectors holds, for their width.
    #[error(
        "{actual} numbers are more than the limit of {limit}, because each is added exactly in {words} \
         words of 64 bits: declare the digits, or choose `encoding` = `integer` or `fixed`, which take \
         fewer"
    )]
    TooWideForSoMany {
        /// The number of numbers.
        actual: usize,
        /// The most that fit.
        limit: usize,
        /// The words that each takes.
        words: usize,
    },
    /// A parameter with a value that the function cannot use.
    #[error("parameter `{name}`: {reason}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// The error, and a right value.
        reason: String,
    },
    /// A parameter that the function does not have.
    #[error("`{function}` has no parameter `{name}`; it has: {known}")]
    UnknownParameter {
        /// The parameter's name.
        name: String,
        /// The function's name.
        function: &'static str,
        /// The names of the parameters that it has.
        known: String,
    },
    /// A parameter with a value of another type than the function takes.
    #[error("the parameters cannot be read: {reason}")]
    UnreadableParameters {
        /// The error.
        reason: String,
    },
    /// A request that was made for another number of parties.
    #[error("the request was made for {made_for} parties, not for {actual}")]
    OtherParties {
        /// The number of parties that it was made for.
        made_for: usize,
        /// The actual number of parties.
        actual: usize,
    },
    /// No computation can have these roles of its members, or no protocol serves them.
    #[error("`roles` of the members: {reason}")]
    Roles {
        /// The condition that they break.
        reason: &'static str,
    },
    /// A column of a matrix that depends linearly on the others, so that their coefficients are not
    /// determined.
    #[error(
        "column {column} of the matrix depends linearly on the others, as far as double-precision \
         numbers tell: leave it out"
    )]
    Dependent {
        /// The position, from 0.
        column: usize,
    },
    /// Data of another shape than the function takes.
    #[error("the data does not fit the function: {expected}")]
    Shape {
        /// The shape that the function takes.
        expected: &'static str,
    },
}
