//! The release check: the rules on all parties' data together, decided on shares before anything
//! else of the data is opened.
//!
//! **Parties:** any n ≥ 2 that bring data, and the nodes that compute on shares. These are three,
//! with or without helpers among them (see [`crate::suites::replicated`]), or all parties (see
//! [`crate::suites::pairwise`]). The adversary is that of the suite. With three nodes it is
//! semi-honest, and corrupts one of the three, or any parties without a seat, together. If no rule
//! applies there is no release check, and no committee is needed for its sake.
//!
//! 1. *share*: each party shares the number of its rows, and the number of rows left out where they
//!    may be. A function whose data are not rows (vectors, matrices) shares no rows, and neither
//!    rule below applies to it.
//! 2. *rows*: whether there is a party i with Σ_{j≠i} rows_j < m + d. Here m is the fewest rows, and
//!    d the number of equations about rows that the answer tells (see
//!    [`crate::kernel::equations`]). Party i knows its own rows: so many equations must not solve
//!    for the others'. A member without rows sees as much as an onlooker, for which it is asked of
//!    all rows.
//! 3. *dominance*: whether there is a party i with 100·s_i > p·Σ s_j, where p is the largest
//!    contribution in percent. s_i is the number of rows of party i. For a sum of numbers it is
//!    Σ|x|, the magnitudes of its own numbers, exact on the grid of the sum (see [`terms`]). If all
//!    s_i are 0 no party dominates.
//! 4. *differences*: whether the answer, with earlier ones, tells of fewer than m + d rows without
//!    those of some party (see [`differences`]). Without earlier answers this is not asked.
//! 5. *open*: the comparisons of each rule lie side by side in the lanes of one bit slice. The
//!    disjunction of each is opened to all members, all at once, and nothing of each party. If one is
//!    set, the computation ends.
//!
//! A permit is issued only if all checks pass. The number of rows left out is opened after it, to
//! the parties. If small counts are withheld, a number below the minimum is opened as 0, as if none
//! had been left out ([`open_dropped`]).
//!
//! **Rounds:** 10 + ⌈log₂ n⌉ for the rows (share, compare, disjunction, open): 12 for n = 3, with
//! dominance in rows or without. With dominance in a sum: 1, the levels of carry-save adders, and
//! the last adder's rounds more. These are 15 for n = 3 and any doubles, and 11 for 12 digits before
//! and after the point. Earlier answers take the disjunction of more lanes: up to ⌈log₂ k⌉ rounds
//! for k lanes. The number of rows left out takes 12, or 1 if any number may be shown.
//!
//! **Bytes sent by a seat** for n = 3: 1.3 kB for the rows, by seat 0 1.8 kB, and 24 bytes for
//! dominance in rows. For dominance in a sum, of d bits, 8·(n + 1.5)·d bytes for up to 64 parties.
//! This is 78 kB for any doubles (d = 2,170), and 7 kB for 12 digits before and after the point (d
//! = 205). None of it depends on the number of rows.
//!
//! **Leakage:** every party and helper learns these bits; an answer says as much. The parties'
//! rows and magnitudes stay shared. Two seats of the committee that put their shares together know
//! them all.
//!
//! **Detection:** of the opened bits each share comes from two seats; wrong ones end the
//! computation. A seat that deviates in a product can invert a bit without being noticed: this is
//! the limit of semi-honest security. A party declares by itself its number of rows, and the size
//! of its numbers. Of a sum it shares a term for each party that might dominate, and nothing ties
//! these to each other. A party can share other terms than the protocol says. Then it learns in
//! each run whether one party's magnitude reaches a threshold of its choice.
//!
//! **Repetition.** Every member chooses its own thresholds. A member can ask for the same data
//! again and again under changing rules. It then finds the number of rows, or the largest
//! contribution, bit by bit. Two things bound that: the owners' approvals, and the record of each
//! run in every party's log.

#[cfg(test)]
mod adversary_tests;
pub(crate) mod differences;
#[cfg(test)]
mod differences_tests;
pub(crate) mod terms;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::algebra::packed_bits::PackedBits;
use crate::algebra::ring::Ring;
use crate::circuits::Bits;
use crate::circuits::adder::msb_of_sum;
use crate::circuits::comparison::{less_than_zero, or_each};
use crate::circuits::selection::suppress_below;
use crate::engine::reveals::{RELEASE, ROWS};
use crate::engine::shared::Shared;
use crate::engine::{Engine, Reconstructed};
use crate::kernel::disclosure::{JointRules, Rule, Rules};
use crate::kernel::equations::Opens;
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;
use crate::kernel::rules::BEYOND_ROWS;
use crate::kernel::session::AnswerId;
use crate::release::differences::{Combination, Earlier};
use crate::release::terms::Magnitude;

