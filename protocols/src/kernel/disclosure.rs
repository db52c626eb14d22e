//! The disclosure rules of all parties, and the value that proves they were met.
//!
//! A value that may leave a node is an [`Opened`]. Only the opening step of a computation makes
//! one, and only with a [`Permit`], which only [`JointRules`] issue. This module does not decide
//! which client may run which function on which data: that is the node's policy.
//!
//! **Joint rules.** Every member has its own rules and sends them in its proposal. The strictest of
//! each rule holds. The first member in the agreed order that has it decides ([`JointRules`]).
//! Results and refusals name this member.
//!
//! **Time of the checks.** The number of parties and the sources of their columns are known when
//! the parties have agreed. Rules on the joint data (rows, dominance, cells of tables) are decided
//! on shares, before anything else is opened. The nodes that compute on shares decide them (see the
//! module `release`). A refusal tells that a rule is not met, and not by how much. Without such
//! nodes the computation is refused.
//!
//! **Assumptions.** Rows, cells and the sources of columns are as the parties declare them. Each
//! counts its own rows. A party that adds invented rows lifts a total or a cell over a minimum, or
//! hides that another party dominates. A member that repeats a computation under changing rules of
//! its own learns from each refusal one bit more. Vectors and matrices are not rows, and the rules
//! on rows, contributions and small cells do not apply to them. If parties have columns of the same
//! rows, all are told the number of rows. The rules on rows and on the smallest count then apply to
//! that number. A small cell is opened to no member; a reader that knows totals or other tables may
//! work it out.
//!
//! **Ranks.** A number by its rank (an extreme, a median, a quantile) is the number of a single
//! row. If small counts are withheld, it is shown at the same places for all who ask ([`GRID`])
//! only, with enough rows on either side and for each of them ([`Permit::check_ranks`]). Extremes
//! and freely chosen ranks are not shown.
//!
//! **Differencing.** Two answers whose rows differ by a few tell of these. Each node remembers the
//! answers about its sources of rows, and the release check compares a new question with them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::kernel::equations::Equations;
use crate::kernel::party::Party;
pub use crate::kernel::refusal::Refusal;
pub use crate::kernel::rounding::{NoRounding, Rounding};
pub use crate::kernel::rules::{Profile, Rule, Rules};
use crate::kernel::spec::Member;

/// The rules that hold in a computation, the strictest of all members', and the member that decides
/// each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JointRules {
    rules: Rules,
    /// The deciding members, in the order of [`Rule::ALL`].
    deciders: [Party; Rule::ALL.len()],
}

/// The fractions of all rows at which quantiles are shown if small counts are withheld. They are
/// the same for all who ask: at other places for each question, all rows would be told one by one.
pub(crate) const GRID: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// The fewest rows in which a combination of one party's columns may be other than 0, where small
/// counts are withheld and its products with other parties' columns are told.
pub(crate) const FEWEST: u64 = 3;

/// The proof that the agreed rules allow an opening.
#[derive(Debug)]
pub struct Permit {
    joint: JointRules,
    /// The number of rows, if it was opened.
    rows: Option<u64>,
}

/// A result that all parties agreed to open. It is the only kind of computed value that may leave a
/// node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Opened<T>(T);

impl JointRules {
    /// Returns the strictest of all members' rules, which are in order; none without members.
    pub(crate) fn of(members: &[(Party, Rules)]) -> Option<Self> {
        let (first, _) = *members.first()?;
        let rules = members.iter().map(|(_, rules)| *rules).reduce(Rules::strictest)?;
        let decider = |rule: Rule| {
            let strictest = members.iter().find(|(_, own)| own.is_as_strict(&rules, rule));
            strictest.map_or(first, |(party, _)| *party)
        };
        Some(Self { rules, deciders: Rule::ALL.map(decider) })
    }

    /// Returns the strictest of each rule.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Returns the first member, in the agreed order, that has the strictest rule.
    #[must_use]
    pub fn decider(&self, rule: Rule) -> Party {
        let deciders = Rule::ALL.iter().zip(&self.deciders);
        let decider = deciders.into_iter().find(|(other, _)| **other == rule);
        decider.map_or(self.deciders[0], |(_, party)| *party)
    }

