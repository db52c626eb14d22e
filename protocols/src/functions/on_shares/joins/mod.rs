//! Functions of rows that several parties have columns of, which are found by an id.
//!
//! 1. *sizes*: all members say how many rows they have, in how many columns.
//! 2. *join*: the rows of the ids that all parties have come into the same order at all, which nobody knows,
//!    their columns in shared form ([`Engine::join`]; of sizes alone, [`Engine::count_common`]). Opened is how
//!    many they are, to all members.
//! 3. The rule on rows is asked of that number, before anything else is computed.
//! 4. What the function says of these columns: [`categories`], [`moments`].
//!
//! So no party learns which of its rows are in the join, and nothing is learnt of rows that are not (but by the
//! scales, below). How many rows are in the join is told, and so what is left of it where groups or cells
//! are withheld.
//!
//! Ids are compared as items of sets are ([`crate::suites::intersection::items`]). An id twice in a table is refused,
//! in a set it counts once.
//!
//! Of numbers each column has a scale of its own, the power of two next above all its magnitudes (in the
//! join or not), and 53 binary digits of it. Where an answer depends on the scales they are opened with it.

pub(crate) mod categories;
mod columns;
mod moments;
mod question;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use self::columns::{Cells, Scaled};
use self::question::{MOST_COLUMNS, MOST_ROWS, Question, Told};
use super::{Desk, UNKNOWN};
use crate::algebra::packed_bits::Lanes;
use crate::circuits::joining;
use crate::circuits::selection::{at_least, is_below};
use crate::engine::shared::Shared;
use crate::engine::tables::{Joined, Shape, Table};
use crate::engine::{Audience, Engine};
use crate::functions::answer::Answer;
use crate::functions::catalogue::{Entry, REGRESSION};
use crate::functions::input::Input;
use crate::functions::parameters::Parameters;
use crate::functions::sets::{PAD_TO, agreed, check_size, padded};
use crate::kernel::disclosure::Permit;
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::sizes;
use crate::suites::intersection::Tag;
use crate::suites::intersection::items::{Case, tag};

/// The names under which the spec has whether a regression is by id, and whether it has an intercept.
pub(crate) const BY_ID: &str = "by_id";
const INTERCEPT: &str = "intercept";
const YES: &str = "yes";
const NO: &str = "no";

/// A function with one party's rows in it; at a helper, without.
pub(crate) struct Prepared {
    question: Question,
    case: Case,
    padded_to: Option<u64>,
    /// What is compared of each row's id.
    ids: Zeroizing<Vec<String>>,
    columns: Vec<Cells>,
}

impl Prepared {
    /// None if the function has nothing to do with joins.
    pub(super) fn new(
        function: &Entry,
        parameters: &Parameters,
        input: &Input,
    ) -> Option<Result<Self, InputError>> {
        let question = Question::of(function, parameters)?;
        Some(Self::of(question, parameters, input))
    }

