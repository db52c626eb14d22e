//! Names of columns as people write them: `age,"Blutdruck, syst."`.
//!
//! A name stands as it is, or in double quotes, in which a quote is written twice. Only names with a
//! comma, a quote, or blanks at their ends need quotes.

/// Parses a list of names, separated by commas. Returns `None` if a name is empty or a quote does
/// not end.
#[must_use]
pub fn column_list(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = column_name(rest, &[','])?;
        names.push(name);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return after.is_empty().then_some(names),
        }
    }
}

/// Parses one name, which ends before one of `ends` or with the text. Returns it with what follows.
#[must_use]
pub fn column_name<'a>(text: &'a str, ends: &[char]) -> Option<(String, &'a str)> {
    let text = text.trim_start();
    let (name, rest) = match text.strip_prefix('"') {
        Some(quoted) => {
            let (name, rest) = unquoted(quoted)?;
            (name, rest.trim_start())
        }
        None => {
            let end = text.find(ends).unwrap_or(text.len());
            let (name, rest) = text.split_at_checked(end)?;
            (name.trim_end().to_owned(), rest)
        }
    };
    let is_whole = rest.is_empty() || rest.starts_with(ends);
    (is_whole && !name.is_empty()).then_some((name, rest))
}

/// Reads up to the closing quote. Returns the name with what follows the quote.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_any_characters() {
        for (text, names) in [
            ("age", &["age"][..]),
            ("age, risk", &["age", "risk"]),
            ("Körpergröße (cm)", &["Körpergröße (cm)"]),
            ("1st,dot.name,a:b", &["1st", "dot.name", "a:b"]),
            ("\"Blutdruck, syst.\",age", &["Blutdruck, syst.", "age"]),
            ("\"q\"\"uote\" , \" x \"", &["q\"uote", " x "]),
            ("it\"s", &["it\"s"]),
        ] {
            assert_eq!(column_list(text).unwrap(), names, "{text}");
        }
        for wrong in ["", "a,", ",a", "\"a", "\"a\"b", "\"\""] {
            assert_eq!(column_list(wrong), None, "{wrong}");
        }
        assert_eq!(column_name("\"a:b\":text", &[':']), Some(("a:b".to_owned(), ":text")));
    }
}
