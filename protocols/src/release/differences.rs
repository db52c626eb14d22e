//! The differences of answers: the rows that a new answer isolates together with earlier ones,
//! counted on shares over all parties.
//!
//! A sum over selected rows is an equation, and equations are added and subtracted. Let S be the
//! selection of the new question, and S₁, S₂, … those of earlier answers about the same values,
//! each as a vector of zeros and ones over the rows of all parties. Together the answers tell what
//! S − S₁ selects, or S − S₁ + S₂ − S₃. The *support* of such a combination is the number of rows
//! whose coefficient is not 0. It is a sum over the parties, each of which counts its own rows.
//!
//! 1. *agree*: the proposals name the earlier answers of each member's source. The members look at
//!    the same ones, at most [`crate::kernel::session::MAX_EARLIER`].
//! 2. *share*: each party shares the supports of all combinations in its own rows. In an answer that
//!    its memory does not have it had no rows. One about other values has rows of its own there, which
//!    no combination cancels. A party with columns of a client shares 0.
//! 3. *compare*: for each party i and each combination, whether the others' part of the support is
//!    from 1 to below m + d. Here m is the fewest rows, and d the number of equations about rows
//!    that the new answer tells. Party i knows its own rows. A support of 0 is that of a question
//!    that was answered before.
//! 4. *open*: whether there is any, as one bit to all members.
//!
//! **Combinations.** The new question less one earlier answer; with two of the newest, each added or
//! subtracted; with three of fewer. The suite's [`crate::engine::Engine::DIFFERENCES`] bounds the
//! comparisons, and so the number of answers, too, where there are many parties. Sums alone are not
//! looked at: their support is no smaller than that of the question itself, which the rule on rows
//! holds. Combinations of more answers, of older ones, or with other factors are not found here. Each
//! node finds those of its own rows by itself, as if all others were known.
//!
//! **Order.** A node has one question about a source at a time between the agreement and the record of
//! its answer. One that was read before another was answered is refused (`Turn` in the actors). So of
//! any two answers one is the earlier at all members of both, and the later one names it.
//!
//! **Rounds:** none more for sharing and comparing, and ⌈log₂ lanes⌉ for the disjunction: 2 for one
//! earlier answer of three parties, 16 for a hundred.
//!
//! **Bytes** sent by seat 0 of three: 64 more for one earlier answer, 166 kB for ten, 3.7 MB for a
//! hundred.
//!
//! **Leakage:** every party and helper learns the names of answers, which are random texts to those
//! that did not take part in them, and the bit. Names tell the members which earlier computations were
//! about one source and its same columns.
//!
//! **A member that deviates.** One that lists made-up names pushes no name away that two others list,
//! but it takes room from combinations. One that shares other sizes than it has learns from the bit
//! whether another party's support lies below a bound of its choice, one bit a run, as in the other
//! checks. Each run is in every party's log, and refusals are counted.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::engine::Engine;
use crate::kernel::session::{AnswerId, MAX_EARLIER};
use crate::suites::pairwise::Pairwise;
use crate::suites::replicated::Replicated;

/// The most earlier answers that one combination has.
const MOST: usize = 3;

/// The sets of answers of one combination.
const SETS: usize = 1 << MOST;

/// One party's rows, as earlier answers and the new question tell them apart.
///
/// Rows that all earlier answers hold or leave out alike are a class. A selection has a bit for each
/// class, 64 in a word: whether the class is in it.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct Earlier {
    /// All rows of the new question.
    selected: u64,
    /// The rows of each class: all of them, and those of the new question.
    classes: Vec<(u64, u64)>,
    selections: Vec<Vec<u64>>,
    /// The earlier answers about its values, the newest first, each with the number of its selection.
    #[zeroize(skip)]
    answers: Vec<(AnswerId, usize)>,
    /// The answers about other values, each with the number of its rows.
    #[zeroize(skip)]
    others: Vec<(AnswerId, u64)>,
}

/// A combination of the new question with earlier answers: their places among the agreed ones, and
/// the factor of each. An answer with the factor 0 is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Combination {
    places: [usize; MOST],
    factors: [i64; MOST],
}

/// The newest earlier answers of which combinations are compared: of one, of two, of three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// So many answers by themselves.
    pub single: usize,
    /// Each two of so many.
    pub pairs: usize,
    /// Each three of so many.
    pub threes: usize,
}

/// Numbers of rows that some answers have in common.
#[derive(Clone, Copy, Default, Zeroize)]
struct Common {
    all: i64,
    /// Those of the new question among them.
    asked: i64,
}

/// An agreed answer at one party.
#[derive(Clone, Copy)]
enum Known<'a> {
    /// Classes of rows.
    Rows(&'a [u64]),
    /// So many rows of which other values were told; none where the party had no rows in it.
    Apart(i64),
}

