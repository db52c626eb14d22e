//! Sizes of intersections with chosen items, and sums over them: whether a person is at a party (E32),
//! and the person's value (E33). Means of small groups that the attacker chooses (E34).

use serde_json::{Value, json};

use super::super::Attack;
use super::super::known::{Claim, Known, Row};
use super::super::tables::Table;
use super::super::world::{Part, Question, Setting, World, one_of};
use super::groups::unanimous;

/// The party that is attacked. The attacker is the first, with tables of its own.
const ATTACKED: usize = 1;

/// Persons who are known to be there: those of every question, and those who make the party's selection
/// another one.
const ALWAYS: usize = 20;
const OTHERS: usize = 6;

/// The persons that are asked about.
const ASKED: usize = 3;

/// Has the attacker's tables of ids at the first party: those that are always asked about, and with one
/// more each. Every second one of these is not at the attacked party. The third party has all ids.
fn setting(function: &str) -> Setting {
    let attacked = Table::read("diabetes", "party2");
    let ids = |table: &Table, rows: Vec<usize>| table.only(&["id"]).part(rows);
    let elsewhere = ids(&Table::read("diabetes", "party1"), (0..ASKED).collect());
    let always = ids(&attacked, (0..ALWAYS).collect());
    let mut all = ids(&attacked, (0..attacked.len()).collect());
    all.rows.extend(elsewhere.rows.clone());
    let mut setting = Setting::of_tables([always.clone(), attacked.clone(), all]);
    for at in 0..ASKED {
        let mut with_one = always.clone();
        with_one.rows.push(match at % 2 {
            0 => attacked.only(&["id"]).rows[place(at)].clone(),
            _ => elsewhere.rows[at].clone(),
        });
        setting = setting.with(0, &format!("with-{at}"), with_one);
    }
    setting.with_functions(&[function])
}

/// Returns the place of a person at the attacked party.
fn place(at: usize) -> usize {
    ALWAYS + OTHERS * 2 * ASKED + at
}

/// Asks about the persons of one of the attacker's tables. The attacked party leaves out other known
/// persons each time, so that it is not the same question.
fn ask(world: &World, question: &Asked, columns: &[&str]) -> Option<Value> {
    let there = world.table(ATTACKED).ids();
    let first = ALWAYS + OTHERS * question.number;
    let without = json!({"not": one_of("id", &there[first..first + OTHERS])});
    let parts = [
        Part::of(&question.dataset, &["id"]),
        Part::chosen("trial", columns, &without),
        Part::of("trial", &["id"]),
    ];
    let asked = Question::new(question.function, parts).in_order([1, 0, 2]);
    world.ask_whole(&asked).ok()
}

struct Asked {
    function: &'static str,
    dataset: String,
    /// The number of the question: it chooses who is left out.
    number: usize,
}

impl Asked {
    /// Returns the questions with a person and without.
    fn both(function: &'static str, at: usize) -> [Self; 2] {
        let of = |dataset: &str, number| Self { function, dataset: dataset.to_owned(), number };
        [of(&format!("with-{at}"), 2 * at), of("trial", 2 * at + 1)]
    }
}

/// E32: the size of an intersection with a person, and without.
pub(in super::super) struct Membership;

impl Attack for Membership {
    fn name(&self) -> &'static str {
        "E32: who is at a party, by sizes of intersections"
    }

    fn setting(&self) -> Setting {
        setting("SetIntersectionSize")
    }

    fn play(&self, world: &World) -> Known {
        let claims = (0..ASKED).filter_map(|at| {
            let sizes = Asked::both("SetIntersectionSize", at)
                .map(|question| ask(world, &question, &["id"])?["size_intersection"].as_i64());
            let [Some(with), Some(without)] = sizes else { return None };
            // The count of such persons there. Where it is 0 it is the count of one who is not.
            let count = if at % 2 == 0 { with - without } else { 1 + without - with };
            Some(Claim::Count { rows: vec![(ATTACKED, place(at))], count })
        });
        world.judge(&claims.collect::<Vec<_>>())
    }
}

/// E33: the sum over an intersection with a person, and without.
pub(in super::super) struct SumWithout;

impl Attack for SumWithout {
    fn name(&self) -> &'static str {
        "E33: one person's value by sums over intersections"
    }

    fn setting(&self) -> Setting {
        setting("SetIntersectionSum")
    }

    fn play(&self, world: &World) -> Known {
        let claims = (0..ASKED).step_by(2).filter_map(|at| {
            let sums = Asked::both("SetIntersectionSum", at)
                .map(|question| ask(world, &question, &["id", "age"])?["sum"].as_f64());
            let [Some(with), Some(without)] = sums else { return None };
            let row = (ATTACKED, place(at));
            Some(Claim::Value { row, column: "age", value: with - without })
        });
        world.judge(&claims.collect::<Vec<_>>())
    }
}

/// E34: the means of an attacked column in groups of the attacker's own, each as small as a cell may be.
pub(in super::super) struct SmallGroups;

/// The rows of a group, and the column.
const GROUP: usize = 5;
const COLUMN: &str = "arrest";

impl Attack for SmallGroups {
    fn name(&self) -> &'static str {
        "E34: means of groups of five rows"
    }

    fn setting(&self) -> Setting {
        let attacked = Table::read("rossi", "party2");
        let ids = attacked.only(&["id"]);
        let rows = attacked.ids().into_iter().enumerate();
        let own: Vec<Vec<i64>> = rows.map(|(row, id)| vec![id, (row / GROUP) as i64]).collect();
        let own = Table::of_numbers(&["id", "group"], &own);
        Setting::of_tables([own, attacked, ids]).with_functions(&["MeanByGroupVertical"])
    }

    fn play(&self, world: &World) -> Known {
        let ids = world.table(ATTACKED).ids();
        let parts = [
            Part::of("trial", &["id", "group"]),
            Part::of("trial", &["id", COLUMN]),
            Part::of("trial", &["id"]),
        ];
        let result = world.ask_whole(&Question::new("MeanByGroupVertical", parts));
        let shown = result.ok().and_then(|result| result["groups"].as_object().cloned());
        let claims = shown.unwrap_or_default().into_iter().flat_map(|(name, group)| {
            let first = name.parse::<usize>().unwrap() * GROUP;
            let rows: Vec<Row> =
                (first..ids.len().min(first + GROUP)).map(|row| (ATTACKED, row)).collect();
            let sum = group["mean"].as_f64().unwrap() * group["count"].as_f64().unwrap();
            unanimous(&rows, sum.round())
        });
        world.judge(&claims.collect::<Vec<_>>())
    }
}
