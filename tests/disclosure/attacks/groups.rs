//! Few rows of one party beside many of others. What the others have is known by an answer without the
//! party (E26, E27, E29), or by sums of several groups (E28). Where all rows of a group have one value,
//! its sum or count tells it of each.

use serde_json::json;

use super::super::known::{Claim, Known, Row};
use super::super::ledger::{Ledger, Term, range_of, rows_at};
use super::super::world::{PARTIES, Part, Question, Setting, World};
use super::super::{Attack, is_long};
use super::columns::Block;

const COLUMN: &str = "arrest";

/// The fewest rows of one node that its own rule lets be told.
const FEW: usize = 3;

/// E26: the counts of few rows of one party and all rows of the others, less those of the others alone:
/// the party leaves out its rows where it is asked for one.
pub(in super::super) struct FewCounts;

impl Attack for FewCounts {
    fn name(&self) -> &'static str {
        "E26: counts of few rows beside counts without the party"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let mut claims = Vec::new();
        let mut of_others = [None; PARTIES];
        for block in Block::all(world, FEW) {
            if of_others[block.party].is_none() {
                let one = ones(world, &block, &block.rows[..1]);
                of_others[block.party] = one.filter(|(_, left_out)| *left_out == 1);
            }
            let Some((others, _)) = of_others[block.party] else { continue };
            let Some((all, 0)) = ones(world, &block, &block.rows) else { continue };
            claims.extend(unanimous(&rows_at(block.party, &block.rows), all - others));
        }
        world.judge(&claims)
    }
}

/// Counts the ones among some rows of one party and all rows of the others, and the parties that leave
/// theirs out.
fn ones(world: &World, block: &Block, rows: &[usize]) -> Option<(f64, u64)> {
    let parts = block.parts(world, &[COLUMN], rows);
    let question = Question::new("StatisticsFrequency", parts);
    let told = world.ask(&question.with(json!({"categories": ["0", "1"]}))).ok()?;
    Some((told.result["histogram"]["1"].as_f64()?, told.left_out))
}

/// Claims each row's value where they are all the same, and their sum where not.
pub(super) fn unanimous(rows: &[Row], sum: f64) -> Vec<Claim> {
    let (low, high) = range_of(COLUMN);
    let ends = [low as f64, high as f64];
    match ends.into_iter().find(|end| *end * rows.len() as f64 == sum) {
        None => vec![Claim::Sum { rows: rows.to_vec(), column: COLUMN, value: sum }],
        Some(value) => {
            let claim = |row: &Row| Claim::Value { row: *row, column: COLUMN, value };
            rows.iter().map(claim).collect()
        }
    }
}

/// The rows of the other parties beside a few.
const BESIDE: usize = 12;

/// E27: a sum with a few rows of one party, and the same sum without the party. It is not there, or its
/// rows are left out, because it is asked for one row.
pub(in super::super) struct WithAndWithout {
    pub(in super::super) is_left_out: bool,
}

impl Attack for WithAndWithout {
    fn name(&self) -> &'static str {
        if self.is_left_out {
            "E29: a sum with a party and with its rows left out"
        } else {
            "E27: a sum with a party and without it"
        }
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let mut ledger = Ledger::default();
        let rounds = if is_long() { 7 } else { 3 };
        for round in 0..rounds {
            let attacked = round % PARTIES;
            let at = round / PARTIES;
            let parts = [0, 1, 2].map(|party| {
                if party == attacked {
                    chosen(world, party, at * FEW, FEW)
                } else {
                    chosen(world, party, round * BESIDE, BESIDE)
                }
            });
            let mut without = parts.clone();
            without[attacked] = if self.is_left_out {
                chosen(world, attacked, at * FEW, 1)
            } else {
                (Part::nothing(), Vec::new())
            };
            for asked in [parts, without] {
                let selections = asked.clone().map(|(part, _)| part);
                let Ok((sum, left_out)) = world.sum_over_others(selections) else { continue };
                let rows = asked.iter().enumerate().filter(|(party, _)| {
                    // The only selection that is small enough to be left out is the attacked one.
                    left_out == 0 || *party != attacked
                });
                let rows = rows.flat_map(|(_, (_, rows))| rows.iter().copied());
                ledger.told((COLUMN, Term::Value), rows, sum);
            }
        }
        world.judge(&ledger.claims(world))
    }
}

/// Selects so many rows of a party from this one on, as far as there are any.
fn chosen(world: &World, party: usize, first: usize, count: usize) -> (Part, Vec<Row>) {
    let ids = world.table(party).ids();
    let first = first % (ids.len() - count);
    let rows: Vec<usize> = (first..first + count).collect();
    let chosen: Vec<i64> = rows.iter().map(|row| ids[*row]).collect();
    (Part::with_ids("trial", &[COLUMN], &chosen), rows_at(party, &rows))
}

/// E28: the sum over five groups and three rows, less the sum over each group.
pub(in super::super) struct FiveSums;

/// The groups that are added, and the rows of each at each party.
const GROUPS: usize = 5;
const GROUP: usize = 9;

impl Attack for FiveSums {
    fn name(&self) -> &'static str {
        "E28: a sum over few rows by six sums"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let mut ledger = Ledger::default();
        let mut ask = |rows: [Vec<usize>; PARTIES]| {
            let parts = [0, 1, 2].map(|party| {
                let ids = world.table(party).ids();
                let chosen: Vec<i64> = rows[party].iter().map(|row| ids[*row]).collect();
                Part::with_ids("trial", &[COLUMN], &chosen)
            });
            let Ok((sum, 0)) = world.sum_over_others(parts) else { return };
            let rows = (0..PARTIES).flat_map(|party| rows_at(party, &rows[party]));
            ledger.told((COLUMN, Term::Value), rows, sum);
        };
        let all = GROUPS * GROUP;
        for group in 0..GROUPS {
            ask([0, 1, 2].map(|_| (group * GROUP..(group + 1) * GROUP).collect()));
        }
        for attacked in 0..PARTIES {
            let few = |party| if party == attacked { FEW } else { 0 };
            ask([0, 1, 2].map(|party| (0..all + few(party)).collect()));
        }
        world.judge(&ledger.claims(world))
    }
}
