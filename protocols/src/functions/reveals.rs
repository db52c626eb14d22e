//! Texts of the leakage that several functions have in common.

/// The leakage of the release check, at most.
pub(crate) const RELEASE: &str = "if the rules ask for them: whether the parties without any one of them have enough rows, and \
     whether one party has too large a share of all rows, or of the sum of all magnitudes; to every party \
     and helper";
pub(super) const CATEGORIES: &str =
    "unless the client declares the categories: which party's data have which, to every party";
pub(super) const CELLS: &str = "if the rules ask for a smallest cell, or the mode alone is asked for: the numbers of \
     rows and columns of the table, to every helper";
pub(super) const CLASSES: &str = "if the rules ask for a smallest cell: of each cell, and of each sum of a row or \
     column, whether it is withheld by itself, and if any is, whether it may be withheld to protect others; \
     to every party and helper";
pub(super) const ROWS: &str =
    "the number of rows of all parties together, to every party and helper";
pub(super) const ROWS_OF_EACH: &str = "how many rows each party has, to every party and helper";
pub(super) const NEIGHBOURS: &str =
    "where the answer lies between two numbers: these two, to every party";
