//! Rows in classes of equal membership in all remembered selections.
//!
//! No answer tells rows of one class apart. All that the span needs of a row is its class, and of a
//! class its size. Rows in no remembered selection are not held: they matter to no answer.
//!
//! Classes are numbered in the order in which they first occur among the sorted rows. So equal
//! questions give equal classes, in whatever order they came or were withdrawn.

use std::collections::BTreeMap;

use crate::limits::{MAX_CLASSES, MAX_ROWS};
use crate::selection::Selection;

const WORD: usize = u64::BITS as usize;

/// The rows of all remembered selections, and which selections each class of rows is in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Classes {
    /// Ascending.
    hashes: Vec<u64>,
    /// The class of each row.
    class_of: Vec<u16>,
    /// The rows of each class; at least 1.
    sizes: Vec<u64>,
    /// For each class a bit for each selection, in `words()` words.
    memberships: Vec<Vec<u64>>,
    selections: usize,
}

/// The cut of a selection through the classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The selection's rows in each class.
    pub(crate) inside: Vec<u64>,
    /// The selection's rows in no class.
    pub(crate) unseen: u64,
    /// All of the selection's rows.
    pub(crate) rows: u64,
}

impl Classes {
    pub(crate) fn len(&self) -> usize {
        self.sizes.len()
    }

    pub(crate) fn selections(&self) -> usize {
        self.selections
    }

    pub(crate) fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    pub(crate) fn class_of(&self) -> &[u16] {
        &self.class_of
    }

    pub(crate) fn memberships(&self) -> &[Vec<u64>] {
        &self.memberships
    }

    /// Puts classes together from their parts. Returns nothing if they are not what [`Self::add`]
    /// makes.
    pub(crate) fn from_parts(
        hashes: Vec<u64>,
        class_of: Vec<u16>,
        memberships: Vec<Vec<u64>>,
        selections: usize,
    ) -> Option<Self> {
        let mut sizes: Vec<u64> = Vec::new();
        for class in class_of.iter().map(|class| usize::from(*class)) {
            if class == sizes.len() {
                sizes.push(0);
            }
            *sizes.get_mut(class)? += 1;
        }
        let distinct: BTreeMap<&Vec<u64>, ()> = memberships.iter().map(|one| (one, ())).collect();
        let used = |one: &Vec<u64>| one.iter().any(|word| *word != 0);
        let fits = |one: &Vec<u64>| {
            let beyond = selections..selections.next_multiple_of(WORD);
            one.len() == selections.div_ceil(WORD)
                && !beyond.into_iter().any(|bit| is_set(one, bit))
        };
        let valid = hashes.is_sorted_by(|one, next| one < next)
            && hashes.len() == class_of.len()
            && sizes.len() == memberships.len()
            && distinct.len() == memberships.len()
            && memberships.iter().all(|one| used(one) && fits(one));
        valid.then_some(Self { hashes, class_of, sizes, memberships, selections })
    }

