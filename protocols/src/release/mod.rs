//! The release check: what the rules ask of all parties' data together, decided under sharing before anything
//! else of them is opened.
//!
//! **Parties:** any n ≥ 2 that bring data, and the three nodes that compute on shares; helpers may be
//! among these (see [`crate::suites::replicated`], whose model it is: one of the three may be curious, or any
//! parties without a seat, together). Where no rule asks anything there is no release check, and no committee
//! is needed for its sake.
//!
//! 1. *share*: each party shares how many rows it has; where rows may be left out, how many were. A
//!    function whose data are not rows (vectors, matrices) shares no rows, and neither rule below
//!    speaks of it.
//! 2. *rows*: whether Σ rows_i is below the minimum. Opened: that bit, to everybody. If it is, that is
//!    the end.
//! 3. *shares*: whether there is a party i with 100·s_i > p·Σ s_j, where p is the largest share in
//!    percent. s_i is the number of rows of party i; of a sum of numbers it is Σ|x|, the magnitudes
//!    of its own numbers, exact on the grid of the sum (see [`terms`]). The n comparisons lie side
//!    by side in the lanes of one bit slice; their disjunction is opened to everybody, and nothing
//!    of each. Where all s_i are 0 nobody dominates.
//!
//! Only who passed both gets a permit. How many rows were left out is opened after it, to the parties:
//! as it is, or, where small counts are withheld, only from the minimum on; else 0 is opened, as if
//! none had been ([`open_dropped`]).
//!
//! **Rounds:** 10 for the rows (share, compare, open). With shares of rows ⌈log₂ n⌉ + 1 more: 13 for
//! n = 3. With shares of a sum: 2, the levels of carry-save adders, the last adder's rounds, and ⌈log₂ n⌉;
//! 18 more for n = 3 and any doubles, 14 for 12 digits before and after the point. How many rows were
//! left out: 12, or 1 where any number may be shown.
//!
//! **Bytes sent by a seat** for n = 3: 1.3 kB for the rows, by seat 0 1.8 kB, and 56 bytes with their
//! shares. With shares of a sum, of d bits, 8·(n + 1.5)·d bytes for up to 64 parties: 78 kB
//! for any doubles (d = 2,170), and 7 kB for 12 digits before and after the point (d = 205). None of it
//! depends on how many rows there are.
//!
//! **What each learns:** every party and helper the two bits; that there is an answer says as much.
//! The parties' rows and magnitudes stay shared. Two seats of the committee that put their shares
//! together know them all.
//!
//! **What is noticed:** of the opened bits each share comes from two seats; wrong ones end the
//! computation. A seat that deviates in a product can turn a bit around without being noticed: that is
//! what semi-honest means. A party says itself how many rows it has, and how large its numbers are.
//! Of a sum it shares a term for each party that might dominate, and nothing ties these to each other:
//! one that shares other terms than the protocol says learns in each run whether one party's magnitude
//! reaches a threshold of its choice.
//!
//! **Repetition.** Every member chooses its own thresholds. One that asks for the same data again and
//! again under changing rules finds out the number of rows, or the largest share, bit by bit. What
//! bounds that is the owners' approvals, and that each run stands in everybody's log.

#[cfg(test)]
mod adversary_tests;
pub(crate) mod terms;
#[cfg(test)]
mod tests;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::algebra::packed_bits::PackedBits;
use crate::algebra::ring::Ring;
use crate::circuits::Bits;
use crate::circuits::adder::msb_of_sum;
use crate::circuits::comparison::{less_than_zero, or_all};
use crate::circuits::selection::suppress_below;
use crate::engine::shared::Shared;
use crate::engine::{Engine, Recipients};
use crate::kernel::disclosure::{JointRules, Rule, Rules};
use crate::kernel::fault::Fault;
use crate::release::terms::Magnitude;

/// What no number of rows reaches.
const BEYOND: u64 = 1 << 62;

/// How many rows were left out. Serializes to a number, or to null where it is fewer than the rules
/// let be shown: none, or some, and nobody knows which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Dropped(pub(crate) Option<u64>);