    fn of(question: Question, parameters: &Parameters, input: &Input) -> Result<Self, InputError> {
        parameters.no_categories()?;
        parameters.no_encoding()?;
        let (case, padded_to) = (parameters.case.unwrap_or_default(), parameters.pad_to);
        let (texts, columns) = match input {
            Input::Texts(texts) => (texts.as_slice(), &[][..]),
            Input::Keyed { ids, columns } => (ids.as_slice(), columns.as_slice()),
            other if other.is_empty() => Default::default(),
            _ => return Err(InputError::Shape { expected: "rows that begin with an id" }),
        };
        let mut ids: Zeroizing<Vec<String>> =
            Zeroizing::new(texts.iter().map(|text| case.item(text)).collect());
        if question.is_of_sets() {
            ids.sort_unstable();
            ids.dedup();
        } else {
            check_distinct(&ids)?;
        }
        check_size(ids.len(), padded_to)?;
        if columns.len() > MOST_COLUMNS {
            let (what, actual, limit) = ("columns of a party", columns.len(), MOST_COLUMNS);
            return Err(InputError::TooMuch { what, actual, limit });
        }
        let columns = columns.iter().map(|column| question.cells(column));
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Self { question, case, padded_to, ids, columns })
    }

    /// A helper's part.
    pub(super) fn to_help(
        function: &Entry,
        agreed: &BTreeMap<String, String>,
    ) -> Result<Self, InputError> {
        let question = match function.name {
            REGRESSION => {
                let intercept = agreed.get(INTERCEPT).is_some_and(|text| text == YES);
                Some(Question::Regression { intercept })
            }
            _ => Question::of(function, &Parameters::default()),
        };
        let question = question.ok_or(UNKNOWN)?;
        let padded_to = agreed.get(PAD_TO).and_then(|size| size.parse().ok());
        let (case, ids, columns) = Default::default();
        Ok(Self { question, case, padded_to, ids, columns })
    }

    /// What depends on which of the parties we are: whose columns are what.
    pub(super) fn take_place(&mut self, me: Party) -> Result<(), InputError> {
        let has_categories = self.columns.iter().any(|column| matches!(column, Cells::Texts(_)));
        let takes_categories = match self.question {
            Question::Contingency => me.index() < 2,
            Question::MeanByGroup => me.index() == 0,
            _ => false,
        };
        if has_categories && !takes_categories {
            let expected = "numbers behind the id: this party's column is not one of categories";
            return Err(InputError::Shape { expected });
        }
        if takes_categories {
            self.columns = std::mem::take(&mut self.columns)
                .into_iter()
                .map(Cells::into_categories)
                .collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        let mut parameters: BTreeMap<String, String> = agreed(self.case, self.padded_to).into();
        if let Question::Regression { intercept } = self.question {
            let text = if intercept { YES } else { NO };
            parameters.insert(BY_ID.to_owned(), YES.to_owned());
            parameters.insert(INTERCEPT.to_owned(), text.to_owned());
        }
        parameters
    }

    /// What is revealed, where that is not what the catalogue says of the function.
    pub(super) fn replaces_reveals(&self) -> Option<&'static [&'static str]> {
        matches!(self.question, Question::Regression { .. }).then_some(REGRESSION_BY_ID)
    }

    pub(super) async fn run<E: Engine>(
        self,
        desk: &mut Desk<'_, E>,
        permit: &Permit,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Answer>, Fault> {
        let told = self.exchange(desk, permit).await?;
        self.question.check(&told, permit)?;
        if self.question.is_of_sets() {
            self.check_rows(desk, permit, &told).await?;
        }
        let tags = match desk.engine.brings_data() {
            false => Zeroizing::default(),
            true => {
                let tags = self.ids.iter().map(|id| tag(&desk.session, id)).collect();
                padded(Zeroizing::new(tags), self.padded_to, rng)
            }
        };
        let join = Join { permit, tags: &tags, told: &told };
        let columns = self.columns;
        match self.question {
            Question::Common => common(desk, join, self.padded_to).await,
            Question::Distinct => {
                let own = tags.len().saturating_sub(self.ids.len());
                distinct(desk, join, own, self.padded_to).await
            }
            Question::Contingency => categories::contingency(desk, join, columns, rng).await,
            Question::MeanByGroup => categories::mean_by_group(desk, join, columns, rng).await,
            Question::Sum => moments::sum(desk, join, &scaled(columns)).await,
            Question::Correlation => moments::correlation(desk, join, &scaled(columns)).await,
            Question::Regression { intercept } => {
                moments::regression(desk, join, &scaled(columns), intercept).await
            }
        }
    }

    /// Asks the rule on rows of all parties' items together; on shares if their sets are filled up.
    async fn check_rows<E: Engine>(
        &self,
        desk: &mut Desk<'_, E>,
        permit: &Permit,
        told: &[Told],
    ) -> Result<(), Fault> {
        let Some(least) = permit.least_rows() else { return Ok(()) };
        if self.padded_to.is_some() {
            let rows = desk.sum(&[self.ids.len() as u64], 1).await?;
            let is_small = is_below(&mut desk.engine, &rows, least).await?;
            let is_small = desk.engine.lanes(&is_small, 0..1);
            return match desk.engine.open(&is_small, Audience::Everybody).await?.as_deref() {
                Some([Lanes(0)]) => Ok(()),
                Some([Lanes(1)]) => Err(permit.too_few_rows().into()),
                _ => Err(Fault::Implausible),
            };
        }
        permit.check_rows(told.iter().map(|told| told.rows as u64).sum())?;
        Ok(())
    }

    /// What all parties tell of their rows.
    async fn exchange<E: Engine>(
        &self,
        desk: &Desk<'_, E>,
        permit: &Permit,
    ) -> Result<Vec<Told>, Fault> {
        let rows = match desk.engine.brings_data() {
            true => self.padded_to.unwrap_or(self.ids.len() as u64),
            false => 0,
        };
        let categories = match self.columns.as_slice() {
            [Cells::Categories { names, .. }]
                if permit.withholds() || self.question == Question::MeanByGroup =>
            {
                categories::told(names.len())
            }
            _ => 0,
        };
        let mine = [rows, self.columns.len() as u64, categories as u64];
        let all = sizes::exchange(desk.channel, desk.inputs, mine).await?;
        let told: Result<Vec<Told>, Fault> =
            all.iter().enumerate().map(|(index, told)| Told::of(index, *told)).collect();
        let told = told?;
        if told.iter().map(|told| told.rows).sum::<usize>() > MOST_ROWS {
            let why = "all parties together have more than 2^20 rows, which is the most that are \
                       compared on shares";
            return Err(Fault::Undefined { why });
        }
        Ok(told)
    }
}

