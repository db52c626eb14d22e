//! Sums over selections: differences of several (E1), random halves (E2), designed halves (E3), an
//! approval used with other conditions (E10), a second name for the same file (E13), a few rows of each
//! of two parties (E21), and the rows that a column of zeros and ones chooses (E22).

use super::super::draws::Draws;
use super::super::known::{Claim, Known, Row};
use super::super::ledger::{Ledger, Term, rows_at};
use super::super::solving::{LinearSystem, Weighing};
use super::super::world::{PARTIES, Part, Question, Refusal, Setting, World};
use super::super::{Attack, is_long};

/// The most questions of a test.
const MOST_QUESTIONS: usize = 400;

/// The most refusals, one after another, before an attacker gives up.
const MOST_REFUSALS: usize = 30;

/// The size of the groups of rows in which the attacker hides a row.
const GROUP: usize = 12;

/// E1: the sum over {x}, P and Q, less the sum over P, less the sum over Q.
pub(in super::super) struct OnePerson;

impl Attack for OnePerson {
    fn name(&self) -> &'static str {
        "E1: one person's value by three sums"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let mut claims = person_by_three_sums(world).unwrap_or_default();
        claims.extend(person_by_left_out_sums(world).claims(world));
        world.judge(&claims)
    }
}

/// Asks for the sum over all rows, over all but one, and over a group with that one and without. Answers
/// from which the party is left out are sums over the others' rows.
fn person_by_left_out_sums(world: &World) -> Ledger {
    let mut ledger = Ledger::default();
    let rows = world.table(0).len();
    let groups = [0..rows, 1..rows, 0..GROUP + 1, 1..GROUP + 1, 1..2 * GROUP, 0..2 * GROUP];
    for group in groups {
        let chosen: Vec<usize> = group.collect();
        let Ok(sum) = sum_of_chosen(world, 0, "age", &chosen) else { continue };
        ledger.told(("age", Term::Value), sum.rows(world, &chosen), sum.value);
    }
    ledger
}

fn person_by_three_sums(world: &World) -> Result<Vec<Claim>, Refusal> {
    let all = [0, 1, 2].map(|party| world.table(party).ids());
    let p = [0, 1, 2].map(|party| all[party][1..=GROUP].to_vec());
    let q = [0, 1, 2].map(|party| all[party][GROUP + 1..=2 * GROUP].to_vec());
    let mut both = [0, 1, 2].map(|party| [p[party].as_slice(), &q[party]].concat());
    both[0].push(all[0][0]);
    let sum = |ids: &[Vec<i64>; PARTIES]| {
        world.sum([0, 1, 2].map(|party| Part::with_ids("trial", &["age"], &ids[party])))
    };
    let value = sum(&both)? - sum(&p)? - sum(&q)?;
    Ok(vec![Claim::Value { row: (0, 0), column: "age", value }])
}

/// E2: sums over random halves of one party's rows, as many as it has rows.
pub(in super::super) struct WholeColumn;

impl Attack for WholeColumn {
    fn name(&self) -> &'static str {
        "E2: a whole column by random halves"
    }

    fn setting(&self) -> Setting {
        Setting::of("diabetes")
    }

    fn play(&self, world: &World) -> Known {
        let mut draws = Draws::printed();
        let attacked = if is_long() { 0 } else { 2 };
        let most = if is_long() { 5_000 } else { MOST_QUESTIONS };
        let ids = world.table(attacked).ids();
        // The last unknown is the other parties' part, the same in all sums.
        let mut system = LinearSystem::new(ids.len() + 1);
        let mut refusals = 0;
        while system.rank() <= ids.len() && world.asked() < most && refusals < MOST_REFUSALS {
            let chosen: Vec<usize> = (0..ids.len()).filter(|_| draws.chance()).collect();
            match sum_of_chosen(world, attacked, "target", &chosen) {
                Ok(sum) => {
                    refusals = 0;
                    let chosen = if sum.is_left_out { &[] } else { chosen.as_slice() };
                    let terms = chosen.iter().copied().chain([ids.len()]).map(|row| (row, 1));
                    system.add(&terms.collect::<Vec<_>>(), sum.value.round() as i64);
                }
                Err(refusal) if refusal.wants_approval() => break,
                Err(_) => refusals += 1,
            }
        }
        let rows = system.known().into_iter().filter(|(row, _)| *row < ids.len());
        let claims = rows.map(|(row, value)| Claim::Value {
            row: (attacked, row),
            column: "target",
            value: value as f64,
        });
        world.judge(&claims.collect::<Vec<_>>())
    }
}