/// One party's part in what the rules on joint data are asked of; at a helper the same with nothing
/// in it.
pub(crate) struct Subject {
    /// How many rows our data have; none if such data are not rows.
    pub(crate) rows: Option<u64>,
    /// What we have of a sum of numbers; none of other functions, where shares are of rows.
    pub(crate) magnitude: Option<Magnitude>,
    /// How many rows of ours were left out; none where none may be.
    pub(crate) dropped: Option<u64>,
    /// Whether the answer is a table of counts.
    pub(crate) is_table: bool,
}

/// What is left in shared form of who has passed.
pub(crate) struct Passed<E: Engine> {
    /// The number of all parties' rows.
    pub(crate) rows: Option<E::Shared<u64>>,
    /// How many were left out.
    pub(crate) dropped: Option<E::Shared<u64>>,
}

impl Subject {
    /// A rule that asks something which must be decided under sharing, if one does.
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

    /// What everybody gets to know of who has passed.
    pub(crate) fn reveals(&self, rules: &Rules) -> Vec<String> {
        let Rules { min_rows, max_share, .. } = rules;
        let whole = if self.magnitude.is_some() { "sum of all magnitudes" } else { "rows" };
        let rows = self.asks_for_rows(rules).then(|| {
            format!(
                "that all parties together have at least {min_rows} rows, to every party and helper"
            )
        });
        let shares = self.asks_for_shares(rules).then(|| {
            format!(
                "that no party has more than {max_share} percent of the {whole}, to every party and \
                 helper"
            )
        });
        rows.into_iter().chain(shares).collect()
    }

    fn asks_for_rows(&self, rules: &Rules) -> bool {
        self.rows.is_some() && rules.ask_for_rows()
    }

    fn asks_for_shares(&self, rules: &Rules) -> bool {
        self.rows.is_some() && rules.ask_for_shares()
    }
}

/// Decides what the rules ask of the rows and shares of `inputs` parties; `me` is our index.
///
/// # Errors
/// If a rule is not met, or a peer breaks the protocol.
pub(crate) async fn pass<E: Engine>(
    engine: &mut E,
    (me, inputs): (usize, usize),
    joint: &JointRules,
    subject: &Subject,
) -> Result<Passed<E>, Fault> {
    let counts = Counts::share(engine, inputs, subject).await?;
    let rules = joint.rules();
    let (of_rows, of_shares) = (subject.asks_for_rows(rules), subject.asks_for_shares(rules));
    let by_rows = of_shares && subject.magnitude.is_none();
    let signs = counts.compare(engine, of_rows.then_some(rules.min_rows), by_rows.then_some(rules));
    let signs = signs.await?;

    if of_rows && opened_bit(engine, &engine.lanes(&signs, 0..1)).await? {
        return Err(joint.too_few_rows().into());
    }
    let dominating = match &subject.magnitude {
        Some(magnitude) if of_shares => {
            Some(dominating(engine, (me, inputs), magnitude, rules.max_share).await?)
        }
        _ => by_rows
            .then(|| engine.lanes(&signs, usize::from(of_rows)..usize::from(of_rows) + inputs)),
    };
    if let Some(dominating) = dominating {
        let bit = or_all(engine, &dominating, inputs).await?;
        if opened_bit(engine, &bit).await? {
            return Err(joint.dominated().into());
        }
    }
    let dropped = counts.dropped.into_iter().reduce(|sum, next| sum.plus(&next));
    Ok(Passed { rows: counts.total, dropped })
}

/// The number of all parties' rows, opened to everybody.
///
/// # Errors
/// If it is none that parties can have, or that has passed.
pub(crate) async fn open_rows<E: Engine>(
    engine: &mut E,
    joint: &JointRules,
    rows: &E::Shared<u64>,
) -> Result<u64, Fault> {
    let opened = engine.open_to_all(rows).await?;
    let rules = joint.rules();
    let least = if rules.ask_for_rows() { rules.min_rows } else { 0 };
    match opened.as_slice() {
        [rows] if (least..BEYOND).contains(rows) => Ok(*rows),
        _ => Err(Fault::InvalidOpening),
    }
}

/// How many rows were left out, opened to the parties as far as the rules let it be shown; none at a
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
        None => engine.open(dropped, Recipients::Parties).await?,
    };
    match opened.as_deref() {
        None => Ok(None),
        Some([0]) if least.is_some() => Ok(Some(Dropped(None))),
        Some([rows]) if *rows < BEYOND => Ok(Some(Dropped(Some(*rows)))),
        Some(_) => Err(Fault::InvalidOpening),
    }
}

