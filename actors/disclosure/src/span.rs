//! The span of the selections that were answered for some values, over columns.
//!
//! A column is a union of classes that all these selections hold or leave out alike, and that is in
//! one at least. Values that were asked about with the same selections share one span.

use crate::classes::{Classes, Cut};
use crate::echelon::Echelon;
use crate::isolation::Growth;
use crate::modulus::Modulus;
use crate::question::Policy;

/// Selections that are independent of each other, and the echelon form of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// The numbers of the selections, ascending.
    selections: Vec<usize>,
    /// The column of each class; none for classes that are in no selection of the span.
    column_of: Vec<Option<u32>>,
    /// The rows of each column.
    sizes: Vec<u64>,
    echelon: Echelon,
}

/// A part of a column that a selection cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// The column; none for rows in no selection of the span.
    pub(crate) origin: Option<usize>,
    pub(crate) inside: bool,
    pub(crate) size: u64,
}

/// A selection that is to be added to a span, and is independent of it.
pub(crate) struct Trial {
    parts: Vec<Part>,
    before: Echelon,
    /// The part of the selection that is not in the span.
    rest: Vec<u64>,
}

impl Trial {
    /// Returns the columns of the span with the selection, ordered as they would be.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the words that the span would hold, apart from the classes' columns.
    pub(crate) fn cells(&self) -> usize {
        self.parts.len().saturating_mul(self.before.rank() + 1)
    }
}

impl Span {
    /// Returns the span of no selection.
    pub(crate) fn empty(classes: usize) -> Self {
        Self {
            selections: Vec::new(),
            column_of: vec![None; classes],
            sizes: Vec::new(),
            echelon: Echelon::default(),
        }
    }

    /// Returns the numbers of the selections that were added, ascending.
    pub(crate) fn selections(&self) -> &[usize] {
        &self.selections
    }

    pub(crate) fn columns(&self) -> usize {
        self.sizes.len()
    }

    /// Lists the column of each class; none for classes that are in no selection of the span.
    pub(crate) fn columns_of_classes(&self) -> impl Iterator<Item = Option<usize>> {
        self.column_of.iter().map(|column| column.and_then(|column| usize::try_from(column).ok()))
    }

    /// Returns the words that the span holds.
    pub(crate) fn cells(&self) -> usize {
        self.echelon.rank().saturating_mul(self.columns()).saturating_add(self.column_of.len())
    }

    /// Follows the refinement of the classes: each is a part of an earlier one, or new.
    pub(crate) fn refine(&mut self, origins: &[Option<usize>]) {
        let column = |origin: &Option<usize>| {
            origin.and_then(|class| self.column_of.get(class).copied().flatten())
        };
        self.column_of = origins.iter().map(column).collect();
    }

    /// Prepares the addition of a selection. Returns nothing if it is in the span.
    pub(crate) fn try_adding(&self, modulus: Modulus, cut: &Cut) -> Option<Trial> {
        let parts = self.parts(cut);
        let origins: Vec<Option<usize>> = parts.iter().map(|part| part.origin).collect();
        let before = self.echelon.over(&origins);
        let one = |part: &Part| if part.inside { modulus.one() } else { 0 };
        let mut rest: Vec<u64> = parts.iter().map(one).collect();
        before.reduce(modulus, &mut rest);
        let is_independent = rest.iter().any(|entry| *entry != 0);
        is_independent.then_some(Trial { parts, before, rest })
    }

    /// Returns `true` if the span with this addition has a new vector that isolates fewer rows than
    /// the policy asks for, by itself or together with others that the members do not compare.
    pub(crate) fn would_isolate(
        &self,
        modulus: Modulus,
        classes: &Classes,
        trial: &Trial,
        policy: &Policy,
    ) -> bool {
        let (minimum, together) = (policy.min_own_rows, policy.min_together);
        let sizes: Vec<u64> = trial.parts.iter().map(|part| part.size).collect();
        let mut after = trial.before.clone();
        after.add_reduced(modulus, trial.rest.clone(), &sizes);
        let added: Vec<bool> = trial.parts.iter().map(|part| part.inside).collect();
        let earlier = if minimum > 3 || together > minimum {
            self.vectors(classes, &trial.parts)
        } else {
            Vec::new()
        };
        let before = &trial.before;
        let growth = Growth {
            modulus,
            before,
            after: &after,
            sizes: &sizes,
            added: &added,
            earlier: &earlier,
        };
        growth.isolates_fewer_than(minimum)
            || together > minimum && growth.isolates_uncompared(together, policy.compared)
    }

    /// Adds the remembered selection `number`, which cuts no class and made this trial.
    pub(crate) fn add(&mut self, modulus: Modulus, number: usize, cut: &Cut, trial: Trial) {
        let mut places = vec![[None; 2]; self.columns() + 1];
        for (column, part) in trial.parts.iter().enumerate() {
            let number = u32::try_from(column).expect("a column has a class of its own");
            let place = places.get_mut(part.origin.map_or(0, |origin| origin + 1));
            if let Some([outer, inner]) = place {
                *(if part.inside { inner } else { outer }) = Some(number);
            }
        }
        let inside = cut.inside.iter().map(|count| *count > 0);
        let column = |(column, inside): (Option<usize>, bool)| {
            let place = places.get(column.map_or(0, |column| column + 1));
            place.and_then(|[outer, inner]| if inside { *inner } else { *outer })
        };
        self.column_of = self.columns_of_classes().zip(inside).map(column).collect();
        self.sizes = trial.parts.iter().map(|part| part.size).collect();
        self.echelon = trial.before;
        self.echelon.add_reduced(modulus, trial.rest, &self.sizes);
        let place = self.selections.partition_point(|earlier| *earlier < number);
        self.selections.insert(place, number);
    }

    /// Cuts the columns: the parts outside and inside of each, and the rows that are in none yet.
    fn parts(&self, cut: &Cut) -> Vec<Part> {
        let mut inside = vec![0_u64; self.columns()];
        let mut fresh = cut.unseen;
        for (column, count) in self.columns_of_classes().zip(&cut.inside) {
            match column.and_then(|column| inside.get_mut(column)) {
                Some(sum) => *sum += count,
                None => fresh += count,
            }
        }
        let mut parts = Vec::new();
        for (column, (size, inner)) in self.sizes.iter().zip(&inside).enumerate() {
            let outer = size.saturating_sub(*inner);
            let halves = [(false, outer), (true, *inner)].into_iter().filter(|half| half.1 > 0);
            parts.extend(halves.map(|(inside, size)| Part { origin: Some(column), inside, size }));
        }
        if fresh > 0 {
            parts.push(Part { origin: None, inside: true, size: fresh });
        }
        parts
    }

    /// Returns the selections of the span as vectors over these parts of its columns.
    fn vectors(&self, classes: &Classes, parts: &[Part]) -> Vec<Vec<bool>> {
        let vector = |selection: &usize| {
            let cut = classes.cut_of(*selection);
            let mut holds = vec![false; self.columns()];
            for (column, inside) in self.columns_of_classes().zip(&cut.inside) {
                if let Some(held) = column.and_then(|column| holds.get_mut(column)) {
                    *held = *inside > 0;
                }
            }
            let held = |part: &Part| part.origin.and_then(|c| holds.get(c).copied());
            parts.iter().map(|part| held(part) == Some(true)).collect()
        };
        self.selections.iter().map(vector).collect()
    }
}
