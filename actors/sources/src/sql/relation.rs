//! What is read of a database, as the source of a `FROM`: a quoted name, or a query in
//! parentheses.
//!
//! Parentheses admit nothing but a `SELECT`. That a query is a single statement is for PostgreSQL
//! and MySQL to check, whose prepared statements are single; SQLite runs as many as it is given,
//! so here a semicolon outside of quotes and comments is refused for all.

use crate::error::DeclarationError;

/// Words of statements that write, or that change what is there.
const WRITING: [&str; 16] = [
    "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "TRUNCATE", "CREATE", "ALTER", "DROP",
    "GRANT", "REVOKE", "INTO", "ATTACH", "PRAGMA", "COPY", "CALL",
];

/// A table's name, quoted; points part the schema from the name.
pub(super) fn table(name: &str, quote: char) -> String {
    let parts: Vec<_> = name.split('.').map(|part| quoted(part, quote)).collect();
    parts.join(".")
}

/// A name in quotes, those in it doubled.
pub(super) fn quoted(name: &str, quote: char) -> String {
    let doubled = name.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{doubled}{quote}")
}

/// A query as a table.
pub(super) fn query(text: &str) -> Result<String, DeclarationError> {
    let bare = text.trim().trim_end_matches(';').trim_end();
    let words = Words::of(bare);
    let reads = words.list.first().is_some_and(|first| {
        ["SELECT", "WITH", "VALUES", "TABLE"].iter().any(|word| first.eq_ignore_ascii_case(word))
    });
    if !reads || words.several {
        return Err(DeclarationError::QueryWrites);
    }
    // On a line of its own, for a comment at the end of the query not to swallow it.
    Ok(format!("({bare}\n) AS source"))
}

/// Whether a query that a database did not accept looks as if it wrote.
pub(super) fn looks_writing(from: &str) -> bool {
    let words = Words::of(from).list;
    words.iter().any(|word| WRITING.iter().any(|writing| word.eq_ignore_ascii_case(writing)))
}

/// The words of a query outside of quotes and comments.
struct Words<'a> {
    list: Vec<&'a str>,
    /// Whether a semicolon parts statements.
    several: bool,
}

impl<'a> Words<'a> {
    /// As SQLite reads it, where this is what stops a second statement; close enough for others,
    /// where it only chooses the words of an error.
    fn of(text: &'a str) -> Self {
        let mut words = Self { list: Vec::new(), several: false };
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
            words.several |= first == ';';
            rest = behind;
        }
        words
    }
}

/// Where what was opened ends; a doubled quote ends one text and opens the next.
fn after(text: &str, opening: usize, closing: &str) -> usize {
    let inner = text.get(opening..).unwrap_or_default();
    let end =
        inner.find(closing).map(|at| opening.saturating_add(at).saturating_add(closing.len()));
    end.unwrap_or(text.len())
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
