//! The comparison of a question with earlier answers, against plaintext, in simulation.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rand_core::Rng;

use crate::computation::{Earlier, Input, Outcome, Reach, compute};
use crate::engine::Engine;
use crate::kernel::disclosure::{Profile, Refusal, Rules};
use crate::kernel::fault::{Fault, Misbehaviour};
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::session::{AnswerId, MAX_EARLIER};
use crate::kernel::simulation::adversary::{Action, Tamper};
use crate::kernel::simulation::{Ending, Report, Simulation};
use crate::kernel::wire;
use crate::release::differences::Combination;
use crate::suites::pairwise::{CorrelationStore, Pairwise};
use crate::suites::replicated::Replicated;
use crate::testing::{Run, rng, seed};

const RULES: Rules = Rules {
    min_parties: 2,
    min_rows: 10,
    min_cell: 1,
    max_share: 100,
    client_columns: true,
    round: None,
};

/// The rows of one party: whether each is in the earlier answers, in order, and in the question.
#[derive(Clone, Default)]
struct Rows {
    earlier: Vec<Vec<bool>>,
    question: Vec<bool>,
}

fn answer(number: usize) -> AnswerId {
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    AnswerId(bytes)
}

/// Returns a bit for each row, 64 in a word.
fn words(rows: &[bool]) -> Vec<u64> {
    let word = |rows: &[bool]| rows.iter().rev().fold(0, |word, row| word << 1 | u64::from(*row));
    rows.chunks(64).map(word).collect()
}

impl Rows {
    fn of(earlier: &[&[bool]], question: &[bool]) -> Self {
        let earlier = earlier.iter().map(|rows| rows.to_vec()).collect();
        Self { earlier, question: question.to_vec() }
    }

    fn asked(&self) -> usize {
        self.question.iter().filter(|row| **row).count()
    }

    /// Returns the part of a party that remembers these answers of them all, the newest first. Each row
    /// is a class of its own.
    fn remembering(&self, answers: &[usize]) -> Earlier {
        let selections = answers.iter().map(|number| words(&self.earlier[*number])).collect();
        let classes = self.question.iter().map(|row| (1, u64::from(*row))).collect();
        let names = answers.iter().zip(0..).map(|(number, place)| (answer(*number), place));
        Earlier::new(self.asked() as u64, classes, selections).with_answers(names.collect())
    }

    fn all(&self) -> Earlier {
        self.remembering(&(0..self.earlier.len()).rev().collect::<Vec<_>>())
    }

    /// Returns the support of a combination in these rows.
    fn support(&self, factors: &[i64]) -> usize {
        let row = |row: usize| {
            let terms = self.earlier.iter().zip(factors);
            let sum: i64 = terms.map(|(rows, factor)| factor * i64::from(rows[row])).sum();
            sum + i64::from(self.question[row])
        };
        (0..self.question.len()).filter(|place| row(*place) != 0).count()
    }
}

/// Returns whether the question, with up to three earlier answers, leaves too few rows without those
/// of some party. All combinations are tried, those with sums only among them.
fn isolates(parties: &[Rows], least: usize) -> bool {
    let answers = parties[0].earlier.len();
    let all = (0..3_usize.pow(u32::try_from(answers).unwrap())).map(|number| {
        let digit = |place| i64::try_from(number / 3_usize.pow(place) % 3).unwrap() - 1;
        (0..u32::try_from(answers).unwrap()).map(digit).collect::<Vec<i64>>()
    });
    let small =
        all.filter(|factors| (1..=3).contains(&factors.iter().filter(|f| **f != 0).count()));
    small.into_iter().any(|factors| {
        let supports: Vec<usize> = parties.iter().map(|rows| rows.support(&factors)).collect();
        let total: usize = supports.iter().sum();
        supports.iter().any(|own| (1..least).contains(&(total - own)))
    })
}

fn run(rows: &[Rows]) -> Run {
    let numbers = |rows: &Rows| Input::Numbers(vec![1.0; rows.asked()]);
    Run::new("SecureSum", rows.iter().map(numbers).collect()).rules(RULES)
}

