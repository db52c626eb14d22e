//! The kinds of texts that members' columns were, before they were compared as texts.
//!
//! Categories and ids are compared as texts. `true` at one member is then another category than `1`
//! at another, and the id `00017` another than 17, without a word. So a member says in its proposal
//! of which kind its values were, and kinds that cannot mean the same are refused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a column that becomes texts, as the member says that brings it in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum ColumnKind {
    /// Nothing to compare: no such column, or no value in it.
    #[default]
    Any,
    /// Texts.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Truth values.
    Truth,
    /// Days.
    Date,
    /// Texts that are all whole numbers as nodes write them, such as `17`.
    Digits,
}

/// The kinds in the order of their bytes.
const KINDS: [ColumnKind; 7] = [
    ColumnKind::Any,
    ColumnKind::Text,
    ColumnKind::Integer,
    ColumnKind::Number,
    ColumnKind::Truth,
    ColumnKind::Date,
    ColumnKind::Digits,
];

/// The most columns of a party that become texts and are compared.
pub const MOST_KINDS: usize = 2;

/// The kinds of such columns of one party, in order.
pub type ColumnKinds = [ColumnKind; MOST_KINDS];

impl ColumnKind {
    /// Reports whether values of both kinds can mean the same. A whole number is a number, a day may
    /// be a text.
    #[must_use]
    pub fn fits(self, other: Self) -> bool {
        self.with(other).is_some()
    }

    /// Returns the kind of a column with values of both kinds; none if they cannot mean the same.
    #[must_use]
    pub fn with(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, kind) | (kind, Self::Any) => Some(kind),
            (one, other) if one == other => Some(one),
            (Self::Integer, Self::Number) | (Self::Number, Self::Integer) => Some(Self::Number),
            // Their texts are equal.
            (Self::Digits, kind @ (Self::Integer | Self::Number | Self::Text))
            | (kind @ (Self::Integer | Self::Number | Self::Text), Self::Digits) => Some(kind),
            // A text may be a day, as clients write it in JSON.
            (Self::Date, Self::Text) | (Self::Text, Self::Date) => Some(Self::Text),
            _ => None,
        }
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "none",
            Self::Text => "texts",
            Self::Integer => "whole numbers",
            Self::Number => "numbers",
            Self::Truth => "truth values",
            Self::Date => "dates",
            Self::Digits => "texts of whole numbers",
        })
    }
}

impl From<ColumnKind> for u8 {
    fn from(kind: ColumnKind) -> Self {
        let place = KINDS.iter().position(|other| *other == kind);
        place.and_then(|place| Self::try_from(place).ok()).unwrap_or_default()
    }
}

impl TryFrom<u8> for ColumnKind {
    type Error = &'static str;

    fn try_from(byte: u8) -> Result<Self, Self::Error> {
        KINDS.get(usize::from(byte)).copied().ok_or("no kind of a column has this number")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_one_byte_and_comes_back() {
        for (place, kind) in KINDS.into_iter().enumerate() {
            assert_eq!(usize::from(u8::from(kind)), place);
            assert_eq!(ColumnKind::try_from(u8::from(kind)), Ok(kind));
        }
        assert!(ColumnKind::try_from(7).is_err());
    }

    #[test]
    fn kinds_that_cannot_mean_the_same_do_not_fit() {
        use ColumnKind::{Any, Date, Digits, Integer, Number, Text, Truth};
        assert!(KINDS.into_iter().all(|kind| kind.fits(kind) && kind.fits(Any) && Any.fits(kind)));
        assert_eq!(Integer.with(Number), Some(Number));
        assert_eq!((Digits.with(Text), Integer.with(Digits)), (Some(Text), Some(Integer)));
        for (one, other) in [(Truth, Integer), (Text, Truth), (Text, Integer), (Date, Integer)] {
            assert!(!one.fits(other) && !other.fits(one), "{one} {other}");
        }
    }
}
