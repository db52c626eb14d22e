//! Pending questions, withdrawals, and the stored form.

use cloister_disclosure::{BadBytes, Memory, NotPending, Policy, Reason, Reservation, Verdict};

use crate::{Draws, ask, assert_allowed, ranks, sum, sums, unmetered};

#[test]
fn a_pending_question_counts_as_answered_until_it_is_withdrawn() {
    let mut memory = Memory::new(7);
    let policy = unmetered(3);
    let reservation = memory.reserve(&sum(0..50)).unwrap();
    let refused = Verdict::Refused(Reason::IsolatesFewRows);
    assert_eq!(memory.check(&sum(1..50), &policy), refused);
    memory.withdraw(reservation).unwrap();
    assert_eq!(memory.to_bytes(), Memory::new(7).to_bytes());
    assert_allowed(&memory.check(&sum(1..50), &policy));
    let reservation = memory.reserve(&sum(0..50)).unwrap();
    memory.confirm(reservation).unwrap();
    assert_eq!(memory.check(&sum(1..50), &policy), refused);
}

#[test]
fn what_was_free_by_a_withdrawn_question_is_remembered() {
    let mut memory = Memory::new(7);
    let policy = unmetered(3);
    let reservation = memory.reserve(&sum(0..50)).unwrap();
    assert_eq!(ask(&mut memory, &sum(0..50), &policy), Verdict::Free);
    memory.withdraw(reservation).unwrap();
    let refused = Verdict::Refused(Reason::IsolatesFewRows);
    assert_eq!(memory.check(&sum(1..50), &policy), refused);
    assert_eq!(memory.check(&sum(0..50), &policy), Verdict::Free);
}

#[test]
fn reservations_are_settled_once() {
    let mut memory = Memory::new(7);
    memory.record(&sum(0..50)).unwrap();
    let free = memory.reserve(&sum(0..50)).unwrap();
    memory.withdraw(free).unwrap();
    let reservation = memory.reserve(&sum(0..40)).unwrap();
    let mut read = Memory::from_bytes(&memory.to_bytes()).unwrap();
    let [again]: [Reservation; 1] = read.pending().try_into().unwrap();
    assert_eq!(again, reservation);
    read.confirm(again).unwrap();
    assert!(read.pending().is_empty());
    assert_eq!(read.withdraw(reservation), Err(NotPending));
}

#[test]
fn withdrawals_give_back_exactly() {
    let mut draws = Draws::new();
    for _ in 0..30 {
        let seed = draws.next();
        let (mut with, mut without) = (Memory::new(seed), Memory::new(seed));
        let mut reservations = Vec::new();
        for _ in 0..20 {
            let rows = draws.half(60);
            let question = match draws.below(3) {
                0 => ranks(rows, &[250, 500]),
                1 => sums(rows, &["time", "age"]),
                _ => sums(rows, &["age"]),
            };
            if draws.below(2) == 0 {
                reservations.push(with.reserve(&question).unwrap());
            } else {
                with.record(&question).unwrap();
                without.record(&question).unwrap();
            }
        }
        while !reservations.is_empty() {
            let place = usize::try_from(draws.below(reservations.len() as u64)).unwrap();
            with.withdraw(reservations.swap_remove(place)).unwrap();
        }
        assert_eq!(with.show(), without.show());
        for _ in 0..20 {
            let question = sums(draws.half(60), &["time", "age"]);
            let policy = Policy { told: 80.0, told_a_row: 100.0, ..Policy::default() };
            assert_eq!(with.check(&question, &policy), without.check(&question, &policy));
        }
        // But for the questions' numbers the bytes are the same.
        assert_eq!(with.to_bytes().len(), without.to_bytes().len());
    }
}

#[test]
fn a_memory_that_is_read_back_decides_the_same() {
    let mut draws = Draws::new();
    for _ in 0..20 {
        let mut memory = Memory::new(draws.next());
        for _ in 0..30 {
            let rows = draws.half(200);
            let question = match draws.below(3) {
                0 => ranks(rows, &[500]),
                1 => sums(rows, &["time", "age"]),
                _ => sums(rows, &["time*age"]),
            };
            ask(&mut memory, &question, &Policy::default());
        }
        let bytes = memory.to_bytes();
        let read = Memory::from_bytes(&bytes).unwrap();
        assert_eq!(read.to_bytes(), bytes);
        assert_eq!(read.show(), memory.show());
        for _ in 0..20 {
            let question = sums(draws.half(210), &["time", "time*age"]);
            let policy = Policy::default();
            assert_eq!(read.check(&question, &policy), memory.check(&question, &policy));
        }
    }
}

#[test]
fn the_stored_form_keeps_to_its_bound() {
    let mut memory = Memory::new(1);
    for i in 0..10 {
        memory.record(&sums(i * 10..1000, &["time", "age"])).unwrap();
    }
    // 1000 rows, 10 classes, 10 questions, 20 values in all, two names.
    let bound = 48 + 10 * 1000 + 10 * 2 + 21 * 10 + 28 * 20 + (2 + 4) + (2 + 3);
    assert_eq!(memory.to_bytes().len(), bound);
}

#[test]
fn altered_bytes_are_refused_or_read_but_never_a_panic() {
    let mut draws = Draws::new();
    let mut memory = Memory::new(1);
    for _ in 0..5 {
        memory.record(&sums(draws.half(30), &["time", "age"])).unwrap();
        memory.record(&ranks(draws.half(30), &[500, 250])).unwrap();
    }
    let bytes = memory.to_bytes();
    for len in 0..bytes.len() {
        assert_eq!(Memory::from_bytes(&bytes[..len]).err(), Some(BadBytes::Malformed));
    }
    let mut later = bytes.clone();
    later[15] = 3;
    assert_eq!(Memory::from_bytes(&later).err(), Some(BadBytes::Version(3)));
    let mut read = 0;
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[place] ^= 1 << bit;
            if let Ok(memory) = Memory::from_bytes(&altered) {
                read += 1;
                assert_eq!(memory.to_bytes(), altered);
                _ = memory.check(&sum(0..20), &Policy::default());
            }
        }
    }
    eprintln!("{read} of {} altered forms were read", bytes.len() * 8);
}

#[test]
fn a_memory_of_before_answers_had_names_is_read() {
    let mut memory = Memory::new(1);
    memory.record(&sums(0..50, &["time", "age"])).unwrap();
    let mut bytes = memory.to_bytes();
    bytes[15] = 1;
    // Version 1 ends before the number of answers.
    bytes.truncate(bytes.len() - 4);
    assert!(Memory::from_bytes(&bytes).unwrap() == memory);
}