/// A sum over some rows of one party and all rows of the others.
struct Sum {
    attacked: usize,
    value: f64,
    /// The rows of the attacked party are not in it. The others are asked for all of their rows each
    /// time, which they do not leave out.
    is_left_out: bool,
}

impl Sum {
    /// Returns the rows that are in it, of those that were chosen and of the others.
    fn rows(&self, world: &World, chosen: &[usize]) -> Vec<Row> {
        let others = world.all_rows().into_iter().filter(|row| row.0 != self.attacked);
        let chosen = if self.is_left_out { &[] } else { chosen };
        others.chain(rows_at(self.attacked, chosen)).collect()
    }
}

fn sum_of_chosen(
    world: &World,
    attacked: usize,
    column: &str,
    rows: &[usize],
) -> Result<Sum, Refusal> {
    let ids = world.table(attacked).ids();
    let ids: Vec<i64> = rows.iter().map(|row| ids[*row]).collect();
    let (value, left_out) = world.sum_over_others([0, 1, 2].map(|party| {
        if party == attacked {
            Part::with_ids("trial", &[column], &ids)
        } else {
            Part::of("trial", &[column])
        }
    }))?;
    Ok(Sum { attacked, value, is_left_out: left_out > 0 })
}

/// E3: a column of 0 and 1 by far fewer sums than it has rows.
pub(in super::super) struct Bits;

impl Attack for Bits {
    fn name(&self) -> &'static str {
        "E3: a column of 0 and 1 by few sums"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let mut draws = Draws::printed();
        let most = if is_long() { 5_000 } else { MOST_QUESTIONS };
        let (mut refusals, mut ledger) = (0, Ledger::default());
        while world.asked() < most && refusals < MOST_REFUSALS {
            match weigh(world, &mut draws, &mut ledger) {
                Ok(claims) => return world.judge(&claims),
                Err(refusal) if refusal.wants_approval() => break,
                // Other rows are in each sum if the rows get other places.
                Err(_) => refusals += 1,
            }
        }
        // Whole numbers may follow from what was answered of several plans.
        world.judge(&ledger.claims(world))
    }
}

/// Weighs the rows of the first party at random places of the plan. Rows without a place are in all
/// sums, as are the other parties' rows.
fn weigh(world: &World, draws: &mut Draws, ledger: &mut Ledger) -> Result<Vec<Claim>, Refusal> {
    let weighing = Weighing::new(6);
    let rows = world.table(0).len();
    let order = draws.sample(rows, rows);
    let (placed, always) = order.split_at(weighing.items());
    let mut sum = |number: usize| {
        let members = weighing.members(number).into_iter().map(|item| placed[item]);
        let chosen: Vec<usize> = members.chain(always.iter().copied()).collect();
        let sum = sum_of_chosen(world, 0, "arrest", &chosen)?;
        ledger.told(("arrest", Term::Value), sum.rows(world, &chosen), sum.value);
        if sum.is_left_out {
            Err(Refusal { code: "left_out".into(), message: "a party is left out".into() })
        } else {
            Ok(sum.value.round() as i64)
        }
    };
    let sums = (0..weighing.sums()).map(&mut sum).collect::<Result<Vec<i64>, Refusal>>()?;
    let values = weighing.values(&sums).unwrap_or_default();
    let of = |(item, value): (usize, i64)| Claim::Value {
        row: (0, placed[item]),
        column: "arrest",
        value: value as f64,
    };
    Ok(values.into_iter().enumerate().map(of).collect())
}

/// E10: the owners approve one sum, some times, and the attacker asks for other rows.
pub(in super::super) struct AnyCondition;

impl Attack for AnyCondition {
    fn name(&self) -> &'static str {
        "E10: an approval used with any condition"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi").with_approval()
    }

    fn play(&self, world: &World) -> Known {
        // A harmless question: the oldest half of all parties' rows.
        let harmless = || {
            world.sum([0, 1, 2].map(|party| {
                let ids = world.table(party).ids();
                Part::with_ids("trial", &["age"], &ids[ids.len() / 2..])
            }))
        };
        let asked = harmless().expect_err("the owners want to approve");
        assert!(asked.wants_approval(), "{asked:?}");
        world.approve(10);
        let mut claims = person_by_three_sums(world);
        // Owners who protect nothing approve each question that they are asked.
        for _ in 0..3 {
            if claims.is_err() && !world.protects() {
                world.approve(10);
                claims = person_by_three_sums(world);
            }
        }
        world.judge(&claims.unwrap_or_default())
    }
}