impl Earlier {
    /// Creates the part of a party with so many rows in the new question. `classes` has of each class
    /// the number of its rows, and of those in the new question. `answers` has the newest first, each
    /// with the number of its selection.
    #[must_use]
    pub fn new(selected: u64, classes: Vec<(u64, u64)>, selections: Vec<Vec<u64>>) -> Self {
        Self { selected, classes, selections, answers: Vec::new(), others: Vec::new() }
    }

    /// Adds the answers about its values, the newest first, each with the number of its selection.
    #[must_use]
    pub fn with_answers(mut self, answers: Vec<(AnswerId, usize)>) -> Self {
        self.answers = answers;
        self
    }

    /// Adds answers about other values, each with the number of its rows.
    #[must_use]
    pub fn with_others(mut self, others: Vec<(AnswerId, u64)>) -> Self {
        self.others = others;
        self
    }

    /// Lists the answers that this party names: the newest of each selection first, then the others.
    /// A question that is repeated would else push others away.
    #[must_use]
    pub fn named(&self) -> Vec<AnswerId> {
        let mut seen = vec![false; self.selections.len()];
        let is_new = |(_, selection): &&(AnswerId, usize)| {
            seen.get_mut(*selection).is_some_and(|seen| !std::mem::replace(seen, true))
        };
        let (newest, repeated): (Vec<_>, Vec<_>) = self.answers.iter().partition(is_new);
        newest.into_iter().chain(repeated).map(|(answer, _)| answer).collect()
    }

    /// Returns the support of each combination of agreed answers in this party's rows.
    pub(super) fn supports(
        &self,
        agreed: &[AnswerId],
        combinations: &[Combination],
    ) -> Zeroizing<Vec<u64>> {
        let known: Vec<Known<'_>> = agreed.iter().map(|answer| self.known(answer)).collect();
        let at = |place: usize| known.get(place).copied().unwrap_or(Known::Apart(0));
        let singles = known.iter().map(|known| match known {
            Known::Rows(holds) => self.common(&[holds]),
            Known::Apart(_) => Common::default(),
        });
        let singles = Zeroizing::new(singles.collect::<Vec<_>>());
        let selected = i64::try_from(self.selected).unwrap_or(i64::MAX);
        // Combinations of the same answers come one after the other.
        let mut places = None;
        let mut sets = Zeroizing::new([Common::default(); SETS]);
        let support = |combination: &Combination| {
            if places != Some(combination.places_of_parts()) {
                places = Some(combination.places_of_parts());
                *sets = [Common::default(); SETS];
                self.fill(&mut sets, combination, &at, &singles);
                if let Some(none) = sets.first_mut() {
                    none.asked = selected;
                }
            }
            let apart = combination.parts().map(|(place, _)| match at(place) {
                Known::Rows(_) => 0,
                Known::Apart(rows) => rows,
            });
            // They may be the same rows: so many are different at least.
            apart.fold(combination.support(*sets), i64::max).unsigned_abs()
        };
        Zeroizing::new(combinations.iter().map(support).collect())
    }

    /// Counts the rows that the answers of each set have in common. Sets with an answer of other
    /// values, or with one that is not in the combination, have none.
    fn fill<'a>(
        &self,
        sets: &mut [Common; SETS],
        combination: &Combination,
        at: &impl Fn(usize) -> Known<'a>,
        singles: &[Common],
    ) {
        for (set, common) in sets.iter_mut().enumerate().skip(1) {
            let members = (0..MOST).filter(|member| set >> member & 1 == 1);
            let places = members.map(|member| combination.place(member));
            let holds = places.map(|place| match at(place?) {
                Known::Rows(holds) => Some(holds),
                Known::Apart(_) => None,
            });
            let Some(holds) = holds.collect::<Option<Vec<_>>>() else { continue };
            *common = if set.is_power_of_two() {
                combination
                    .place(set.trailing_zeros() as usize)
                    .and_then(|place| singles.get(place).copied())
                    .unwrap_or_default()
            } else {
                self.common(&holds)
            };
        }
    }

    fn known(&self, answer: &AnswerId) -> Known<'_> {
        let own = self.answers.iter().find(|(own, _)| own == answer);
        if let Some(holds) = own.and_then(|(_, selection)| self.selections.get(*selection)) {
            return Known::Rows(holds);
        }
        let other = self.others.iter().find(|(other, _)| other == answer);
        Known::Apart(other.map_or(0, |(_, rows)| i64::try_from(*rows).unwrap_or(i64::MAX)))
    }

    /// Counts the rows of the classes that all these selections hold.
    fn common(&self, selections: &[&[u64]]) -> Common {
        let mut common = Common::default();
        for (word, classes) in self.classes.chunks(64).enumerate() {
            let of = |holds: &&[u64]| holds.get(word).copied().unwrap_or_default();
            let mut held = selections.iter().map(of).fold(u64::MAX, |all, held| all & held);
            while held != 0 {
                let class = classes.get(held.trailing_zeros() as usize);
                let (all, asked) = class.copied().unwrap_or_default();
                common.all += i64::try_from(all).unwrap_or(i64::MAX);
                common.asked += i64::try_from(asked).unwrap_or(i64::MAX);
                held &= held - 1;
            }
        }
        common
    }
}

