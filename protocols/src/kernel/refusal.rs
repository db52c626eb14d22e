//! Refusals by the disclosure rules, in words that name the member with the rule.

use std::fmt;

use crate::kernel::party::Party;
use crate::kernel::rounding::Rounding;
use crate::kernel::rules::Rule;

/// The reason for which the rules forbid a result. It names the rule and its member, and nothing of
/// the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too few parties with data.
    TooFewParties {
        /// Their number.
        parties: usize,
        /// The fewest that the rule allows.
        minimum: u16,
        /// The member with the rule.
        of: Party,
    },
    /// Columns that a client has made, beside the dataset of a party whose rules allow none.
    ClientColumns {
        /// The member with the rule.
        of: Party,
        /// The party whose columns a client has made.
        whose: Party,
    },
    /// Thresholds that are of no profile of the consortium file.
    Unlisted {
        /// The member with these thresholds.
        of: Party,
    },
    /// An answer that would show single rows.
    SingleRows {
        /// The member with the rule on small counts.
        of: Party,
    },
    /// Numbers by ranks that would tell single rows.
    Ranks {
        /// The fewest rows on either side of a rank, and for each rank.
        minimum: u64,
        /// The member with the rule on small counts.
        of: Party,
    },
    /// Too few rows in all parties' data together, or without those of one party. No party has seen
    /// their number, unless the function tells all members.
    TooFewRows {
        /// The fewest that the rule allows.
        minimum: u64,
        /// The equations about rows that the answer would tell; so many more rows are needed.
        equations: u64,
        /// The member with the rule.
        of: Party,
    },
    /// An answer that together with earlier ones tells of too few rows of all parties, or of all but
    /// one. No party has seen which answers, or how many rows.
    Isolates {
        /// The fewest rows that the rule allows.
        minimum: u64,
        /// The equations about rows that the answer would tell; so many more rows are needed.
        equations: u64,
        /// The member with the rule.
        of: Party,
    },
    /// Columns of one party that single out a few rows of others: some combination of them is 0, or
    /// nearly so, in all rows but these. No party has seen which columns, or which rows.
    SinglesOut {
        /// The fewest rows of a combination that the rule allows.
        fewest: u64,
        /// The member with the rule on small counts.
        of: Party,
    },
    /// A party whose contribution to the sum, or to the rows, is too large. No party has seen which
    /// party, or how large.
    Dominated {
        /// The largest contribution that the rule allows.
        percent: u8,
        /// The member with the rule.
        of: Party,
    },
    /// A rounding to a part of the standard error, which some number of the answer does not have.
    /// Nothing was opened.
    NotRounded {
        /// The rounding.
        rounding: Rounding,
        /// The member with the rule.
        of: Party,
    },
    /// A rule on the joint data that no committee can decide: fewer than three members let their
    /// nodes compute on shares. Nothing was opened.
    NoCommittee {
        /// The rule.
        rule: Rule,
        /// The member with the rule.
        of: Party,
        /// The number of serving members, of the three that are needed.
        serving: usize,
    },
}

