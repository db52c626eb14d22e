//! Counts that are withheld because they are small: cells of tables by their margins (E11), and an
//! intersection by the size of the union (E14).

use serde_json::{Value, json};

use super::super::Attack;
use super::super::known::{Claim, Known, Row};
use super::super::solving::{Interval, tighten};
use super::super::tables::Table;
use super::super::world::{Part, Question, Setting, World};

/// The largest count that is withheld.
const LARGEST_WITHHELD: i64 = 4;

/// E11: tables, and the frequencies of either variable beside them.
pub(in super::super) struct Margins;

impl Attack for Margins {
    fn name(&self) -> &'static str {
        "E11: withheld cells by margins"
    }

    fn setting(&self) -> Setting {
        Setting::of("indo_rct")
    }

    fn play(&self, world: &World) -> Known {
        let pairs = [["site", "outcome"], ["site", "gender"], ["site", "rx"], ["risk", "outcome"]];
        let claims = pairs.into_iter().flat_map(|pair| cells(world, pair));
        world.judge(&claims.collect::<Vec<_>>())
    }
}

/// Returns the categories of a column, which are in the published description of the data.
fn categories(world: &World, column: &str) -> Vec<String> {
    let all = (0..3).flat_map(|party| world.table(party).texts(column));
    let mut all: Vec<String> = all.map(|text| as_shown(text).to_owned()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Returns a category as a node writes it: 2.0 is 2.
fn as_shown(text: &str) -> &str {
    text.strip_suffix(".0").unwrap_or(text)
}

/// Solves one table with its margins.
fn cells(world: &World, [x, y]: [&'static str; 2]) -> Vec<Claim> {
    let (of_x, of_y) = (categories(world, x), categories(world, y));
    let parts = || [0, 1, 2].map(|_| Part::of("trial", &[x, y]));
    let both = json!({"categories": [of_x, of_y]});
    let table = world.ask(&Question::new("StatisticsContingency", parts()).with(both));
    let table = table.map_or(Value::Null, |result| result["table"].clone());
    let margin = |column: &'static str, categories: &[String]| {
        let parts = [0, 1, 2].map(|_| Part::of("trial", &[column]));
        let question = Question::new("StatisticsFrequency", parts);
        let result = world.ask(&question.with(json!({"categories": categories})));
        result.map_or(Value::Null, |result| result["histogram"].clone())
    };
    let (rows, columns) = (margin(x, &of_x), margin(y, &of_y));
    let width = of_y.len();
    let mut counts: Vec<Interval> = of_x
        .iter()
        .flat_map(|x| of_y.iter().map(|y| interval(&table, &table[x][y])).collect::<Vec<_>>())
        .collect();
    let mut sums = Vec::new();
    for (at, x) in of_x.iter().enumerate() {
        let members = (0..width).map(|place| at * width + place).collect();
        sums.extend(rows[x].as_i64().map(|total| (members, total)));
    }
    for (at, y) in of_y.iter().enumerate() {
        let members = (0..of_x.len()).map(|place| place * width + at).collect();
        sums.extend(columns[y].as_i64().map(|total| (members, total)));
    }
    tighten(&mut counts, &sums);
    let names = of_x.iter().flat_map(|x| of_y.iter().map(move |y| (x, y)));
    let found = names.zip(counts).filter(|(_, (low, high))| low == high);
    let rows = |(a, b): (&String, &String)| rows_of(world, [(x, a), (y, b)]);
    found.map(|(name, (count, _))| Claim::Count { rows: rows(name), count }).collect()
}

/// Returns the interval of a cell: nothing is known of one where no table is shown.
fn interval(table: &Value, cell: &Value) -> Interval {
    match cell.as_i64() {
        Some(count) => (count, count),
        None if table.is_null() => (0, i64::MAX / 1_000),
        None => (0, LARGEST_WITHHELD),
    }
}

fn rows_of(world: &World, cell: [(&str, &String); 2]) -> Vec<Row> {
    let is_in = |row: &Row| {
        cell.iter().all(|(column, name)| as_shown(world.table(row.0).texts(column)[row.1]) == *name)
    };
    world.all_rows().into_iter().filter(is_in).collect()
}

/// E14: the union of two sets with an empty third one, and the number of all items.
pub(in super::super) struct EmptySet;

/// The ids that both parties have.
const COMMON: usize = 3;

impl Attack for EmptySet {
    fn name(&self) -> &'static str {
        "E14: an intersection by the union with an empty set"
    }

    fn setting(&self) -> Setting {
        let ids = Table::read("wdbc", "vertical1").only(&["id"]);
        let [one, other] = [0..60, 60 - COMMON..120].map(|rows| ids.part(rows));
        let functions = ["SetUnionSize", "StatisticsUnivariate"];
        Setting::of_tables([one, other, ids]).with_functions(&functions)
    }

    fn play(&self, world: &World) -> Known {
        let ids = || Part::of("trial", &["id"]);
        let union = world.ask(&Question::new("SetUnionSize", [ids(), ids(), Part::nothing()]));
        let union = union.ok().and_then(|result| result["size_union"].as_i64());
        // The third party's own rows are the attacker's.
        let all = world.ask(&Question::new("StatisticsUnivariate", [ids(), ids(), ids()]));
        let all = all.ok().and_then(|result| result["samples"].as_i64());
        let all = all.map(|all| all - world.table(2).len() as i64);
        let rows = (0..COMMON).map(|row| (1, row)).collect();
        let count = all.zip(union).map(|(all, union)| Claim::Count { rows, count: all - union });
        world.judge(&count.into_iter().collect::<Vec<_>>())
    }
}
