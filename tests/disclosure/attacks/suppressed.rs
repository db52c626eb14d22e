//! Counts that are withheld because they are small: cells of tables by their margins (E11), and an
//! intersection by the size of the union (E14). A member moves its smallest count from run to run
//! (E38).

use serde_json::{Value, json};

use super::super::Attack;
use super::super::known::{Claim, Known, Row};
use super::super::solving::{Interval, tighten};
use super::super::tables::Table;
use super::super::world::{Part, Question, Setting, World};

/// A bound of every count, where nothing is known.
const ANY: i64 = i64::MAX / 1_000;

/// A category that no row has. It comes before the others.
const EMPTY: &str = "!none";

/// Two columns of whose table every profile shows a large part. So the attack does not fail for want
/// of answers.
const OFTEN_SHOWN: [&str; 2] = ["risk", "rx"];

/// E11: tables, their transposes, the frequencies of either variable, and the number of all rows
/// beside them. All is asked for twice, with declared categories in another order and one more that
/// is empty.
pub(in super::super) struct Margins;

impl Attack for Margins {
    fn name(&self) -> &'static str {
        "E11: withheld cells by margins"
    }

    fn setting(&self) -> Setting {
        Setting::of("indo_rct")
    }

    fn play(&self, world: &World) -> Known {
        let pairs = [
            ["site", "outcome"],
            ["site", "gender"],
            ["site", "rx"],
            ["risk", "outcome"],
            OFTEN_SHOWN,
        ];
        let number = samples(world);
        let claims = pairs.into_iter().flat_map(|pair| cells(world, pair, number));
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

/// Asks for the number of all rows. No row lacks an age.
fn samples(world: &World) -> Option<i64> {
    let parts = [0, 1, 2].map(|_| Part::of("trial", &["age"]));
    let mean = json!({"statistics": ["mean"]});
    let result = world.ask_whole(&Question::new("StatisticsUnivariate", parts).with(mean));
    result.ok().and_then(|result| result["samples"].as_i64())
}

/// The answers about one pair of columns.
struct Answers {
    table: Value,
    /// The table with the variables in the other order.
    turned: Value,
    rows: Value,
    columns: Value,
}

impl Answers {
    fn ask(world: &World, columns: [&'static str; 2], categories: [&[String]; 2]) -> Self {
        let table = |columns: [&'static str; 2], categories: [&[String]; 2]| {
            let parts = [0, 1, 2].map(|_| Part::of("trial", &columns));
            let question = Question::new("StatisticsContingency", parts);
            let result = world.ask_whole(&question.with(json!({"categories": categories})));
            result.map_or(Value::Null, |result| result["table"].clone())
        };
        let margin = |column: &'static str, categories: &[String]| {
            let parts = [0, 1, 2].map(|_| Part::of("trial", &[column]));
            let question = Question::new("StatisticsFrequency", parts);
            let result = world.ask_whole(&question.with(json!({"categories": categories})));
            result.map_or(Value::Null, |result| result["histogram"].clone())
        };
        let [x, y] = columns;
        let [of_x, of_y] = categories;
        Self {
            table: table([x, y], [of_x, of_y]),
            turned: table([y, x], [of_y, of_x]),
            rows: margin(x, of_x),
            columns: margin(y, of_y),
        }
    }

    /// Returns the count of a cell, if either order shows it.
    fn cell(&self, x: &String, y: &String) -> Option<i64> {
        self.table[x][y].as_i64().or_else(|| self.turned[y][x].as_i64())
    }
}

/// Returns the same categories in another order, and an empty one.
fn turned(categories: &[String]) -> Vec<String> {
    let turned = categories.iter().rev().cloned();
    std::iter::once(EMPTY.to_owned()).chain(turned).collect()
}

/// Solves one table with its margins. A withheld count may be any: large ones are withheld to
/// protect the small.
fn cells(world: &World, [x, y]: [&'static str; 2], number: Option<i64>) -> Vec<Claim> {
    let (of_x, of_y) = (categories(world, x), categories(world, y));
    let answers = [
        Answers::ask(world, [x, y], [&of_x, &of_y]),
        Answers::ask(world, [x, y], [&turned(&of_x), &turned(&of_y)]),
    ];
    // A count that one of the answers shows.
    let shown = |of: &dyn Fn(&Answers) -> Option<i64>| answers.iter().find_map(of);
    let known = |x: &String, y: &String| shown(&|answers: &Answers| answers.cell(x, y));
    let width = of_y.len();
    let mut counts: Vec<Interval> = of_x
        .iter()
        .flat_map(|x| of_y.iter().map(move |y| (x, y)))
        .map(|(x, y)| known(x, y).map_or((0, ANY), |count| (count, count)))
        .collect();
    let shown_cells = counts.iter().filter(|(low, high)| low == high).count();
    assert!(
        [x, y] != OFTEN_SHOWN || 5 * shown_cells >= 2 * counts.len(),
        "{shown_cells} are shown"
    );
    let rows = of_x.iter().enumerate().map(|(at, x)| {
        let members: Vec<usize> = (0..width).map(|place| at * width + place).collect();
        (members, shown(&|answers: &Answers| answers.rows[x].as_i64()))
    });
    let columns = of_y.iter().enumerate().map(|(at, y)| {
        let members: Vec<usize> = (0..of_x.len()).map(|place| place * width + at).collect();
        (members, shown(&|answers: &Answers| answers.columns[y].as_i64()))
    });
    let mut sums = Vec::new();
    for margins in [rows.collect::<Vec<_>>(), columns.collect()] {
        // The withheld margins are what is left of all rows.
        let left = number
            .map(|number| number - margins.iter().filter_map(|(_, total)| *total).sum::<i64>());
        let withheld = margins.iter().filter(|(_, total)| total.is_none());
        let withheld: Vec<usize> = withheld.flat_map(|(members, _)| members.clone()).collect();
        sums.extend(left.filter(|_| !withheld.is_empty()).map(|left| (withheld, left)));
        sums.extend(margins.into_iter().filter_map(|(members, total)| Some((members, total?))));
    }
    tighten(&mut counts, &sums);
    let names = of_x.iter().flat_map(|x| of_y.iter().map(move |y| (x, y)));
    let found = names.zip(counts).filter(|(_, (low, high))| low == high);
    let rows = |(a, b): (&String, &String)| rows_of(world, [(x, a), (y, b)]);
    found.map(|(name, (count, _))| Claim::Count { rows: rows(name), count }).collect()
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
        let setting = Setting::of_tables([one, other, ids]).with_functions(&functions);
        setting.with_empty(2, &["id"])
    }

    fn play(&self, world: &World) -> Known {
        let ids = || Part::of("trial", &["id"]);
        let union =
            world.ask_whole(&Question::new("SetUnionSize", [ids(), ids(), Part::nothing()]));
        let union = union.ok().and_then(|result| result["size_union"].as_i64());
        // The third party's own rows are the attacker's.
        let all = world.ask_whole(&Question::new("StatisticsUnivariate", [ids(), ids(), ids()]));
        let all = all.ok().and_then(|result| result["samples"].as_i64());
        let all = all.map(|all| all - world.table(2).len() as i64);
        let rows = (0..COMMON).map(|row| (1, row)).collect();
        let count = all.zip(union).map(|(all, union)| Claim::Count { rows, count: all - union });
        world.judge(&count.into_iter().collect::<Vec<_>>())
    }
}

/// E38: a category that protects a small one is itself withheld as small, once a member asks for a
/// larger count than it has. From then on another category is withheld, too. So the member finds the
/// count by moving its `min_cell` from run to run, and then the small one.
pub(in super::super) struct MovedThreshold;

/// A category of few rows; the one that protects it, which comes first; and one that is shown.
const SMALL: &str = "5";
const FIRST: &str = "1";
const SHOWN: &str = "2";

/// The rows that the member brings in of each large category, more than the others have of the first.
const OWN: usize = 60;

impl Attack for MovedThreshold {
    fn name(&self) -> &'static str {
        "E38: a threshold moved from run to run"
    }

    fn setting(&self) -> Setting {
        let own = (0..2 * OWN).map(|row| {
            let kind = if row < OWN { FIRST } else { SHOWN };
            vec![(10_000 + row).to_string(), "50".to_owned(), kind.to_owned()]
        });
        let columns = ["id", "age", "risk"].map(str::to_owned).to_vec();
        let own = Table { columns, rows: own.collect() };
        // Of fewer rows the meter would answer nothing.
        let all = Table::read("indo_rct", "party2").only(&["id", "age", "risk"]);
        let risks = all.texts("risk");
        let is_used = |row: &usize| [SMALL, FIRST, SHOWN].contains(&risks[*row]);
        let [one, other] =
            [0, 1].map(|half| all.part((0..all.len()).filter(is_used).skip(half).step_by(2)));
        Setting::of_tables([own, one, other]).with_listed_thresholds()
    }

    fn play(&self, world: &World) -> Known {
        let number = samples(world);
        // The count that is shown of the other category, at this threshold of the first party.
        let shown = |min_cell: u64| {
            if !world.has_smallest_count(0, min_cell) {
                return None;
            }
            let parts = [0, 1, 2].map(|_| Part::of("trial", &["risk"]));
            let question = Question::new("StatisticsFrequency", parts);
            let declared = json!({"categories": [FIRST, SHOWN, SMALL]});
            let told = world.ask_whole(&question.with(declared)).ok()?;
            Some(told["histogram"][SHOWN].as_i64())
        };
        let found = || {
            let (mut low, mut high) = (MIN_CELL, OWN as u64);
            let other = shown(low)??;
            if shown(high)?.is_some() {
                return None;
            }
            while high - low > 1 {
                let middle = (low + high) / 2;
                if shown(middle)?.is_some() { low = middle } else { high = middle }
            }
            // It is shown as long as the others' rows of the first category are as many.
            Some(number? - other - (OWN as i64 + low as i64))
        };
        let rows = rows_of(world, [("risk", &SMALL.to_owned()); 2]);
        let claim = found().map(|count| Claim::Count { rows, count });
        world.judge(&claim.into_iter().collect::<Vec<_>>())
    }
}

/// The smallest count of `production`.
const MIN_CELL: u64 = 5;
