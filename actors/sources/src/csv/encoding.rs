//! The text of bytes in an encoding.

use std::borrow::Cow;

use crate::format::Encoding;

/// The characters of the bytes 0x80 to 0x9F in Windows-1252, after its table at unicode.org. Five
/// bytes have none.
const UPPER: [Option<char>; 32] = [
    Some('\u{20ac}'),
    None,
    Some('\u{201a}'),
    Some('\u{0192}'),
    Some('\u{201e}'),
    Some('\u{2026}'),
    Some('\u{2020}'),
    Some('\u{2021}'),
    Some('\u{02c6}'),
    Some('\u{2030}'),
    Some('\u{0160}'),
    Some('\u{2039}'),
    Some('\u{0152}'),
    None,
    Some('\u{017d}'),
    None,
    None,
    Some('\u{2018}'),
    Some('\u{2019}'),
    Some('\u{201c}'),
    Some('\u{201d}'),
    Some('\u{2022}'),
    Some('\u{2013}'),
    Some('\u{2014}'),
    Some('\u{02dc}'),
    Some('\u{2122}'),
    Some('\u{0161}'),
    Some('\u{203a}'),
    Some('\u{0153}'),
    None,
    Some('\u{017e}'),
    Some('\u{0178}'),
];

/// Returns the text of the bytes, or `None` if they are not of the encoding.
pub(super) fn decode(bytes: &[u8], encoding: Encoding) -> Option<Cow<'_, str>> {
    match std::str::from_utf8(bytes) {
        Ok(text) if encoding == Encoding::Utf8 || text.is_ascii() => Some(Cow::Borrowed(text)),
        _ if encoding == Encoding::Utf8 => None,
        _ => bytes.iter().map(|byte| western(*byte)).collect::<Option<String>>().map(Cow::Owned),
    }
}

fn western(byte: u8) -> Option<char> {
    match byte.checked_sub(0x80) {
        Some(upper) if upper < 0x20 => UPPER.get(usize::from(upper)).copied().flatten(),
        _ => Some(char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_the_letters_of_their_encoding() {
        let western = |bytes| decode(bytes, Encoding::Windows1252).map(Cow::into_owned);
        assert_eq!(western(b"Gr\xf6\xdfe \x80\x9f"), Some("Größe €Ÿ".to_owned()));
        assert_eq!(western("ö".as_bytes()), Some("Ã¶".to_owned()));
        assert_eq!(western(b"\x81"), None);
        assert_eq!(decode("ö".as_bytes(), Encoding::Utf8).as_deref(), Some("ö"));
        assert_eq!(decode(b"\xf6", Encoding::Utf8), None);
    }
}
