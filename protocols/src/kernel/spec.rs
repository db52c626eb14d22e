//! The spec of a computation, and its comparison field by field.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::algebra::input_error::InputError;
use crate::kernel::members::MemberList;
pub use crate::kernel::members::{Member, MemberId, Roster};
pub use crate::kernel::roles::{Role, Roles};
use crate::kernel::wire;

/// The canonical description of a computation, which all its parties must agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The function's name in the catalogue.
    pub function: String,
    /// Its parameters in canonical text, by name.
    pub parameters: BTreeMap<String, String>,
    /// Public sizes that must be equal at all parties, such as the length of a vector.
    pub shape: BTreeMap<String, u64>,
    /// The members that take part, in order, with their roles.
    pub members: Vec<Member>,
    /// The suite.
    pub suite: String,
    /// The name that the clients gave to their network.
    pub network: String,
    /// The number of this computation under that name, from 0.
    pub run: u64,
}

/// A spec as it travels: its members by their places in the consortium file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SentSpec {
    function: String,
    parameters: BTreeMap<String, String>,
    shape: BTreeMap<String, u64>,
    members: MemberList,
    suite: String,
    network: String,
    #[serde(with = "wire::fixed")]
    run: u64,
}

/// Reads one part of a role.
type Part = fn(&Role) -> bool;

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
    /// Returns the ids of the members, in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &MemberId> {
        self.members.iter().map(|member| &member.id)
    }

    /// Returns the members' roles.
    ///
    /// # Errors
    /// If no computation can have such roles.
    pub fn roles(&self) -> Result<Roles, InputError> {
        Roles::new(self.members.iter().map(|member| member.role).collect())
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
        if !self.ids().eq(theirs.ids()) {
            return Some(field("members", &self.members_text(), &theirs.members_text()));
        }
        if let Some((part, has)) = self.differing_part(theirs) {
            return Some(field(part, &names(&self.members, has), &names(&theirs.members, has)));
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

    pub(super) fn members_text(&self) -> String {
        self.ids().map(MemberId::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Finds the first part of roles that not the same members have, and its name as a field.
    fn differing_part(&self, theirs: &Self) -> Option<(&'static str, Part)> {
        let parts: [(&str, Part); 3] = [
            ("roles.input", |role| role.input),
            ("roles.compute", |role| role.compute),
            ("roles.output", |role| role.output),
        ];
        parts.into_iter().find(|(_, has)| {
            let [ours, theirs] =
                [self, theirs].map(|spec| spec.members.iter().map(|member| has(&member.role)));
            !ours.eq(theirs)
        })
    }
}

impl SentSpec {
    /// Makes the form of `spec` that travels.
    ///
    /// # Errors
    /// If a member is none of the consortium.
    pub(super) fn new(spec: &Spec, roster: &Roster) -> Result<Self, InputError> {
        let Spec { function, parameters, shape, members, suite, network, run } = spec.clone();
        let members = MemberList::new(&members, roster)?;
        Ok(Self { function, parameters, shape, members, suite, network, run })
    }

    /// Returns the spec; none if the consortium has no such members.
    pub(super) fn read(self, roster: &Roster) -> Option<Spec> {
        let Self { function, parameters, shape, members, suite, network, run } = self;
        let members = members.read(roster)?;
        Some(Spec { function, parameters, shape, members, suite, network, run })
    }

    /// Returns whether the sender knows these members as this party does.
    pub(super) fn is_of(&self, members: &[Member]) -> bool {
        self.members.is_of(members)
    }
}

/// Lists the names of the members whose roles have this part.
fn names(members: &[Member], has: Part) -> String {
    let members = members.iter().filter(|member| has(&member.role));
    let names: Vec<&str> = members.map(|member| member.id.name.as_str()).collect();
    if names.is_empty() { "no member".to_owned() } else { names.join(", ") }
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

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::rules::Profile;
    use crate::testing::offer;

    pub(in crate::kernel) fn role() -> impl Strategy<Value = Role> {
        let parts = (any::<bool>(), any::<bool>(), any::<bool>());
        parts.prop_map(|(input, compute, output)| Role { input, compute, output })
    }

    proptest! {
        #[test]
        fn what_the_constructor_accepts_comes_back_from_the_wire(
            list in prop::collection::vec(role(), 0..9),
        ) {
            let Ok(roles) = Roles::new(list.clone()) else { return Ok(()) };
            let mut offer = offer(list.len(), Profile::Teaching.rules());
            let spec = &mut offer.spec;
            spec.members = Member::with_roles(spec.ids().cloned().collect(), &roles).unwrap();
            let sent = wire::encode(&SentSpec::new(spec, &offer.roster).unwrap()).unwrap();
            let read = wire::decode::<SentSpec>(&sent).unwrap().read(&offer.roster).unwrap();
            prop_assert_eq!(read.roles(), Ok(roles.clone()));
            prop_assert_eq!(&read, spec);
            prop_assert!(roles.iter().eq(list));
        }
    }
}
