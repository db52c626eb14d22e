//! One connection in one read-only transaction.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::dialect::{Connection, Described, Dialect, Meaning, Native, Row, Rows, cell_error};
use super::from_clause;
use super::pushdown::{Aim, Fragment, condition, joined};
use super::relation::{looks_writing, quoted};
use crate::aggregate::MAX_GROUPS;
use crate::declaration::Found;
use crate::error::{DataError, DeclarationError, SelectionError, SourceError, Unavailable};
use crate::scan::Each;
use crate::values::Gathering;
use crate::{Access, Aggregate, Aggregated, Column, Filter, Kind, Relation, csv};

/// Columns whose values are looked at in one statement; SQLite answers with 2000 at most.
const LOOKED_AT: usize = 100;

pub(super) struct Session<D: Dialect> {
    dialect: D,
    runtime: Runtime,
    connection: Connection<D>,
    limit: Duration,
}

/// How far a statement has come; before rows are read a database's words cannot hold values.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Stage {
    Connecting,
    Preparing,
    Running,
}

impl<D: Dialect> Session<D> {
    pub(super) fn open(mut dialect: D, access: &Access) -> Result<Self, SourceError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Unavailable::System(error.kind()))?;
        let limit = access.timeout;
        let connected = runtime.block_on(async { timeout(limit, dialect.connect(limit)).await });
        let connection = match connected {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(explain::<D>(error, Stage::Connecting, limit)),
            Err(_) => return Err(Unavailable::Down("no answer in time").into()),
        };
        Ok(Self { dialect, runtime, connection, limit })
    }

    /// The columns of a table or query, and what they hold.
    pub(super) fn discover(&mut self, relation: &Relation) -> Result<Vec<Found>, SourceError> {
        let from = from_clause::<D>(relation)?;
        let described = self.describe(&from)?;
        let mut found = Vec::new();
        for columns in described.chunks(LOOKED_AT) {
            found.append(&mut self.look(columns, &from)?);
        }
        Ok(found)
    }

    /// Streams columns of rows, of which `filter` may leave some out.
    pub(super) fn scan(
        &mut self,
        relation: &Relation,
        columns: &[Column],
        filter: Option<&Filter>,
        batch_rows: usize,
        each: Each<'_>,
    ) -> Result<(), SourceError> {
        let from = from_clause::<D>(relation)?;
        let natives = self.natives(columns, &from)?;
        let selected = natives
            .iter()
            .map(|(column, native)| D::expression(&quoted(&column.name, D::QUOTE), *native));
        let mut selected: Vec<_> = selected.collect();
        // Rows without columns are counted all the same.
        if selected.is_empty() {
            selected.push("1".to_owned());
        }
        let condition =
            filter.and_then(|filter| condition(&self.dialect, filter, &natives, Aim::Superset));
        let statement = select(&selected.join(", "), &from, condition);
        let kinds = columns.iter().map(|column| column.kind).collect();
        let gathering = Gathering::new(kinds, batch_rows);
        self.stream(statement, &natives, gathering, each)
    }

    /// Lets the database aggregate; `None` where it would do otherwise than this crate.
    pub(super) fn aggregate(
        &mut self,
        relation: &Relation,
        columns: &[Column],
        what: &Aggregate,
        filter: Option<&Filter>,
    ) -> Result<Option<Aggregated>, SourceError> {
        let from = from_clause::<D>(relation)?;
        let natives = self.natives(columns, &from)?;
        let exact = filter.map(|filter| condition(&self.dialect, filter, &natives, Aim::Exact));
        let condition = match exact {
            Some(None) => return Ok(None),
            Some(condition) => condition,
            None => None,
        };
        if self.is_doubtful(&natives, &from)? {
            return Ok(None);
        }
        match what {
            Aggregate::Count => self.count(&from, condition).map(Some),
            Aggregate::Sum { column } => self.sum(column, &natives, &from, condition),
            Aggregate::Groups { columns } => self.groups(columns, &natives, &from, condition),
        }
    }

    fn describe(&mut self, from: &str) -> Result<Vec<Described>, SourceError> {
        let limit = self.limit;
        let sql = format!("SELECT * FROM {from}");
        let connection = &mut self.connection;
        let described =
            self.runtime.block_on(async { timeout(limit, D::describe(connection, sql)).await });
        let described = described.map_err(|_| Unavailable::Slow(limit))?;
        let described =
            described.map_err(|error| match explain::<D>(error, Stage::Preparing, limit) {
                SourceError::Declaration(DeclarationError::Query(_)) if looks_writing(from) => {
                    DeclarationError::QueryWrites.into()
                }
                other => other,
            })?;
        csv::check_names(described.iter().map(|column| column.name.as_str()))?;
        Ok(described)
    }

    /// The given columns with their types in the database.
    fn natives(
        &mut self,
        columns: &[Column],
        from: &str,
    ) -> Result<Vec<(Column, Native)>, SourceError> {
        let described = self.describe(from)?;
        let native = |column: &Column| {
            let found = described.iter().find(|found| found.name == column.name);
            let native = found.and_then(|found| found.native);
            let native = native.ok_or_else(|| DataError::Changed(column.name.clone()))?;
            Ok((column.clone(), native))
        };
        columns.iter().map(native).collect()
    }

    fn look(&mut self, columns: &[Described], from: &str) -> Result<Vec<Found>, SourceError> {
        let looks = columns.iter().map(|column| D::look(&quoted(&column.name, D::QUOTE)));
        let Some(looks) = looks.collect::<Option<Vec<_>>>() else {
            return Ok(columns.iter().map(found_by_type).collect());
        };
        let statement = select(&looks.join(", "), from, None);
        let seen = self.row(statement, |row| {
            (0..columns.len().saturating_mul(5)).map(|index| integer::<D>(row, index)).collect()
        })?;
        let seen: Vec<Option<i128>> = seen;
        let kinds = columns.iter().zip(seen.chunks(5));
        Ok(kinds.map(|(column, seen)| found_by_values(column, seen)).collect())
    }

    fn is_doubtful(
        &mut self,
        natives: &[(Column, Native)],
        from: &str,
    ) -> Result<bool, SourceError> {
        let doubts = natives.iter().filter_map(|(column, _)| {
            D::doubt(&quoted(&column.name, D::QUOTE), column.kind).map(Fragment::text)
        });
        let Some(doubt) = joined(doubts.collect(), " OR ") else { return Ok(false) };
        let statement = select("COUNT(*)", from, Some(doubt));
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
        let numbers: Vec<Option<i128>> = self.row(select(&what, from, condition), |row| {
            let counts = (0..2).map(|index| integer::<D>(row, index));
            let sums =
                (2..parts.len().saturating_add(2)).map(|index| text_integer::<D>(row, index));
            counts.chain(sums).collect()
        })?;
        let [rows, present, sums @ ..] = numbers.as_slice() else { return Ok(None) };
        let (rows, present) = (unsigned(*rows)?, unsigned(*present)?);
        let missing = rows.saturating_sub(present);
        let terms = sums.iter().zip(&parts).map(|(sum, (_, factor))| {
            // The sum of nothing is NULL.
            sum.unwrap_or(0).checked_mul(*factor)
        });
        let sum = terms.reduce(|a, b| a?.checked_add(b?)).flatten();
        Ok(sum.map(|sum| Aggregated::Sum { rows, missing, sum }))
    }

    fn groups(
        &mut self,
        columns: &[String],
        natives: &[(Column, Native)],
        from: &str,
        condition: Option<Fragment>,
    ) -> Result<Option<Aggregated>, SourceError> {
        let known = |name: &String| natives.iter().find(|(column, _)| column.name == *name);
        let Some(grouped) = columns.iter().map(known).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        if !grouped.iter().all(|(column, native)| native.is_natural(column.kind)) {
            return Ok(None);
        }
        let expressions = grouped
            .iter()
            .map(|(column, native)| self.dialect.group(&quoted(&column.name, D::QUOTE), *native));
        let Some(expressions) = expressions.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let places: Vec<_> = (1..=columns.len()).map(|place| place.to_string()).collect();
        let what = format!("{}, COUNT(*)", expressions.join(", "));
        let statement = select(&what, from, condition)
            .then(Fragment::text(format!(" GROUP BY {}", places.join(", "))))
            .then(Fragment::text(format!(" LIMIT {}", MAX_GROUPS.saturating_add(1))));
        let read = |row: &Row<D>| {
            let keys = grouped.iter().enumerate().map(|(index, (column, native))| {
                D::key(row, index, *native).map_err(|problem| cell_error(&column.name, problem))
            });
            let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
            let rows = integer::<D>(row, keys.len());
            Ok((key_kinds(keys, &grouped), unsigned(rows)?))
        };
        let groups = self.rows(statement, read)?;
        if groups.len() > MAX_GROUPS {
            return Err(SelectionError::TooManyGroups.into());
        }
        let mut groups: Vec<_> = groups.into_iter().collect::<Result<_, SourceError>>()?;
        groups.sort();
        Ok(Some(Aggregated::Groups(groups)))
    }

    /// The answer's only row.
    fn row<T>(
        &mut self,
        statement: Fragment,
        read: impl Fn(&Row<D>) -> T,
    ) -> Result<T, SourceError> {
        let rows = self.rows(statement, read)?;
        let missing = || Unavailable::Failed("an answer without rows".to_owned());
        Ok(rows.into_iter().next().ok_or_else(missing)?)
    }

    /// All rows of a short answer.
    fn rows<T>(
        &mut self,
        statement: Fragment,
        read: impl Fn(&Row<D>) -> T,
    ) -> Result<Vec<T>, SourceError> {
        let limit = self.limit;
        let (sql, constants) = statement.render::<D>();
        let mut rows = D::fetch(&mut self.connection, sql, constants);
        let all = self.runtime.block_on(async {
            let mut all = Vec::new();
            let gather = async {
                while let Some(row) = rows.next().await {
                    all.push(read(&row?));
                }
                Ok::<_, sqlx::Error>(())
            };
            timeout(limit, gather).await.map(|done| done.map(|()| all))
        });
        let all = all.map_err(|_| Unavailable::Slow(limit))?;
        all.map_err(|error| explain::<D>(error, Stage::Running, limit))
    }

    /// Rows in batches; whoever receives them does so outside of the runtime.
    fn stream(
        &mut self,
        statement: Fragment,
        natives: &[(Column, Native)],
        mut gathering: Gathering,
        each: Each<'_>,
    ) -> Result<(), SourceError> {
        let (sql, constants) = statement.render::<D>();
        let mut rows = D::fetch(&mut self.connection, sql, constants);
        let mut left = self.limit;
        loop {
            let began = Instant::now();
            let filled = self.runtime.block_on(async {
                timeout(left, fill::<D>(&mut rows, natives, &mut gathering)).await
            });
            left = left.saturating_sub(began.elapsed());
            let full = match filled {
                Ok(Ok(full)) => full,
                Ok(Err(Filling::Row(error))) => return Err(error),
                Ok(Err(Filling::Database(error))) => {
                    return Err(explain::<D>(error, Stage::Running, self.limit));
                }
                Err(_) => return Err(Unavailable::Slow(self.limit).into()),
            };
            if !gathering.is_empty() {
                each(gathering.take())?;
            }
            if !full {
                return Ok(());
            }
        }
    }
}