/// How many ids all parties have.
async fn common<E: Engine>(
    desk: &mut Desk<'_, E>,
    join: Join<'_>,
    padded_to: Option<u64>,
) -> Result<Option<Answer>, Fault> {
    let sizes = rows_of(join.told);
    // Two parties by themselves see how many there are before a rule can be asked.
    let count = match join.permit.withholds() {
        true => joining::count_common(&mut desk.engine, join.tags, &sizes).await?,
        false => desk.engine.count_common(join.tags, &sizes).await?,
    };
    let count = open_count(desk, join.permit, &count).await?;
    Ok(count.map(|size_intersection| Answer::IntersectionSize { size_intersection, padded_to }))
}

/// How many ids there are at all; `filling` is how many items our set was filled up with, which nobody else
/// has.
async fn distinct<E: Engine>(
    desk: &mut Desk<'_, E>,
    join: Join<'_>,
    filling: usize,
    padded_to: Option<u64>,
) -> Result<Option<Answer>, Fault> {
    let sizes = rows_of(join.told);
    let withholds = join.permit.withholds();
    // With what two parties by themselves see on the way, the answer would tell their true sizes.
    let all = match withholds || padded_to.is_some() {
        true => joining::count_distinct(&mut desk.engine, join.tags, &sizes).await?,
        false => desk.engine.count_distinct(join.tags, &sizes).await?,
    };
    let filling = desk.sum(&[filling as u64], 1).await?;
    let mut count = all.minus(&filling);
    if withholds && desk.inputs == 2 {
        // Of two sets it tells how much they have in common, where the rules may withhold that.
        let told = desk.engine.public(vec![sizes.iter().sum::<usize>() as u64]);
        let least = join.permit.least_shown();
        let is_small = is_below(&mut desk.engine, &told.minus(&all), least).await?;
        let is_small: E::Shared<u64> = desk.engine.inject(&[&is_small], 1).await?;
        let is_shown = desk.engine.public(vec![1]).minus(&is_small);
        count = desk.engine.multiply(&count, &is_shown).await?;
    }
    let count = open_count(desk, join.permit, &count).await?;
    Ok(count.map(|size_union| Answer::UnionSize { size_union, padded_to }))
}

/// What a regression by id reveals beside its answer.
pub(crate) const REGRESSION_BY_ID: &[&str] = &[SIZES, COLUMNS, JOINED, MOMENTS, SCALES];

/// How many rows each party has.
pub(crate) const SIZES: &str =
    "how many ids each party has, or the size declared by `pad_to`, to every party and helper";
/// And in how many columns.
pub(crate) const COLUMNS: &str =
    "of joins: how many columns each party has, to every party and helper";
/// How many rows are in the join.
pub(crate) const JOINED: &str =
    "of joins: how many ids all parties have, to every party and helper";
