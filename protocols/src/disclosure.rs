//! What may be opened: the rules of all parties, and the value that proves they were met.
//!
//! A value that may leave a node is an [`Opened`]. Only the opening step of a computation makes
//! one, and only with a [`Permit`], which only [`JointRules`] give. Nothing here decides which
//! client may run what on which data: that is the node's policy.
//!
//! **Whose rules.** Every member has its own rules and says them in its proposal; of each rule the
//! strictest holds, and the first member in the agreed order that has it decides
//! ([`JointRules`]). Results and refusals name it.
//!
//! **When they are asked.** The number of parties and the sources of their columns are known when the
//! parties have agreed. Rules on the joint data (rows, the largest party's share, cells of tables) are
//! decided under sharing, before anything else is opened, by the three nodes that compute on shares
//! (see the module `gate`): a refusal tells that a rule is not met, and not by how much. Without three
//! such nodes the computation is refused.
//!
//! **What the rules assume.** Rows, cells, and where columns come from are what the parties say they
//! are: each counts its own rows, and one that adds rows which nobody has lifts a total or a cell over
//! a minimum, or hides that another party dominates. A member that repeats a computation under changing
//! rules of its own learns from each refusal one bit more. Vectors and matrices are not rows, and the rules
//! on rows, shares and small cells do not apply to them. Of columns that
//! parties have of the same rows, all are told how many rows there are, and the rules on rows and on the smallest
//! count are asked of that number. A small cell is not opened to anybody; who
//! knows totals or other tables may work it out.
//!
//! A number by its rank (an extreme, a median, a quantile) is the number of a single row, and is
//! shown: that is what these functions are for. How many of them one computation may show is bounded
//! where small counts are withheld (see the statistics on shares).
//!
//! What no rule here speaks to: that two computations which differ in their members, their rows or
//! their run are not subtracted from each other (differencing). That needs a memory, which is the
//! node's.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::party::Party;
pub use crate::refusal::Refusal;
use crate::session::MemberId;

/// Rules for what a joint computation may open. Each party has its own; the strictest hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The fewest parties with data that may compute together.
    pub min_parties: u16,
    /// The fewest rows in all parties' data together, each party counting its own; where parties have
    /// columns of the same rows, the fewest of these. Says nothing of vectors and matrices.
    pub min_rows: u64,
    /// The smallest count that a table may show; smaller ones are not opened. Says nothing of
    /// vectors and matrices.
    pub min_cell: u64,
    /// The largest part in percent, from 1 to 100, that one party may have of a sum, or of the rows
    /// where there is no sum; 100 is no rule. Says nothing of vectors and matrices.
    pub max_share: u8,
    /// Whether a party that brings in a dataset takes part if another brings in columns that a client
    /// has made.
    pub client_columns: bool,
}

/// One of the [`Rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// [`Rules::min_parties`].
    MinParties,
    /// [`Rules::min_rows`].
    MinRows,
    /// [`Rules::min_cell`].
    MinCell,
    /// [`Rules::max_share`].
    MaxShare,
    /// [`Rules::client_columns`].
    ClientColumns,
}

/// The rules that hold in a computation, the strictest of all members', and whose each of them is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JointRules {
    rules: Rules,
    /// In the order of [`Rule::ALL`].
    deciders: [Party; Rule::ALL.len()],
}

/// The name under which a node's operator chooses rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// For real data: at least 3 parties, at least 10 rows, no table cell below 5, no party with more
    /// than 90 percent, no columns of clients beside datasets. See the top of this module for what
    /// it does not protect from.
    #[default]
    Production,
    /// For trying out: 2 parties, 1 row, and nothing else asked. Protects nobody.
    Teaching,
}

/// Proof that the agreed rules allow to open what is about to be opened.
#[derive(Debug)]
pub struct Permit {
    joint: JointRules,
    /// The number of rows, if it was opened.
    rows: Option<u64>,
}

/// A result that all parties agreed to open. The only kind of computed value that may leave a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Opened<T>(T);

impl Profile {
    /// The rules behind the name.
    #[must_use]
    pub fn rules(self) -> Rules {
        match self {
            Self::Production => Rules {
                min_parties: 3,
                min_rows: 10,
                min_cell: 5,
                max_share: 90,
                client_columns: false,
            },
            Self::Teaching => Rules {
                min_parties: 2,
                min_rows: 1,
                min_cell: 1,
                max_share: 100,
                client_columns: true,
            },
        }
    }

    /// The name as it stands in settings and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Teaching => "teaching",
        }
    }
}