fn simulated(run: &Run, earlier: &[Option<Earlier>], simulation: Simulation) -> Report<Outcome> {
    let members = run.inputs.len() + run.helpers;
    simulation.parties(members).run(|channel, party, rng| {
        let part = run.part(party.index());
        let part = match earlier.get(party.index()).cloned().flatten() {
            Some(earlier) => part.beside(earlier),
            None => part,
        };
        compute(channel, run.offered(), part, CorrelationStore::default(), rng)
    })
}

/// Returns the refusal that all members end with, if the run is refused.
fn refusal(run: &Run, earlier: &[Option<Earlier>], seed: u64) -> Option<Refusal> {
    let report = simulated(run, earlier, Simulation::new(seed));
    let refusals = report.endings.iter().map(|ending| match ending {
        Ending::Done(_) => None,
        Ending::Stopped(Fault::Refused(refusal)) => Some(refusal.clone()),
        other => panic!("{other:?}"),
    });
    let refusals: Vec<_> = refusals.collect();
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:?}");
    refusals[0].clone()
}

fn isolated() -> Option<Refusal> {
    Some(Refusal::Isolates { minimum: 10, equations: 1, of: Party::new(0).unwrap() })
}

fn all_of(rows: &[Rows]) -> Vec<Option<Earlier>> {
    rows.iter().map(|rows| Some(rows.all())).collect()
}

/// Returns the part of a party with so many rows that names answers in which it had none.
fn naming(selected: u64, names: RangeInclusive<usize>) -> Earlier {
    let answers: Vec<_> = names.zip(0..).map(|(name, place)| (answer(name), place)).collect();
    Earlier::new(selected, Vec::new(), vec![Vec::new(); answers.len()]).with_answers(answers)
}

/// Draws the rows of a party: blocks of rows with equal membership, so that differences are small or
/// none now and then.
fn drawn(rng: &mut PredictableRng, answers: usize) -> Rows {
    let mut rows = Rows { earlier: vec![Vec::new(); answers], question: Vec::new() };
    for size in [12, 9, 30, 4, 20, 2, 7] {
        let bits = rng.next_u64();
        let is_in = |place: usize| bits >> place & 1 == 1;
        for (answer, earlier) in rows.earlier.iter_mut().enumerate() {
            earlier.extend(vec![is_in(answer); size]);
        }
        rows.question.extend(vec![is_in(60) || size == 30; size]);
    }
    rows
}

#[test]
fn what_a_question_leaves_of_earlier_ones_is_found_in_every_setting() {
    let mut rng = rng(seed());
    let (mut refused, mut answered) = (0, 0);
    let settings: [(usize, usize, Option<[usize; 3]>); 5] = [
        (2, 0, None),
        (3, 0, Some([0, 1, 2])),
        (3, 0, Some([2, 0, 1])),
        (4, 0, Some([3, 1, 0])),
        (2, 1, Some([0, 1, 2])),
    ];
    let mut rounds = 0;
    // Draws differ in how many are refused. Both ends are met often enough.
    while rounds < 4 || refused <= 5 || answered <= 15 {
        rounds += 1;
        assert!(rounds <= 40, "{refused} {answered}");
        for (parties, helpers, seats) in settings {
            for answers in [0, 1, 2, 4] {
                let rows: Vec<Rows> = (0..parties).map(|_| drawn(&mut rng, answers)).collect();
                let run = match seats {
                    Some(seats) => run(&rows).committee(helpers, seats),
                    None => run(&rows),
                };
                let due = if isolates(&rows, 11) { isolated() } else { None };
                assert_eq!(refusal(&run, &all_of(&rows), rng.next_u64()), due);
                match due {
                    Some(_) => refused += 1,
                    None => answered += 1,
                }
            }
        }
    }
}

