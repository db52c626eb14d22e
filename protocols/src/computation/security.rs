//! What the protection of a computation assumes, and what it gives away, in words for its report.

use serde::Serialize;

use crate::suites::{intersection, masked, pairwise, replicated};

/// What the protection of a computation assumes, and what it gives away beside the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Security {
    /// The family of protocols that ran.
    pub suite: &'static str,
    /// What corrupt parties may do without learning more.
    pub adversary: String,
    /// How many parties may be corrupt.
    pub corruptible: usize,
    /// What the parties' nodes, or more than they, get to know beside the answer.
    pub reveals: Vec<String>,
}

impl Security {
    /// Of masked sums among so many parties, and nothing else.
    pub(crate) fn masked(parties: usize, reveals: Vec<String>) -> Self {
        let (suite, adversary) = (masked::SUITE, of_masked(parties));
        Self { suite, adversary, corruptible: parties - 1, reveals }
    }

    /// Of a function whose values are computed on shares by these three nodes.
    pub(crate) fn replicated(committee: &str, reveals: Vec<String>) -> Self {
        let (suite, adversary) = (replicated::SUITE, of_replicated(committee));
        Self { suite, adversary, corruptible: 1, reveals }
    }

    /// Of a function whose values so many parties compute on shares by themselves.
    pub(crate) fn pairwise(parties: usize, reveals: Vec<String>) -> Self {
        let (suite, adversary) = (pairwise::SUITE, of_pairwise(parties));
        Self { suite, adversary, corruptible: parties - 1, reveals }
    }

    /// The same, of functions for which two parties match their ids.
    pub(crate) fn with_masked_ids(mut self) -> Self {
        self.adversary.push_str(
            "; which ids match is found by masking them, which rests on the decisional Diffie-Hellman \
             assumption in ristretto255",
        );
        self
    }

    /// Of a set intersection among so many parties.
    pub(crate) fn intersection(parties: usize, reveals: Vec<String>) -> Self {
        let (suite, adversary) = (intersection::SUITE, of_intersection(parties));
        Self { suite, adversary, corruptible: parties - 1, reveals }
    }

    /// Of masked sums among so many parties, after they decided rules on their data on shares by
    /// themselves.
    pub(crate) fn masked_behind_own_release_check(parties: usize, reveals: Vec<String>) -> Self {
        let adversary = format!(
            "what the rules ask of all parties' data together (numbers of rows, shares of the largest \
             party) is decided on shares: {}; everything else in masked sums: {}",
            of_pairwise(parties),
            of_masked(parties)
        );
        Self { suite: masked::SUITE, adversary, corruptible: parties - 1, reveals }
    }

    /// Of masked sums among so many parties, after rules on their data were decided on shares by
    /// these three nodes. The weaker of the two assumptions is that of the whole: what is shared for
    /// the rules, two of the three could put together.
    pub(crate) fn masked_behind_release_check(
        parties: usize,
        committee: &str,
        reveals: Vec<String>,
    ) -> Self {
        let adversary = format!(
            "what the rules ask of all parties' data together (numbers of rows, shares of the largest \
             party) is decided on shares: {}; everything else in masked sums: {}",
            of_replicated(committee),
            of_masked(parties)
        );
        Self { suite: masked::SUITE, adversary, corruptible: 1, reveals }
    }
}

fn of_replicated(committee: &str) -> String {
    format!(
        "the nodes of {committee} compute on shares: any one of them, and any parties that do not \
         compute, may be curious; they learn nothing but the answer, what is listed under reveals, \
         and what follows from these and their own data; they must follow the protocol, or results, \
         and whether rules are met, can be wrong, and what wrong results lead to be opened; shares that \
         are opened wrongly are noticed; nobody proves that its data are true"
    )
}

fn of_pairwise(parties: usize) -> String {
    format!(
        "the nodes of all {parties} parties compute on shares, and nobody else: any {} of them may be \
         curious, together; they learn nothing but the answer, what is listed under reveals, and what \
         follows from these and their own data; they must follow the protocol, or results, and whether \
         rules are met, can be wrong, and what wrong results lead to be opened; oblivious transfers that \
         do not fit each other are noticed; nobody proves that its data are true",
        parties - 1
    )
}

fn of_intersection(parties: usize) -> String {
    format!(
        "any {} of the {parties} parties may be curious, together: they learn nothing of the others' items \
         but which of their own all of these have, what is listed under reveals, and what follows from \
         these; that rests on the decisional Diffie-Hellman assumption in ristretto255; they must follow the \
         protocol, or the answer can be wrong; nobody proves that an item is its own",
        parties - 1
    )
}

fn of_masked(parties: usize) -> String {
    format!(
        "any {} of the {parties} parties may collude and deviate: they learn nothing but the answer, \
         what is listed under reveals, and what follows from these and their own data; in each sum \
         all inputs are committed to before any is opened, but lists of categories are not committed \
         to, and who has seen a sum and breaks off can choose anew if it is repeated; whoever leaves \
         or cheats can keep others from the answer; nobody proves that its data or its number of rows \
         are true",
        parties - 1
    )
}