    /// Returns the name of the member whose rule holds, for each rule by name. No member is named for
    /// a rounding that there is not.
    #[must_use]
    pub fn decided_by(&self, members: &[Member]) -> BTreeMap<&'static str, String> {
        let name = |party: Party| match members.get(party.index()) {
            Some(member) => member.id.name.clone(),
            None => party.to_string(),
        };
        let rounds = self.rules.round.is_some();
        let rules = Rule::ALL.into_iter().filter(|rule| rounds || *rule != Rule::Round);
        rules.map(|rule| (rule.name(), name(self.decider(rule)))).collect()
    }

    /// Checks that so many parties with data may compute together at all.
    pub(crate) fn check_parties(&self, parties: usize) -> Result<(), Refusal> {
        let (minimum, of) = (self.rules.min_parties, self.decider(Rule::MinParties));
        if parties < usize::from(minimum) {
            Err(Refusal::TooFewParties { parties, minimum, of })
        } else {
            Ok(())
        }
    }

    /// Returns the refusal of too few rows for an answer that tells these equations.
    pub(crate) fn too_few_rows(&self, equations: Equations) -> Refusal {
        let (minimum, of) = (self.rules.min_rows, self.decider(Rule::MinRows));
        Refusal::TooFewRows { minimum, equations: equations.weight(), of }
    }

    /// Returns the refusal of an answer that tells these equations, and that with earlier ones tells
    /// them of too few rows.
    pub(crate) fn isolates(&self, equations: Equations) -> Refusal {
        let (minimum, of) = (self.rules.min_rows, self.decider(Rule::MinRows));
        Refusal::Isolates { minimum, equations: equations.weight(), of }
    }

    /// Returns the refusal of a party that dominates.
    pub(crate) fn dominated(&self) -> Refusal {
        Refusal::Dominated { percent: self.rules.max_share, of: self.decider(Rule::MaxShare) }
    }

    /// Returns the refusal if there is no committee to decide a rule on shares.
    pub(crate) fn no_committee(&self, rule: Rule, serving: usize) -> Refusal {
        Refusal::NoCommittee { rule, of: self.decider(rule), serving }
    }

    /// Issues the permit to open the result of so many parties, after all checks of the rules on
    /// the joint data have passed. `rows` is the number of rows, if it was opened.
    pub(crate) fn permit(&self, parties: usize, rows: Option<u64>) -> Result<Permit, Refusal> {
        self.check_parties(parties)?;
        rows.map_or(Ok(()), |rows| self.check_rows(rows, Equations::NONE))?;
        Ok(Permit { joint: *self, rows })
    }

    fn check_rows(&self, rows: u64, equations: Equations) -> Result<(), Refusal> {
        let weight = if self.rules.ask_for_rows() { equations.weight() } else { 0 };
        if rows < self.rules.min_rows.saturating_add(weight) {
            Err(self.too_few_rows(equations))
        } else {
            Ok(())
        }
    }
}

impl Permit {
    /// Returns whether an opened number of rows can be the one that the permit was issued for. It
    /// is the same if that one was opened, and enough otherwise.
    #[must_use]
    pub fn agrees_with(&self, rows: u64) -> bool {
        let enough = !self.joint.rules.ask_for_rows() || rows >= self.joint.rules.min_rows;
        self.rows.map_or(enough, |counted| counted == rows)
    }

    /// Refuses too few rows for an answer that tells these equations, in functions that tell all
    /// members the number of rows.
    pub(crate) fn check_rows(&self, rows: u64, equations: Equations) -> Result<(), Refusal> {
        self.joint.check_rows(rows, equations)
    }

    /// Returns the fewest rows that a join must have for an answer that tells these equations.
    pub(crate) fn least_joined(&self, equations: Equations) -> u64 {
        self.least_by_rule(equations).into_iter().max().unwrap_or(0)
    }