/// Returns the rows of a party: `kept` in both, and others in the earlier answer or the question alone.
fn beside(kept: usize, earlier: usize, asked: usize) -> Rows {
    let rows =
        |parts: [bool; 3]| [vec![parts[0]; kept], vec![parts[1]; earlier], vec![parts[2]; asked]];
    let (before, now) = (rows([true, true, false]).concat(), rows([true, false, true]).concat());
    Rows::of(&[&before], &now)
}

#[test]
fn a_difference_needs_as_many_rows_of_others_as_the_rules_ask_and_one_more_for_each_equation() {
    for (differences, due) in [
        ([[0, 0], [0, 0], [0, 0]], None),
        ([[0, 0], [0, 0], [1, 0]], isolated()),
        ([[0, 0], [10, 0], [0, 0]], isolated()),
        // A party with all rows of a difference but ten knows its own.
        ([[0, 10], [40, 40], [0, 0]], isolated()),
        ([[0, 11], [40, 40], [0, 0]], None),
        ([[5, 6], [3, 8], [6, 5]], None),
        ([[5, 5], [0, 0], [0, 0]], isolated()),
        // What one party leaves alone is not known to itself only.
        ([[0, 11], [0, 0], [0, 0]], None),
        ([[6, 5], [11, 0], [0, 0]], None),
    ] {
        let rows = differences.map(|[earlier, asked]| beside(30, earlier, asked));
        assert_eq!(refusal(&run(&rows), &all_of(&rows), seed()), due, "{differences:?}");
    }
}

#[test]
fn an_answer_that_one_member_alone_remembers_counts() {
    // The others had no rows in it, so that their part of the difference is all that they bring in.
    let rows = [beside(30, 0, 3), beside(30, 0, 0), beside(30, 0, 0)];
    let mut earlier = all_of(&rows);
    assert_eq!(refusal(&run(&rows), &earlier, seed()), isolated());
    earlier[1..].fill(Some(Rows::of(&[], &rows[1].question).all()));
    assert_eq!(refusal(&run(&rows), &earlier, seed()), None);
    // Columns of a client protect no row.
    earlier[1..].fill(None);
    assert_eq!(refusal(&run(&rows), &earlier, seed()), isolated());
    assert_eq!(refusal(&run(&rows), &[], seed()), None);
}

#[test]
fn a_row_that_is_counted_twice_is_one_row() {
    // S = P and X, S1 = P and Q, S2 = Q and X: S - S1 + S2 is twice X, three rows of one party.
    let rows = |x: usize| {
        let of =
            |parts: [bool; 3]| [vec![parts[0]; 50], vec![parts[1]; 50], vec![parts[2]; x]].concat();
        let (one, two) = (of([true, true, false]), of([false, true, true]));
        Rows::of(&[&one, &two], &of([true, false, true]))
    };
    for (x, due) in [(3, isolated()), (10, isolated()), (11, None)] {
        let rows = [rows(0), rows(x), rows(0)];
        assert_eq!(isolates(&rows, 11), due.is_some());
        assert_eq!(refusal(&run(&rows), &all_of(&rows), seed()), due);
    }
}

#[test]
fn an_answer_about_other_values_has_rows_that_nothing_cancels() {
    // The first party had four rows of another column in the answer, and has none now.
    let none = Rows::of(&[], &[false; 4]);
    let rows = [none.clone(), beside(30, 0, 0), beside(30, 0, 0)];
    let mut earlier = all_of(&rows);
    assert_eq!(refusal(&run(&rows), &earlier, seed()), None);
    earlier[0] = Some(none.all().with_others(vec![(answer(0), 4)]));
    assert_eq!(refusal(&run(&rows), &earlier, seed()), isolated());
    earlier[0] = Some(none.all().with_others(vec![(answer(0), 11)]));
    assert_eq!(refusal(&run(&rows), &earlier, seed()), None);
}

#[test]
fn of_answers_about_the_same_rows_the_newest_is_named_first() {
    let all = [(answer(5), 1), (answer(4), 0), (answer(3), 1), (answer(2), 0)];
    let earlier = Earlier::new(0, Vec::new(), vec![Vec::new(); 2]).with_answers(all.to_vec());
    assert_eq!(earlier.named(), [answer(5), answer(4), answer(3), answer(2)]);
}

