//! Texts that name the same thing.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The treatment of upper and lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Case {
    /// Upper and lower case are different.
    #[default]
    Exact,
    /// Texts are compared in lower case.
    Lower,
}

impl Case {
    /// Returns the whole rule, as the spec has it.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Self::Exact => "trimmed, NFC, case as it is",
            Self::Lower => "trimmed, NFC, lower case",
        }
    }

    /// Returns the form in which a text is compared: its normal form, in this case. The form of a
    /// form is the form itself.
    pub(crate) fn compared(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Exact => normal_form(text),
            Self::Lower => Cow::Owned(normal_form(&text.trim().to_lowercase()).into_owned()),
        }
    }
}

/// Returns the normal form of a text: trimmed of white space, and in Unicode's composed form (NFC,
/// Unicode Standard Annex 15). Texts that stand for ids, items or categories are compared in this
/// form, so the same name written in two ways is one.
pub(crate) fn normal_form(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.is_ascii() || is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name from a peer is compared with its own form.
    #[test]
    fn the_form_of_a_form_is_itself_for_every_character() {
        for character in char::MIN..=char::MAX {
            for text in
                [character.to_string(), format!("a{character}\u{301}"), format!("{character}Σ ")]
            {
                for case in [Case::Exact, Case::Lower] {
                    let once = case.compared(&text).into_owned();
                    assert_eq!(case.compared(&once), once, "{text:?}, {case:?}");
                }
            }
        }
    }
}