impl Rules {
    /// The rules that satisfy both.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            min_parties: self.min_parties.max(other.min_parties),
            min_rows: self.min_rows.max(other.min_rows),
            min_cell: self.min_cell.max(other.min_cell),
            max_share: self.max_share.min(other.max_share),
            client_columns: self.client_columns && other.client_columns,
        }
    }

    /// Whether the minima are numbers that counts of rows can reach, and the share a part of a whole:
    /// then nothing that is compared with them can overflow.
    pub(crate) fn are_sensible(&self) -> bool {
        const BEYOND: u64 = 1 << 62;
        self.min_rows < BEYOND && self.min_cell < BEYOND && (1..=100).contains(&self.max_share)
    }

    /// Whether the rule on rows asks anything.
    pub(crate) fn ask_for_rows(&self) -> bool {
        self.min_rows > 1
    }

    /// Whether the rule on the largest party asks anything.
    pub(crate) fn ask_for_shares(&self) -> bool {
        self.max_share < 100
    }

    /// Whether there are counts that may not be shown.
    pub(crate) fn ask_for_cells(&self) -> bool {
        self.min_cell > 1
    }

    fn is_as_strict(&self, other: &Self, rule: Rule) -> bool {
        match rule {
            Rule::MinParties => self.min_parties == other.min_parties,
            Rule::MinRows => self.min_rows == other.min_rows,
            Rule::MinCell => self.min_cell == other.min_cell,
            Rule::MaxShare => self.max_share == other.max_share,
            Rule::ClientColumns => self.client_columns == other.client_columns,
        }
    }
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::MinParties, Self::MinRows, Self::MinCell, Self::MaxShare, Self::ClientColumns];

    /// The name as it stands in settings and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MinParties => "min_parties",
            Self::MinRows => "min_rows",
            Self::MinCell => "min_cell",
            Self::MaxShare => "max_share",
            Self::ClientColumns => "client_columns",
        }
    }
}

impl JointRules {
    /// The strictest of all members' rules, which are in order. None of nobody.
    pub(crate) fn of(members: &[(Party, Rules)]) -> Option<Self> {
        let (first, _) = *members.first()?;
        let rules = members.iter().map(|(_, rules)| *rules).reduce(Rules::strictest)?;
        let decider = |rule: Rule| {
            let strictest = members.iter().find(|(_, own)| own.is_as_strict(&rules, rule));
            strictest.map_or(first, |(party, _)| *party)
        };
        Some(Self { rules, deciders: Rule::ALL.map(decider) })
    }

    /// The strictest of each rule.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whose rule holds: the first member's, in the agreed order, that has the strictest.
    #[must_use]
    pub fn decider(&self, rule: Rule) -> Party {
        let deciders = Rule::ALL.iter().zip(&self.deciders);
        let decider = deciders.into_iter().find(|(other, _)| **other == rule);
        decider.map_or(self.deciders[0], |(_, party)| *party)
    }

    /// For each rule by name, the name of the member whose rule holds.
    #[must_use]
    pub fn decided_by(&self, members: &[MemberId]) -> BTreeMap<&'static str, String> {
        let name = |party: Party| match members.get(party.index()) {
            Some(member) => member.name.clone(),
            None => party.to_string(),
        };
        Rule::ALL.into_iter().map(|rule| (rule.name(), name(self.decider(rule)))).collect()
    }

    /// Whether so many parties with data may compute together at all.
    pub(crate) fn check_parties(&self, parties: usize) -> Result<(), Refusal> {
        let (minimum, of) = (self.rules.min_parties, self.decider(Rule::MinParties));
        match parties < usize::from(minimum) {
            true => Err(Refusal::TooFewParties { parties, minimum, of }),
            false => Ok(()),
        }
    }

    /// The refusal if there are too few rows.
    pub(crate) fn too_few_rows(&self) -> Refusal {
        Refusal::TooFewRows { minimum: self.rules.min_rows, of: self.decider(Rule::MinRows) }
    }

    /// The refusal if one party has too much.
    pub(crate) fn dominated(&self) -> Refusal {
        Refusal::Dominated { percent: self.rules.max_share, of: self.decider(Rule::MaxShare) }
    }

    /// The refusal if nobody can decide on shares what a rule asks.
    pub(crate) fn no_committee(&self, rule: Rule, serving: usize) -> Refusal {
        Refusal::NoCommittee { rule, of: self.decider(rule), serving }
    }

    /// Leave to open what so many parties computed, after everything that the rules ask of the joint
    /// data was found to be so. `rows` is their number where it was opened.
    pub(crate) fn permit(&self, parties: usize, rows: Option<u64>) -> Result<Permit, Refusal> {
        self.check_parties(parties)?;
        rows.map_or(Ok(()), |rows| self.check_rows(rows))?;
        Ok(Permit { joint: *self, rows })
    }

    fn check_rows(&self, rows: u64) -> Result<(), Refusal> {
        match rows < self.rules.min_rows {
            true => Err(self.too_few_rows()),
            false => Ok(()),
        }
    }
}

