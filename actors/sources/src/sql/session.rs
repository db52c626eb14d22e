//! Sessions, which run all statements for one source.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::dialect::{Connection, Described, Dialect, Meaning, Native, Row, Rows, cell_error};
use super::fragment::{Fragment, joined};
use super::pushdown::{Precision, condition};
use super::relation::{from_clause, looks_writing, quoted};
use crate::access::Access;
use crate::aggregate::{Aggregate, Aggregated, MAX_GROUPS};
use crate::batch::BatchBuilder;
use crate::column::{Column, Kind};
use crate::declaration::Wanted;
use crate::error::{DataError, DeclarationError, Place, SelectionError, SourceError, Unavailable};
use crate::filter::Filter;
use crate::head::{FoundColumn, Head, KindProblem};
use crate::source::Relation;
use crate::values::BatchSink;

/// The columns that are probed in one statement; SQLite answers with at most 2000 values.
const PROBED_COLUMNS: usize = 100;

/// One connection in one read-only transaction.
pub(super) struct Session<D: Dialect> {
    dialect: D,
    runtime: Runtime,
    connection: Connection<D>,
    limit: Duration,
}

/// The stage of a statement. A database's message cannot hold values before rows are read.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Stage {
    Connecting,
    Preparing,
    Running,
}

impl<D: Dialect> Session<D> {
    pub(super) fn open(mut dialect: D, access: &Access) -> Result<Self, SourceError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Unavailable::System(error.kind()))?;
        let limit = access.timeout;
        let connected = runtime.block_on(async { timeout(limit, dialect.connect(limit)).await });
        let connection = match connected {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(explain::<D>(error, Stage::Connecting, limit)),
            Err(_) => return Err(Unavailable::Down("no answer in time").into()),
        };
        Ok(Self { dialect, runtime, connection, limit })
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
        let limit = self.limit;
        let sql = format!("SELECT * FROM {from}");
        let connection = &mut self.connection;
        let described = self
            .runtime
            .block_on(async { timeout(limit, D::describe(connection, sql)).await })
            .map_err(|_| Unavailable::Slow(limit))?
            .map_err(|error| match explain::<D>(error, Stage::Preparing, limit) {
                SourceError::Declaration(DeclarationError::Query(_)) if looks_writing(from) => {
                    DeclarationError::QueryWrites.into()
                }
                other => other,
            })?;
        Ok(described)
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
        let limit = self.limit;
        let (sql, constants) = statement.render(D::placeholder);
        let mut rows = D::fetch(&mut self.connection, sql, constants);
        let reading = async {
            let mut all = Vec::new();
            while let Some(row) = rows.next().await {
                all.push(read(&row?));
            }
            Ok(all)
        };
        self.runtime
            .block_on(async { timeout(limit, reading).await })
            .map_err(|_| Unavailable::Slow(limit))?
            .map_err(|error| explain::<D>(error, Stage::Running, limit))
    }

    /// Streams rows in batches. The sink is called outside of the runtime.
    fn stream(
        &mut self,
        statement: Fragment,
        natives: &[(Column, Native)],
        builder: &mut BatchBuilder,
        sink: BatchSink<'_>,
    ) -> Result<(), SourceError> {
        let (sql, constants) = statement.render(D::placeholder);
        let mut rows = D::fetch(&mut self.connection, sql, constants);
        let mut left = self.limit;
        loop {
            let began = Instant::now();
            let filled = self
                .runtime
                .block_on(async { timeout(left, fill::<D>(&mut rows, natives, builder)).await });
            left = left.saturating_sub(began.elapsed());
            let full = match filled {
                Ok(Ok(full)) => full,
                Ok(Err(FillError::Row(error))) => return Err(error),
                Ok(Err(FillError::Database(error))) => {
                    return Err(explain::<D>(error, Stage::Running, self.limit));
                }
                Err(_) => return Err(Unavailable::Slow(self.limit).into()),
            };
            builder.flush(sink)?;
            if !full {
                return Ok(());
            }
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
) -> Result<bool, FillError> {
    while let Some(row) = rows.next().await {
        let row = row.map_err(FillError::Database)?;
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

/// Names of columns with their kinds.
type Kinds = Vec<(String, Result<Option<Kind>, KindProblem>)>;

fn found_by_type(column: &Described) -> FoundColumn {
    let kind = match column.native {
        None => Err(KindProblem::Unread(column.type_name.clone())),
        Some(native) => Ok(native.kind()),
    };
    FoundColumn::new(column.name.clone(), kind)
}

/// Infers the kind of a column from the five answers of [`Dialect::type_probe`].
fn kind_of_values(column: &Described, seen: &[Option<i128>]) -> Result<Option<Kind>, KindProblem> {
    let probe = <[Option<i128>; 5]>::try_from(seen).expect("a probe has five answers");
    let [other_integers, integers, reals, texts, blobs] = probe.map(|answer| answer == Some(1));
    let truth = matches!(column.native, Some(Native::Dynamic { truth: true }));
    match (integers, reals, texts, blobs) {
        (_, _, _, true) => Err(KindProblem::Unread("BLOB".to_owned())),
        (true, _, true, _) | (_, true, true, _) => {
            Err(KindProblem::Mixed("texts and numbers in one column"))
        }
        (_, true, false, _) => Ok(Some(Kind::Number)),
        (true, false, false, _) if truth && !other_integers => Ok(Some(Kind::Truth)),
        (true, false, false, _) => Ok(Some(Kind::Integer)),
        (false, false, true, _) => Ok(Some(Kind::Text)),
        (false, false, false, _) => Ok(None),
    }
}

fn integer<D: Dialect>(row: &Row<D>, index: usize) -> Option<i128> {
    match D::cell(row, index, Native::Integer) {
        Ok(crate::values::Cell::Integer(value)) => Some(i128::from(value)),
        _ => None,
    }
}

fn text_integer<D: Dialect>(row: &Row<D>, index: usize) -> Option<i128> {
    match D::cell(row, index, Native::Text) {
        Ok(crate::values::Cell::Text(text)) => text.parse().ok(),
        _ => None,
    }
}

fn unsigned(number: Option<i128>) -> Result<u64, SourceError> {
    match number.map(u64::try_from) {
        Some(Ok(number)) => Ok(number),
        _ => Err(DataError::TooManyRows.into()),
    }
}

/// Adds the terms of a sum, or returns `None` if it overflows. The sum of no rows is NULL.
fn total(sums: &[Option<i128>], parts: &[(String, i128)]) -> Option<i128> {
    let mut total: i128 = 0;
    for (sum, (_, factor)) in sums.iter().zip(parts) {
        total = total.checked_add(sum.unwrap_or(0).checked_mul(*factor)?)?;
    }
    Some(total)
}

/// Reads a group: its keys, and its number of rows.
fn group<D: Dialect>(
    row: &Row<D>,
    columns: &[(&Column, Native)],
) -> Result<(Vec<Option<String>>, u64), SourceError> {
    let mut keys = Vec::new();
    for (index, (column, native)) in columns.iter().enumerate() {
        let key =
            D::key(row, index, *native).map_err(|problem| cell_error(&column.name, problem))?;
        keys.push(match key.as_deref() {
            Some("0") if column.kind == Kind::Truth => Some("false".to_owned()),
            Some("1") if column.kind == Kind::Truth => Some("true".to_owned()),
            _ => key,
        });
    }
    let rows = integer::<D>(row, columns.len());
    Ok((keys, unsigned(rows)?))
}

fn explain<D: Dialect>(error: sqlx::Error, stage: Stage, limit: Duration) -> SourceError {
    let database = match error {
        sqlx::Error::Database(database) => database,
        sqlx::Error::Io(error) => return Unavailable::Down(reason(error.kind())).into(),
        sqlx::Error::Tls(_) => return Unavailable::Down("TLS failed").into(),
        _ if stage == Stage::Connecting => return Unavailable::Down("no database answers").into(),
        _ => return Unavailable::Failed("the driver's".to_owned()).into(),
    };
    let code = database.code().unwrap_or_default().into_owned();
    match D::explain(database.as_ref()) {
        Meaning::Writes => DeclarationError::QueryWrites.into(),
        Meaning::Slow => Unavailable::Slow(limit).into(),
        Meaning::Login => Unavailable::Login(code).into(),
        Meaning::Down => Unavailable::Down("it is starting or stopping").into(),
        Meaning::Other if stage == Stage::Preparing => {
            DeclarationError::Query(database.message().to_owned()).into()
        }
        Meaning::Other => Unavailable::Failed(code).into(),
    }
}

fn reason(kind: std::io::ErrorKind) -> &'static str {
    use std::io::ErrorKind;

    match kind {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::NotFound => "no such host or socket",
        ErrorKind::TimedOut => "no answer in time",
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => {
            "the connection was lost"
        }
        _ => "the network failed",
    }
}
