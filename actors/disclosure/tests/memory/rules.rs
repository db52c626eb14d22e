//! The rules one by one: free questions, few rows, ranks, the meter, the bounds.

use std::collections::BTreeMap;

use cloister_disclosure::{
    BadValue, Full, MAX_CLASSES, Memory, Policy, Profile, Question, Reason, Selection, Value,
    Verdict,
};

use crate::{Draws, ask, assert_allowed, names, ranks, selection, sum, sums, unmetered, value};

#[test]
fn what_follows_from_answers_is_free_and_takes_no_room() {
    let mut memory = Memory::new(7);
    let policy = Policy::default();
    assert_allowed(&ask(&mut memory, &sums(0..100, &["time", "age"]), &policy));
    assert_allowed(&ask(&mut memory, &sums(50..100, &["time", "age"]), &policy));
    let bytes = memory.to_bytes();
    for question in [
        sums(0..100, &["time", "age"]),
        sums(0..100, &["age"]),
        sums(0..50, &["time", "age"]),
        sums(0..0, &["sex=*"]),
        ranks(0..0, &[333]),
    ] {
        assert_eq!(ask(&mut memory, &question, &policy), Verdict::Free);
        assert_eq!(memory.to_bytes(), bytes);
    }
    // One value of two is new.
    assert_allowed(&ask(&mut memory, &sums(0..50, &["time", "time^2"]), &policy));
    assert_eq!(memory.show().into_keys().collect::<Vec<_>>().len(), 3);
    let shown: Vec<Value> = memory.show().into_keys().collect();
    assert!(names(&["age", "time", "time^2"]).iter().eq(&shown));
}

#[test]
fn few_own_rows_are_refused_and_none_are_not() {
    let memory = Memory::new(7);
    let decide = |rows| memory.check(&sum(0..rows), &unmetered(3));
    assert_eq!(decide(0), Verdict::Free);
    assert_eq!(decide(1), Verdict::Refused(Reason::TooFewOwnRows));
    assert_eq!(decide(2), Verdict::Refused(Reason::TooFewOwnRows));
    assert_allowed(&decide(3));
    assert!(matches!(memory.check(&sum(0..1), &unmetered(0)), Verdict::Allowed(_)));
}

#[test]
fn without_the_few_rows_of_a_group_a_question_is_answered_and_always_the_same() {
    let mut memory = Memory::new(7);
    let policy = unmetered(3);
    assert_allowed(&ask(&mut memory, &sum(0..100), &policy));
    assert_allowed(&ask(&mut memory, &sum(0..40), &policy));
    // The rest of the rows, and two of those that both answers hold.
    let rest = || sum(38..100);
    for _ in 0..2 {
        assert_eq!(memory.check(&rest(), &policy), Verdict::Refused(Reason::IsolatesFewRows));
        assert_eq!(memory.rows_in_small_groups(&rest(), 3), [38, 39]);
        assert_eq!(ask(&mut memory, &sum(40..100), &policy), Verdict::Free);
    }
}

#[test]
fn ranks_are_of_the_grid_and_one_in_ten_rows() {
    let mut memory = Memory::new(7);
    let policy = Policy::default();
    let refused = Verdict::Refused(Reason::Ranks);
    assert_eq!(ask(&mut memory, &ranks(0..500, &[500, 501]), &policy), refused);
    assert_allowed(&ask(&mut memory, &ranks(0..70, &[250, 500, 750]), &policy));
    assert_eq!(ask(&mut memory, &ranks(0..70, &[250, 500]), &policy), Verdict::Free);
    let all = [50, 100, 250, 500, 750, 900, 950];
    assert_allowed(&ask(&mut memory, &ranks(0..70, &all), &policy));
    // The rows' share is used up, for overlapping selections too; other rows have theirs.
    assert_eq!(ask(&mut memory, &ranks(60..200, &[500]), &policy), refused);
    assert_allowed(&ask(&mut memory, &ranks(70..200, &[500]), &policy));
    assert_eq!(ask(&mut memory, &ranks(300..369, &all), &policy), refused);
    // The same few rows, if the ranks are of many at all parties.
    let mut joint = ranks(300..369, &all);
    joint.ranks.values_mut().for_each(|ranks| ranks.of_rows = 600);
    assert_allowed(&ask(&mut memory, &joint, &policy));
    let shown = memory.show()[&value("time")];
    assert_eq!((shown.ranks, shown.questions), (15, 0));
    assert!((shown.ranks_a_row - 0.1).abs() < 1e-9);
}