#[test]
fn repeats_at_each_party_of_its_own_hide_no_answer() {
    // Each party had its rows of the first answer in a later one, too, but no later one had all.
    let rows = |first: bool, second: bool| {
        let of = |same: bool, now: bool| {
            [vec![true; 50], vec![!same; 15], vec![same; 15], vec![now; 4]].concat()
        };
        let asked = [vec![true; 50], vec![false; 15], vec![true; 15], vec![false; 4]].concat();
        Rows::of(&[&of(true, true), &of(first, true), &of(second, true)], &asked)
    };
    // The first party's rows of the question are those of the first answer less four.
    let mut all = [rows(true, false), rows(false, true), rows(false, true)];
    all[1..].iter_mut().for_each(|rows| rows.question = rows.earlier[0].clone());
    assert!(isolates(&all, 11));
    assert_eq!(refusal(&run(&all), &all_of(&all), seed()), isolated());
}

#[test]
fn no_rule_on_rows_asks_for_no_comparison() {
    let rows = [beside(30, 0, 1), beside(30, 0, 0), beside(30, 0, 0)];
    let teaching = run(&rows).rules(Profile::Teaching.rules());
    assert_eq!(refusal(&teaching, &all_of(&rows), seed()), None);
}

#[test]
fn without_earlier_answers_nothing_is_sent_more() {
    let rows = [beside(30, 0, 0), beside(30, 0, 0), beside(30, 0, 0)];
    let none: Vec<_> = rows.iter().map(|rows| Some(Rows::of(&[], &rows.question).all())).collect();
    let cost = |earlier: &[Option<Earlier>]| {
        let report = simulated(&run(&rows), earlier, Simulation::new(1));
        report.results().unwrap();
        (report.rounds(), report.meters[0].total().bytes_sent)
    };
    assert_eq!(cost(&none), cost(&[]));
    // The disjunction of three lanes takes two rounds more.
    let ((with, _), (without, _)) = (cost(&all_of(&rows)), cost(&[]));
    assert_eq!(with, without + 2);
}

#[test]
fn combinations_are_each_looked_at_once_within_the_room_that_there_is() {
    for (answers, most) in [(0, 100), (1, 0), (1, 10), (5, 3), (7, 60), (100, 20_000), (1024, 700)]
    {
        let all = Combination::all(answers, most);
        assert!(all.len() <= most);
        assert!(all.len() >= answers.min(most));
        let texts: std::collections::BTreeSet<String> =
            all.iter().map(|one| format!("{one:?}")).collect();
        assert_eq!(texts.len(), all.len());
    }
    // With enough room all of three answers are there: 3 with one, 9 with two, 7 with all.
    assert_eq!(Combination::all(3, 1_000).len(), 19);
    // A hundred answers, and three nodes: each pair, and each three of the newest.
    assert!(Combination::all(100, 21_845).len() > 100 + 14_850 + 5_000);
}

#[test]
fn names_that_a_member_makes_up_push_no_answer_away() {
    let rows = [beside(30, 0, 3), beside(30, 0, 0), beside(30, 0, 0)];
    let mut earlier = all_of(&rows);
    earlier[1] = Some(naming(30, 1..=2 * MAX_EARLIER));
    assert_eq!(refusal(&run(&rows), &earlier, seed()), isolated());
}

#[test]
fn a_bit_that_is_opened_wrongly_lets_no_refused_question_through() {
    let seed = seed();
    let rows = [beside(30, 0, 3), beside(30, 0, 0), beside(30, 0, 0)];
    let (run, earlier) = (run(&rows), all_of(&rows));
    let honest = simulated(&run, &earlier, Simulation::new(seed));
    let later = honest.transcript.iter().filter(|delivery| delivery.sequence > 0);
    for delivery in later {
        let (from, to, number) = (delivery.from, delivery.to, delivery.sequence);
        let tamper = |action| Tamper::new(from, Some(to), number, action);
        for tamper in [
            tamper(Action::Drop),
            tamper(Action::Swap),
            tamper(Action::Truncate(1)).retagging(),
            tamper(Action::Extend(8)).retagging(),
        ] {
            let report = simulated(&run, &earlier, Simulation::new(seed).adversary(tamper.clone()));
            assert!(report.endings.iter().all(|ending| ending.done().is_none()), "{tamper:?}");
        }
    }
}

