//! One column under several names of values: its sum beside its counts (E23), beside the number of rows
//! that a condition on it selects (E24), and beside a table with another column (E25).
//!
//! The sum of a column of zeros and ones is the count of its ones. Each answer is of many rows, and the
//! two differ by one row.

use serde_json::{Value, json};

use super::super::known::{Claim, Known, Row};
use super::super::world::{PARTIES, Part, Question, Refusal, Setting, World, one_of};
use super::super::{Attack, is_long};

/// The columns of zeros and ones.
const COLUMNS: [&str; 6] = ["arrest", "fin", "race", "wexp", "mar", "paro"];

/// The rows beside the one that is attacked.
const GROUP: usize = 12;

/// Rows of one party, of which the first is attacked.
pub(super) struct Block {
    pub(super) party: usize,
    pub(super) rows: Vec<usize>,
}

impl Block {
    /// Cuts the rows of all parties into blocks; the first blocks of each in the short form.
    pub(super) fn all(world: &World, size: usize) -> Vec<Self> {
        let of = |party: usize| {
            let blocks = world.table(party).len() / size;
            let wanted = if is_long() { blocks } else { blocks.min(2) };
            (0..wanted).map(move |block| Self {
                party,
                rows: (block * size..(block + 1) * size).collect(),
            })
        };
        (0..PARTIES).flat_map(of).collect()
    }

    /// Selects rows of the block, and all rows of the other parties.
    pub(super) fn parts(&self, world: &World, columns: &[&str], rows: &[usize]) -> [Part; PARTIES] {
        let ids = world.table(self.party).ids();
        let chosen: Vec<i64> = rows.iter().map(|row| ids[*row]).collect();
        [0, 1, 2].map(|party| {
            if party == self.party {
                Part::with_ids("trial", columns, &chosen)
            } else {
                Part::of("trial", columns)
            }
        })
    }

    fn attacked(&self) -> Row {
        (self.party, self.rows[0])
    }
}

/// Counts the ones of a column.
fn ones(world: &World, column: &'static str, parts: [Part; PARTIES]) -> Result<f64, Refusal> {
    let question = Question::new("StatisticsFrequency", parts);
    let result = world.ask_whole(&question.with(json!({"categories": ["0", "1"]})))?;
    shown(&result["histogram"]["1"], column)
}

fn shown(count: &Value, column: &str) -> Result<f64, Refusal> {
    let withheld = || Refusal { code: "withheld".into(), message: column.into() };
    count.as_f64().ok_or_else(withheld)
}

/// E23: the sum over a group and one row more, and the counts over the group.
pub(in super::super) struct SumAndCounts;

impl Attack for SumAndCounts {
    fn name(&self) -> &'static str {
        "E23: a sum beside counts of the same column"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let value = |block: &Block, column: &'static str| {
            let sum = world.sum(block.parts(world, &[column], &block.rows))?;
            let rest = ones(world, column, block.parts(world, &[column], &block.rows[1..]))?;
            Ok::<_, Refusal>(Claim::Value { row: block.attacked(), column, value: sum - rest })
        };
        let columns = if is_long() { &COLUMNS[..] } else { &COLUMNS[..1] };
        let mut claims = Vec::new();
        for block in Block::all(world, GROUP + 1) {
            claims.extend(columns.iter().filter_map(|column| value(&block, column).ok()));
        }
        world.judge(&claims)
    }
}

/// E24: the number of rows that have a one, told beside the mean of another column, and the sum over all
/// rows but one.
pub(in super::super) struct ConditionAndSum;

impl Attack for ConditionAndSum {
    fn name(&self) -> &'static str {
        "E24: a number of rows by a condition beside a sum"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let value = |column: &'static str| {
            let has_one = json!({"column": column, "op": "=", "value": 1});
            let parts = [0, 1, 2].map(|_| Part::chosen("trial", &["age"], &has_one));
            let question = Question::new("StatisticsUnivariate", parts);
            let result = world.ask_whole(&question.with(json!({"statistics": ["mean"]})))?;
            let all = shown(&result["samples"], column)?;
            let rows: Vec<usize> = (0..world.table(0).len()).collect();
            let block = Block { party: 0, rows };
            let rest = world.sum(block.parts(world, &[column], &block.rows[1..]))?;
            Ok::<_, Refusal>(Claim::Value { row: block.attacked(), column, value: all - rest })
        };
        let columns = if is_long() { &COLUMNS[..] } else { &COLUMNS[..2] };
        let claims = columns.iter().filter_map(|column| value(column).ok());
        world.judge(&claims.collect::<Vec<_>>())
    }
}

/// E25: a table of two columns over a group and one row more, and the counts of the first column over
/// the group.
pub(in super::super) struct TableAndCounts;

impl Attack for TableAndCounts {
    fn name(&self) -> &'static str {
        "E25: a table of two columns beside counts of one"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let value = |block: &Block| {
            let columns = ["arrest", "fin"];
            let parts = block.parts(world, &columns, &block.rows);
            let question = Question::new("StatisticsContingency", parts);
            let both = json!({"categories": [["0", "1"], ["0", "1"]]});
            let result = world.ask_whole(&question.with(both))?;
            let row = &result["table"]["1"];
            let all = shown(&row["0"], "arrest")? + shown(&row["1"], "arrest")?;
            let rest = ones(world, "arrest", block.parts(world, &["arrest"], &block.rows[1..]))?;
            let value = all - rest;
            Ok::<_, Refusal>(Claim::Value { row: block.attacked(), column: "arrest", value })
        };
        let blocks = Block::all(world, GROUP + 1);
        let claims = blocks.iter().filter_map(|block| value(block).ok());
        world.judge(&claims.collect::<Vec<_>>())
    }
}

/// E35: the number of ones in a group, by a condition, and the sum over the group and one row more.
/// The two conditions choose rows that differ by many, and by no row of which either tells.
pub(in super::super) struct GroupConditionAndSum;

impl Attack for GroupConditionAndSum {
    fn name(&self) -> &'static str {
        "E35: numbers of rows by conditions beside sums, group by group"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let value = |block: &Block| {
            let column = "arrest";
            let has_one = json!({"column": column, "op": "=", "value": 1});
            let ids = world.table(block.party).ids();
            let group: Vec<i64> = block.rows[1..].iter().map(|row| ids[*row]).collect();
            let of_group = json!({"and": [one_of("id", &group), has_one]});
            let parts = [0, 1, 2].map(|party| {
                if party == block.party {
                    Part::chosen("trial", &["age"], &of_group)
                } else {
                    Part::chosen("trial", &["age"], &has_one)
                }
            });
            let question = Question::new("StatisticsUnivariate", parts);
            let result = world.ask_whole(&question.with(json!({"statistics": ["mean"]})))?;
            let rest = shown(&result["samples"], column)?;
            let sum = world.sum(block.parts(world, &[column], &block.rows))?;
            Ok::<_, Refusal>(Claim::Value { row: block.attacked(), column, value: sum - rest })
        };
        let blocks = Block::all(world, 2 * GROUP + 1);
        let claims = blocks.iter().filter_map(|block| value(block).ok());
        world.judge(&claims.collect::<Vec<_>>())
    }
}
