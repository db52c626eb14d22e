//! Private data that the node keeps: uploads, selections of uploads and datasets, and values that
//! clients put into storages. Nothing here shows a value, or says how many there are.

use std::fmt;
use std::sync::Arc;

use cloister_sources::Filter;
use serde_json::{Value, json};
use uuid::Uuid;

use super::data::Data;
use super::private::Private;

/// A reference to private data that the node keeps. A computation reads them when it needs them.
#[derive(Clone)]
pub enum Stored {
    /// Data that a client pushed.
    Upload(Upload),
    /// Rows and columns of a dataset, or of columns that a client pushed.
    Selection(Arc<Selection>),
    /// A value that a client wrote into a storage. It is kept in memory.
    Inline(Private<Data>),
}

/// Data that a client pushed, in the node's state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    /// The name in the node's state, which is its handle's.
    pub id: Uuid,
    /// The length in bytes.
    pub bytes: u64,
}

/// A plan of reading columns and rows.
#[derive(Clone)]
pub struct Selection {
    /// The source of the columns.
    pub base: Base,
    /// The columns, in the order in which a function takes them.
    pub columns: Vec<String>,
    /// The condition on rows. Without one all rows are selected.
    pub filter: Option<Filter>,
}

/// The source of a selection.
#[derive(Clone)]
pub enum Base {
    /// A dataset by its name.
    Dataset(String),
    /// Columns that a client pushed.
    Upload(Upload),
}

impl Stored {
    /// Returns about how many bytes of memory the value takes now.
    #[must_use]
    pub fn footprint(&self) -> usize {
        match self {
            Self::Inline(data) => data.for_computing().footprint(),
            Self::Upload(_) | Self::Selection(_) => 0,
        }
    }

    /// Counts the bytes that a client pushed and that are read when it is computed with.
    #[must_use]
    pub fn pushed_bytes(&self) -> usize {
        let upload = match self {
            Self::Inline(data) => return data.for_computing().footprint(),
            Self::Upload(upload) => upload,
            Self::Selection(selection) => match &selection.base {
                Base::Upload(upload) => upload,
                Base::Dataset(_) => return 0,
            },
        };
        usize::try_from(upload.bytes).unwrap_or(usize::MAX)
    }
}

impl Selection {
    /// Returns the selection as the audit log has it.
    #[must_use]
    pub fn document(&self) -> Value {
        let base = match &self.base {
            Base::Dataset(name) => json!(name),
            Base::Upload(upload) => json!({"upload": upload.id.to_string()}),
        };
        let filter = self.filter.as_ref().map(Filter::canonical);
        json!({"dataset": base, "columns": self.columns, "where": filter})
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stored(..)")
    }
}
