//! A party's data: schemas, selections, and reading columns from files and databases.
//!
//! [`register`] reads a source once and makes a [`Dataset`] of it, which the node stores. [`read`]
//! streams columns of the rows that a [`Filter`] selects, in batches. [`aggregate`] lets a database
//! count, add and group, if its answer is exactly that of the rows. [`parse_csv`] and
//! [`parse_arrow_stream`] read columns that clients push.
//!
//! Everything here blocks: callers are on a thread of their own, outside of any runtime.
//!
//! Nothing here writes to a source, or keeps a row longer than its batch. No error, log or `Debug`
//! form holds a cell's value. Nothing here knows the caller or its rights.
//!
//! The modules from the bottom up:
//!
//! - `stop`, `number`, `json`, `date`, `address`, `format`, `magic` and `column`; `defect` and `error`.
//! - `values` and `batch` (columns in memory), `field` and `inference` (the meaning of a text),
//!   `head` (columns of a source), `source`, `hosts`, `access` (files and servers); `filter`, `dataset`, `declaration`,
//!   `aggregate`.
//! - The readers `csv`, `arrow` with `frames` and `budget`, `parquet` and `sql`, and `scan`, which
//!   dispatches.
//! - The operations `read`, `register` with `report`, and `pushed`.
//!
//! # Missing values
//!
//! | source | missing |
//! | --- | --- |
//! | all | the codes that are declared (`missing` of a [`Format`]) |
//! | CSV | an empty field, quoted or not; `NA` without quotes; `NaN` in a column of numbers |
//! | Parquet, Arrow | null; NaN in a column of numbers |
//! | databases | NULL; NaN in a column of numbers; MySQL's dates of zeros |
//!
//! NaN counts as missing, because pandas, NumPy and R write missing numbers so.
//! Infinite numbers are errors. An empty text in Parquet or in a database is a text.

mod access;
mod address;
mod aggregate;
mod arrow;
mod batch;
mod budget;
mod column;
mod csv;
mod dataset;
mod date;
mod declaration;
mod defect;
mod error;
mod field;
mod filter;
mod format;
mod frames;
mod head;
mod hosts;
mod inference;
mod json;
mod magic;
mod number;
mod parquet;
mod partition;
mod pushed;
mod read;
mod register;
mod report;
mod scan;
mod source;
mod sql;
mod stop;
mod values;

pub use access::{Access, MESSAGE_BYTES};
pub use address::AddressProblem;
pub use aggregate::{Aggregate, Aggregated, MAX_GROUPS};
pub use budget::{MAX_PUSHED_CELLS, MAX_PUSHED_TEXT};
pub use column::{Column, Kind, MAX_COLUMNS, Times};
pub use dataset::{Dataset, Entry, EntryColumn};
pub use declaration::{Declaration, DeclaredColumn, is_dataset_name};
pub use error::{
    CellProblem, DataError, DeclarationError, HeaderProblem, Malformed, Place, Remedy,
    SelectionError, SourceError, Unavailable,
};
pub use filter::{Comparison, Constant, Filter, MAX_DEPTH, MAX_NODES, Residual, Residuals};
pub use format::{Encoding, Format, Formats};
pub use hosts::{DatabaseHosts, NotAHost};
pub use json::{JsonNumber, plain_json_numbers};
pub use magic::Foreign;
pub use pushed::{parse_arrow_stream, parse_csv};
pub use read::{aggregate, read};
pub use register::register;
pub use report::{ColumnReport, MAX_LEVELS, Report};
pub use scan::rights_beyond_reading;
pub use source::{Relation, Source, parse_delimiter};
pub use stop::{Stop, Stopper};
pub use values::{Batch, Values};
