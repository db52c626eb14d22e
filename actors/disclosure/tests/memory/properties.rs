//! Decisions against the model, for all questions about few rows.

use cloister_disclosure::{Compared, Memory, Policy, Reason, Verdict};

use crate::model::Model;
use crate::{Draws, sum, unmetered};

/// Plays random questions and compares each decision with the model's. Some refused ones are
/// answered all the same, as with an approval.
fn play(draws: &mut Draws, rows: u64, minimum: u64, questions: usize) -> usize {
    let mut memory = Memory::new(draws.next());
    let mut model = Model::default();
    let mut refused = 0;
    for _ in 0..questions {
        let chosen = draws.half(rows);
        let question = sum(chosen.iter().copied());
        let after = model.with(&chosen, rows);
        let expected = if after.rank() == model.rank() {
            "free"
        } else if (chosen.len() as u64) < minimum {
            "few"
        } else if after.isolates_more_than(&model, rows, minimum) {
            "isolates"
        } else {
            "allowed"
        };
        let decided = match memory.check(&question, &unmetered(minimum)) {
            Verdict::Free => "free",
            Verdict::Allowed(_) => "allowed",
            Verdict::Refused(Reason::TooFewOwnRows) => "few",
            Verdict::Refused(Reason::IsolatesFewRows) => "isolates",
            Verdict::Refused(reason) => panic!("{reason}"),
        };
        assert_eq!(decided, expected, "{chosen:?} after {} questions", model.rank());
        refused += usize::from(decided == "isolates");
        if decided != "isolates" && decided != "few" || draws.below(5) == 0 {
            memory.record(&question).unwrap();
            model = after;
        }
    }
    refused
}

#[test]
fn what_members_do_not_compare_isolates_as_many_rows_as_they_would_ask_for() {
    let mut draws = Draws::new();
    let (mut refused, mut compared) = (0, 0);
    for _ in 0..200 {
        let rows = 5 + draws.below(4);
        let mut memory = Memory::new(draws.next());
        let mut model = Model::default();
        let of_newest = Compared { single: 100, pairs: 10, threes: 4 };
        let policy = Policy { min_together: 6, compared: of_newest, ..unmetered(3) };
        for _ in 0..8 {
            let chosen = draws.half(rows);
            let question = sum(chosen.iter().copied());
            let after = model.with(&chosen, rows);
            if after.rank() == model.rank() || chosen.len() < 3 {
                continue;
            }
            let own = after.isolates_more_than(&model, rows, 3);
            let expected = own || after.isolates_uncompared(&model, rows, 6);
            let decided = memory.check(&question, &policy);
            let isolates = matches!(decided, Verdict::Refused(Reason::IsolatesFewRows));
            assert_eq!(isolates, expected, "{chosen:?} after {} questions", model.rank());
            refused += u32::from(isolates && !own);
            compared += u32::from(!isolates && after.isolates_more_than(&model, rows, 6));
            if !isolates {
                memory.record(&question).unwrap();
                model = after;
            }
        }
    }
    assert!(refused > 20 && compared > 20, "{refused} refused, {compared} left to the comparison");
}

#[test]
fn decisions_for_a_minimum_of_three_are_those_of_all_subsets() {
    let mut draws = Draws::new();
    let mut refused = 0;
    for _ in 0..300 {
        let rows = 3 + draws.below(8);
        refused += play(&mut draws, rows, 3, 10);
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn decisions_for_other_minima_are_those_of_all_subsets() {
    let mut draws = Draws::new();
    for minimum in [0, 1, 2, 4, 5, 6] {
        for _ in 0..40 {
            let rows = 3 + draws.below(7);
            play(&mut draws, rows, minimum, 9);
        }
    }
}

#[test]
fn decisions_do_not_depend_on_the_prime_or_on_the_way_that_rows_came() {
    let mut draws = Draws::new();
    for _ in 0..50 {
        let (mut one, mut other) = (Memory::new(draws.next()), Memory::new(draws.next()));
        let policy = unmetered(3);
        for _ in 0..12 {
            let question = sum(draws.half(40));
            assert_eq!(one.check(&question, &policy), other.check(&question, &policy));
            one.record(&question).unwrap();
            other.record(&question).unwrap();
            other = Memory::from_bytes(&other.to_bytes()).unwrap();
        }
    }
}
