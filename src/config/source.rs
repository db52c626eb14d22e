//! The source of a setting.

use std::fmt;
use std::path::PathBuf;

/// The source of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1 on.
        line: usize,
    },
    /// A variable of the environment.
    Variable {
        /// Its name.
        name: String,
        /// Its value as it stands there.
        text: String,
    },
    /// A flag.
    Flag {
        /// The text of the flag.
        given: String,
        /// Its value as it stands there.
        text: String,
    },
}

impl Source {
    /// Returns the text as a person typed it, without quotation marks around every text.
    pub(super) fn typed(&self) -> Option<&str> {
        match self {
            Self::File { .. } => None,
            Self::Variable { text, .. } | Self::Flag { text, .. } => Some(text),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable { name, .. } => write!(f, "environment {name}"),
            Self::Flag { given, .. } => write!(f, "flag --set {given}"),
        }
    }
}