/// The counts that are at least `least`, and 0 in the place of smaller ones, opened to the parties.
pub(crate) async fn open_counts<E: Engine>(
    engine: &mut E,
    counts: &E::Shared<u64>,
    least: u64,
) -> Result<Option<Vec<u64>>, Fault> {
    let shown = suppress_below(engine, counts, least).await?;
    let opened = engine.open(&shown, Recipients::Parties).await?;
    let is_count = |count: &u64| *count == 0 || (least..BEYOND).contains(count);
    match &opened {
        Some(counts) if !counts.iter().all(is_count) => Err(Fault::InvalidOpening),
        _ => Ok(opened),
    }
}

/// What the parties have counted, in shared form.
struct Counts<E: Engine> {
    /// Of each party.
    rows: Vec<E::Shared<u64>>,
    /// Of all together; none if the data are not rows.
    total: Option<E::Shared<u64>>,
    /// Of each party, if it counts them.
    dropped: Vec<E::Shared<u64>>,
}

impl<E: Engine> Counts<E> {
    async fn share(engine: &mut E, inputs: usize, subject: &Subject) -> Result<Self, Fault> {
        let counts: Vec<u64> = subject.rows.into_iter().chain(subject.dropped).collect();
        let len = counts.len();
        let mine = Zeroizing::new(if engine.brings_data() { counts } else { Vec::new() });
        if len == 0 {
            return Ok(Self { rows: Vec::new(), total: None, dropped: Vec::new() });
        }
        let shares = engine.share(&mine, &vec![len; inputs]).await?;
        let of = |asked: Option<u64>, place: usize| {
            let shares = shares.iter().filter(|_| asked.is_some());
            shares.map(|share| share.slice(place..place + 1)).collect::<Vec<_>>()
        };
        let (rows, dropped) = (of(subject.rows, 0), of(subject.dropped, len - 1));
        let total = rows.iter().cloned().reduce(|sum, next| sum.plus(&next));
        Ok(Self { rows, total, dropped })
    }

    /// The signs of what is to be compared, one a lane: of the number of rows less the minimum, if
    /// one is given; then, if `shares` are asked for, of p·Σ rows_j − 100·rows_i for each party i.
    async fn compare(
        &self,
        engine: &mut E,
        minimum: Option<u64>,
        shares: Option<&Rules>,
    ) -> Result<Bits<E>, Fault> {
        let Some(total) = &self.total else {
            return Ok(engine.public(Vec::new()));
        };
        let lead = minimum.map(|minimum| total.minus(&engine.public(vec![minimum])));
        let surplus = |rules: &Rules| {
            let allowed = total.scaled(u64::from(rules.max_share));
            self.rows.iter().map(|rows| allowed.minus(&rows.scaled(100))).collect::<Vec<_>>()
        };
        let leads: Vec<_> = lead.into_iter().chain(shares.into_iter().flat_map(surplus)).collect();
        let leads = E::Shared::<u64>::concat(&leads.iter().collect::<Vec<_>>());
        less_than_zero(engine, &leads, <u64 as Ring>::BITS).await
    }
}

/// Which parties have more than so many percent of the sum of all magnitudes, one a lane.
async fn dominating<E: Engine>(
    engine: &mut E,
    (me, inputs): (usize, usize),
    magnitude: &Magnitude,
    percent: u8,
) -> Result<Bits<E>, Fault> {
    let shape = magnitude.shape(inputs);
    let mine = match engine.brings_data() {
        true => magnitude.terms(me, inputs, percent),
        false => Zeroizing::default(),
    };
    engine.prepare(shape.largest_message(inputs)).await?;
    let terms = engine.share::<PackedBits>(&mine, &vec![shape.words(); inputs]).await?;
    let addends = terms.iter().map(|term| term.split(shape.bit_slice)).collect();
    msb_of_sum(engine, addends).await
}

async fn opened_bit<E: Engine>(engine: &mut E, bit: &Bits<E>) -> Result<bool, Fault> {
    match engine.open_to_all(bit).await?.as_slice() {
        [PackedBits(0)] => Ok(false),
        [PackedBits(1)] => Ok(true),
        _ => Err(Fault::InvalidOpening),
    }
}