/// What a regression by id and correlations open.
pub(crate) const MOMENTS: &str = "of joins: over the rows that all parties have, the sum of each column, and of the \
     products of each two, to every party; a column can be chosen so that these are single numbers of \
     another, which is not noticed";
/// The scales of columns.
pub(crate) const SCALES: &str = "of joins: the power of two next above all magnitudes of each column, those of rows included \
     that are not in the join, to every party";
/// How many categories there are, where small counts are withheld.
pub(crate) const CATEGORIES: &str = "if the rules ask for a smallest cell: the power of two from which on a party has no more \
     categories, to every party and helper";
/// The same, always.
pub(crate) const GROUPS: &str =
    "the power of two from which on the first party has no more groups, to every party and helper";

/// What a join is made of beside columns.
#[derive(Clone, Copy)]
struct Join<'a> {
    permit: &'a Permit,
    /// Ours.
    tags: &'a [Tag],
    told: &'a [Told],
}

impl Join<'_> {
    /// The join of all parties' rows with columns of words, of each party as many as `columns` says; `words`
    /// are ours. The rule on rows is asked of it.
    async fn run<E: Engine>(
        self,
        desk: &mut Desk<'_, E>,
        words: Vec<Vec<Lanes>>,
        columns: impl Fn(usize, &Told) -> usize,
    ) -> Result<Joined<E>, Fault> {
        let Self { permit, tags, told } = self;
        let shape = |(index, told): (usize, &Told)| Shape {
            rows: told.rows,
            columns: columns(index, told),
        };
        let shapes: Vec<Shape> = told.iter().enumerate().map(shape).collect();
        let own = shapes.get(desk.channel.parties().me().index());
        let own = own.map_or(0, |shape| shape.columns);
        // A party without rows has its columns all the same; sets are filled up with rows of zeros.
        let filled = |mut column: Vec<Lanes>| {
            column.resize(tags.len(), Lanes(0));
            column
        };
        let words = words.into_iter().chain(std::iter::repeat(Vec::new())).take(own);
        let table = Table { tags: tags.to_vec(), words: words.map(filled).collect() };
        let joined = desk.engine.join(&table, &shapes).await?;
        permit.check_rows(joined.rows as u64)?;
        if permit.withholds() && (joined.rows as u64) < permit.least_shown() {
            return Err(permit.shows_single_rows().into());
        }
        match joined.rows {
            0 => Err(Fault::Undefined { why: "the parties have no id in common" }),
            _ => Ok(joined),
        }
    }
}

fn rows_of(told: &[Told]) -> Vec<usize> {
    told.iter().map(|told| told.rows).collect()
}

/// A count, of which one that is too small is not opened: none stands for it, and for 0 where such are
/// withheld. None at a helper.
async fn open_count<E: Engine>(
    desk: &mut Desk<'_, E>,
    permit: &Permit,
    count: &E::Shared<u64>,
) -> Result<Option<Option<u64>>, Fault> {
    let shown = match permit.withholds() {
        true => at_least(&mut desk.engine, count, permit.least_shown()).await?,
        false => count.clone(),
    };
    let opened = desk.engine.open(&shown, Audience::Parties).await?;
    let is_withheld = |count: u64| permit.withholds() && count == 0;
    match opened.as_deref() {
        None => Ok(None),
        Some([count]) if *count <= MOST_ROWS as u64 => {
            Ok(Some((!is_withheld(*count)).then_some(*count)))
        }
        Some(_) => Err(Fault::Implausible),
    }
}

fn check_distinct(ids: &[String]) -> Result<(), InputError> {
    let mut places: Vec<usize> = (0..ids.len()).collect();
    places.sort_by_key(|place| ids.get(*place));
    let twice = places.windows(2).find(|two| match two {
        [one, next] => ids.get(*one) == ids.get(*next),
        _ => false,
    });
    match twice.and_then(|two| two.get(1)) {
        Some(index) => Err(InputError::RepeatedId { index: *index }),
        None => Ok(()),
    }
}

fn scaled(columns: Vec<Cells>) -> Vec<Scaled> {
    columns.into_iter().filter_map(Cells::into_scaled).collect()
}