enum Filling {
    Row(SourceError),
    Database(sqlx::Error),
}

/// Whether a batch is full, rather than the rows at an end.
async fn fill<D: Dialect>(
    rows: &mut Rows<'_, D>,
    natives: &[(Column, Native)],
    gathering: &mut Gathering,
) -> Result<bool, Filling> {
    while let Some(row) = rows.next().await {
        let row = row.map_err(Filling::Database)?;
        for (index, (column, native)) in natives.iter().enumerate() {
            let cell = D::cell(&row, index, *native);
            let pushed = cell.and_then(|cell| gathering.push(index, cell));
            pushed.map_err(|problem| Filling::Row(cell_error(&column.name, problem)))?;
        }
        if gathering.end_row() {
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

fn found_by_type(column: &Described) -> Found {
    let kind = column.native.and_then(Native::kind).ok_or_else(|| column.type_name.clone());
    Found { name: column.name.clone(), kind }
}

/// By [`Dialect::look`].
fn found_by_values(column: &Described, seen: &[Option<i128>]) -> Found {
    let mut seen = seen.iter().map(|seen| *seen == Some(1));
    let mut next = || seen.next().unwrap_or(false);
    let (other_integers, integers, reals, texts, blobs) = (next(), next(), next(), next(), next());
    let truth = matches!(column.native, Some(Native::Dynamic { truth: true }));
    let kind = match (integers, reals, texts, blobs) {
        (_, _, _, true) => Err("BLOB".to_owned()),
        (true, _, true, _) | (_, true, true, _) => {
            Err("texts and numbers in one column".to_owned())
        }
        (_, true, false, _) => Ok(Kind::Number),
        (true, false, false, _) if truth && !other_integers => Ok(Kind::Truth),
        (true, false, false, _) => Ok(Kind::Integer),
        (false, false, _, _) => Ok(Kind::Text),
    };
    Found { name: column.name.clone(), kind }
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
    let number = number.and_then(|number| u64::try_from(number).ok());
    Ok(number.ok_or(DataError::TooManyRows)?)
}

/// 0 and 1 that stand for truth values are named as such.
fn key_kinds(keys: Vec<Option<String>>, columns: &[&(Column, Native)]) -> Vec<Option<String>> {
    let named = keys.into_iter().zip(columns).map(|(key, (column, _))| match key.as_deref() {
        Some("0") if column.kind == Kind::Truth => Some("false".to_owned()),
        Some("1") if column.kind == Kind::Truth => Some("true".to_owned()),
        _ => key,
    });
    named.collect()
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