#[test]
fn the_meter_ends_questions_at_a_quarter_of_the_content() {
    let profile = Profile::of_numbers(&(0..1000).map(f64::from).collect::<Vec<_>>());
    let mut memory = Memory::new(7);
    let mut draws = Draws::new();
    let mut last = 0.0;
    let mut answered = 0;
    let ended = loop {
        let question =
            Question { sums: BTreeMap::from([(value("time"), profile)]), ..sum(draws.half(1000)) };
        let told = memory.told(&question)[&value("time")];
        assert!((told.before - memory.told_percent(&value("time"))).abs() < 0.1);
        match ask(&mut memory, &question, &Policy::default()) {
            Verdict::Allowed(costs) => assert_eq!(costs[&value("time")], told),
            Verdict::Refused(reason) => break (reason, told),
            Verdict::Free => panic!("random halves are independent"),
        }
        assert!(memory.told_percent(&value("time")) > last);
        assert_eq!(memory.check(&question, &Policy::default()), Verdict::Free);
        assert!(memory.told(&question)[&value("time")].after <= told.after);
        last = memory.told_percent(&value("time"));
        answered += 1;
    };
    assert!(ended.0 == Reason::ToldTooMuch && ended.1.before <= 25.0 && ended.1.after > 25.0);
    // ½·log₂(17.08 · 83333 · 500) = 14.7 bits of 9966.
    assert!((165..=175).contains(&answered), "{answered}");
}

#[test]
fn a_full_memory_says_so_and_forgets_nothing() {
    let mut memory = Memory::new(7);
    let mut draws = Draws::new();
    let policy = unmetered(3);
    let rows = 200_000;
    let mut questions = Vec::new();
    let refused = loop {
        let question = sum(draws.half(rows));
        if memory.check(&question, &policy) == Verdict::Refused(Reason::Full) {
            break question;
        }
        memory.record(&question).unwrap();
        questions.push(question);
    };
    assert_eq!(questions.len(), MAX_CLASSES.ilog2() as usize);
    assert_eq!(memory.record(&refused), Err(Full));
    assert_eq!(memory.reserve(&refused).unwrap_err(), Full);
    for question in &questions {
        assert_eq!(memory.check(question, &policy), Verdict::Free);
    }
    memory.reset();
    assert!(memory.show().is_empty());
    assert_allowed(&memory.check(&refused, &policy));
}

#[test]
fn many_classes_do_not_make_a_long_search() {
    // 2000 rows alone in their classes, and a minimum for which no search could be complete.
    let mut memory = Memory::new(7);
    let mut draws = Draws::new();
    let policy = unmetered(8);
    for _ in 0..40 {
        assert_allowed(&ask(&mut memory, &sum(draws.half(2000)), &policy));
    }
    // Combinations of few are found all the same.
    let mut memory = memory.clone();
    assert_allowed(&ask(&mut memory, &sum(0..1000), &policy));
    assert_allowed(&ask(&mut memory, &sum(1000..2000), &policy));
    let verdict = ask(&mut memory, &sum(6..2000), &policy);
    assert_eq!(verdict, Verdict::Refused(Reason::IsolatesFewRows));
}

#[test]
fn arguments_are_checked_and_debug_texts_tell_nothing() {
    assert_eq!(Value::new(""), Err(BadValue));
    assert_eq!(Value::new(&"x".repeat(1001)), Err(BadValue));
    assert!(Selection::new(vec![0; (1 << 24) + 1]).is_err());
    assert_eq!(Selection::new(vec![3, 1, 3]).unwrap(), selection([1, 3]));
    let mut memory = Memory::new(1_234_567);
    memory.record(&sum(1_234_567..1_234_600)).unwrap();
    assert_eq!(format!("{memory:?}"), "Memory");
    assert!(!format!("{:?}", sum(1_234_567..1_234_600)).contains("1234567"));
    let reasons = [
        Reason::IsolatesFewRows,
        Reason::TooFewOwnRows,
        Reason::ToldTooMuch,
        Reason::Ranks,
        Reason::Full,
    ];
    for reason in reasons {
        assert!(reason.to_string().starts_with("rule `") && !reason.code().contains(' '));
        assert!(!reason.to_string().chars().any(|c| c.is_ascii_digit()), "{reason}");
    }
}
