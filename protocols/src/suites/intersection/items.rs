//! Items as parties compare them: the same text written in two ways is one item.
//!
//! Texts are compared in their normal form ([`crate::kernel::text`]): trimmed, and composed (NFC). So é is é whether it was written as one character or as two. Letters of
//! other scripts that only look alike stay different. So do upper and lower case, unless the
//! parties agree to compare in lower case. Of an item that comes several times one is kept. A blank
//! text is no item.

use zeroize::Zeroizing;

use super::ItemHash;
use crate::algebra::digest::first_block;
use crate::kernel::session::SessionHash;
use crate::kernel::text::Case;

/// The name in the spec of the rule for comparing items.
pub(crate) const ITEMS: &str = "items";

/// Returns the item that a text stands for; none for a blank text, which is a missing item. People
/// without an id are not the same person.
pub(crate) fn item(text: &str, case: Case) -> Option<String> {
    let item = case.compared(text);
    (!item.is_empty()).then(|| item.into_owned())
}

/// Returns the item hash of an item in this session: 128 bits of a hash. Any party that knows the
/// session can make it, and so test guesses of items. No item hash leaves its party unblinded, but
/// for those of items that all parties have.
pub(crate) fn item_hash(session: &SessionHash, item: &str) -> ItemHash {
    let key = Zeroizing::new(blake3::derive_key(
        "cloister 1 intersection: tags of items",
        session.as_bytes(),
    ));
    let hash = blake3::keyed_hash(&key, item.as_bytes());
    first_block(hash.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_written_otherwise_is_the_same_item() {
        let exact = |text| item(text, Case::Exact).unwrap();
        assert_eq!(exact(" Jose\u{301}\t"), "Jos\u{e9}");
        assert_eq!(exact("\u{a0}Müller\u{2003}"), exact("Mu\u{308}ller"));
        // Kelvin and Ångström have canonical equals.
        assert_eq!(exact("\u{212a}\u{212b}"), "K\u{c5}");
        assert_ne!(exact("Müller"), exact("müller"));
        let lower = |text| item(text, Case::Lower).unwrap();
        assert_eq!(lower("MU\u{308}LLER "), lower("müller"));
        assert_eq!(lower("ΑΣ"), "ας");
    }

    #[test]
    fn a_blank_text_is_no_item() {
        for blank in ["", " ", "\t\n", "\u{a0}\u{2003}"] {
            assert_eq!(item(blank, Case::Exact), None);
            assert_eq!(item(blank, Case::Lower), None);
        }
    }

    #[test]
    fn texts_that_only_look_alike_are_different() {
        let pairs =
            [("a", "\u{430}"), ("A", "\u{391}"), ("1", "\u{ff11}"), ("ﬁ", "fi"), ("a b", "a  b")];
        for (one, other) in pairs {
            assert_ne!(item(one, Case::Exact), item(other, Case::Exact));
            assert_ne!(item(one, Case::Lower), item(other, Case::Lower));
        }
    }
}
