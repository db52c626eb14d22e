//! Sessions, which run all statements for one source.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::answers::{
    Kinds, found_by_type, group, integer, kind_of_values, text_integer, total, unsigned,
};
use super::dialect::{Connection, Described, Dialect, Native, Row, Rows};
use super::failure::{Stage, explain};
use super::fragment::{Fragment, joined};
use super::pushdown::{Precision, condition};
use super::relation::{from_clause, looks_writing, quoted};
use super::relay::Meter;
use crate::access::Access;
use crate::aggregate::{Aggregate, Aggregated, MAX_GROUPS};
use crate::batch::BatchBuilder;
use crate::column::Column;
use crate::declaration::Wanted;
use crate::error::{DataError, DeclarationError, Place, SelectionError, SourceError, Unavailable};
use crate::filter::Filter;
use crate::head::Head;
use crate::source::Relation;
use crate::stop::Stop;
use crate::values::BatchSink;

/// The columns that are probed in one statement; SQLite answers with at most 2000 values.
const PROBED_COLUMNS: usize = 100;

/// The time for ending a statement at its server.
const CANCELLING: Duration = Duration::from_secs(5);

/// One connection in one read-only transaction.
pub(super) struct Session<D: Dialect> {
    dialect: D,
    bounds: Bounds,
    connection: Connection<D>,
}

/// The bounds of a session's statements.
struct Bounds {
    /// There until the end.
    runtime: Option<Runtime>,
    /// The time of one statement.
    limit: Duration,
    /// The sign that the rows are awaited no longer.
    stop: Option<Stop>,
    /// The account of what the server has sent.
    meter: Arc<Meter>,
}

impl Bounds {
    /// Waits for a step of a statement, for at most that time.
    fn wait<T>(&self, left: Duration, step: impl Future<Output = T>) -> Result<T, SourceError> {
        let stopped = async {
            match &self.stop {
                Some(stop) => stop.given().await,
                None => std::future::pending().await,
            }
        };
        self.runtime().block_on(async {
            tokio::select! {
                biased;
                () = stopped => Err(SourceError::Ended),
                done = timeout(left, step) => {
                    done.map_err(|_| Unavailable::Slow(self.limit).into())
                }
            }
        })
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("a session has its runtime until its end")
    }

    /// Makes the error of a failure at that stage.
    fn explain<D: Dialect>(&self, error: sqlx::Error, stage: Stage) -> SourceError {
        explain::<D>(error, stage, self.limit, &self.meter)
    }
}