impl Permit {
    /// Whether an opened number of rows can be the one that the permit was given for: the same where
    /// that one was opened, else enough.
    #[must_use]
    pub fn agrees_with(&self, rows: u64) -> bool {
        let enough = !self.joint.rules.ask_for_rows() || rows >= self.joint.rules.min_rows;
        self.rows.map_or(enough, |counted| counted == rows)
    }

    /// The refusal of too few rows, where a function tells all members how many there are.
    pub(crate) fn check_rows(&self, rows: u64) -> Result<(), Refusal> {
        self.joint.check_rows(rows)
    }

    /// The fewest rows, if a rule asks for more than one.
    pub(crate) fn least_rows(&self) -> Option<u64> {
        let rules = &self.joint.rules;
        rules.ask_for_rows().then_some(rules.min_rows)
    }

    /// The refusal of too few rows, where nobody has seen how many there are.
    pub(crate) fn too_few_rows(&self) -> Refusal {
        self.joint.too_few_rows()
    }

    /// Whether there are counts that may not be shown.
    #[must_use]
    pub fn withholds(&self) -> bool {
        self.joint.rules.ask_for_cells()
    }

    /// The smallest count that may be shown, where small ones are not; 1 at least.
    #[must_use]
    pub fn least_shown(&self) -> u64 {
        self.joint.rules.min_cell.max(1)
    }

    /// The refusal of an answer that would show single rows.
    pub(crate) fn shows_single_rows(&self) -> Refusal {
        Refusal::SingleRows { of: self.joint.decider(Rule::MinCell) }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<T> Opened<T> {
    /// Marks `value` as opened. `_permit` proves that it may be.
    pub(crate) fn by(_permit: &Permit, value: T) -> Self {
        Self(value)
    }

    /// The opened value.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(index: usize) -> Party {
        Party::new(index).unwrap()
    }

    fn joint(members: &[Rules]) -> JointRules {
        let members: Vec<_> = (0..).map(party).zip(members.iter().copied()).collect();
        JointRules::of(&members).unwrap()
    }

    fn production() -> JointRules {
        joint(&[Profile::Production.rules()])
    }

    #[test]
    fn the_strictest_of_each_rule_holds_and_the_first_that_has_it_decides() {
        let teaching = Profile::Teaching.rules();
        let odd = Rules { min_rows: 50, max_share: 60, ..teaching };
        let joint = joint(&[teaching, odd, Profile::Production.rules(), odd]);
        let due = Rules { min_rows: 50, max_share: 60, ..Profile::Production.rules() };
        assert_eq!(*joint.rules(), due);
        let deciders = Rule::ALL.map(|rule| joint.decider(rule).index());
        assert_eq!(deciders, [2, 1, 2, 1, 2]);
        let member = |name: &str| MemberId { name: name.into(), fingerprint: [0; 32] };
        let named = joint.decided_by(&["a", "b", "c", "d"].map(member));
        let due = [
            ("min_parties", "c"),
            ("min_rows", "b"),
            ("min_cell", "c"),
            ("max_share", "b"),
            ("client_columns", "c"),
        ];
        assert_eq!(named, due.map(|(rule, name)| (rule, name.to_owned())).into());
    }

    #[test]
    fn rules_that_nothing_can_be_compared_with_are_not_sensible() {
        let rules = Profile::Production.rules();
        assert!(rules.are_sensible() && Profile::Teaching.rules().are_sensible());
        for bad in [
            Rules { min_rows: 1 << 62, ..rules },
            Rules { min_cell: u64::MAX, ..rules },
            Rules { max_share: 0, ..rules },
            Rules { max_share: 101, ..rules },
        ] {
            assert!(!bad.are_sensible(), "{bad:?}");
        }
    }

    #[test]
    fn too_few_parties_or_rows_are_refused() {
        let (rules, of) = (production(), party(0));
        assert!(rules.permit(3, Some(10)).is_ok());
        let parties = Refusal::TooFewParties { parties: 2, minimum: 3, of };
        assert_eq!(rules.permit(2, Some(10)).unwrap_err(), parties);
        let rows = Refusal::TooFewRows { minimum: 10, of };
        assert_eq!(rules.permit(3, Some(9)).unwrap_err(), rows);
        assert!(rules.permit(3, None).is_ok());
        assert!(rules.permit(2, None).is_err());
    }

    #[test]
    fn a_permit_is_for_the_rows_that_were_counted_or_found_enough() {
        let counted = production().permit(3, Some(10)).unwrap();
        assert!(counted.agrees_with(10) && !counted.agrees_with(9) && !counted.agrees_with(11));
        let uncounted = production().permit(3, None).unwrap();
        assert!(uncounted.agrees_with(10) && !uncounted.agrees_with(9) && uncounted.withholds());
        let all_shown = joint(&[Profile::Teaching.rules()]).permit(2, None).unwrap();
        assert!(!all_shown.withholds() && all_shown.agrees_with(0));
    }
}
