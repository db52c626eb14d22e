//! The attacks of a single asker on a single node: each must fail to learn.

use cloister_disclosure::{Memory, Policy, Profile, Question, Reason, Verdict};

use crate::{Draws, ask, assert_allowed, sum, sums, unmetered};

const ISOLATES: Verdict = Verdict::Refused(Reason::IsolatesFewRows);

#[test]
fn three_sums_do_not_tell_one_row() {
    // S1 = {0} + P + Q, S2 = P, S3 = Q, in any order.
    let parts: [Vec<u64>; 3] = [(0..21).collect(), (1..11).collect(), (11..21).collect()];
    for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1]] {
        let mut memory = Memory::new(9);
        let policy = unmetered(3);
        let mut decide = |part: usize| ask(&mut memory, &sum(parts[part].iter().copied()), &policy);
        assert_allowed(&decide(order[0]));
        assert_allowed(&decide(order[1]));
        assert_eq!(decide(order[2]), ISOLATES, "{order:?}");
    }
}

#[test]
fn the_whole_less_all_but_one_is_refused() {
    let mut memory = Memory::new(1);
    let policy = unmetered(3);
    assert_allowed(&ask(&mut memory, &sum(0..100), &policy));
    assert_eq!(ask(&mut memory, &sum(1..100), &policy), ISOLATES);
    assert_eq!(ask(&mut memory, &sum(2..100), &policy), ISOLATES);
    assert_allowed(&ask(&mut memory, &sum(3..100), &policy));
    assert_eq!(ask(&mut memory, &sum((0..3).chain(4..100)), &policy), ISOLATES);
}

#[test]
fn a_cohort_that_grew_by_one_patient_is_refused_with_a_way_out() {
    let mut memory = Memory::new(1);
    let policy = unmetered(3);
    assert_allowed(&ask(&mut memory, &sum(0..50), &policy));
    let Verdict::Refused(reason) = ask(&mut memory, &sum(0..51), &policy) else { panic!("told") };
    assert_eq!(reason, Reason::IsolatesFewRows);
    assert!(reason.to_string().contains("ask again when more have come"), "{reason}");
    assert_allowed(&ask(&mut memory, &sum(0..53), &policy));
    // Rows that left the source are remembered.
    assert_eq!(ask(&mut memory, &sum(1..50), &policy), ISOLATES);
}

#[test]
fn odd_coefficients_do_not_hide_a_row() {
    // Each pair of 30 blocks with row 0 in one of them: 2·x needs halves.
    let block = |i: u64| 10 * i + 1..10 * i + 11;
    let mut memory = Memory::new(3);
    let policy = unmetered(3);
    for (one, other) in [(0, 1), (1, 2)] {
        let rows = [0].into_iter().chain(block(one)).chain(block(other));
        assert_allowed(&ask(&mut memory, &sum(rows), &policy));
    }
    // (x+A+B) + (x+B+C) − (A+2B+C) = 2x: B+A and B+C tell it.
    assert_allowed(&ask(&mut memory, &sum(block(0).chain(block(2))), &policy));
    // Now A+C: (x+A+B) − (x+B+C) + (A+C) = 2A, so A alone is free, and x+B with it.
    assert_eq!(ask(&mut memory, &sum(block(0)), &policy), Verdict::Free);
    assert_eq!(ask(&mut memory, &sum(block(1)), &policy), ISOLATES);
}

/// Counts the rows whose value follows from answered sums: those whose unit vector is in the span.
/// The span is computed modulo 2^61 - 1: in doubles a row that is nearly told looks like one that is.
fn determined(answered: &[Vec<u64>], rows: usize) -> usize {
    let mut basis: Vec<(usize, Vec<u64>)> = Vec::new();
    for chosen in answered {
        let mut vector = vec![0; rows];
        chosen.iter().for_each(|row| vector[usize::try_from(*row).unwrap()] = 1);
        basis.iter().for_each(|(pivot, known)| subtract(&mut vector, *pivot, known));
        let Some(pivot) = vector.iter().position(|entry| *entry != 0) else { continue };
        let inverse = power(vector[pivot], PRIME - 2);
        vector.iter_mut().for_each(|entry| *entry = times(*entry, inverse));
        basis.iter_mut().for_each(|(_, known)| subtract(known, pivot, &vector));
        basis.push((pivot, vector));
    }
    let is_unit = |vector: &Vec<u64>| vector.iter().filter(|entry| **entry != 0).count() == 1;
    basis.iter().filter(|(_, vector)| is_unit(vector)).count()
}

