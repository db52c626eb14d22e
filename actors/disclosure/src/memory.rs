//! The memory of one source: decisions before answers, and the record of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::answered::{Answered, Entry, News};
use crate::classes::{Classes, Cut};
use crate::limits::{MAX_ENTRIES, MAX_QUESTIONS, MAX_RECALLED};
use crate::meter::{Cost, Meter};
use crate::modulus::Modulus;
use crate::profile::Profile;
use crate::question::{Policy, Question, Ranks, Reason, Told, Value, Verdict};
use crate::ranks::ShownRanks;
use crate::recall::{Name, Overlap, Recall, Recalled, first_to_forget};
use crate::selection::Selection;

/// All that was answered of one source's rows.
///
/// It is secret, its debug text aside: it holds keyed hashes of rows, and a prime that no asker may
/// know.
#[derive(Clone, PartialEq)]
pub struct Memory {
    pub(crate) modulus: Modulus,
    pub(crate) classes: Classes,
    /// The recorded questions, by ascending number.
    pub(crate) log: Vec<Entry>,
    /// The answers by their names, the oldest first.
    pub(crate) recalled: Vec<Recalled>,
    answered: Answered,
}

/// A question that was reserved and is neither answered nor withdrawn. It is used once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a reserved question counts as answered until it is withdrawn"]
pub struct Reservation(Option<u64>);

impl Reservation {
    /// Returns whether the question was recorded: it told something new.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }
}

/// The memory has no room for a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the memory of this source's answers is full; it forgets nothing to make room")]
pub struct Full;

/// The reservation is of a question that is not pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this question is not pending: it was answered or withdrawn before")]
pub struct NotPending;

/// The view of one value for its owner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shown {
    /// The questions that told something new of it by an equation.
    pub questions: u64,
    /// The part that they told, in percent of the value's content.
    pub told_percent: f64,
    /// The ranks that were shown, over all selections.
    pub ranks: u64,
    /// The most ranks that a row bears: 0.1 is one rank in ten rows.
    pub ranks_a_row: f64,
}

/// A question beside the memory.
struct Look<'a> {
    cut: Cut,
    /// The remembered selection of the same rows.
    found: Option<usize>,
    news: Vec<News<'a>>,
    new_ranks: usize,
}