/// The number of rows left out. Serializes to a number, or to null if it is fewer than the rules
/// let be shown. Null stands for none or some, and no party knows which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dropped(pub(crate) Option<u64>);

/// One party's part in the checks of the rules on joint data; at a helper the same without data.
pub(crate) struct Subject {
    /// The number of this party's rows; none if such data are not rows.
    pub(crate) rows: Option<u64>,
    /// This party's part of a sum of numbers; none in other functions, in which contributions are
    /// of rows.
    pub(crate) magnitude: Option<Magnitude>,
    /// The number of this party's rows that were left out; none where none may be.
    pub(crate) dropped: Option<u64>,
    /// True if the answer is a table of counts.
    pub(crate) is_table: bool,
    /// The equations about rows that the answer tells.
    pub(crate) opens: Opens,
    /// This party's rows as earlier answers tell them apart; none where it remembers no answers.
    pub(crate) earlier: Option<Earlier>,
    /// The earlier answers that all members agree on.
    pub(crate) agreed: Vec<AnswerId>,
}

/// The shares that are left when all checks have passed.
pub(crate) struct Passed<E: Engine> {
    /// The number of all parties' rows.
    pub(crate) rows: Option<E::Shared<u64>>,
    /// The number of rows left out.
    pub(crate) dropped: Option<E::Shared<u64>>,
}

impl Subject {
    /// Returns a rule that must be decided on shares, if one applies.
    pub(crate) fn asks(&self, rules: &Rules) -> Option<Rule> {
        let cells = self.is_table || self.dropped.is_some();
        [
            (Rule::MinRows, self.asks_for_rows(rules)),
            (Rule::MaxShare, self.asks_for_shares(rules)),
            (Rule::MinCell, cells && rules.ask_for_cells()),
        ]
        .into_iter()
        .find_map(|(rule, asks)| asks.then_some(rule))
    }

    /// Returns the facts that all members learn if all checks pass.
    pub(crate) fn reveals(&self, rules: &Rules) -> Vec<String> {
        let Rules { min_rows, max_share, .. } = rules;
        let equations = self.opens.under(rules).weight();
        let whole = if self.magnitude.is_some() { "sum of all magnitudes" } else { "rows" };
        let rows = self.asks_for_rows(rules).then(|| {
            format!(
                "that without any one party the others have at least {min_rows} rows, and \
                 {equations} more for the numbers that the answer tells, to every party and helper"
            )
        });
        let shares = self.asks_for_shares(rules).then(|| {
            format!(
                "that no party has more than {max_share} percent of the {whole}, to every party and \
                 helper"
            )
        });
        let differences = (self.asks_for_rows(rules) && !self.agreed.is_empty()).then(|| {
            format!(
                "that with up to three earlier answers the answer tells of no rows, or without any one \
                 party of {min_rows} and {equations} more, to every party and helper"
            )
        });
        rows.into_iter().chain(shares).chain(differences).collect()
    }

    /// Lists the combinations of the question with earlier answers that the parties look at.
    fn combinations<E: Engine>(&self, inputs: usize) -> Vec<Combination> {
        // Each is compared with two bounds for each party.
        Combination::all(self.agreed.len(), E::DIFFERENCES / (2 * inputs.max(1)))
    }

    fn asks_for_rows(&self, rules: &Rules) -> bool {
        self.rows.is_some() && rules.ask_for_rows()
    }

    fn asks_for_shares(&self, rules: &Rules) -> bool {
        self.rows.is_some() && rules.ask_for_dominance()
    }
}

