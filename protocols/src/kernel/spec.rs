//! The spec of a computation, and its comparison field by field.

use std::collections::BTreeMap;
use std::fmt;

use crate::kernel::wire;
use serde::{Deserialize, Serialize};

/// The canonical description of a computation, which all its parties must agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The function's name in the catalogue.
    pub function: String,
    /// Its parameters in canonical text, by name.
    pub parameters: BTreeMap<String, String>,
    /// Public sizes that must be equal at all parties, such as the length of a vector.
    pub shape: BTreeMap<String, u64>,
    /// The members that take part, in order: the parties that bring data, then the helpers.
    pub members: Vec<MemberId>,
    /// The number of helpers. They are the last members, and compute on shares without data of
    /// their own.
    pub helpers: u64,
    /// The suite.
    pub suite: String,
    /// The name that the clients gave to their network.
    pub network: String,
    /// The number of this computation under that name, from 0.
    pub run: u64,
}

/// A member as every party knows it: by name and pinned certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MemberId {
    /// Its name in the consortium file.
    pub name: String,
    /// The SHA-256 fingerprint of its first certificate in the consortium file.
    #[serde(with = "wire::digest")]
    pub fingerprint: [u8; 32],
}

/// The first difference between two specs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The name of the field.
    pub field: String,
    /// This party's value.
    pub ours: String,
    /// The other party's value.
    pub theirs: String,
}

impl Spec {
    /// Returns the number of parties that bring data: all members but the helpers.
    #[must_use]
    pub fn inputs(&self) -> usize {
        let helpers = usize::try_from(self.helpers).unwrap_or(usize::MAX);
        self.members.len().saturating_sub(helpers)
    }

    /// Returns the first field in which `theirs` differs from this spec.
    #[must_use]
    pub fn first_difference(&self, theirs: &Self) -> Option<Difference> {
        let field = |name: &str, ours: &dyn fmt::Display, theirs: &dyn fmt::Display| Difference {
            field: name.to_owned(),
            ours: shorten(&ours.to_string()),
            theirs: shorten(&theirs.to_string()),
        };
        if self.network != theirs.network {
            return Some(field("network", &self.network, &theirs.network));
        }
        if self.run != theirs.run {
            return Some(field("run", &self.run, &theirs.run));
        }
        if self.function != theirs.function {
            return Some(field("function", &self.function, &theirs.function));
        }
        if self.members != theirs.members {
            return Some(field("members", &names(&self.members), &names(&theirs.members)));
        }
        if self.helpers != theirs.helpers {
            return Some(field("helpers", &self.helpers, &theirs.helpers));
        }
        if self.suite != theirs.suite {
            return Some(field("suite", &self.suite, &theirs.suite));
        }
        differing_entry(&self.parameters, &theirs.parameters)
            .map(|(name, a, b)| field(&format!("parameters.{name}"), &a, &b))
            .or_else(|| {
                differing_entry(&self.shape, &theirs.shape).map(|(name, a, b)| field(name, &a, &b))
            })
    }
}

fn names(members: &[MemberId]) -> String {
    let names: Vec<String> = members.iter().map(MemberId::to_string).collect();
    names.join(", ")
}

fn differing_entry<'a, V: PartialEq + fmt::Display>(
    ours: &'a BTreeMap<String, V>,
    theirs: &'a BTreeMap<String, V>,
) -> Option<(&'a str, String, String)> {
    let text = |value: Option<&V>| value.map_or_else(|| "not given".to_owned(), V::to_string);
    let mut keys: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
    keys.sort();
    keys.into_iter()
        .find(|key| ours.get(*key) != theirs.get(*key))
        .map(|key| (key.as_str(), text(ours.get(key)), text(theirs.get(key))))
}

/// Shortens a text that people read, and makes it one line. A list of ten thousand categories is
/// too long for them, and a peer's text must not end the line of a log.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 80;
    let visible = |c: char| {
        if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
    };
    let start: String = text.chars().take(SHOWN).map(visible).collect();
    if text.chars().nth(SHOWN).is_some() { format!("{start}…") } else { start }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, ours, theirs } = self;
        write!(f, "field `{field}` is {ours} here and {theirs} there")
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.fingerprint;
        write!(f, "{} ({a:02x}{b:02x}{c:02x}{d:02x}…)", self.name)
    }
}
