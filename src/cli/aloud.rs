//! Fingerprints for people: 24 words to read aloud, six a line, and the hex digits beside them.

use cloister_certs::Fingerprint;

/// Hex digits in a group.
const GROUP: usize = 4;

/// Hex digits in a line: two lines are easier to keep one's place in than one.
const LINE: usize = 8 * GROUP;

/// Words in a line.
const WORDS_A_LINE: usize = 6;

/// Writes the words, numbered, in four lines.
pub(super) fn words(fingerprint: Fingerprint) -> String {
    let words = fingerprint.words();
    let numbered: Vec<String> =
        words.iter().zip(1..).map(|(word, number)| format!("{number:>2} {word:<8}")).collect();
    lines(numbered.chunks(WORDS_A_LINE).map(|line| line.join("  ").trim_end().to_owned()))
}

/// Writes the hex digits in groups, in two lines.
pub(super) fn grouped(fingerprint: Fingerprint) -> String {
    let digits: Vec<char> = fingerprint.to_string().chars().collect();
    lines(digits.chunks(LINE).map(|line| {
        line.chunks(GROUP)
            .map(|group| group.iter().collect::<String>())
            .collect::<Vec<_>>()
            .join(" ")
    }))
}

/// Writes both, each line set in by `margin`.
pub(super) fn both(fingerprint: Fingerprint, margin: &str) -> String {
    let text = format!("{}\n{}", words(fingerprint), grouped(fingerprint));
    lines(text.lines().map(|line| format!("{margin}{line}")))
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_aloud_is_the_fingerprint() {
        let fingerprint = Fingerprint::from_bytes([0xab; 32]);
        let text = grouped(fingerprint);
        assert!(text.starts_with("abab abab "), "{text}");
        assert_eq!(text.lines().count(), 2);
        assert_eq!(text.parse::<Fingerprint>().unwrap(), fingerprint);
        let words = words(fingerprint);
        assert_eq!(words.lines().count(), 4);
        assert!(words.starts_with(" 1 "), "{words}");
        let plain: String = words.chars().filter(|c| !c.is_ascii_digit()).collect();
        assert_eq!(plain.parse::<Fingerprint>().unwrap(), fingerprint);
    }
}
