//! Decisions on few rows as answers about single ones: declared categories find the largest number of
//! three rows (E31).

use std::collections::BTreeMap;

use serde_json::json;

use super::super::Attack;
use super::super::known::{Claim, Known, Row};
use super::super::ledger::rows_at;
use super::super::world::{PARTIES, Part, Question, Refusal, Setting, World};

/// E31: three rows, with the categories declared up to a number. Whether the node answers tells whether
/// the largest of them is one of these.
pub(in super::super) struct Declared;

const TRIPLES: usize = 6;

impl Attack for Declared {
    fn name(&self) -> &'static str {
        "E31: the largest of three rows by declared categories"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let mut claims = Vec::new();
        for triple in 0..TRIPLES {
            let party = triple % PARTIES;
            let at = triple / PARTIES;
            let rows: Vec<usize> = (3 * at..3 * at + 3).collect();
            let ids = world.table(party).ids();
            let ids: Vec<i64> = rows.iter().map(|row| ids[*row]).collect();
            // The numbers from 0 to the bound are the categories.
            let fits = |bound: i64| {
                let categories: Vec<String> = (0..=bound).map(|n| n.to_string()).collect();
                // The others' rows fit any bound.
                let fits_all = json!({"column": "prio", "op": "=", "value": 0});
                let parts = [0, 1, 2].map(|other| {
                    if other == party {
                        Part::with_ids("trial", &["prio"], &ids)
                    } else {
                        Part::chosen("trial", &["prio"], &fits_all)
                    }
                });
                let question = Question::new("StatisticsFrequency", parts);
                let told = world.ask(&question.with(json!({"categories": categories})));
                told.map(|told| told.left_out == 0)
            };
            if let Some(largest) = least((0, 40), fits) {
                let rows: Vec<Row> = rows_at(party, &rows);
                let numbers = BTreeMap::from([(3, largest as f64)]);
                claims.push(Claim::Ranks { rows, column: "prio", numbers });
            }
        }
        world.judge(&claims)
    }
}

/// Returns the least bound that fits; none once the owner is asked.
fn least(
    (mut low, mut high): (i64, i64),
    mut fits: impl FnMut(i64) -> Result<bool, Refusal>,
) -> Option<i64> {
    if !fits(high).ok()? {
        return None;
    }
    while low < high {
        let middle = (low + high) / 2;
        match fits(middle) {
            Ok(true) => high = middle,
            Err(refusal) if refusal.wants_approval() => return None,
            Ok(false) | Err(_) => low = middle + 1,
        }
    }
    Some(low)
}
