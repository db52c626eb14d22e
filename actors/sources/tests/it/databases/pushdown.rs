//! Random rows, random filters: databases against the Rust evaluator, which is the definition.

use std::collections::BTreeMap;

use cloister_sources::{
    Access, Aggregate, Aggregated, Batch, Column, Comparison, Constant, Dataset, Filter, Kind,
    Values, aggregate,
};

use super::read_all;

const ROWS: u64 = 120;
const FILTERS: u32 = 100;

const INTEGERS: [i64; 9] = [0, 1, -1, 2, 7, i64::MAX, i64::MIN, (1 << 53) + 1, -(1 << 53)];
const NUMBERS: [f64; 9] =
    [0.0, -0.0, 1.0, 0.1, -2.5, 1e300, 9_007_199_254_740_992.0, 5e-324, -1e-10];
const TEXTS: [&str; 12] =
    ["", "a", "A", "a ", " a", "ä", "a\u{308}", "ß", "ss", "\u{1f600}", "12", "!'\"\\`%_"];

pub(super) struct Random(u64);

impl Random {
    /// Draws a seed, and prints it.
    pub(super) fn new() -> Self {
        let seed = getrandom::u64().unwrap();
        println!("seed {seed}");
        Self(seed)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        let index = self.below(list.len().try_into().unwrap());
        list[usize::try_from(index).unwrap()]
    }

    fn filter(&mut self, depth: u32) -> Filter {
        match self.below(if depth == 0 { 1 } else { 5 }) {
            0 | 1 => self.comparison(),
            2 => Filter::And(self.filters(depth)),
            3 => Filter::Or(self.filters(depth)),
            _ => Filter::Not(Box::new(self.filter(depth - 1))),
        }
    }

    fn filters(&mut self, depth: u32) -> Vec<Filter> {
        (0..1 + self.below(3)).map(|_| self.filter(depth - 1)).collect()
    }

    fn comparison(&mut self) -> Filter {
        let equality = [Comparison::Equal, Comparison::NotEqual];
        let order = [
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ];
        let column = self.of(&["i", "s", "x", "t", "b"]);
        let value = match column {
            "t" => Constant::Text(self.of(&TEXTS).to_owned()),
            "b" => Constant::Truth(self.below(2) == 0),
            _ if self.below(2) == 0 => Constant::Integer(self.of(&INTEGERS)),
            _ => Constant::Number(self.of(&NUMBERS)),
        };
        let ordered = column != "b" && self.below(2) == 0;
        let op = if ordered { self.of(&order) } else { self.of(&equality) };
        Filter::Compare { column: column.to_owned(), op, value }
    }
}