impl Combination {
    /// Lists combinations with so many agreed answers, at most `most` of them: with each answer, then
    /// with two of the newest, then with three of fewer.
    pub(super) fn all(answers: usize, most: usize) -> Vec<Self> {
        let Reach { single, pairs, threes } = Reach::within(answers, most);
        let by_itself = |place| Self { places: [place, 0, 0], factors: [-1, 0, 0] };
        let mut all: Vec<Self> = (0..single).map(by_itself).collect();
        for one in 0..pairs {
            for other in one + 1..pairs {
                let places = [one, other, 0];
                let signs = [[-1, -1], [-1, 1], [1, -1]];
                all.extend(signs.map(|[a, b]| Self { places, factors: [a, b, 0] }));
            }
        }
        for one in 0..threes {
            for other in one + 1..threes {
                for third in other + 1..threes {
                    let places = [one, other, third];
                    all.extend(SIGNS.map(|factors| Self { places, factors }));
                }
            }
        }
        all
    }

    /// Lists the answers in it, each by its place with its factor.
    pub(super) fn parts(&self) -> impl Iterator<Item = (usize, i64)> {
        self.places.into_iter().zip(self.factors).filter(|(_, factor)| *factor != 0)
    }

    /// Returns the place of one of its answers.
    fn place(&self, member: usize) -> Option<usize> {
        let part = self.places.iter().zip(&self.factors).nth(member);
        part.filter(|(_, factor)| **factor != 0).map(|(place, _)| *place)
    }

    pub(super) fn places_of_parts(&self) -> [Option<usize>; MOST] {
        std::array::from_fn(|member| self.place(member))
    }

    /// Returns the number of rows with a coefficient that is not 0, from the rows that the answers of
    /// each set have in common. In the empty set are the rows of the question.
    fn support(&self, mut sets: [Common; SETS]) -> i64 {
        // Rows in exactly the answers of a set: those of the set less those of each larger one.
        for member in 0..MOST {
            for set in (0..SETS).filter(|set| set >> member & 1 == 0) {
                let Some(larger) = sets.get(set | 1 << member).copied() else { continue };
                if let Some(exact) = sets.get_mut(set) {
                    exact.all -= larger.all;
                    exact.asked -= larger.asked;
                }
            }
        }
        let rows = |(set, exact): (usize, &Common)| {
            let members = self.factors.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
            let coefficient: i64 = members.map(|(_, factor)| factor).sum();
            let asked = if coefficient + 1 != 0 { exact.asked } else { 0 };
            let not_asked = if coefficient != 0 { exact.all - exact.asked } else { 0 };
            asked + not_asked
        };
        sets.iter().enumerate().map(rows).sum()
    }
}

impl Reach {
    /// Returns what any comparison of so many parties takes at least, by whichever suite, however
    /// many earlier answers the members name.
    #[must_use]
    pub fn among(parties: usize) -> Self {
        let all = Replicated::<'static>::DIFFERENCES.min(Pairwise::<'static>::DIFFERENCES);
        Self::within(MAX_EARLIER, all / (2 * parties.max(1)))
    }

    /// Returns the numbers of the newest of so many answers, of which there are at most `most`
    /// combinations.
    fn within(answers: usize, most: usize) -> Self {
        let single = answers.min(most);
        // A quarter of the room that is left is for combinations of three.
        let room = most - single;
        let of_two = |n: usize| 3 * n * n.saturating_sub(1) / 2;
        let pairs = newest(answers, |n| of_two(n) <= room - room / 4);
        let room = room - of_two(pairs);
        let of_three = |n: usize| 7 * n * n.saturating_sub(1) * n.saturating_sub(2) / 6;
        Self { single, pairs, threes: newest(answers, |n| of_three(n) <= room) }
    }
}

/// Returns the number of comparisons with so many earlier answers, among three nodes that compute.
pub(crate) fn comparisons(answers: usize, parties: usize) -> usize {
    let bounds = 2 * parties.max(1);
    bounds * Combination::all(answers, Replicated::<'static>::DIFFERENCES / bounds).len()
}

/// The factors of three answers, without those of a sum.
const SIGNS: [[i64; MOST]; 7] =
    [[-1, -1, -1], [-1, -1, 1], [-1, 1, -1], [-1, 1, 1], [1, -1, -1], [1, -1, 1], [1, 1, -1]];

/// Returns the largest number of answers, up to all, that fits.
fn newest(answers: usize, fits: impl Fn(usize) -> bool) -> usize {
    (1..=answers).take_while(|number| fits(*number)).last().unwrap_or_default()
}
