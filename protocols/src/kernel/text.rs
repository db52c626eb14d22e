//! Texts that name the same thing.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

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
