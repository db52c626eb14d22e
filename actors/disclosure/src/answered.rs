//! The sum of the recorded questions: spans, meters and shown ranks. All of it is derived from
//! the classes and the list of questions, in their order.

use std::collections::{BTreeMap, BTreeSet};

use crate::classes::{Classes, Cut};
use crate::limits::MAX_CELLS;
use crate::meter::{Cost, Meter};
use crate::modulus::Modulus;
use crate::question::{Policy, Ranks, Value};
use crate::ranks::ShownRanks;
use crate::selection::Selection;
use crate::span::{Span, Trial};

/// A recorded question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) selection: usize,
    /// It was reserved, and is neither answered nor withdrawn.
    pub(crate) pending: bool,
    pub(crate) sums: Vec<(Value, Cost)>,
    pub(crate) ranks: Vec<(Value, Ranks)>,
}

impl Entry {
    /// Returns the number of its values.
    pub(crate) fn len(&self) -> usize {
        self.sums.len() + self.ranks.len()
    }
}

/// The state of all values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answered {
    /// The spans by their selections. That of no selection is always there.
    spans: BTreeMap<Vec<usize>, CountedSpan>,
    values: BTreeMap<Value, ValueState>,
    ranks: BTreeMap<Value, ShownRanks>,
}

/// A span, and the number of values that have it.
#[derive(Debug, Clone, PartialEq)]
struct CountedSpan {
    span: Span,
    users: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct ValueState {
    meter: Meter,
    /// The key of its span.
    selections: Vec<usize>,
}

/// Values with one span, to which a selection is new.
pub(crate) struct News<'a> {
    span: &'a Span,
    trial: Trial,
    pub(crate) values: Vec<&'a Value>,
}

impl News<'_> {
    pub(crate) fn trial(&self) -> &Trial {
        &self.trial
    }

    /// Lists the rows of the selection that are in small groups. A group is the rows of one column
    /// of the span, or those in no column. It is small with fewer than `minimum` rows.
    pub(crate) fn rows_in_small_groups(
        &self,
        classes: &Classes,
        selection: &Selection,
        minimum: u64,
    ) -> Vec<u64> {
        let inside = self.trial.parts().iter().filter(|part| part.inside && part.size < minimum);
        let few: BTreeSet<Option<usize>> = inside.map(|part| part.origin).collect();
        let columns: Vec<Option<usize>> = self.span.columns_of_classes().collect();
        classes
            .classes_of(selection)
            .filter(|(_, class)| {
                few.contains(&class.and_then(|class| columns.get(class).copied().flatten()))
            })
            .map(|(hash, _)| hash)
            .collect()
    }

    /// Returns `true` if the span with the selection newly isolates fewer rows than the policy asks
    /// for.
    pub(crate) fn isolates(&self, modulus: Modulus, classes: &Classes, policy: &Policy) -> bool {
        self.span.would_isolate(modulus, classes, &self.trial, policy)
    }
}

impl Answered {
    /// Returns the state before any question.
    pub(crate) fn nothing(classes: usize) -> Self {
        let empty = CountedSpan { span: Span::empty(classes), users: 0 };
        let spans = BTreeMap::from([(Vec::new(), empty)]);
        Self { spans, values: BTreeMap::new(), ranks: BTreeMap::new() }
    }

    /// Groups the values, of those named, to whose span a cut is new.
    pub(crate) fn news<'a>(
        &'a self,
        modulus: Modulus,
        cut: &Cut,
        values: impl Iterator<Item = &'a Value>,
    ) -> Vec<News<'a>> {
        let mut groups: BTreeMap<&[usize], Vec<&Value>> = BTreeMap::new();
        for value in values {
            let key = self.values.get(value).map_or(&[][..], |state| &state.selections);
            groups.entry(key).or_default().push(value);
        }
        let news = groups.into_iter().filter_map(|(key, values)| {
            let span = &self.spans.get(key).expect("the span of each value is kept").span;
            Some(News { span, trial: span.try_adding(modulus, cut)?, values })
        });
        news.collect()
    }

    /// Returns `true` if the memory has room for these additions. `classes` is the number of classes with
    /// them.
    pub(crate) fn has_room_for(&self, news: &[News<'_>], classes: usize) -> bool {
        let forms = self.spans.values().map(|shared| shared.span.cells());
        let meters = self.values.values().map(|state| state.meter.cells());
        let columns = (self.spans.len() + news.len()).saturating_mul(classes);
        let added = news.iter().map(|new| {
            new.trial.cells().saturating_add(new.trial.parts().len() * new.values.len())
        });
        let all = forms.chain(meters).chain(added);
        all.fold(columns, usize::saturating_add) <= MAX_CELLS
    }

    /// Follows the refinement of the classes.
    pub(crate) fn refine(&mut self, origins: &[Option<usize>]) {
        self.spans.values_mut().for_each(|shared| shared.span.refine(origins));
    }

    /// Records a question. The classes already have its selection.
    pub(crate) fn record(&mut self, modulus: Modulus, classes: &Classes, entry: &Entry) {
        let cut = classes.cut_of(entry.selection);
        let costs: BTreeMap<&Value, &Cost> =
            entry.sums.iter().map(|(value, cost)| (value, cost)).collect();
        let news = self.news(modulus, &cut, costs.keys().copied());
        let groups: Vec<(Vec<usize>, Trial, Vec<Value>)> = news
            .into_iter()
            .map(|news| {
                let values = news.values.into_iter().cloned().collect();
                (news.span.selections().to_vec(), news.trial, values)
            })
            .collect();
        for (key, trial, values) in groups {
            for value in &values {
                let state = self.values.entry(value.clone()).or_insert_with(ValueState::new);
                let cost = costs.get(value).expect("the news are of these values");
                state.meter.record(cost, trial.parts(), &cut);
            }
            let mut span = self.leave(&key, values.len());
            span.add(modulus, entry.selection, &cut, trial);
            self.enter(span, &values);
        }
        for (value, ranks) in &entry.ranks {
            let shown = self.ranks.entry(value.clone()).or_default();
            shown.record(entry.selection, ranks, cut.rows);
        }
    }

    pub(crate) fn meter(&self, value: &Value) -> Option<&Meter> {
        self.values.get(value).map(|state| &state.meter)
    }

    pub(crate) fn ranks(&self, value: &Value) -> Option<&ShownRanks> {
        self.ranks.get(value)
    }

    /// Lists the values that were asked about, each once.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        let ranked = self.ranks.keys().filter(|value| !self.values.contains_key(*value));
        self.values.keys().chain(ranked)
    }

    /// Takes values off a span. Returns the span: itself if no value is left.
    fn leave(&mut self, key: &[usize], values: usize) -> Span {
        let shared = self.spans.get_mut(key).expect("the span of each value is kept");
        shared.users = shared.users.saturating_sub(values);
        let span = shared.span.clone();
        if shared.users == 0 && !key.is_empty() {
            self.spans.remove(key);
        }
        span
    }

    /// Puts values on a span, or on the one that is there of the same selections.
    fn enter(&mut self, span: Span, values: &[Value]) {
        let key = span.selections().to_vec();
        let known = self.spans.get(&key);
        for value in values {
            let state = self.values.get_mut(value).expect("the caller has put each value in");
            state.selections.clone_from(&key);
            if let Some(known) = known {
                state.meter.reorder(&span, &known.span);
            }
        }
        self.spans.entry(key).or_insert(CountedSpan { span, users: 0 }).users += values.len();
    }
}

impl ValueState {
    fn new() -> Self {
        Self { meter: Meter::default(), selections: Vec::new() }
    }
}