impl Memory {
    /// Creates an empty memory. The seed is 64 random bits, which no client may know: they choose
    /// the prime that the span is computed with.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(Modulus::from_seed(seed))
    }

    /// Decides on a question, as if all that is recorded were answered. Records nothing.
    ///
    /// A question is free if for each of its values the equation follows from answered ones and
    /// each of its ranks was shown for the same rows. Otherwise all rules are asked. The reason of
    /// a refusal is the first of several.
    #[must_use]
    pub fn check(&self, question: &Question, policy: &Policy) -> Verdict {
        let look = self.look(question);
        if look.tells_nothing() {
            return Verdict::Free;
        }
        match self.objection(question, policy, &look) {
            Some(reason) => Verdict::Refused(reason),
            None => Verdict::Allowed(self.told_by(question, &look)),
        }
    }

    /// Lists the rows that a question could do without: of a group of rows that earlier answers do not
    /// tell apart, it selects fewer than `minimum`. They are what it would isolate in most cases.
    #[must_use]
    pub fn rows_in_small_groups(&self, question: &Question, minimum: u64) -> Vec<u64> {
        let look = self.look(question);
        let few = |news: &News<'_>| {
            news.rows_in_small_groups(&self.classes, &question.selection, minimum)
        };
        let all: BTreeSet<u64> = look.news.iter().flat_map(few).collect();
        all.into_iter().collect()
    }

    /// Returns what a question would tell of each value of which it opens an equation, whether it
    /// may be answered or not. For the owner only.
    #[must_use]
    pub fn told(&self, question: &Question) -> BTreeMap<Value, Told> {
        self.told_by(question, &self.look(question))
    }

    /// Records an answered question, by no rule but the bounds. One that tells nothing new takes no
    /// room.
    ///
    /// # Errors
    ///
    /// [`Full`]: the answer may not be given.
    pub fn record(&mut self, question: &Question) -> Result<(), Full> {
        self.insert(question, false).map(|_| ())
    }

    /// Records a question before its answer, by no rule but the bounds. It counts as answered.
    ///
    /// # Errors
    ///
    /// [`Full`]: the answer may not be given.
    pub fn reserve(&mut self, question: &Question) -> Result<Reservation, Full> {
        self.insert(question, true).map(Reservation)
    }

    /// Makes a reserved question an answered one.
    ///
    /// # Errors
    ///
    /// [`NotPending`] if it was settled before.
    pub fn confirm(&mut self, reservation: Reservation) -> Result<(), NotPending> {
        if let Some(place) = self.place(reservation)?
            && let Some(entry) = self.log.get_mut(place)
        {
            entry.pending = false;
        }
        Ok(())
    }

    /// Takes a reserved question back, of which no answer was given and none will be. The memory is
    /// as if it had not been asked.
    ///
    /// # Errors
    ///
    /// [`NotPending`] if it was settled before.
    pub fn withdraw(&mut self, reservation: Reservation) -> Result<(), NotPending> {
        let Some(place) = self.place(reservation)? else { return Ok(()) };
        let selection = self.log.remove(place).selection;
        self.release(selection);
        self.answered = derive(self.modulus, &self.classes, &self.log);
        Ok(())
    }

    /// Remembers an answer by its name. One that is about no row is not remembered.
    ///
    /// # Errors
    ///
    /// [`Full`]: there is no room for its selection.
    pub fn recall(&mut self, name: Name, recall: &Recall) -> Result<(), Full> {
        let cut = self.classes.cut(&recall.selection);
        if cut.rows == 0 {
            return Ok(());
        }
        let known = self.classes.find(&cut);
        if known.is_none() && !self.has_room_for_selection(&cut) {
            return Err(Full);
        }
        let selection = known.unwrap_or_else(|| self.add_selection(&recall.selection));
        self.recalled.push(Recalled { name, selection, values: recall.values.clone() });
        if self.recalled.len() > MAX_RECALLED {
            let forgotten = self.recalled.remove(first_to_forget(&self.recalled));
            if self.release(forgotten.selection) {
                self.answered = derive(self.modulus, &self.classes, &self.log);
            }
        }
        Ok(())
    }

    /// Returns `true` if an answer about these rows could be remembered by its name.
    #[must_use]
    pub fn can_recall(&self, selection: &Selection) -> bool {
        let cut = self.classes.cut(selection);
        cut.rows == 0 || self.classes.find(&cut).is_some() || self.has_room_for_selection(&cut)
    }

    /// Returns the rows of a question as the remembered answers about any of its values tell them
    /// apart.
    #[must_use]
    pub fn overlap(&self, asked: &Recall) -> Overlap {
        let cut = self.classes.cut(&asked.selection);
        let newest = self.recalled.iter().rev();
        let (related, others): (Vec<&Recalled>, Vec<&Recalled>) =
            newest.partition(|answer| !answer.values.is_disjoint(&asked.values));
        let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
        let mut selections = Vec::new();
        let mut number = |selection: usize| {
            *numbers.entry(selection).or_insert_with(|| {
                selections.push(self.classes.holds(selection));
                selections.len() - 1
            })
        };
        let answers: Vec<(Name, usize)> =
            related.iter().map(|answer| (answer.name, number(answer.selection))).collect();
        let rows = |answer: &&Recalled| (answer.name, self.classes.cut_of(answer.selection).rows);
        Overlap {
            selected: cut.rows,
            classes: self.classes.sizes().iter().copied().zip(cut.inside).collect(),
            selections,
            answers,
            others: others.iter().map(rows).collect(),
        }
    }

    /// Returns a reservation for each pending question, the oldest first. For a node that comes back: it
    /// knows which answers have left, and settles the rest.
    #[must_use]
    pub fn pending(&self) -> Vec<Reservation> {
        let pending = self.log.iter().filter(|entry| entry.pending);
        pending.map(|entry| Reservation(Some(entry.number))).collect()
    }

    /// Returns what the owner is shown, by value. Pending questions count.
    #[must_use]
    pub fn show(&self) -> BTreeMap<Value, Shown> {
        let shown = |value: &Value| {
            let meter = self.answered.meter(value);
            let ranks = self.answered.ranks(value);
            Shown {
                questions: meter.map(Meter::questions).unwrap_or_default(),
                told_percent: self.told_percent(value),
                ranks: ranks.map(ShownRanks::count).unwrap_or_default(),
                ranks_a_row: ranks.map_or(0.0, |ranks| ranks.most_borne(&self.classes)),
            }
        };
        self.answered.values().map(|value| (value.clone(), shown(value))).collect()
    }

    /// Returns the number of questions that are held, pending ones too.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.log.len()
    }

    /// Returns what was told of a value, in percent of its content; 0 if it was not asked about.
    #[must_use]
    pub fn told_percent(&self, value: &Value) -> f64 {
        self.answered.meter(value).map(Meter::told_percent).unwrap_or_default()
    }

    /// Forgets all questions, pending ones too. Only the owner may decide on it.
    pub fn reset(&mut self) {
        *self = Self::with(self.modulus);
    }

    /// Puts a memory together from its parts.
    pub(crate) fn from_parts(
        modulus: Modulus,
        classes: Classes,
        log: Vec<Entry>,
        recalled: Vec<Recalled>,
    ) -> Self {
        let answered = derive(modulus, &classes, &log);
        Self { modulus, classes, log, recalled, answered }
    }

    fn with(modulus: Modulus) -> Self {
        let classes = Classes::default();
        let answered = Answered::nothing(classes.len());
        Self { modulus, classes, log: Vec::new(), recalled: Vec::new(), answered }
    }

    fn look<'a>(&'a self, question: &'a Question) -> Look<'a> {
        let cut = self.classes.cut(&question.selection);
        let found = self.classes.find(&cut);
        let news = self.answered.news(self.modulus, &cut, question.sums.keys());
        let count = |(value, ranks): (&Value, &Ranks)| match self.answered.ranks(value) {
            Some(shown) => shown.new_ranks(found, ranks),
            None => ranks.permille.len(),
        };
        let new_ranks = question.ranks.iter().map(count).sum();
        Look { cut, found, news, new_ranks }
    }

    /// Returns the first rule that a question breaks.
    fn objection(&self, question: &Question, policy: &Policy, look: &Look<'_>) -> Option<Reason> {
        if look.cut.rows < policy.min_own_rows {
            return Some(Reason::TooFewOwnRows);
        }
        if !self.has_room_for(question, look) {
            return Some(Reason::Full);
        }
        if !self.allows_ranks(question, policy, look) {
            return Some(Reason::Ranks);
        }
        let isolates = |news: &News<'_>| news.isolates(self.modulus, &self.classes, policy);
        if look.news.iter().any(isolates) {
            return Some(Reason::IsolatesFewRows);
        }
        let metered = look
            .news
            .iter()
            .flat_map(|news| news.values.iter().map(|value| (*value, news.trial().parts())));
        for (value, parts) in metered {
            let Some(profile) = question.sums.get(value) else { continue };
            let cost = cost(question, profile, &look.cut);
            let fresh = Meter::default();
            let meter = self.answered.meter(value).unwrap_or(&fresh);
            if !meter.allows(&cost, parts, look.cut.rows, policy) {
                return Some(Reason::ToldTooMuch);
            }
        }
        None
    }

    fn allows_ranks(&self, question: &Question, policy: &Policy, look: &Look<'_>) -> bool {
        let nothing = ShownRanks::default();
        question.ranks.iter().all(|(value, ranks)| {
            let shown = self.answered.ranks(value).unwrap_or(&nothing);
            shown.new_ranks(look.found, ranks) == 0
                || shown.allows(&self.classes, &look.cut, look.found, ranks, policy)
        })
    }

    fn told_by(&self, question: &Question, look: &Look<'_>) -> BTreeMap<Value, Told> {
        let is_new = |value: &Value| look.news.iter().any(|news| news.values.contains(&value));
        let told = |(value, profile): (&Value, &Profile)| {
            let mut cost = cost(question, profile, &look.cut);
            if !is_new(value) {
                cost.bits = 0.0;
            }
            let meter = self.answered.meter(value);
            let told = meter.map_or_else(|| Meter::default().after(&cost), |m| m.after(&cost));
            (value.clone(), told)
        };
        question.sums.iter().map(told).collect()
    }

    fn has_room_for(&self, question: &Question, look: &Look<'_>) -> bool {
        let entries = self.log.iter().map(Entry::len).sum::<usize>();
        let added = question.sums.len().saturating_add(question.ranks.len());
        self.log.len() < MAX_QUESTIONS
            && (look.found.is_some() || self.has_room_for_selection(&look.cut))
            && entries.saturating_add(added) <= MAX_ENTRIES
            && self.answered.has_room_for(&look.news, self.classes.len_with(&look.cut))
    }

    fn has_room_for_selection(&self, cut: &Cut) -> bool {
        self.classes.selections() < MAX_QUESTIONS && self.classes.has_room_for(cut)
    }

    /// Records a question that tells something, and returns its number.
    fn insert(&mut self, question: &Question, pending: bool) -> Result<Option<u64>, Full> {
        let look = self.look(question);
        if look.cut.rows == 0 || look.tells_nothing() && self.is_settled(question, &look) {
            return Ok(None);
        }
        if !self.has_room_for(question, &look) {
            return Err(Full);
        }
        let costs = question
            .sums
            .iter()
            .map(|(value, profile)| (value.clone(), cost(question, profile, &look.cut)));
        let sums = costs.collect();
        let ranks = question.ranks.iter().map(|(v, ranks)| (v.clone(), ranks.clone())).collect();
        let found = look.found;
        let selection = found.unwrap_or_else(|| self.add_selection(&question.selection));
        let number = self.log.last().map_or(0, |entry| entry.number.saturating_add(1));
        let entry = Entry { number, selection, pending, sums, ranks };
        self.answered.record(self.modulus, &self.classes, &entry);
        self.log.push(entry);
        Ok(Some(number))
    }

    fn add_selection(&mut self, selection: &Selection) -> usize {
        let number = self.classes.selections();
        let origins = self.classes.add(selection);
        self.answered.refine(&origins);
        number
    }

    /// Takes a selection away that no question and no answer uses any more. Returns whether it did:
    /// the classes are others then.
    fn release(&mut self, selection: usize) -> bool {
        let questions = self.log.iter_mut().map(|entry| &mut entry.selection);
        let answers = self.recalled.iter_mut().map(|answer| &mut answer.selection);
        let mut uses: Vec<&mut usize> = questions.chain(answers).collect();
        if uses.iter().any(|used| **used == selection) {
            return false;
        }
        self.classes.remove(selection);
        for used in uses.iter_mut().filter(|used| ***used > selection) {
            **used -= 1;
        }
        true
    }

    /// Returns `true` if no withdrawal can make a question tell something that tells nothing now.
    fn is_settled(&self, question: &Question, look: &Look<'_>) -> bool {
        if self.log.iter().all(|entry| !entry.pending) {
            return true;
        }
        let same: Vec<&Entry> = self
            .log
            .iter()
            .filter(|entry| !entry.pending && Some(entry.selection) == look.found)
            .collect();
        let is_summed = |value| same.iter().any(|e| e.sums.iter().any(|(known, _)| known == value));
        let is_shown = |value, rank| {
            let mut known = same.iter().flat_map(|entry| &entry.ranks);
            known.any(|(known, ranks)| known == value && ranks.permille.contains(rank))
        };
        let mut ranks = question.ranks.iter();
        question.sums.keys().all(is_summed)
            && ranks.all(|(value, ranks)| ranks.permille.iter().all(|rank| is_shown(value, rank)))
    }

    /// Returns the place of a pending question; none for one that was not recorded.
    fn place(&self, reservation: Reservation) -> Result<Option<usize>, NotPending> {
        let Reservation(Some(number)) = reservation else { return Ok(None) };
        let place = self.log.iter().position(|entry| entry.number == number && entry.pending);
        place.map(Some).ok_or(NotPending)
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}

impl Look<'_> {
    /// Returns `true` if the answer follows from what is recorded, or is about no row.
    fn tells_nothing(&self) -> bool {
        self.cut.rows == 0 || self.news.is_empty() && self.new_ranks == 0
    }
}

fn derive(modulus: Modulus, classes: &Classes, log: &[Entry]) -> Answered {
    let mut answered = Answered::nothing(classes.len());
    log.iter().for_each(|entry| answered.record(modulus, classes, entry));
    answered
}

/// Returns what an answer would cost of a value. It depends on no other question, so that a
/// withdrawal of one leaves it as it is.
fn cost(question: &Question, profile: &Profile, cut: &Cut) -> Cost {
    Cost {
        bits: profile.bits_told(cut.rows),
        content: profile.content(question.source_rows.max(cut.rows)),
        entropy: profile.entropy_bits(),
    }
}