/// The ways in which a database writes constants.
pub(super) struct Dialect {
    pub(super) truth: [&'static str; 2],
    pub(super) text: fn(&str) -> String,
    pub(super) number: fn(f64) -> String,
}

/// Writes tuples of random values for columns id, i, s, x, t, b.
pub(super) fn rows(random: &mut Random, dialect: &Dialect) -> String {
    let mut tuples = Vec::new();
    for id in 0..ROWS {
        let mut cells = vec![id.to_string()];
        cells.push(random.of(&INTEGERS).to_string());
        cells.push(random.of(&[-1, 0, 1, 2]).to_string());
        cells.push((dialect.number)(random.of(&NUMBERS)));
        cells.push((dialect.text)(random.of(&TEXTS)));
        cells.push(random.of(&dialect.truth).to_owned());
        for cell in cells.iter_mut().skip(1) {
            if random.below(6) == 0 {
                *cell = "NULL".to_owned();
            }
        }
        tuples.push(format!("({})", cells.join(", ")));
    }
    tuples.join(",\n")
}

/// Compares the database's answers with those of the rows. Returns the number of aggregates that
/// the database answered.
pub(super) fn check(random: &mut Random, dataset: &Dataset, access: &Access) -> u32 {
    let all = read_all(dataset, None, access);
    assert_eq!(all.rows as u64, ROWS);
    let (mut filters, mut aggregated) = (0, 0);
    // Chance decides how many filters a database takes, so there may be more of them.
    while filters < FILTERS || aggregated <= FILTERS / 5 {
        filters += 1;
        assert!(filters <= 10 * FILTERS, "hardly anything was pushed: {aggregated}");
        let filter = random.filter(4);
        let kept = filter.evaluate(&dataset.columns, &all).unwrap();
        let found = read_all(dataset, Some(&filter), access);
        let written = filter.canonical();
        assert_eq!(ids(&found), selected_ids(&all, &kept), "{written}");
        aggregated += check_aggregates(dataset, &filter, access, &all, &kept);
    }
    println!("{aggregated} aggregates of {filters} filters were the database's");
    aggregated
}

/// Returns the number of aggregates that the database answered.
fn check_aggregates(
    dataset: &Dataset,
    filter: &Filter,
    access: &Access,
    all: &Batch,
    kept: &[bool],
) -> u32 {
    let asked = [
        Aggregate::Count,
        Aggregate::Sum { column: "i".to_owned() },
        Aggregate::Groups { columns: vec!["t".to_owned(), "b".to_owned()] },
        Aggregate::Groups { columns: vec!["s".to_owned()] },
    ];
    let mut answered = 0;
    for what in &asked {
        let found = aggregate(dataset, what, Some(filter), access);
        let Some(found) = found.unwrap_or_else(|error| panic!("{error}")) else { continue };
        let expected = expected(what, &dataset.columns, all, kept);
        assert!(found == expected, "{what:?} where {}", filter.canonical());
        answered += 1;
    }
    answered
}

fn expected(what: &Aggregate, columns: &[Column], all: &Batch, kept: &[bool]) -> Aggregated {
    let rows: Vec<usize> = (0..all.rows).filter(|row| kept[*row]).collect();
    let values = |name: &str| {
        let index = columns.iter().position(|column| column.name == name).unwrap();
        &all.columns[index]
    };
    match what {
        Aggregate::Count => Aggregated::Count(rows.len() as u64),
        Aggregate::Sum { column } => {
            let Values::Integers(values) = values(column) else { panic!("{column}") };
            let present: Vec<_> = rows.iter().filter_map(|row| values[*row]).collect();
            Aggregated::Sum {
                rows: rows.len() as u64,
                missing: (rows.len() - present.len()) as u64,
                sum: present.iter().copied().map(i128::from).sum(),
            }
        }
        Aggregate::Groups { columns } => {
            let mut groups: BTreeMap<Vec<Option<String>>, u64> = BTreeMap::new();
            for row in rows {
                let key = columns.iter().map(|name| written(values(name), row)).collect();
                *groups.entry(key).or_default() += 1;
            }
            Aggregated::Groups(groups.into_iter().collect())
        }
    }
}

fn written(values: &Values, row: usize) -> Option<String> {
    match values {
        Values::Integers(values) => values[row].map(|value| value.to_string()),
        Values::Texts(values) => values[row].clone(),
        Values::Truths(values) => values[row].map(|value| value.to_string()),
        Values::Numbers(_) => panic!("numbers have no groups"),
    }
}

fn ids(batch: &Batch) -> Vec<i64> {
    let Values::Integers(ids) = &batch.columns[0] else { panic!("{batch:?}") };
    let mut ids: Vec<_> = ids.iter().map(|id| id.unwrap()).collect();
    ids.sort_unstable();
    ids
}

fn selected_ids(batch: &Batch, kept: &[bool]) -> Vec<i64> {
    let Values::Integers(ids) = &batch.columns[0] else { panic!("{batch:?}") };
    let selected = ids.iter().zip(kept).filter(|(_, kept)| **kept);
    let mut ids: Vec<_> = selected.map(|(id, _)| id.unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// Checks the kinds, which are the same in all three databases.
pub(super) fn check_kinds(dataset: &Dataset) {
    let kinds: Vec<_> = dataset.columns.iter().map(|column| column.kind).collect();
    let expected =
        [Kind::Integer, Kind::Integer, Kind::Integer, Kind::Number, Kind::Text, Kind::Truth];
    assert_eq!(kinds, expected);
}
