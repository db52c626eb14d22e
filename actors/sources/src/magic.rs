//! The forms of files that are often taken for another, told by their first bytes.

use std::fmt;

/// The form of a file that was declared to be of another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Foreign {
    /// Compressed by gzip.
    Gzip,
    /// Compressed by Zstandard.
    Zstandard,
    /// A ZIP archive, as workbooks of spreadsheets are.
    Zip,
    /// A workbook of Excel before 2007.
    OldWorkbook,
    /// Parquet.
    Parquet,
    /// A SQLite file.
    Sqlite,
}

/// The first bytes of each form.
const STARTS: [(&[u8], Foreign); 6] = [
    (b"\x1f\x8b", Foreign::Gzip),
    (b"\x28\xb5\x2f\xfd", Foreign::Zstandard),
    (b"PK\x03\x04", Foreign::Zip),
    (b"\xd0\xcf\x11\xe0", Foreign::OldWorkbook),
    (b"PAR1", Foreign::Parquet),
    (b"SQLite format 3", Foreign::Sqlite),
];

/// Returns the form of a file with these first bytes, if it is one of those above.
pub(crate) fn form_of(start: &[u8]) -> Option<Foreign> {
    STARTS.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, foreign)| *foreign)
}

impl fmt::Display for Foreign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gzip => "is compressed by gzip; unpack it first (gunzip)",
            Self::Zstandard => "is compressed by Zstandard; unpack it first (unzstd)",
            Self::Zip => {
                "is a ZIP archive or a workbook (xlsx, ods); unpack it, or save the sheet as CSV"
            }
            Self::OldWorkbook => "is a workbook of Excel (xls); save the sheet as CSV",
            Self::Parquet => "is a Parquet file; declare it as one (`--parquet`)",
            Self::Sqlite => "is a SQLite file; declare it as one (`--sqlite`)",
        })
    }
}