/// E13: all rows under one name, all but one under the other.
pub(in super::super) struct SecondName;

impl Attack for SecondName {
    fn name(&self) -> &'static str {
        "E13: the same file under a second name"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi").with_same_file(0, "copy")
    }

    fn play(&self, world: &World) -> Known {
        let others = || [Part::of("trial", &["age"]), Part::of("trial", &["age"])];
        let ids = world.table(0).ids();
        let claims = || {
            let [one, other] = others();
            let all = world.sum([Part::of("trial", &["age"]), one, other])?;
            let [one, other] = others();
            let but_one = Part::with_ids("copy", &["age"], &ids[1..]);
            let value = all - world.sum([but_one, one, other])?;
            Ok::<_, Refusal>(vec![Claim::Value { row: (0, 0), column: "age", value }])
        };
        world.judge(&claims().unwrap_or_default())
    }
}

/// E21: the sum over all rows, less that over all but a few of each of two parties. No party tells of
/// so few of its own rows that its own rules would object.
pub(in super::super) struct FewTogether;

impl Attack for FewTogether {
    fn name(&self) -> &'static str {
        "E21: a sum over a few rows of each of two parties"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        let few = [4, 3, 0];
        let mut ledger = Ledger::default();
        for round in 0..5 {
            let chosen = few.map(|few| round * few..(round + 1) * few);
            let rest = [0, 1, 2].map(|party| {
                let all = 0..world.table(party).len();
                all.filter(|row| !chosen[party].contains(row)).collect::<Vec<usize>>()
            });
            let parts = [0, 1, 2].map(|party| {
                let ids = world.table(party).ids();
                let kept: Vec<i64> = rest[party].iter().map(|row| ids[*row]).collect();
                Part::with_ids("trial", &["age"], &kept)
            });
            let all = world.sum([0, 1, 2].map(|_| Part::of("trial", &["age"])));
            all.into_iter()
                .for_each(|all| ledger.told(("age", Term::Value), world.all_rows(), all));
            // With one party left out it is not known which.
            let Ok(sum) = world.sum(parts) else { continue };
            let rows = (0..PARTIES).flat_map(|party| rows_at(party, &rest[party]));
            ledger.told(("age", Term::Value), rows, sum);
        }
        world.judge(&ledger.claims(world))
    }
}

/// E22: a product with a column of zeros and ones is a sum over the rows with a one. Less the sum over
/// these rows but one it is the value of that one.
pub(in super::super) struct Product;

impl Attack for Product {
    fn name(&self) -> &'static str {
        "E22: one person's value by a product with an indicator"
    }

    fn setting(&self) -> Setting {
        Setting::of("rossi")
    }

    fn play(&self, world: &World) -> Known {
        world.judge(&person_by_a_product(world).unwrap_or_default())
    }
}

fn person_by_a_product(world: &World) -> Result<Vec<Claim>, Refusal> {
    let parts = [0, 1, 2].map(|_| Part::of("trial", &["age", "arrest"]));
    let both = world.ask_whole(&Question::new("StatisticsBivariate", parts))?;
    let ages = world.sum([0, 1, 2].map(|_| Part::of("trial", &["age"])))?;
    let chosen = [0, 1, 2].map(|party| {
        let (ids, ones) = (world.table(party).ids(), world.table(party).numbers("arrest"));
        (0..ids.len())
            .filter(|row| ones[*row] == 1.0)
            .map(|row| (row, ids[row]))
            .collect::<Vec<_>>()
    });
    let rest = [0, 1, 2].map(|party| {
        let kept = chosen[party].iter().skip(usize::from(party == 0)).map(|(_, id)| *id);
        Part::with_ids("trial", &["age"], &kept.collect::<Vec<_>>())
    });
    let arrested = world.sum([0, 1, 2].map(|_| Part::of("trial", &["arrest"])))?;
    let rows = both["samples"].as_f64().unwrap();
    let product = rows * both["covariance_mle"].as_f64().unwrap() + ages * arrested / rows;
    let value = product - world.sum(rest)?;
    Ok(vec![Claim::Value { row: (0, chosen[0][0].0), column: "age", value }])
}