impl Drop for Bounds {
    /// Ends the runtime without waiting for a name that is still being looked up.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl<D: Dialect> Session<D> {
    pub(super) fn open(mut dialect: D, access: &Access) -> Result<Self, SourceError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Unavailable::System(error.kind()))?;
        let (limit, stop) = (access.timeout, access.stop.clone());
        let meter = Arc::new(Meter::new(access.message_bytes));
        let bounds = Bounds { runtime: Some(runtime), limit, stop, meter };
        let connection = match bounds.wait(limit, dialect.connect(limit, &bounds.meter)) {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(bounds.explain::<D>(error, Stage::Connecting)),
            Err(SourceError::Ended) => return Err(SourceError::Ended),
            Err(_) => return Err(Unavailable::Down("no answer in time").into()),
        };
        Ok(Self { dialect, bounds, connection })
    }

    /// Ends the statement at the server, if the result says that it may still run there.
    fn cut<T>(&self, result: Result<T, SourceError>) -> Result<T, SourceError> {
        if let Err(SourceError::Ended | SourceError::Unavailable(Unavailable::Slow(_))) = &result {
            let meter = Arc::new(Meter::new(self.bounds.meter.limit()));
            let cancelled = async { timeout(CANCELLING, self.dialect.cancel(&meter)).await };
            if !matches!(self.bounds.runtime().block_on(cancelled), Ok(Ok(()))) {
                tracing::warn!("a statement could not be ended at its database");
            }
        }
        result
    }

    /// Lists the columns of a table or query, with the kinds of those that are wanted.
    pub(super) fn discover(
        &mut self,
        relation: &Relation,
        wanted: &Wanted<'_>,
    ) -> Result<Head, SourceError> {
        let from = from_clause(relation, D::QUOTE)?;
        let described = self.describe(&from)?;
        let mut head = Head::new(described.iter().map(found_by_type).collect());
        let mut probed = Vec::new();
        for column in &described {
            let named = head.column(&column.name).is_some_and(|found| found.problem.is_none());
            let dynamic = matches!(column.native, Some(Native::Dynamic { .. }));
            if named && dynamic && wanted.includes(&column.name) {
                probed.push(column);
            }
        }
        let mut kinds = BTreeMap::new();
        for columns in probed.chunks(PROBED_COLUMNS) {
            kinds.extend(self.kinds(columns, &from)?);
        }
        for (name, kind) in kinds {
            head.set_kind(&name, kind);
        }
        Ok(head)
    }

    /// Returns advice on the rights of the database's user.
    pub(super) fn advice(&mut self) -> Result<Vec<String>, SourceError> {
        let Some(rights) = D::RIGHTS else { return Ok(Vec::new()) };
        let rights = self.row(Fragment::text(rights), |row| {
            [integer::<D>(row, 0), integer::<D>(row, 1)].map(|right| right.map(|it| it > 0))
        })?;
        Ok(advice_on(rights).into_iter().collect())
    }

    /// Streams columns. Rows that `filter` does not select may be left out.
    pub(super) fn scan(
        &mut self,
        relation: &Relation,
        builder: &mut BatchBuilder,
        filter: Option<&Filter>,
        sink: BatchSink<'_>,
    ) -> Result<(), SourceError> {
        let from = from_clause(relation, D::QUOTE)?;
        let natives = self.natives(builder.columns(), &from)?;
        let mut selected = Vec::new();
        for (column, native) in &natives {
            selected.push(D::expression(&quoted(&column.name, D::QUOTE), *native));
        }
        // Rows are counted even without columns.
        if selected.is_empty() {
            selected.push("1".to_owned());
        }
        let mut superset = None;
        if let Some(filter) = filter {
            superset = condition(&self.dialect, filter, &natives, Precision::Superset);
        }
        let statement = select(&selected.join(", "), &from, superset);
        self.stream(statement, &natives, builder, sink)
    }

    /// Lets the database aggregate, or returns `None` if its answer could differ from this crate's.
    pub(super) fn aggregate(
        &mut self,
        relation: &Relation,
        columns: &[Column],
        what: &Aggregate,
        filter: Option<&Filter>,
    ) -> Result<Option<Aggregated>, SourceError> {
        let from = from_clause(relation, D::QUOTE)?;
        let natives = self.natives(columns, &from)?;
        let mut exact = None;
        if let Some(filter) = filter {
            exact = condition(&self.dialect, filter, &natives, Precision::Exact);
            if exact.is_none() {
                return Ok(None);
            }
        }
        if self.has_inexact_rows(&natives, &from)? {
            return Ok(None);
        }
        match what {
            Aggregate::Count => self.count(&from, exact).map(Some),
            Aggregate::Sum { column } => self.sum(column, &natives, &from, exact),
            Aggregate::Groups { columns } => self.groups(columns, &natives, &from, exact),
        }
    }

    fn describe(&mut self, from: &str) -> Result<Vec<Described>, SourceError> {
        let sql = format!("SELECT * FROM {from}");
        self.bounds.meter.begin();
        let bounds = &self.bounds;
        let described = bounds.wait(bounds.limit, D::describe(&mut self.connection, sql));
        self.cut(described)?.map_err(|error| {
            match self.bounds.explain::<D>(error, Stage::Preparing) {
                SourceError::Declaration(DeclarationError::Query(_)) if looks_writing(from) => {
                    DeclarationError::QueryWrites.into()
                }
                other => other,
            }
        })
    }

    /// Finds the types of the given columns in the database.
    fn natives(
        &mut self,
        columns: &[Column],
        from: &str,
    ) -> Result<Vec<(Column, Native)>, SourceError> {
        let described = self.describe(from)?;
        let mut natives = Vec::new();
        for column in columns {
            let found = described.iter().find(|found| found.name == column.name);
            match found.and_then(|found| found.native) {
                Some(native) => natives.push((column.clone(), native)),
                None => return Err(DataError::Changed(column.name.clone()).into()),
            }
        }
        Ok(natives)
    }

    /// Finds the kinds of columns by their values.
    fn kinds(&mut self, columns: &[&Described], from: &str) -> Result<Kinds, SourceError> {
        let quoted = columns.iter().map(|column| quoted(&column.name, D::QUOTE));
        let probes: Vec<_> = quoted.filter_map(|quoted| D::type_probe(&quoted)).collect();
        let statement = select(&probes.join(", "), from, None);
        let width = columns.len().saturating_mul(5);
        let seen: Vec<Option<i128>> =
            self.row(statement, |row| (0..width).map(|index| integer::<D>(row, index)).collect())?;
        let mut kinds = Kinds::new();
        for (column, seen) in columns.iter().zip(seen.chunks(5)) {
            kinds.push((column.name.clone(), kind_of_values(column, seen)));
        }
        Ok(kinds)
    }

    fn has_inexact_rows(
        &mut self,
        natives: &[(Column, Native)],
        from: &str,
    ) -> Result<bool, SourceError> {
        let mut conditions = Vec::new();
        for (column, _) in natives {
            let inexact = D::inexact_rows(&quoted(&column.name, D::QUOTE), column.kind);
            conditions.extend(inexact.map(Fragment::text));
        }
        let Some(inexact) = joined(conditions, " OR ") else { return Ok(false) };
        let statement = select("COUNT(*)", from, Some(inexact));
        let rows = self.row(statement, |row| integer::<D>(row, 0))?;
        Ok(rows != Some(0))
    }

    fn count(
        &mut self,
        from: &str,
        condition: Option<Fragment>,
    ) -> Result<Aggregated, SourceError> {
        let rows = self.row(select("COUNT(*)", from, condition), |row| integer::<D>(row, 0))?;
        Ok(Aggregated::Count(unsigned(rows)?))
    }

    fn sum(
        &mut self,
        column: &str,
        natives: &[(Column, Native)],
        from: &str,
        condition: Option<Fragment>,
    ) -> Result<Option<Aggregated>, SourceError> {
        let Some((_, native)) = natives.iter().find(|(known, _)| known.name == column) else {
            return Ok(None);
        };
        if !matches!(native, Native::Integer | Native::Dynamic { .. }) {
            return Ok(None);
        }
        let quoted = quoted(column, D::QUOTE);
        let parts = D::sum(&quoted);
        let texts: Vec<_> = parts.iter().map(|(text, _)| text.as_str()).collect();
        let what = format!("COUNT(*), COUNT({quoted}), {}", texts.join(", "));
        let (rows, present, sums) = self.row(select(&what, from, condition), |row| {
            let end = parts.len().saturating_add(2);
            let sums: Vec<_> = (2..end).map(|index| text_integer::<D>(row, index)).collect();
            (integer::<D>(row, 0), integer::<D>(row, 1), sums)
        })?;
        let rows = unsigned(rows)?;
        let missing = rows.saturating_sub(unsigned(present)?);
        Ok(total(&sums, &parts).map(|sum| Aggregated::Sum { rows, missing, sum }))
    }

    fn groups(
        &mut self,
        columns: &[String],
        natives: &[(Column, Native)],
        from: &str,
        condition: Option<Fragment>,
    ) -> Result<Option<Aggregated>, SourceError> {
        let mut grouped = Vec::new();
        let mut expressions = Vec::new();
        for name in columns {
            let known = natives.iter().find(|(column, _)| column.name == *name);
            let Some((column, native)) = known else { return Ok(None) };
            if !native.is_natural(column.kind) {
                return Ok(None);
            }
            match self.dialect.group(&quoted(name, D::QUOTE), *native) {
                Some(expression) => expressions.push(expression),
                None => return Ok(None),
            }
            grouped.push((column, *native));
        }
        let places: Vec<_> = (1..=columns.len()).map(|place| place.to_string()).collect();
        let what = format!("{}, COUNT(*)", expressions.join(", "));
        let statement = select(&what, from, condition)
            .then(Fragment::text(format!(" GROUP BY {}", places.join(", "))))
            .then(Fragment::text(format!(" LIMIT {}", MAX_GROUPS.saturating_add(1))));
        let rows = self.rows(statement, |row| group::<D>(row, &grouped))?;
        if rows.len() > MAX_GROUPS {
            return Err(SelectionError::TooManyGroups.into());
        }
        let mut groups = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
        groups.sort();
        Ok(Some(Aggregated::Groups(groups)))
    }

    /// Reads the only row of an answer.
    fn row<T>(
        &mut self,
        statement: Fragment,
        read: impl Fn(&Row<D>) -> T,
    ) -> Result<T, SourceError> {
        match self.rows(statement, read)?.into_iter().next() {
            Some(row) => Ok(row),
            None => Err(Unavailable::Failed("an answer without rows".to_owned()).into()),
        }
    }

    /// Reads all rows of a short answer.
    fn rows<T>(
        &mut self,
        statement: Fragment,
        read: impl Fn(&Row<D>) -> T,
    ) -> Result<Vec<T>, SourceError> {
        self.bounds.meter.begin();
        let bounds = &self.bounds;
        let (sql, constants) = statement.render(D::placeholder);
        let mut rows = D::fetch(&mut self.connection, sql, constants);
        let reading = bounds.wait(bounds.limit, async {
            let mut all = Vec::new();
            // One more than any statement asks for, from a server that does not count.
            while let Some(row) = rows.next().await.filter(|_| all.len() <= MAX_GROUPS) {
                all.push(read(&row?));
            }
            Ok(all)
        });
        drop(rows);
        self.cut(reading)?.map_err(|error| self.bounds.explain::<D>(error, Stage::Running))
    }

    /// Streams rows in batches. The sink is called outside of the runtime.
    fn stream(
        &mut self,
        statement: Fragment,
        natives: &[(Column, Native)],
        builder: &mut BatchBuilder,
        sink: BatchSink<'_>,
    ) -> Result<(), SourceError> {
        self.bounds.meter.begin();
        let (sql, constants) = statement.render(D::placeholder);
        let rows = D::fetch(&mut self.connection, sql, constants);
        let streamed = drain::<D>(rows, &self.bounds, natives, builder, sink);
        self.cut(streamed)
    }
}