/// Checks the rules on the rows and contributions of `inputs` parties. `me` is this party's index.
///
/// # Errors
/// If a rule is not met, or a peer breaks the protocol.
pub(crate) async fn pass<E: Engine>(
    engine: &mut E,
    me: usize,
    inputs: usize,
    joint: &JointRules,
    subject: &Subject,
) -> Result<Passed<E>, Fault> {
    let rules = joint.rules();
    let (of_rows, of_shares) = (subject.asks_for_rows(rules), subject.asks_for_shares(rules));
    let by_rows = of_shares && subject.magnitude.is_none();
    let combinations = if of_rows { subject.combinations::<E>(inputs) } else { Vec::new() };
    let counts = Counts::share(engine, inputs, subject, &combinations).await?;
    let equations = subject.opens.under(rules);
    let least = rules.min_rows.saturating_add(equations.weight()).min(BEYOND_ROWS);
    let signs = counts.compare(engine, of_rows.then_some(least), by_rows.then_some(rules)).await?;

    let mut taken = 0;
    let mut next = |lanes: usize| {
        taken += lanes;
        engine.lanes(&signs, taken - lanes..taken)
    };
    let few = of_rows.then(|| next(inputs));
    let by_rows = by_rows.then(|| next(inputs));
    let lanes = inputs * combinations.len();
    // A support of 0 is below both bounds.
    let isolating = (lanes > 0).then(|| next(lanes).plus(&next(lanes)));
    let dominating = match &subject.magnitude {
        Some(magnitude) if of_shares => {
            Some(dominating(engine, me, inputs, magnitude, rules.max_share).await?)
        }
        _ => by_rows,
    };
    let asked: Vec<Bits<E>> = [&few, &dominating].into_iter().flatten().cloned().collect();
    let mut found = or_each(engine, asked, inputs).await?;
    found.extend(or_each(engine, isolating.iter().cloned().collect(), lanes).await?);
    let mut opened = opened_bits(engine, &found).await?.into_iter();
    if few.is_some() && opened.next() == Some(true) {
        return Err(joint.too_few_rows(equations).into());
    }
    if dominating.is_some() && opened.next() == Some(true) {
        return Err(joint.dominated().into());
    }
    if isolating.is_some() && opened.next() == Some(true) {
        return Err(joint.isolates(equations).into());
    }
    let dropped = counts.dropped.into_iter().reduce(|sum, next| sum.plus(&next));
    Ok(Passed { rows: counts.total, dropped })
}

/// Opens the number of all parties' rows to all members.
///
/// # Errors
/// If parties cannot have this number, or if it cannot have passed.
pub(crate) async fn open_rows<E: Engine>(
    engine: &mut E,
    joint: &JointRules,
    rows: &E::Shared<u64>,
) -> Result<u64, Fault> {
    let opened = engine.open_to_all(rows, ROWS).await?;
    let rules = joint.rules();
    let least = if rules.ask_for_rows() { rules.min_rows } else { 0 };
    match opened.as_slice() {
        [rows] if (least..BEYOND_ROWS).contains(rows) => Ok(*rows),
        _ => Err(Fault::InvalidOpening),
    }
}

/// Opens the number of rows left out to the parties, as far as the rules let it be shown; none at a
/// helper.
pub(crate) async fn open_dropped<E: Engine>(
    engine: &mut E,
    joint: &JointRules,
    dropped: &E::Shared<u64>,
) -> Result<Option<Dropped>, Fault> {
    let rules = joint.rules();
    let least = rules.ask_for_cells().then_some(rules.min_cell);
    let opened = match least {
        Some(least) => open_counts(engine, dropped, least).await?,
        None => engine.open(dropped, Reveal::ANSWER).await?,
    };
    let Reconstructed::Value(opened) = opened else { return Ok(None) };
    match opened.as_slice() {
        [0] if least.is_some() => Ok(Some(Dropped(None))),
        [rows] if *rows < BEYOND_ROWS => Ok(Some(Dropped(Some(*rows)))),
        _ => Err(Fault::InvalidOpening),
    }
}

/// Opens to the parties the counts that are at least `least`, and 0 in the place of smaller ones.
pub(crate) async fn open_counts<E: Engine>(
    engine: &mut E,
    counts: &E::Shared<u64>,
    least: u64,
) -> Result<Reconstructed<Vec<u64>>, Fault> {
    let shown = suppress_below(engine, counts, least).await?;
    let opened = engine.open(&shown, Reveal::ANSWER).await?;
    let is_count = |count: &u64| *count == 0 || (least..BEYOND_ROWS).contains(count);
    opened.try_map(|counts| {
        if counts.iter().all(is_count) { Ok(counts) } else { Err(Fault::InvalidOpening) }
    })
}

/// The parties' counts, in shared form.
struct Counts<E: Engine> {
    /// The number of rows of each party.
    rows: Vec<E::Shared<u64>>,
    /// The number of rows of all together; none if the data are not rows.
    total: Option<E::Shared<u64>>,
    /// The number of rows left out of each party, if it counts them.
    dropped: Vec<E::Shared<u64>>,
    /// The supports of all combinations in each party's rows.
    supports: Vec<E::Shared<u64>>,
}

