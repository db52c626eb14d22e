//! The evidence that an attacker played: what it was told, and by which rules it was refused.

use std::collections::BTreeMap;

use super::world::{Refusal, Told};

/// The codes of refusals by a rule. With any other one an attack has failed by itself.
const RULES: [&str; 6] = [
    "refused_by_disclosure_rules",
    "refused_by_policy",
    "approval_needed",
    "overtaken",
    "state_older",
    "answers_forgotten",
];

/// The answers and refusals of an attack.
#[derive(Clone, Debug, Default)]
pub(super) struct Played {
    /// The answers over the rows of all parties.
    pub(super) whole: usize,
    /// The answers over the rows of the others, with a party left out.
    pub(super) partial: usize,
    /// The refusals by their codes, and by function and words.
    pub(super) refusals: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Played {
    pub(super) fn note(&mut self, function: &str, answer: &Result<Told, Refusal>) {
        match answer {
            Ok(told) if told.left_out == 0 => self.whole += 1,
            Ok(_) => self.partial += 1,
            Err(Refusal { code, message }) => {
                let of_code = self.refusals.entry(code.clone()).or_default();
                *of_code.entry(format!("{function}: {message}")).or_default() += 1;
            }
        }
    }

    /// Returns the number of answers, with a party left out or without.
    pub(super) fn answers(&self) -> usize {
        self.whole + self.partial
    }

    /// Returns the number of refusals.
    pub(super) fn refused(&self) -> usize {
        self.refusals.values().flat_map(BTreeMap::values).sum()
    }

    /// Lists the codes of refusals that no rule gives.
    pub(super) fn mistakes(&self) -> Vec<&String> {
        self.refusals.keys().filter(|code| !RULES.contains(&code.as_str())).collect()
    }
}
