//! The source of a `FROM`: a quoted name of a table, or a query in parentheses.
//!
//! Parentheses admit nothing but a `SELECT`. PostgreSQL and MySQL prepare single statements only.
//! SQLite runs any number of statements, so a semicolon outside of quotes and comments is refused
//! here for all.

use crate::error::DeclarationError;
use crate::source::Relation;

/// The words of statements that write data or change tables.
const WRITING: [&str; 16] = [
    "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "TRUNCATE", "CREATE", "ALTER", "DROP",
    "GRANT", "REVOKE", "INTO", "ATTACH", "PRAGMA", "COPY", "CALL",
];

/// The first words of statements that read.
const READING: [&str; 4] = ["SELECT", "WITH", "VALUES", "TABLE"];

/// Writes a table or query as the source of a `FROM`.
pub(super) fn from_clause(relation: &Relation, quote: char) -> Result<String, DeclarationError> {
    match relation {
        Relation::Table(name) => Ok(table(name, quote)),
        Relation::Query(text) => query(text),
    }
}

/// Quotes a table's name. Points separate the schema from the name. A part in quotes is taken as it
/// stands in them, as in `"My.Schema"."T"`.
fn table(name: &str, quote: char) -> String {
    let parts = quoted_parts(name, quote);
    let parts = parts.unwrap_or_else(|| name.split('.').map(str::to_owned).collect());
    parts.iter().map(|part| quoted(part, quote)).collect::<Vec<_>>().join(".")
}

/// Splits a name of which a part stands in double quotes, or in the database's own. `None` if no
/// part does, or quotes do not match.
fn quoted_parts(name: &str, quote: char) -> Option<Vec<String>> {
    let is_quote = |sign: char| sign == '"' || sign == quote;
    if !name.contains(is_quote) {
        return None;
    }
    let mut parts = Vec::new();
    let mut rest = name;
    loop {
        let opening = rest.chars().next().filter(|sign| is_quote(*sign));
        let (part, behind) = match opening {
            Some(sign) => unquoted(rest, sign)?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if opening.is_none() && part.contains(is_quote) {
            return None;
        }
        parts.push(match opening {
            Some(sign) => part.replace(&sign.to_string().repeat(2), &sign.to_string()),
            None => part.to_owned(),
        });
        rest = match behind.strip_prefix('.') {
            Some(next) => next,
            None if behind.is_empty() => return Some(parts),
            None => return None,
        };
    }
}

/// Splits at the quote that ends the first part. Doubled ones stand for themselves.
fn unquoted(text: &str, sign: char) -> Option<(&str, &str)> {
    let inner = text.strip_prefix(sign)?;
    let mut signs = inner.match_indices(sign);
    while let Some((at, _)) = signs.next() {
        let behind = inner.get(at..)?.strip_prefix(sign)?;
        if !behind.starts_with(sign) {
            return Some((inner.get(..at)?, behind));
        }
        signs.next();
    }
    None
}

/// Quotes a name, and doubles the quotes in it.
pub(super) fn quoted(name: &str, quote: char) -> String {
    let doubled = name.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{doubled}{quote}")
}

/// Writes a query as a table.
fn query(text: &str) -> Result<String, DeclarationError> {
    let bare = text.trim().trim_end_matches(';').trim_end();
    let words = Words::of(bare);
    let reads = words.list.first().is_some_and(|first| is_one_of(first, &READING));
    if !reads || words.has_semicolon {
        return Err(DeclarationError::QueryWrites);
    }
    // The parenthesis is on a line of its own, outside of a comment at the end of the query.
    Ok(format!("({bare}\n) AS source"))
}

/// Returns `true` if a rejected query has a word of statements that write.
pub(super) fn looks_writing(from: &str) -> bool {
    Words::of(from).list.iter().any(|word| is_one_of(word, &WRITING))
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

/// The words of a query outside of quotes and comments.
struct Words<'a> {
    list: Vec<&'a str>,
    /// `true` if there is a semicolon outside of quotes and comments.
    has_semicolon: bool,
}

impl<'a> Words<'a> {
    /// Splits a query as SQLite does, because there this check stops a second statement. For other
    /// databases it only chooses the message of an error.
    fn of(text: &'a str) -> Self {
        let mut words = Self { list: Vec::new(), has_semicolon: false };
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '\'' | '"' | '`' => after(rest, 1, &first.to_string()),
                '[' => after(rest, 1, "]"),
                '-' if rest.starts_with("--") => after(rest, 2, "\n"),
                '/' if rest.starts_with("/*") => after(rest, 2, "*/"),
                letter if is_word(letter) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                other => other.len_utf8(),
            };
            let (token, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
            if is_word(first) {
                words.list.push(token);
            }
            words.has_semicolon |= first == ';';
            rest = behind;
        }
        words
    }
}

/// Finds the end of a quoted text or comment. A doubled quote ends one text and opens the next.
fn after(text: &str, opening: usize, closing: &str) -> usize {
    let inner = text.get(opening..).unwrap_or_default();
    match inner.find(closing) {
        Some(at) => opening.saturating_add(at).saturating_add(closing.len()),
        None => text.len(),
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_quotes() {
        assert_eq!(table("clinic.patients", '"'), r#""clinic"."patients""#);
        assert_eq!(table(r#"a"; DROP TABLE b; --"#, '"'), r#""a""; DROP TABLE b; --""#);
        assert_eq!(quoted("a`b", '`'), "`a``b`");
    }

    #[test]
    fn names_may_come_in_their_quotes() {
        for (name, quote, expected) in [
            (r#""My Schema"."T""#, '"', r#""My Schema"."T""#),
            (r#"public."a.b""#, '"', r#""public"."a.b""#),
            (r#""a""b".c"#, '"', r#""a""b"."c""#),
            (r#""My Schema"."T""#, '`', "`My Schema`.`T`"),
            ("`a.b`.`c``d`", '`', "`a.b`.`c``d`"),
            // Quotes that do not match are parts of the name.
            (r#""a"b"#, '"', r#""""a""b""#),
            (r#""a"#, '"', r#""""a""#),
            (r#"a"."b""#, '"', r#""a"""."""b""""#),
            (r#""a"; DROP TABLE b; --"#, '"', r#""""a""; DROP TABLE b; --""#),
            (r#""a"".b"#, '"', r#""""a"""""."b""#),
        ] {
            assert_eq!(table(name, quote), expected, "{name}");
        }
    }

    #[test]
    fn a_query_is_one_that_reads() {
        for good in [
            "SELECT 1",
            " select ';' ; ",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "SELECT 1 -- a; comment",
            "/* ; */ SELECT \";\", `;`, [;] FROM t",
            "SELECT 'it''s; fine'",
            "VALUES (1)",
        ] {
            assert!(query(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "DELETE FROM t",
            "SELECT 1; DELETE FROM t",
            "SELECT ''; DELETE FROM t",
            "SELECT 1 /* ' */; DELETE FROM t",
            "SELECT 1 --'\n; DELETE FROM t",
            "-- SELECT\nINSERT INTO t VALUES (1)",
            "ATTACH 'x' AS y",
            "EXPLAIN SELECT 1",
        ] {
            assert!(query(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn writing_words_are_found_outside_of_texts() {
        assert!(looks_writing("(WITH x AS (delete FROM t RETURNING a) SELECT a FROM x) AS source"));
        assert!(!looks_writing("(SELECT 'delete', deleted FROM t -- update\n) AS source"));
    }
}
