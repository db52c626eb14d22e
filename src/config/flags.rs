//! The strongest layer: flags such as `limits.rows=1000`; and how values are read that a person
//! typed.

use toml::{Table, Value};

use super::{Complaint, Layers, Name, Source};

impl Layers {
    /// Takes in flags, in their order.
    pub(super) fn add_flags(&mut self, flags: &[String]) {
        for given in flags {
            let Some((name, text)) = split(given) else {
                let message = format!(
                    "`--set {given}` sets nothing: write it as NAME=VALUE, like limits.rows=1000"
                );
                self.complaints.push(Complaint { name: Name::new(), source: None, message });
                continue;
            };
            let source = Source::Flag { given: given.clone(), text: text.to_owned() };
            self.set(name, value_of(text), source);
        }
    }
}

/// Parses a value of TOML, or else takes the text itself: quotation marks are the shell's, too.
pub(super) fn value_of(text: &str) -> Value {
    let mut parsed: Table = match toml::from_str(&format!("value = {text}")) {
        Ok(parsed) => parsed,
        Err(_) => return Value::from(text),
    };
    let value = parsed.remove("value");
    // More than one line is no value.
    value.filter(|_| parsed.is_empty()).unwrap_or_else(|| Value::from(text))
}

/// Splits a flag into its name, part by part, and its value.
fn split(given: &str) -> Option<(Name, &str)> {
    let (name, text) = given.split_once('=')?;
    let mut name_alone: Table = toml::from_str(&format!("{name} = 0")).ok()?;
    let mut parts = Name::new();
    loop {
        let (part, value) = name_alone.into_iter().next()?;
        parts.push(part);
        match value {
            Value::Table(inside) => name_alone = inside,
            _ => return Some((parts, text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_names_of_toml_and_values() {
        let parts = |given| split(given).map(|(name, text)| (name.join("|"), text));
        assert_eq!(parts("limits.rows=1000"), Some(("limits|rows".into(), "1000")));
        assert_eq!(
            parts("policy.dataset.\"a.b\".min_rows=5").unwrap().0,
            "policy|dataset|a.b|min_rows"
        );
        assert_eq!(parts("party=a=b"), Some(("party".into(), "a=b")));
        for wrong in ["party", "=1", "a b=1", ""] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_are_those_of_toml_or_texts() {
        assert_eq!(value_of("1000"), Value::from(1000));
        assert_eq!(value_of("true"), Value::from(true));
        assert_eq!(value_of("[\"a\"]"), Value::from(vec!["a"]));
        assert_eq!(value_of("\"1000\""), Value::from("1000"));
        for text in ["127.0.0.1:80", "clinic-a", "", "1\nx = 2"] {
            assert_eq!(value_of(text), Value::from(text));
        }
    }
}