    /// Counts the rows of a selection in each class, in one pass over both.
    pub(crate) fn cut<'a>(&'a self, selection: &'a Selection) -> Cut {
        let mut inside = vec![0_u64; self.len()];
        let mut lanes = self.lanes(selection.hashes());
        let mut count = |lane: &mut Lane<'a>| match lane.step() {
            Some((class, same)) => {
                if let Some(count) = inside.get_mut(usize::from(class)) {
                    *count += same;
                }
                true
            }
            None => false,
        };
        // One after the other, so that the processor has all of them in hand at once.
        while lanes.iter_mut().all(&mut count) {}
        for lane in &mut lanes {
            while count(lane) {}
        }
        let seen = inside.iter().sum::<u64>();
        Cut { inside, unseen: selection.rows() - seen, rows: selection.rows() }
    }

    /// Lists the rows of a selection, each with its class if it is in one.
    pub(crate) fn classes_of(
        &self,
        selection: &Selection,
    ) -> impl Iterator<Item = (u64, Option<usize>)> {
        selection.hashes().iter().map(|hash| {
            let place = self.hashes.binary_search(hash).ok();
            let class = place.and_then(|place| self.class_of.get(place));
            (*hash, class.map(|class| usize::from(*class)))
        })
    }

    /// Divides the rows and a selection into ranges of hashes, each with as many rows.
    fn lanes<'a>(&'a self, chosen: &'a [u64]) -> [Lane<'a>; LANES] {
        let (mut hashes, mut classes) = (self.hashes.as_slice(), self.class_of.as_slice());
        let (mut chosen, len) = (chosen, self.hashes.len().div_ceil(LANES));
        std::array::from_fn(|_| {
            let (some, rest) = hashes.split_at(len.min(hashes.len()));
            let (of_some, of_rest) = classes.split_at(len.min(classes.len()));
            let bound = some.last().map_or(0, |last| chosen.partition_point(|hash| hash <= last));
            let (wanted, later) = chosen.split_at(bound);
            (hashes, classes, chosen) = (rest, of_rest, later);
            Lane { hashes: some, classes: of_some, chosen: wanted, row: 0, next: 0 }
        })
    }

    /// Returns how a remembered selection cuts the classes: each is inside or outside as a whole.
    pub(crate) fn cut_of(&self, selection: usize) -> Cut {
        let parts = self.memberships.iter().zip(&self.sizes);
        let inside: Vec<u64> =
            parts.map(|(one, size)| if is_set(one, selection) { *size } else { 0 }).collect();
        let rows = inside.iter().sum();
        Cut { inside, unseen: 0, rows }
    }

    /// Returns the rows of each class.
    pub(crate) fn sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// Returns a bit for each class, 64 in a word: whether it is in a remembered selection.
    pub(crate) fn holds(&self, selection: usize) -> Vec<u64> {
        let word = |classes: &[Vec<u64>]| {
            let bits = classes.iter().rev().map(|one| u64::from(is_set(one, selection)));
            bits.fold(0, |word, bit| word << 1 | bit)
        };
        self.memberships.chunks(WORD).map(word).collect()
    }

    /// Returns the remembered selection with exactly the rows of this cut.
    pub(crate) fn find(&self, cut: &Cut) -> Option<usize> {
        if cut.unseen > 0 {
            return None;
        }
        let mut candidates = vec![u64::MAX; self.selections.div_ceil(WORD)];
        for ((inside, size), membership) in
            cut.inside.iter().zip(&self.sizes).zip(&self.memberships)
        {
            if *inside != 0 && inside != size {
                return None;
            }
            for (candidate, word) in candidates.iter_mut().zip(membership) {
                *candidate &= if *inside == 0 { !*word } else { *word };
            }
        }
        (0..self.selections).find(|selection| is_set(&candidates, *selection))
    }

    /// Returns the number of classes with one more selection.
    pub(crate) fn len_with(&self, cut: &Cut) -> usize {
        let split = cut.inside.iter().zip(&self.sizes).filter(|(i, size)| **i != 0 && i != size);
        self.len() + split.count() + usize::from(cut.unseen > 0)
    }

    /// Returns `true` if the classes stay within their bounds with one more selection.
    pub(crate) fn has_room_for(&self, cut: &Cut) -> bool {
        let rows = (self.hashes.len() as u64).saturating_add(cut.unseen);
        self.len_with(cut) <= MAX_CLASSES && rows <= MAX_ROWS as u64
    }

    /// Adds a selection that [`Self::find`] does not find and that [`Self::has_room_for`]. Returns
    /// for each class the earlier class that it is a part of.
    pub(crate) fn add(&mut self, selection: &Selection) -> Vec<Option<usize>> {
        let number = self.selections;
        self.selections += 1;
        let words = self.selections.div_ceil(WORD);
        let before = std::mem::take(self);
        let mut parts = Parts::of(before.len());
        let mut rows = before.hashes.iter().zip(&before.class_of).peekable();
        let mut chosen = selection.hashes().iter().peekable();
        loop {
            let (row, wanted) = (rows.peek().map(|(hash, _)| **hash), chosen.peek().map(|h| **h));
            let hash = match (row, wanted) {
                (None, None) => break,
                (Some(one), Some(other)) => one.min(other),
                (Some(one), None) | (None, Some(one)) => one,
            };
            let old = if row == Some(hash) { rows.next().map(|(_, class)| *class) } else { None };
            let inside = wanted == Some(hash) && chosen.next().is_some();
            self.hashes.push(hash);
            self.class_of.push(parts.number(old, inside));
        }
        self.selections = before.selections;
        self.sizes = parts.sizes;
        for (old, inside) in &parts.origins {
            let known = old.and_then(|class| before.memberships.get(usize::from(class)));
            let mut membership = known.cloned().unwrap_or_default();
            membership.resize(words, 0);
            if *inside && let Some(word) = membership.get_mut(number / WORD) {
                *word |= 1 << (number % WORD);
            }
            self.memberships.push(membership);
        }
        parts.origins.iter().map(|(old, _)| old.map(usize::from)).collect()
    }

    /// Takes a selection away: classes that it alone told apart are one again, rows that were in it
    /// alone are gone, and later selections move up by one.
    pub(crate) fn remove(&mut self, selection: usize) {
        let before = std::mem::take(self);
        self.selections = before.selections.saturating_sub(1);
        let kept: Vec<Vec<u64>> =
            before.memberships.iter().map(|one| without(one, selection, self.selections)).collect();
        let mut numbers: BTreeMap<&Vec<u64>, u16> = BTreeMap::new();
        let mut number_of: Vec<Option<u16>> = vec![None; kept.len()];
        for (hash, class) in before.hashes.iter().zip(&before.class_of) {
            let class = usize::from(*class);
            let (Some(membership), Some(known)) = (kept.get(class), number_of.get_mut(class))
            else {
                continue;
            };
            if membership.iter().all(|word| *word == 0) {
                continue;
            }
            let number = *known.get_or_insert_with(|| {
                let next = u16::try_from(numbers.len()).expect("merging makes no class more");
                *numbers.entry(membership).or_insert_with(|| {
                    self.sizes.push(0);
                    self.memberships.push(membership.clone());
                    next
                })
            });
            self.hashes.push(*hash);
            self.class_of.push(number);
            if let Some(size) = self.sizes.get_mut(usize::from(number)) {
                *size += 1;
            }
        }
    }
}