const PRIME: u64 = (1 << 61) - 1;

/// Subtracts as much of a vector, which has 1 at the pivot, as leaves 0 there.
fn subtract(vector: &mut [u64], pivot: usize, known: &[u64]) {
    let factor = PRIME - vector[pivot];
    if factor < PRIME {
        let entries = vector.iter_mut().zip(known);
        entries.for_each(|(entry, other)| *entry = (*entry + times(factor, *other)) % PRIME);
    }
}

fn times(one: u64, other: u64) -> u64 {
    u64::try_from(u128::from(one) * u128::from(other) % u128::from(PRIME)).unwrap()
}

fn power(base: u64, exponent: u64) -> u64 {
    let bits = (0..61).rev().map(|bit| exponent >> bit & 1 == 1);
    bits.fold(1, |power, bit| {
        let square = times(power, power);
        if bit { times(square, base) } else { square }
    })
}

fn play_halves(draws: &mut Draws, policy: &Policy) -> (Vec<Vec<u64>>, Reason) {
    let values: Vec<f64> =
        (0..343).map(|_| f64::from(u16::try_from(draws.below(2000)).unwrap())).collect();
    let profile = Profile::of_numbers(&values);
    let mut memory = Memory::new(draws.next());
    let mut answered = Vec::new();
    let mut last = Reason::Full;
    for _ in 0..400 {
        let chosen = draws.half(343);
        let mut question = Question { source_rows: 343, ..sum(chosen.iter().copied()) };
        question.sums.values_mut().for_each(|known| *known = profile);
        match ask(&mut memory, &question, policy) {
            Verdict::Refused(reason) => last = reason,
            _ => answered.push(chosen),
        }
    }
    (answered, last)
}

#[test]
fn random_halves_determine_no_row() {
    let mut draws = Draws::new();
    let (answered, last) = play_halves(&mut draws, &Policy::default());
    assert_eq!(last, Reason::ToldTooMuch);
    assert_eq!(determined(&answered, 343), 0);
    eprintln!("{} of 400 random halves were answered with the meter", answered.len());
    assert!((20..=80).contains(&answered.len()), "{}", answered.len());
    // The span alone holds until the equations are nearly as many as the rows.
    let (answered, last) = play_halves(&mut draws, &unmetered(3));
    assert_eq!(last, Reason::IsolatesFewRows);
    assert_eq!(determined(&answered, 343), 0);
    eprintln!("{} of 400 random halves were answered without it", answered.len());
    assert!(answered.len() > 300);
    // Without either all is told, so the test can fail.
    let (answered, _) = play_halves(&mut draws, &unmetered(0));
    assert_eq!(determined(&answered, 343), 343);
}

#[test]
fn a_small_part_of_a_large_source_is_not_solved_bit_by_bit() {
    let mut draws = Draws::new();
    let bits: Vec<f64> = (0..100_000).map(|_| f64::from(u8::from(draws.below(2) == 0))).collect();
    let profile = Profile::of_numbers(&bits);
    let mut memory = Memory::new(1);
    let mut whole = Question { source_rows: 100_000, ..sum(0..100_000) };
    whole.sums.values_mut().for_each(|known| *known = profile);
    assert_allowed(&ask(&mut memory, &whole, &Policy::default()));
    // 0/1 values of 40 rows are told by some 2·40/log₂40 = 15 sums of random halves.
    let mut answered = 0;
    for _ in 0..100 {
        let question = Question { selection: sum(draws.half(40)).selection, ..whole.clone() };
        let verdict = ask(&mut memory, &question, &Policy::default());
        answered += usize::from(matches!(verdict, Verdict::Allowed(_)));
    }
    eprintln!("{answered} of 100 sums of 40 rows were answered");
    assert!(answered < 8, "{answered}");
}

#[test]
fn an_answer_to_one_value_is_no_answer_to_another() {
    let mut memory = Memory::new(5);
    let policy = unmetered(3);
    assert_allowed(&ask(&mut memory, &sums(0..100, &["time"]), &policy));
    assert_allowed(&ask(&mut memory, &sums(1..100, &["age"]), &policy));
    // Free of age, not of time: not free, and refused.
    assert_eq!(ask(&mut memory, &sums(1..100, &["age", "time"]), &policy), ISOLATES);
    assert_eq!(ask(&mut memory, &sums(0..100, &["age", "time"]), &policy), ISOLATES);
    assert_eq!(ask(&mut memory, &sums(0..100, &["time"]), &policy), Verdict::Free);
}
