//! Text from clients and peers as messages show it: of bounded length, and with every character
//! visible.

/// The most that is shown of a name, in characters.
const LONGEST: usize = 100;

/// Shows a name that came from outside: its first characters, and `…` where it goes on.
#[must_use]
pub fn shown(name: &str) -> String {
    shown_up_to(name, LONGEST)
}

/// Shows a text in at most `longest` characters, and `…` where it goes on. Control characters and
/// others that would not be seen are escaped.
#[must_use]
pub fn shown_up_to(text: &str, longest: usize) -> String {
    let mut visible = text.chars().flat_map(visible);
    let mut shown: String = visible.by_ref().take(longest).collect();
    if visible.next().is_some() {
        shown.push('…');
    }
    shown
}

fn visible(c: char) -> impl Iterator<Item = char> {
    // Quotes and backslashes are seen as they are: a text that was shown once stays the same.
    let plain = matches!(c, '"' | '\'' | '\\').then_some(c);
    let escaped = plain.is_none().then(|| c.escape_debug());
    plain.into_iter().chain(escaped.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_visible_and_long_texts_are_cut() {
        assert_eq!(shown("größe \"of\" 'all' \\ 年"), "größe \"of\" 'all' \\ 年");
        assert_eq!(shown("a\r\n\u{1b}[2J\u{202e}\0"), "a\\r\\n\\u{1b}[2J\\u{202e}\\0");
        assert_eq!(shown(&"x".repeat(100)), "x".repeat(100));
        assert_eq!(shown(&"\u{1b}".repeat(1 << 20)).chars().count(), 101);
        assert_eq!(shown_up_to("abcd", 3), "abc…");
        let once = shown("a\nb\\");
        assert_eq!(shown(&once), once);
    }
}