impl<E: Engine> Counts<E> {
    async fn share(
        engine: &mut E,
        inputs: usize,
        subject: &Subject,
        combinations: &[Combination],
    ) -> Result<Self, Fault> {
        let counts: Vec<u64> = subject.rows.into_iter().chain(subject.dropped).collect();
        let (first, len) = (counts.len(), counts.len() + combinations.len());
        let mut mine = Zeroizing::new(if engine.brings_data() { counts } else { Vec::new() });
        if engine.brings_data() {
            match &subject.earlier {
                Some(earlier) => mine.extend(&*earlier.supports(&subject.agreed, combinations)),
                None => mine.resize(len, 0),
            }
        }
        if len == 0 {
            let (rows, dropped, supports) = (Vec::new(), Vec::new(), Vec::new());
            return Ok(Self { rows, total: None, dropped, supports });
        }
        let shares = engine.share(&mine, &vec![len; inputs]).await?;
        let of = |asked: Option<u64>, place: usize| {
            let shares = shares.iter().filter(|_| asked.is_some());
            shares.map(|share| share.slice(place..place + 1)).collect::<Vec<_>>()
        };
        let (rows, dropped) = (of(subject.rows, 0), of(subject.dropped, first.saturating_sub(1)));
        let total = rows.iter().cloned().reduce(|sum, next| sum.plus(&next));
        let supports = shares.iter().map(|share| share.slice(first..len)).collect();
        Ok(Self { rows, total, dropped, supports })
    }

    /// Returns the signs of the compared numbers, one a lane. First come, if a minimum is given,
    /// those of the others' rows less the minimum for each party. Then, if `shares` are given, come
    /// those of p·Σ rows_j − 100·rows_i for each party i. Last come, for each party i, those of the
    /// others' part of each combination's support less the minimum, and then less 1.
    async fn compare(
        &self,
        engine: &mut E,
        minimum: Option<u64>,
        shares: Option<&Rules>,
    ) -> Result<Bits<E>, Fault> {
        let Some(total) = &self.total else {
            return Ok(engine.public(Vec::new()));
        };
        let rest = |minimum: u64| {
            let most = total.minus(&engine.public(vec![minimum]));
            self.rows.iter().map(|rows| most.minus(rows)).collect::<Vec<_>>()
        };
        let rest = minimum.into_iter().flat_map(rest);
        let surplus = |rules: &Rules| {
            let allowed = total.scaled(u64::from(rules.max_share));
            self.rows.iter().map(|rows| allowed.minus(&rows.scaled(100))).collect::<Vec<_>>()
        };
        let leads = rest.chain(shares.into_iter().flat_map(surplus));
        let leads: Vec<_> = leads.chain(self.supports_of_others(engine, minimum)).collect();
        let leads = E::Shared::<u64>::concat(&leads.iter().collect::<Vec<_>>());
        less_than_zero(engine, &leads, <u64 as Ring>::BITS).await
    }

    /// Returns, for each party, the others' part of each combination's support less the minimum, and then
    /// the same less 1.
    fn supports_of_others(&self, engine: &E, minimum: Option<u64>) -> Vec<E::Shared<u64>> {
        let total = self.supports.iter().cloned().reduce(|sum, next| sum.plus(&next));
        let Some((total, minimum)) = total.zip(minimum) else { return Vec::new() };
        let less = |bound: u64| total.minus(&engine.public(vec![bound; total.len()]));
        let bounds = [less(minimum), less(1)];
        let of_others = |most: &E::Shared<u64>| {
            self.supports.iter().map(|own| most.minus(own)).collect::<Vec<_>>()
        };
        bounds.iter().flat_map(of_others).collect()
    }
}

/// Finds the parties with more than so many percent of the sum of all magnitudes, one a lane.
async fn dominating<E: Engine>(
    engine: &mut E,
    me: usize,
    inputs: usize,
    magnitude: &Magnitude,
    percent: u8,
) -> Result<Bits<E>, Fault> {
    let shape = magnitude.shape(inputs);
    let mine = if engine.brings_data() {
        magnitude.terms(me, inputs, percent)
    } else {
        Zeroizing::default()
    };
    let terms = engine.share::<PackedBits>(&mine, &vec![shape.words(); inputs]).await?;
    let addends = terms.iter().map(|term| term.split_into(shape.bits)).collect();
    msb_of_sum(engine, addends).await
}

/// Opens the first bit of each slice to all members.
async fn opened_bits<E: Engine>(engine: &mut E, bits: &[Bits<E>]) -> Result<Vec<bool>, Fault> {
    if bits.is_empty() {
        return Ok(Vec::new());
    }
    let all = Bits::<E>::concat(&bits.iter().collect::<Vec<_>>());
    let opened = engine.open_to_all(&all, RELEASE).await?;
    let bit = |word: &PackedBits| match word {
        PackedBits(0) => Ok(false),
        PackedBits(1) => Ok(true),
        _ => Err(Fault::InvalidOpening),
    };
    opened.iter().map(bit).collect()
}