#[test]
fn a_proposal_with_too_many_names_is_malformed() {
    let rows = [beside(30, 0, 0), beside(30, 0, 0), beside(30, 0, 0)];
    let run = run(&rows);
    let honest = simulated(&run, &[Some(naming(30, 0..=MAX_EARLIER))], Simulation::new(1));
    assert!(honest.results().is_ok(), "only the first are named");
    let proposal = honest.transcript.iter().find(|d| d.from.index() == 0 && d.sequence == 0);
    let proposal = proposal.unwrap();
    let (mut body, first) = (proposal.body.to_vec(), wire::encode(&answer(0)).unwrap());
    let place = body.windows(first.len()).position(|bytes| bytes == first).unwrap();
    // One name more, and their number before them.
    body.splice(place..place, wire::encode(&answer(9_999)).unwrap());
    let count = (MAX_EARLIER as u64 + 1).to_le_bytes();
    body[place - 8..place].copy_from_slice(&count);
    let tamper =
        Tamper::new(proposal.from, Some(proposal.to), 0, Action::Replace(body.into())).retagging();
    let report = simulated(&run, &[Some(naming(30, 0..=0))], Simulation::new(1).adversary(tamper));
    let ending = &report.endings[proposal.to.index()];
    let blamed = Fault::blame(proposal.from, Misbehaviour::Malformed);
    assert_eq!(ending.fault(), Some(&blamed));
}

#[test]
fn the_cost_of_comparing() {
    let rows = [beside(30, 0, 0), beside(30, 0, 0), beside(30, 0, 0)];
    let cost = |answers: usize| {
        let earlier = match answers {
            0 => Vec::new(),
            _ => vec![Some(naming(30, 0..=answers - 1)); 3],
        };
        let report = simulated(&run(&rows), &earlier, Simulation::new(1));
        report.results().unwrap();
        (report.rounds(), report.meters[0].total().bytes_sent)
    };
    let (rounds, bytes) = cost(0);
    let beyond = |answers| {
        let (with, sent) = cost(answers);
        (with - rounds, sent - bytes)
    };
    assert_eq!([1, 10, 100].map(beyond), [(2, 64), (12, 166_144), (16, 3_672_624)]);
}

#[test]
fn whatever_the_suite_and_the_number_of_answers_the_reach_is_compared() {
    for parties in [2, 3, 4, 5, 20, 200] {
        let reach = Reach::among(parties);
        for answers in (1..=MAX_EARLIER).step_by(11) {
            for all in [Replicated::<'static>::DIFFERENCES, Pairwise::<'static>::DIFFERENCES] {
                let compared = Combination::all(answers, all / (2 * parties));
                let taken = |of: usize, newest: usize| {
                    let parts = compared.iter().filter(|it| it.parts().count() == of);
                    let among = parts.filter(|it| it.parts().all(|(place, _)| place < newest));
                    among.map(|it| it.places_of_parts()).collect::<BTreeSet<_>>().len()
                };
                let [one, two, three] =
                    [reach.single, reach.pairs, reach.threes].map(|newest| newest.min(answers));
                assert_eq!(taken(1, one), one, "{parties} parties, {answers} answers");
                assert_eq!(taken(2, two), two * two.saturating_sub(1) / 2);
                let threes = three * three.saturating_sub(1) * three.saturating_sub(2) / 6;
                assert_eq!(taken(3, three), threes);
            }
        }
    }
    assert_eq!(Reach::among(3), Reach { single: MAX_EARLIER, pairs: 13, threes: 5 });
}
