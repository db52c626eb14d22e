//! Pieces of SQL, in which constants are bound and never written.

use crate::filter::Constant;

/// SQL text with constants to be bound.
#[derive(Clone, Default)]
pub(super) struct Fragment(Vec<Piece>);

#[derive(Clone)]
enum Piece {
    Text(String),
    Constant(Constant),
}

impl Fragment {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    pub(super) fn constant(constant: Constant) -> Self {
        Self(vec![Piece::Constant(constant)])
    }

    pub(super) fn then(mut self, mut other: Self) -> Self {
        self.0.append(&mut other.0);
        self
    }

    /// Writes the text with placeholders, and returns the constants in their order. `placeholder`
    /// writes the place of the constant of that number, from 1.
    pub(super) fn render(self, placeholder: fn(usize) -> String) -> (String, Vec<Constant>) {
        let mut text = String::new();
        let mut constants = Vec::new();
        for piece in self.0 {
            match piece {
                Piece::Text(part) => text.push_str(&part),
                Piece::Constant(constant) => {
                    constants.push(constant);
                    text.push_str(&placeholder(constants.len()));
                }
            }
        }
        (text, constants)
    }
}

/// Joins conditions in parentheses, or returns `None` if there are none.
pub(super) fn joined(parts: Vec<Fragment>, between: &str) -> Option<Fragment> {
    let mut parts = parts.into_iter();
    let mut all = Fragment::text("(").then(parts.next()?);
    for part in parts {
        all = all.then(Fragment::text(between)).then(part);
    }
    Some(all.then(Fragment::text(")")))
}
