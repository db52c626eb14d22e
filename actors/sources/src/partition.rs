//! Folders of a folder whose names are values of a column, as Hive, Spark and Arrow write them:
//! `year=2024/site=b/part.parquet`.
//!
//! Each such name is a column and its value in all rows below it. The value is read as a field of a
//! text is, so that its kind can be inferred or declared. All files of a dataset have the same
//! columns in their path. Folders of other names are refused: what lies in them would be ignored
//! silently, or be data that a table of Delta or Iceberg has deleted.

use std::path::{Path, PathBuf};

use crate::error::{DeclarationError, SourceError};

/// The name of the folder of rows that have no value.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// The most partitions in one another. A link to a folder above itself ends here.
const MAX_DEPTH: usize = 16;

/// A column and its value in all rows of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PartitionKey {
    pub(crate) column: String,
    /// Blank if there is none.
    pub(crate) value: String,
}

/// A file of a source.
#[derive(Debug)]
pub(crate) struct DataFile {
    pub(crate) path: PathBuf,
    /// The name in messages: the partitions that it is in, and its own name.
    pub(crate) name: String,
    /// The columns of its path, the outermost folder first.
    pub(crate) keys: Vec<PartitionKey>,
}

impl DataFile {
    /// Describes a file that is a source by itself.
    pub(crate) fn alone(path: PathBuf) -> Self {
        Self { name: name_of(&path), path, keys: Vec::new() }
    }

    /// Describes a file in the folders of these keys.
    pub(crate) fn in_partition(path: PathBuf, keys: Vec<PartitionKey>) -> Self {
        let folders = keys.iter().map(|key| format!("{}={}/", key.column, key.value));
        Self { name: folders.collect::<String>() + &name_of(&path), path, keys }
    }

    fn columns(&self) -> Vec<&str> {
        self.keys.iter().map(|key| key.column.as_str()).collect()
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the keys of files in that folder, which lies in one of these keys.
pub(crate) fn below(
    keys: &[PartitionKey],
    folder: &Path,
) -> Result<Vec<PartitionKey>, DeclarationError> {
    let name = name_of(folder);
    let Some(key) = read(&name).filter(|_| keys.len() < MAX_DEPTH) else {
        return Err(DeclarationError::SubFolder(name));
    };
    Ok(keys.iter().cloned().chain([key]).collect())
}

/// Refuses files of which some have other columns in their path than the first.
pub(crate) fn check_alike(files: &[DataFile]) -> Result<(), SourceError> {
    let Some((first, others)) = files.split_first() else { return Ok(()) };
    match others.iter().find(|file| file.columns() != first.columns()) {
        None => Ok(()),
        Some(other) => {
            let [first, other] = [first, other].map(|file| file.name.clone());
            Err(DeclarationError::Partitions { first, other }.into())
        }
    }
}

/// Reads the name of a folder; none if it is not that of a partition.
fn read(name: &str) -> Option<PartitionKey> {
    let (column, value) = name.split_once('=')?;
    let column = decoded(column).filter(|column| !column.is_empty())?;
    let value = if value == NO_VALUE { String::new() } else { decoded(value)? };
    Some(PartitionKey { column, value })
}

/// Returns a text whose signs `%2F` and the like are written out. A `%` that begins none stays.
/// None if it is no UTF-8 then.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let escaped = behind.split_at_checked(2).filter(|_| *first == b'%');
        let escaped = escaped.and_then(|(digits, after)| Some((byte(digits)?, after)));
        let (byte, after) = escaped.unwrap_or((*first, behind));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// Returns the byte that two hexadecimal digits stand for.
fn byte(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders_are_read() {
        let key = |column: &str, value: &str| {
            Some(PartitionKey { column: column.to_owned(), value: value.to_owned() })
        };
        assert_eq!(read("year=2024"), key("year", "2024"));
        assert_eq!(read("day=2024-01-31 00%3A00%3a00"), key("day", "2024-01-31 00:00:00"));
        assert_eq!(read("a%3Db=c=d%"), key("a=b", "c=d%"));
        assert_eq!(read("stadt=M%C3%BCnchen"), key("stadt", "M\u{fc}nchen"));
        assert_eq!(read("p=%+1%zz%4"), key("p", "%+1%zz%4"));
        assert_eq!(read("site=__HIVE_DEFAULT_PARTITION__"), key("site", ""));
        for other in ["_delta_log", "2024", "=2024", "x=%FF"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn partitions_end() {
        let mut keys = Vec::new();
        for depth in 0..MAX_DEPTH {
            keys = below(&keys, Path::new(&format!("k{depth}=1"))).unwrap();
        }
        assert!(below(&keys, Path::new("k=1")).is_err());
    }
}
