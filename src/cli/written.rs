//! The flags that say how values are written in files of tables.

use clap::Args;
use cloister_sources::Format;

/// The way in which values are written, in all columns.
#[derive(Args)]
pub(super) struct Written {
    /// A text that stands for a missing value, such as -9 or NULL; can be repeated.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    missing: Vec<String>,
    /// The decimal sign of numbers: a point or a comma.
    #[arg(long, value_name = "CHARACTER")]
    decimal: Option<char>,
    /// The sign between groups of three digits: a comma, a point, an apostrophe or a blank.
    #[arg(long, value_name = "CHARACTER")]
    thousands: Option<char>,
    /// The form of dates, such as DD.MM.YYYY; YYYY-MM-DD where it is left out.
    #[arg(long, value_name = "FORM")]
    date: Option<String>,
    /// A word for true, beside true; can be repeated.
    #[arg(long = "true-word", value_name = "WORD")]
    true_words: Vec<String>,
    /// A word for false, beside false; can be repeated.
    #[arg(long = "false-word", value_name = "WORD")]
    false_words: Vec<String>,
}

impl Written {
    /// Returns the format of all columns.
    pub(super) fn format(&self) -> Format {
        Format {
            missing: self.missing.clone(),
            decimal: self.decimal,
            thousands: self.thousands,
            true_words: self.true_words.clone(),
            false_words: self.false_words.clone(),
            date: self.date.clone(),
        }
    }
}
