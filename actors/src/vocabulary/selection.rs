//! Private data that the node keeps: uploads, datasets and selections of either by name, and values
//! that clients put into storages. Nothing here shows a value, or says how many there are.

use std::fmt;
use std::sync::Arc;

use cloister_sources::Filter;
use serde_json::{Value, json};
use uuid::Uuid;

use super::data::Data;
use super::private::Private;

/// Stands for private data that the node keeps. They are read when a computation needs them.
#[derive(Clone)]
pub enum Stored {
    /// What a client pushed.
    Upload(Upload),
    /// Rows and columns of a dataset, or of columns that a client pushed.
    Selection(Arc<Selection>),
    /// A value that a client wrote into a storage. It is kept in memory.
    Inline(Private<Data>),
}

/// What a client pushed, in the node's state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    /// Its name in the node's state, which is its handle's.
    pub id: Uuid,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A plan of what to read.
#[derive(Clone)]
pub struct Selection {
    /// From what.
    pub base: Base,
    /// The columns, in the order in which a function takes them.
    pub columns: Vec<String>,
    /// The condition on rows; all rows are selected where there is none.
    pub filter: Option<Filter>,
}

/// What columns are selected from.
#[derive(Clone)]
pub enum Base {
    /// A dataset by its name.
    Dataset(String),
    /// Columns that a client pushed.
    Upload(Upload),
}

impl Stored {
    /// Roughly how many bytes of memory its value takes now.
    #[must_use]
    pub fn footprint(&self) -> usize {
        match self {
            Self::Inline(data) => data.for_computing().footprint(),
            Self::Upload(_) | Self::Selection(_) => 0,
        }
    }
}

impl Selection {
    /// The selection as the audit log has it.
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
