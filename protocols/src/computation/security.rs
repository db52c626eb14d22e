//! The assumptions of a computation's protection, and its leakage, in words for its report.

use serde::{Deserialize, Serialize};

use crate::suites::guarantee::{Guarantee, Suite};

/// The assumptions of a computation's protection, and its leakage beside the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    /// The suite that computed the answer.
    pub suite: Suite,
    /// The adversary that the computation withstands, in words.
    pub adversary: String,
    /// The number of parties that may be corrupt.
    pub corruptible: usize,
    /// The guarantee of all suites that ran, together.
    pub guarantee: Guarantee,
    /// The facts that the parties' nodes, or more than they, learn beside the answer.
    pub reveals: Vec<String>,
}

impl Security {
    /// Returns the security of a computation of so many parties. `suite` computed the answer.
    /// `before` is another that ran before it, if one did: for the release check, or to match rows
    /// by ids. `committee` has the names of the nodes that computed on shares, if not all parties
    /// did.
    pub(crate) fn of(
        suite: Suite,
        before: Option<Suite>,
        parties: usize,
        committee: Option<&str>,
        reveals: Vec<String>,
    ) -> Self {
        let own = suite.guarantee(parties);
        let guarantee = match before {
            None => own,
            Some(before) => own.weakest(before.guarantee(parties)),
        };
        let words = |suite| words(suite, parties, committee.unwrap_or_default());
        let adversary = match (suite, before) {
            (Suite::Masked, Some(before)) => format!(
                "what the rules ask of all parties' data together (numbers of rows, shares of the largest \
                 party) is decided on shares: {}; everything else in masked sums: {}",
                words(before),
                words(suite)
            ),
            (_, Some(Suite::Intersection)) => format!(
                "{}; which ids match is found by masking them, which rests on the decisional \
                 Diffie-Hellman assumption in ristretto255",
                words(suite)
            ),
            _ => words(suite),
        };
        let corruptible = guarantee.corruptible;
        Self { suite, adversary, corruptible, guarantee, reveals }
    }
}

/// Describes in words the assumptions of a suite.
fn words(suite: Suite, parties: usize, committee: &str) -> String {
    match suite {
        Suite::Masked => of_masked(parties),
        Suite::Replicated(_) => of_replicated(committee),
        Suite::Pairwise(_) => of_pairwise(parties),
        Suite::Intersection => of_intersection(parties),
    }
}

fn of_replicated(committee: &str) -> String {
    format!(
        "the nodes of {committee} compute on shares: any one of them, and any parties that do not \
         compute, may be semi-honest; they learn nothing but the answer, what is listed under reveals, \
         and what follows from these and their own data; they must follow the protocol, or results, \
         and whether rules are met, can be wrong, and what wrong results lead to be opened; shares that \
         are opened wrongly are noticed; no party proves that its data are true"
    )
}

fn of_pairwise(parties: usize) -> String {
    format!(
        "the nodes of all {parties} parties compute on shares, and no other node: any {} of them may be \
         semi-honest, together; they learn nothing but the answer, what is listed under reveals, and what \
         follows from these and their own data; they must follow the protocol, or results, and whether \
         rules are met, can be wrong, and what wrong results lead to be opened; oblivious transfers that \
         do not fit each other are noticed; no party proves that its data are true",
        parties - 1
    )
}

fn of_intersection(parties: usize) -> String {
    format!(
        "any {} of the {parties} parties may be semi-honest, together: they learn nothing of the others' items \
         but which of their own all of these have, what is listed under reveals, and what follows from \
         these; that rests on the decisional Diffie-Hellman assumption in ristretto255; they must follow the \
         protocol, or the answer can be wrong; no party proves that an item is its own",
        parties - 1
    )
}

fn of_masked(parties: usize) -> String {
    format!(
        "any {} of the {parties} parties may collude and deviate: they learn nothing but the answer, \
         what is listed under reveals, and what follows from these and their own data; in each sum \
         all inputs are committed to before any is opened, but lists of categories are not committed \
         to, and who has seen a sum and breaks off can choose anew if it is repeated; a party that \
         leaves or cheats can keep others from the answer; no party proves that its data or its number of rows \
         are true",
        parties - 1
    )
}