/// Passes all rows on in batches. The sink is called outside of the runtime.
fn drain<D: Dialect>(
    mut rows: Rows<'_, D>,
    bounds: &Bounds,
    natives: &[(Column, Native)],
    builder: &mut BatchBuilder,
    sink: BatchSink<'_>,
) -> Result<(), SourceError> {
    let mut left = bounds.limit;
    loop {
        let began = Instant::now();
        let filled = bounds.wait(left, fill::<D>(&mut rows, natives, builder, &bounds.meter))?;
        left = left.saturating_sub(began.elapsed());
        let full = match filled {
            Ok(full) => full,
            Err(FillError::Row(error)) => return Err(error),
            Err(FillError::Database(error)) => {
                return Err(bounds.explain::<D>(error, Stage::Running));
            }
        };
        builder.flush(sink)?;
        if !full {
            return Ok(());
        }
    }
}

/// Reasons why a batch could not be filled.
enum FillError {
    Row(SourceError),
    Database(sqlx::Error),
}

/// Fills a batch. Returns `true` if the batch is full, and `false` at the end of the rows.
async fn fill<D: Dialect>(
    rows: &mut Rows<'_, D>,
    natives: &[(Column, Native)],
    builder: &mut BatchBuilder,
    meter: &Meter,
) -> Result<bool, FillError> {
    while let Some(row) = rows.next().await {
        let row = row.map_err(FillError::Database)?;
        meter.credit(D::lengths(&row));
        for (index, (_, native)) in natives.iter().enumerate() {
            let put = builder.put(index, D::cell(&row, index, *native), || Place::Database);
            put.map_err(|error| FillError::Row(error.into()))?;
        }
        if builder.end_row() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn select(what: &str, from: &str, condition: Option<Fragment>) -> Fragment {
    let statement = Fragment::text(format!("SELECT {what} FROM {from}"));
    match condition {
        Some(condition) => statement.then(Fragment::text(" WHERE ")).then(condition),
        None => statement,
    }
}

/// Returns advice on a user that may do anything, or may write. A right of which the server says nothing
/// is not known, and does not pass for none.
fn advice_on(rights: [Option<bool>; 2]) -> Option<String> {
    let what = match rights {
        [Some(true), _] => "is a superuser, which may do anything there",
        [_, Some(true)] => "may write there",
        [Some(false), Some(false)] => return None,
        [None, _] | [_, None] => "has rights that the server does not tell",
    };
    Some(format!(
        "the database's user {what}: give the node a user of its own that may only select"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_session_ends_while_a_name_is_still_looked_up() {
        let runtime = Some(Builder::new_current_thread().enable_all().build().unwrap());
        let meter = Arc::new(Meter::new(0));
        let bounds = Bounds { runtime, limit: Duration::ZERO, stop: None, meter };
        let (answer, asked) = mpsc::channel();
        // As the look-up of a name, it blocks a thread of the runtime.
        bounds.runtime().spawn_blocking(move || asked.recv());
        drop(bounds);
        answer.send(()).unwrap();
    }

    #[test]
    fn a_right_that_is_not_told_does_not_pass_for_none() {
        let says = |rights, word: &str| advice_on(rights).is_some_and(|note| note.contains(word));
        assert_eq!(advice_on([Some(false); 2]), None);
        assert!(says([Some(true), None], "superuser") && says([None, Some(true)], "may write"));
        assert!(says([None, Some(false)], "does not tell"));
        assert!(says([Some(false), None], "does not tell"));
    }
}
