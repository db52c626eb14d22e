//! Where a party's data lie: schemas, selections, and reading columns from files and databases.
//!
//! [`register`] looks at a source once and makes a [`Dataset`] of it, which the node stores.
//! [`read`] streams columns of the rows that a [`Filter`] selects, in batches; [`aggregate`] lets
//! a database count, add and group where its answer is exactly the one that reading would give.
//! [`parse_csv`] and [`parse_arrow_stream`] read columns that clients push.
//!
//! Everything here blocks: callers are on a thread of their own, outside of any runtime.
//!
//! Nothing here writes to a source, keeps a row longer than its batch, or puts a cell's value
//! into an error, a log or a `Debug` form. Nothing here knows who asks, or whether they may.
//!
//! # Missing values
//!
//! | source | missing |
//! | --- | --- |
//! | CSV | an empty field, quoted or not; `NA` without quotes; `NaN` in a column of numbers |
//! | Parquet, Arrow | null; NaN in a column of numbers |
//! | databases | NULL; NaN in a column of numbers |
//!
//! NaN counts as missing, since that is how pandas, NumPy and R write a number that is not there.
//! Infinite numbers are errors. An empty text in Parquet or in a database is a text.

mod access;
mod aggregate;
mod arrow;
mod csv;
mod dataset;
mod declaration;
mod error;
mod filter;
mod frames;
mod number;
mod parquet;
mod pushed;
mod read;
mod register;
mod report;
mod scan;
mod source;
mod sql;
mod values;

pub use access::Access;
pub use aggregate::{Aggregate, Aggregated, MAX_GROUPS, aggregate};
pub use dataset::{Column, Dataset, Entry, EntryColumn, Kind};
pub use declaration::{Declaration, DeclaredColumn};
pub use error::{
    CellProblem, DataError, DeclarationError, HeaderProblem, Malformed, Place, SelectionError,
    SourceError, Unavailable,
};
pub use filter::{Comparison, Constant, Filter, MAX_DEPTH, MAX_NODES};
pub use pushed::{MAX_PUSHED_CELLS, MAX_PUSHED_TEXT, parse_arrow_stream, parse_csv};
pub use read::read;
pub use register::register;
pub use report::{ColumnReport, MAX_LEVELS, Report};
pub use source::{Relation, Source};
pub use values::{Batch, Values};

/// More columns than this are not read.
pub const MAX_COLUMNS: usize = 10_000;
