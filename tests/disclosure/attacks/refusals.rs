//! Refusals as answers: declared categories (E15), and the memory of earlier selections (E19), also
//! with partners (E20).

use serde_json::{Value, json};

use super::super::Attack;
use super::super::known::{Claim, Known};
use super::super::world::{Part, Question, Refusal, Setting, World};

/// The rows that are asked about.
const ROWS: usize = 40;

/// The party whose rows E15 asks about. Without it neither of the others has nearly all rows, which
/// would be refused by another rule.
const ATTACKED: usize = 1;

/// E15: the rows of one category, and one more row. With no other category declared, a node answers
/// only if that row has the same.
pub(in super::super) struct Categories;

impl Attack for Categories {
    fn name(&self) -> &'static str {
        "E15: refusals as answers"
    }

    fn setting(&self) -> Setting {
        Setting::of("indo_rct")
    }

    fn play(&self, world: &World) -> Known {
        let is_female = json!({"column": "gender", "op": "=", "value": "1_female"});
        let ask = |attacked: &Value| {
            let part = |party| match party {
                ATTACKED => Part::chosen("trial", &["gender"], attacked),
                _ => Part::chosen("trial", &["gender"], &is_female),
            };
            let question = Question::new("StatisticsFrequency", [0, 1, 2].map(part));
            world.ask_whole(&question.with(json!({"categories": ["1_female"]})))
        };
        let (mut claims, mut outcomes) = (Vec::new(), Vec::new());
        if ask(&is_female).is_err() {
            return world.judge(&claims);
        }
        for (row, id) in world.table(ATTACKED).ids().into_iter().enumerate().take(ROWS) {
            let one = json!({"column": "id", "op": "=", "value": id});
            let value = match ask(&json!({"or": [is_female, one]})) {
                Ok(_) => 0.0,
                Err(refusal) if refusal.wants_approval() => continue,
                Err(_) => 1.0,
            };
            outcomes.push(value);
            claims.push(Claim::Value { row: (ATTACKED, row), column: "male", value });
        }
        // What all rows have in common tells of none.
        outcomes.dedup();
        world.judge(if outcomes.len() > 1 { &claims } else { &[] })
    }
}

/// E19: all rows but x, if x is below a threshold. If x is not, these are all rows, which were asked
/// about before, and the node answers. If it is, they differ by one row, and the node refuses.
/// Neither sum tells anything, and the search for the threshold tells the value.
pub(in super::super) struct Thresholds;

/// The column that is searched, with its least and largest value.
const COLUMN: &str = "week";
const RANGE: (i64, i64) = (1, 52);

/// The rows that are searched for.
const SEARCHED: usize = 12;

impl Attack for Thresholds {
    fn name(&self) -> &'static str {
        "E19: the memory of selections as an oracle"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let all = Part::of("trial", &[COLUMN]);
        let Ok(sum) = world.sum([all.clone(), all.clone(), all.clone()]) else {
            return world.judge(&[]);
        };
        let ids = world.table(0).ids().into_iter().enumerate().take(SEARCHED);
        let claims = ids.filter_map(|(row, id)| {
            let value = search(|threshold| {
                let is_x = json!({"column": "id", "op": "=", "value": id});
                let is_below = json!({"column": COLUMN, "op": "<", "value": threshold});
                let but_x = json!({"not": {"and": [is_x, is_below]}});
                let first = Part::chosen("trial", &[COLUMN], &but_x);
                differs(&world.sum([first, all.clone(), all.clone()]), sum)
            });
            let value = value? as f64;
            Some(Claim::Value { row: (0, row), column: COLUMN, value })
        });
        world.judge(&claims.collect::<Vec<_>>())
    }
}

/// E20: as E19, but x stands in the condition with two partners whose values are known to be large,
/// so that no row is alone. A part that changes nothing makes each condition a new one.
pub(in super::super) struct Partners;

impl Attack for Partners {
    fn name(&self) -> &'static str {
        "E20: refusals with partners"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let all = Part::of("trial", &[COLUMN]);
        let Ok(sum) = world.sum([all.clone(), all.clone(), all.clone()]) else {
            return world.judge(&[]);
        };
        let ids = world.table(0).ids();
        let mut asked = 0;
        // Whether a row of these is below a threshold; none if that is no longer answered.
        let mut is_one_below = |rows: &[usize], threshold: i64| {
            asked += 1;
            let is_other = rows
                .iter()
                .map(|row| json!({"not": {"column": "id", "op": "=", "value": ids[*row]}}));
            let is_other = json!({"and": is_other.collect::<Vec<_>>()});
            let is_large = json!({"column": COLUMN, "op": ">=", "value": threshold});
            let no_change = json!({"column": COLUMN, "op": ">=", "value": -asked});
            let kept = json!({"and": [{"or": [is_other, is_large]}, no_change]});
            let kept = Part::chosen("trial", &[COLUMN], &kept);
            differs(&world.sum([kept, all.clone(), all.clone()]), sum)
        };
        let triples = (0..SEARCHED).collect::<Vec<_>>();
        let triples = triples.chunks_exact(3).map(<[usize]>::to_vec);
        let Some(partners) =
            triples.clone().find(|rows| is_one_below(rows, RANGE.1) == Some(false))
        else {
            return world.judge(&[]);
        };
        let others = (0..SEARCHED).filter(|row| !partners.contains(row));
        let claims = others.filter_map(|row| {
            let rows = [row, partners[0], partners[1]];
            let value = search(|threshold| is_one_below(&rows, threshold))? as f64;
            Some(Claim::Value { row: (0, row), column: COLUMN, value })
        });
        world.judge(&claims.collect::<Vec<_>>())
    }
}

/// Returns whether an answer is another than this sum, as a refusal is; none where the owner is
/// asked from now on.
fn differs(answer: &Result<f64, Refusal>, sum: f64) -> Option<bool> {
    match answer {
        Ok(other) => Some(*other != sum),
        Err(refusal) if refusal.wants_approval() => None,
        Err(_) => Some(true),
    }
}

/// Finds a value by asking whether it is below thresholds; none if that is no longer answered. The
/// largest comes first: it is the most frequent, and costs no refusal.
fn search(mut is_below: impl FnMut(i64) -> Option<bool>) -> Option<i64> {
    let (mut low, mut high) = RANGE;
    if !is_below(high)? {
        return Some(high);
    }
    // It is at least `low`, and below `high`.
    while high - low > 1 {
        let middle = (low + high) / 2;
        if is_below(middle)? { high = middle } else { low = middle }
    }
    Some(low)
}