impl Refusal {
    /// Describes the refusal in words, with the parties' names.
    #[must_use]
    pub fn told(&self, name: impl Fn(Party) -> String) -> String {
        match self {
            Self::TooFewParties { parties, minimum, of } => format!(
                "{parties} parties are fewer than the {minimum} that the rules of {} ask",
                name(*of)
            ),
            Self::ClientColumns { of, whose } => format!(
                "{} brings in a dataset, and its rules allow no columns made by a client beside it, \
                 but {} brings in such columns",
                name(*of),
                name(*whose)
            ),
            Self::Unlisted { of } => format!(
                "the thresholds of {} are of no profile in the consortium file, which lists those that \
                 members may have",
                name(*of)
            ),
            Self::SingleRows { of } => format!(
                "the answer would show single rows, which the rules of {} on small counts forbid",
                name(*of)
            ),
            Self::Ranks { minimum, of } => format!(
                "a number by its rank is that of a single row: by the rules of {} quantiles are \
                 shown at 5, 10, 25, 50, 75, 90 and 95 percent, with {minimum} rows on either side \
                 of each and {minimum} rows for each",
                name(*of)
            ),
            Self::TooFewRows { minimum, equations, of } => format!(
                "all parties together, or all but one of them, have too few rows: the rules of {} \
                 ask for {minimum} rows, and {equations} more for the numbers about rows that the \
                 answer would tell; nothing else was opened",
                name(*of)
            ),
            Self::Isolates { minimum, equations, of } => format!(
                "the rows that are asked about differ by too few from those of earlier answers, or \
                 from their sums and differences: the rules of {} ask for {minimum} rows, and \
                 {equations} more for the numbers about rows that the answer would tell, without \
                 any one party; ask about exactly the same rows as before, or about rows that \
                 differ by more; nothing of the answer was opened",
                name(*of)
            ),
            Self::SinglesOut { fewest, of } => format!(
                "the columns of one party tell fewer than {fewest} rows from all others, one by one \
                 or combined, so that their products with other parties' columns would tell of \
                 these rows: the rules of {} on small counts forbid that; each party can look at \
                 its own columns over the rows that are computed with: merge rare categories, leave \
                 out a column that is nearly a combination of others, and cap or transform values far \
                 from all others; no product of different parties' columns was opened, but where \
                 rows are joined by ids, sums and products of each party's own columns were; so the \
                 question counts as answered, and the owners decide whether it can be asked again",
                name(*of)
            ),
            Self::Dominated { percent, of } => format!(
                "one party alone has more than the {percent} percent of the whole that the rules of \
                 {} allow; which one, and how much, was not opened, nor was anything of the answer",
                name(*of)
            ),
            Self::NotRounded { rounding, of } => format!(
                "the rules of {} round numbers to `{rounding}`, a part of their standard error, and what \
                 is asked has numbers without one; ask for `StatisticsUnivariate` with `statistics` such \
                 as `mean` and `standard_deviation` together, without extremes, geometric and harmonic \
                 mean, or for counts; nothing was opened",
                name(*of)
            ),
            Self::NoCommittee { rule, of, serving } => format!(
                "the rule `{rule}` of {} is decided on shares by three nodes, and only {serving} of \
                 those that the members' policies allow to are there",
                name(*of)
            ),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(|party| party.to_string()))
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(index: usize) -> Party {
        Party::new(index).unwrap()
    }

    #[test]
    fn a_refusal_names_whose_rule_it_is() {
        let refusal = Refusal::ClientColumns { of: party(1), whose: party(0) };
        let told = refusal.told(|party| ["clinic", "registry"][party.index()].to_owned());
        assert!(told.starts_with("registry brings in") && told.contains("but clinic brings"));
        assert!(refusal.to_string().contains("party 0"));
    }

    #[test]
    fn every_refusal_names_the_party_whose_rule_it_is_and_not_what_the_data_were() {
        let of = party(1);
        let refusals = [
            Refusal::TooFewParties { parties: 2, minimum: 3, of },
            Refusal::ClientColumns { of, whose: party(0) },
            Refusal::Unlisted { of },
            Refusal::SingleRows { of },
            Refusal::Ranks { minimum: 10, of },
            Refusal::TooFewRows { minimum: 10, equations: 1, of },
            Refusal::Isolates { minimum: 10, equations: 1, of },
            Refusal::SinglesOut { fewest: 3, of },
            Refusal::Dominated { percent: 90, of },
            Refusal::NotRounded { rounding: "se/10".parse().unwrap(), of },
            Refusal::NoCommittee { rule: Rule::MaxShare, of, serving: 2 },
        ];
        for refusal in refusals {
            let told = refusal.told(|party| ["clinic", "registry"][party.index()].to_owned());
            assert!(told.contains("registry") && !told.contains("party 1"), "{told}");
            assert!(refusal.to_string().contains("party 1"), "{refusal}");
        }
    }
}