/// So many comparisons, each of which waits for its last, are made side by side.
const LANES: usize = 4;

/// A range of hashes, on the way through its rows and those of a selection.
struct Lane<'a> {
    hashes: &'a [u64],
    classes: &'a [u16],
    chosen: &'a [u64],
    row: usize,
    next: usize,
}

impl Lane<'_> {
    /// Passes the smaller of two hashes, or both if they are the same. Returns a row's class, and 1
    /// if the row is selected. No branch depends on the hashes: no processor could foresee it.
    fn step(&mut self) -> Option<(u16, u64)> {
        let hash = self.hashes.get(self.row)?;
        let wanted = self.chosen.get(self.next)?;
        let class = *self.classes.get(self.row)?;
        self.row += usize::from(hash <= wanted);
        self.next += usize::from(wanted <= hash);
        Some((class, u64::from(hash == wanted)))
    }
}

/// The parts of classes in the order in which they occur.
struct Parts {
    /// The number of the part of each class, outside and inside; first for rows in no class.
    numbers: Vec<Option<u16>>,
    origins: Vec<(Option<u16>, bool)>,
    sizes: Vec<u64>,
}

impl Parts {
    fn of(classes: usize) -> Self {
        Self { numbers: vec![None; 2 * (classes + 1)], origins: Vec::new(), sizes: Vec::new() }
    }

    /// Counts a row and returns the number of its part.
    fn number(&mut self, old: Option<u16>, inside: bool) -> u16 {
        let place = 2 * old.map_or(0, |class| usize::from(class) + 1) + usize::from(inside);
        let known = self.numbers.get(place).copied().flatten();
        let number = known.unwrap_or_else(|| {
            let next = u16::try_from(self.sizes.len()).expect("room for classes was asked for");
            self.origins.push((old, inside));
            self.sizes.push(0);
            if let Some(entry) = self.numbers.get_mut(place) {
                *entry = Some(next);
            }
            next
        });
        if let Some(size) = self.sizes.get_mut(usize::from(number)) {
            *size += 1;
        }
        number
    }
}

pub(crate) fn is_set(words: &[u64], bit: usize) -> bool {
    words.get(bit / WORD).is_some_and(|word| word >> (bit % WORD) & 1 == 1)
}

/// Returns the bits without one of them, `len` bits in all.
fn without(words: &[u64], removed: usize, len: usize) -> Vec<u64> {
    let mut kept = vec![0_u64; len.div_ceil(WORD)];
    for bit in (0..len).filter(|bit| is_set(words, bit + usize::from(*bit >= removed))) {
        if let Some(word) = kept.get_mut(bit / WORD) {
            *word |= 1 << (bit % WORD);
        }
    }
    kept
}
