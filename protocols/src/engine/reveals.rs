//! The list of what is revealed beside answers. Each step that opens a value names its entry here.

use crate::kernel::reveal::reveals;

reveals! {
    /// The leakage of the release check, at most. A result tells it with the rules' numbers.
    RELEASE: All, if "the rules ask for them",
        "whether the parties without any one of them have enough rows, whether one party has too large a \
         share of all rows, or of the sum of all magnitudes, and whether with earlier answers this one \
         tells of too few rows";
    /// The number of rows, of functions on shares.
    ROWS: All,
        "the number of rows of all parties together";
    /// The number of rows of each party.
    ROWS_OF_EACH: All,
        "how many rows each party has";

    /// Categories of the data.
    CATEGORIES: Parties, if "the client declares no categories",
        "which party's data have which category";
    /// The fingerprint of declared categories.
    DECLARED: All, if "the client declares the categories",
        "how many they are, and a hash of them, by which guesses of them can be tested";
    /// The size of a table on shares.
    CELLS: All, if "the rules ask for a smallest cell, or the mode alone is asked for",
        "the numbers of rows and columns of the table";
    /// The check that the cells are of the rows that were counted before.
    SAME_ROWS: All, if "the rules ask for a smallest cell",
        "whether the cells have as many rows as the parties have told, and by how many not if a party \
         cheats";
    /// The classes of counts.
    CLASSES: All, if "the rules ask for a smallest cell",
        "of each cell, and of each sum of a row or column: whether it is withheld by itself, and if any is, \
         whether it may be withheld to protect others";

    /// A sum.
    EXACT_SUM: Parties,
        "the exact sum, before it is rounded to a double";
    /// The sums of vectors of any doubles.
    EXACT_SUMS: Parties, if "the encoding is `exact`",
        "the exact sums, before they are rounded to doubles";
    /// The sums of vectors of rounded numbers.
    WHOLE_SUMS: Parties, if "the encoding is `fixed`",
        "the sums as integers, before they are rounded to doubles";
    /// The sums of two variables.
    BIVARIATE_SUMS: Parties,
        "the exact joint sums n, Σx, Σy, Σx², Σxy, Σy² (the answer implies them up to rounding and a choice \
         of two, unless the intercept or the covariance is 0 or a value is null)";
    /// The sums of one variable.
    UNIVARIATE_SUMS: Parties,
        "joint sums before they are rounded (n and Σx, and Σx² where a statistic needs it, exactly; for \
         geometric and harmonic mean, the sums of logarithms and reciprocals, with 53 and 120 bits a term; \
         for moments, the sums of the third to sixth powers of the distances from the mean, in standard \
         deviations, with 64; the answer implies them up to rounding)";

    /// The two numbers around a quantile.
    NEIGHBOURS: Parties, if "the answer lies between two numbers",
        "these two";
    /// The number of the largest numbers.
    SHOWN: All,
        "how many numbers are shown";

    /// The shapes of matrices that are multiplied.
    OUTLINE: All,
        "of each matrix: its rows and columns, and between which powers of two the bits of its elements lie \
         (how few people the matrices stand for is not checked: the rules on rows, shares and small cells do \
         not apply to matrices)";
    /// A product.
    EXACT_PRODUCT: Parties,
        "the exact product, before it is rounded to doubles";
    /// The shape of a regression.
    SHAPE: All,
        "the number of rows, and of columns of the matrix";
    /// The coefficients of a regression.
    COEFFICIENTS: Parties,
        "the exact coefficients, before they are rounded to doubles, the power of two next above all \
         magnitudes of the column, and next above those of each row of the matrix's pseudo-inverse: so, about \
         how long each column of the matrix is without what the others explain of it (a matrix can be chosen \
         so that coefficients are single numbers of the column, which is noticed where the rules ask for a \
         smallest cell, or so that they have the digits of several, which never is; the rule on shares does \
         not apply)";

    /// The sizes of sets whose items are blinded.
    SET_SIZES: Parties,
        "how many items each party has, or the size declared by `pad_to`";
    /// The sizes of sets and tables on shares.
    SIZES: All,
        "how many ids each party has, or the size declared by `pad_to`";
    /// The rule on rows of padded sets.
    PADDED_ROWS: All, if "the rules ask for a number of rows, and `pad_to` is set",
        "whether all parties together have so many ids";
    /// The columns of tables.
    COLUMNS: All,
        "of joins: how many columns each party has";
    /// The width of the column of a sum.
    WIDTH: All,
        "of joins: whether the column that is added needs more than 53 bits, rows included that are not in \
         the join";
    /// The numbers of categories, where small counts are withheld.
    KINDS_OF_CATEGORIES: All, if "the rules ask for a smallest cell",
        "of joins: the power of two from which on a party has no more categories";
    /// The number of groups, in every case.
    GROUPS: All,
        "of joins: the power of two from which on the first party has no more groups";
    /// The check of lists of ids.
    ASCENDING: All, if "ids are compared on shares",
        "whether each party has shared its ids in order, and how often not if a party cheats";
    /// The check of the orders in which two parties join their rows.
    SAME_ORDER: All, if "two parties join by themselves",
        "whether the rows of each pair have the same id, as they have unless a party cheats";
    /// The rule on joined rows.
    ENOUGH_JOINED: All, if "the rules ask for a number of rows or for a smallest cell",
        "of joins: whether there are so many ids that all parties have";
    /// The number of rows in a join.
    JOINED: All,
        "of joins: how many ids all parties have; where the rules ask for a number of rows or for a smallest \
         cell, only if there are so many";
    /// The check of categories.
    ONE_CATEGORY: All, if "categories of joined rows are counted on shares",
        "of joins: whether each row has one category, as it has unless a party cheats";
    /// The unit and the exact sum of a column.
    UNIT: Parties,
        "of joins: the power of two of the finest bit of the column that is added, rows included that are not \
         in the join, and the exact sums (a column can be chosen so that these tell its party which of its \
         rows are in the join, and in which group, which is not noticed)";
    /// The moments of columns.
    MOMENTS: Parties,
        "of joins: over the rows that all parties have, the sum of each column, and of the products of each \
         two (a column can be chosen so that these are single numbers of another, which is noticed where the \
         rules ask for a smallest cell, or so that they have the digits of several whole numbers, or tell \
         which of its party's rows these are, which never is)";
    /// The units of columns that are multiplied.
    UNITS: Parties,
        "of joins: the power of two of the finest bit of each column, or if it was rounded, of the digit 53 \
         places below its largest magnitude, rows included that are not in the join";
    /// The rounding of columns that are multiplied.
    ROUNDED: Parties,
        "of joins: whether each column needs more than 53 bits and was rounded to them, rows included that \
         are not in the join";
    /// The moments of each party's columns.
    OWN_MOMENTS: All, if "the rules ask for a smallest cell, and several parties have columns",
        "of joins: over the rows that all parties have, the sum of each column, and of the products of each \
         two of one party, in units of the columns: before the rule on these is decided, so that they are \
         told if it refuses as well (a column can be chosen so that they tell its party which of its rows all \
         parties have)";
    /// The rule on leverage, of columns on shares.
    LEVERAGE: All, if "the rules ask for a smallest cell, and several parties have columns",
        "whether the columns of some party tell so few rows from all others that their products with others' \
         columns would tell of these rows";
    /// The rule on leverage, of factors that their parties know.
    OWN_LEVERAGE: All, if "the rules ask for a smallest cell",
        "whether the matrix, or the column, tells so few rows from all others that the answer would tell of \
         these rows: each party says so of its own";
}

/// The list of a function's answers alone, in tests of operations.
#[cfg(test)]
pub(crate) mod tested {
    use crate::kernel::reveal::{Recipients, Reveal};

    /// A value that a test opens to all members.
    pub(crate) const TO_ALL: Reveal = Reveal { to: Recipients::All, ..Reveal::ANSWER };
}