    /// Returns the refusal of a join with fewer rows, of which no party has seen the number. It is
    /// by the rule that asks for more.
    pub(crate) fn too_few_joined(&self, equations: Equations) -> Refusal {
        let [rows, cells] = self.least_by_rule(equations);
        if rows >= cells { self.too_few_rows(equations) } else { self.shows_single_rows() }
    }

    /// Returns the fewest rows of a join by the rule on rows, and by that on small counts.
    fn least_by_rule(&self, equations: Equations) -> [u64; 2] {
        let rules = &self.joint.rules;
        let weight = if rules.ask_for_rows() { equations.weight() } else { 0 };
        let cells = if self.withholds() { self.least_shown() } else { 0 };
        [rules.min_rows.saturating_add(weight), cells]
    }

    /// Returns the fewest rows, if a rule asks for more than one.
    pub(crate) fn least_rows(&self) -> Option<u64> {
        let rules = &self.joint.rules;
        rules.ask_for_rows().then_some(rules.min_rows)
    }

    /// Returns the refusal of too few rows, in functions in which no party has seen their number.
    pub(crate) fn too_few_rows(&self, equations: Equations) -> Refusal {
        self.joint.too_few_rows(equations)
    }

    /// Returns whether there are counts that may not be shown.
    #[must_use]
    pub fn withholds(&self) -> bool {
        self.joint.rules.ask_for_cells()
    }

    /// Returns the smallest count that may be shown, where small ones may not; 1 at least.
    #[must_use]
    pub fn least_shown(&self) -> u64 {
        self.joint.rules.min_cell.max(1)
    }

    /// Refuses quantiles that are not on the [`GRID`], if small counts are withheld.
    pub(crate) fn check_probabilities(&self, probabilities: &[f64]) -> Result<(), Refusal> {
        let on_grid = probabilities.iter().all(|probability| GRID.contains(probability));
        if on_grid || !self.withholds() { Ok(()) } else { Err(self.shows_ranks()) }
    }

    /// Refuses numbers by these ranks, from 1 to `rows`, if small counts are withheld and too few
    /// rows are on either side of one, or for each of them.
    pub(crate) fn check_ranks(&self, ranks: &[u64], rows: u64) -> Result<(), Refusal> {
        if !self.withholds() {
            return Ok(());
        }
        let least = self.joint.rules.min_rows;
        let beside = |rank: &u64| *rank > least && rows.saturating_sub(*rank) >= least;
        let enough = (ranks.len() as u64).saturating_mul(least) <= rows;
        if enough && ranks.iter().all(beside) { Ok(()) } else { Err(self.shows_ranks()) }
    }

    /// Returns the refusal of numbers by ranks that may not be shown.
    pub(crate) fn shows_ranks(&self) -> Refusal {
        let (minimum, of) = (self.joint.rules.min_rows, self.joint.decider(Rule::MinCell));
        Refusal::Ranks { minimum, of }
    }

    /// Returns the refusal of columns that single out fewer than [`FEWEST`] rows of others.
    pub(crate) fn singles_out_rows(&self) -> Refusal {
        Refusal::SinglesOut { fewest: FEWEST, of: self.joint.decider(Rule::MinCell) }
    }

    /// Returns the refusal of an answer that would show single rows.
    pub(crate) fn shows_single_rows(&self) -> Refusal {
        Refusal::SingleRows { of: self.joint.decider(Rule::MinCell) }
    }
}

impl<T> Opened<T> {
    /// Marks `value` as opened. `_permit` proves that it may be.
    pub(crate) fn by(_permit: &Permit, value: T) -> Self {
        Self(value)
    }

    /// Returns the opened value.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::spec::{MemberId, Role};

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
        assert_eq!(deciders, [2, 1, 2, 1, 2, 0]);
        let id = |name: &str| MemberId { name: name.into(), fingerprint: [0; 32] };
        let member = |name: &str| Member { id: id(name), role: Role::PARTY };
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
        let rows = Refusal::TooFewRows { minimum: 10, equations: 0, of };
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
