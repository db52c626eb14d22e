//! Incoming messages: order, sizes, bounds and blame.

use proptest::prelude::*;

use super::*;

fn exchange(limit: usize) -> Exchange {
    let parties = Parties::new(3, 0).unwrap();
    Exchange::new(parties, SessionId([1; 16]), vec![[0; 32]; 3], limit)
}

fn part(sequence: u32, number: u32, last: bool, length: usize) -> Part {
    let header = PartHeader { sequence, part: number, last, tag: [0; 16] };
    Part { header, body: vec![0; length].into() }
}

fn peer() -> Party {
    Party::new(1).unwrap()
}

fn blamed(result: Result<(), Fault>) -> Misbehaviour {
    match result {
        Err(Fault::Misbehaviour { party, what }) if party == peer() => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn repeated_missing_and_swapped_messages_are_faults_of_their_sender() {
    let mut repeated = exchange(1000);
    repeated.deliver(peer(), part(0, 0, true, 8)).unwrap();
    let due = Misbehaviour::OutOfOrder { expected: 1, actual: 0 };
    assert_eq!(blamed(repeated.deliver(peer(), part(0, 0, true, 8))), due);
    let due = Misbehaviour::OutOfOrder { expected: 0, actual: 1 };
    assert_eq!(blamed(exchange(1000).deliver(peer(), part(1, 0, true, 8))), due);
    for wrong in [part(0, 1, true, 8), part(0, 1, false, 8), part(u32::MAX, 0, true, 8)] {
        let what = blamed(exchange(1000).deliver(peer(), wrong));
        assert!(matches!(what, Misbehaviour::OutOfOrder { .. }));
    }
}

#[test]
fn pieces_are_whole_words_and_not_too_long() {
    let deliver = |part| exchange(1 << 30).deliver(peer(), part);
    assert_eq!(blamed(deliver(part(0, 0, false, 9))), Misbehaviour::Malformed);
    assert_eq!(blamed(deliver(part(0, 0, true, MAX_PART + 8))), Misbehaviour::Malformed);
    assert_eq!(deliver(part(0, 0, true, 9)), Ok(()));
    assert_eq!(deliver(part(0, 0, false, MAX_PART)), Ok(()));
}

#[test]
fn one_party_cannot_fill_the_memory_not_even_with_nothing() {
    let mut full = exchange(1000);
    let taken = (0..100).take_while(|i| full.deliver(peer(), part(*i, 0, true, 0)).is_ok()).count();
    assert_eq!(taken, 1000 / PART_OVERHEAD);
    let mut unfinished = exchange(1000);
    let taken =
        (0..100).take_while(|i| unfinished.deliver(peer(), part(0, *i, false, 0)).is_ok()).count();
    assert_eq!(taken, 1000 / PART_OVERHEAD);
    let mut large = exchange(1000);
    let what = blamed(large.deliver(peer(), part(0, 0, true, 1000)));
    assert_eq!(what, Misbehaviour::TooLong { limit: 1000 });
    // Others still have their room.
    assert_eq!(full.deliver(Party::new(2).unwrap(), part(0, 0, true, 8)), Ok(()));
}

#[test]
fn what_was_taken_makes_room() {
    let mut exchange = exchange(200);
    for sequence in 0..50 {
        exchange.deliver(peer(), part(sequence, 0, true, 100)).unwrap();
        assert!(exchange.take(&[peer()], peer()).is_some());
    }
}

#[test]
fn a_party_that_does_not_exist_is_ignored() {
    let mut exchange = exchange(200);
    let stranger = Party::new(77).unwrap();
    assert_eq!(exchange.deliver(stranger, part(0, 0, true, 8)), Ok(()));
    assert!(exchange.take(&[stranger], stranger).is_none());
}

proptest! {
    #[test]
    fn no_parts_make_it_panic_or_grow_beyond_the_limit(
        parts in prop::collection::vec((0..3_u32, 0..3_u32, any::<bool>(), 0..80_usize), 0..40),
    ) {
        let mut exchange = exchange(500);
        for (sequence, number, last, length) in parts {
            let _ = exchange.deliver(peer(), part(sequence, number, last, length));
            prop_assert!(exchange.inboxes[1].buffered <= 500);
        }
    }
}
