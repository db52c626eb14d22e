//! Calls of a helper that are declined, and the reasons that their senders hear at once.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cloister_protocols::session::{Member, Role};
use cloister_protocols::wire::{self, PartHeader};

use super::schedule_tests::{consortium, median};
use super::*;
use crate::sessions::LONGEST_NAME;
use crate::vocabulary::code::Code;

/// Creates the table of a helper, the third of four nodes that are connected.
fn table() -> Table {
    let node = NodeFacts {
        consortium: consortium(4),
        me: 2,
        boot: [0; 16],
        deadline: Duration::from_secs(5),
        computations: 8,
        help: true,
        ahead: false,
        peek: |bytes, _| wire::decode(bytes).ok(),
    };
    let mut table = Table::new(node, Instant::now());
    for position in [0, 1, 3] {
        let boot = [u8::try_from(position).unwrap(); 16];
        let nothing = table.on(Instant::now(), Event::LinkUp { position, boot });
        assert!(nothing.is_empty());
    }
    table
}

/// Returns what two parties propose.
fn spec(table: &Table, network: &str, run: u64) -> Spec {
    table.spec(&median(), &[0, 1, 2], network, run).unwrap()
}

/// Takes a call of the first party.
fn call(table: &mut Table, spec: &Spec) -> Vec<Effect> {
    let session = table.group(&spec.network, &[0, 1, 2]).session(spec.run);
    let header = PartHeader { sequence: 0, part: 0, last: true, tag: [0; 16] };
    let part = Part { header, body: Bytes::from(wire::encode(spec).unwrap()) };
    table.on(Instant::now(), Event::Part { position: 0, session, part })
}

/// Returns the notice to the sender of a call, which is all that comes of it.
fn declined(table: &mut Table, spec: &Spec) -> StopNotice {
    let mut effects = call(table, spec);
    match effects.pop() {
        Some(Effect::Stop { position: 0, notice, .. }) if effects.is_empty() => notice,
        _ => panic!("the call is declined"),
    }
}

/// Checks that this node helps in the run.
fn check_helps(table: &mut Table, spec: &Spec) {
    let effects = call(table, spec);
    assert!(matches!(effects.as_slice(), [Effect::Begin { .. }, Effect::Deliver(..)]));
}

#[test]
fn a_call_that_is_too_long_is_declined_shortly() {
    let mut table = table();
    let mut long = spec(&table, "study", 0);
    long.parameters.insert("probabilities".into(), "0.5, ".repeat(14_000));
    let name = "n".repeat(LONGEST_NAME + 1);
    for (spec, what) in [(long, "proposal"), (spec(&table, &name, 0), "network name")] {
        let notice = declined(&mut table, &spec);
        assert_eq!(notice.code, Code::HelpImpossible.text());
        assert!(notice.message.contains(what), "{}", notice.message);
        assert!(notice.encoded().unwrap().len() < 1_000);
    }
    let study = spec(&table, "study", 0);
    check_helps(&mut table, &study);
}

#[test]
fn a_call_to_a_run_far_away_is_declined_and_changes_no_number() {
    let mut table = table();
    for run in [u64::MAX, 1 << 33] {
        let far = spec(&table, "study", run);
        let notice = declined(&mut table, &far);
        assert_eq!((notice.code.as_str(), notice.next_run), (Code::Disagreement.text(), 0));
    }
    let group = table.group("study", &[0, 1, 2]);
    assert_eq!(table.counters.next(&group, 0), 0);
    let near = spec(&table, "study", 5);
    check_helps(&mut table, &near);
    assert_eq!(table.counters.next(&group, 0), 6);
}

#[test]
fn a_call_of_members_that_this_node_does_not_know_so_is_declined_at_once() {
    let mut table = table();
    let due = spec(&table, "study", 0);
    let party = |position: usize| Member {
        id: table.member(position).unwrap(),
        role: Role::OUTSIDE_COMMITTEE,
    };
    let (again, impostor, stranger) = (party(0), party(3), party(3));
    let impostor = Member { id: MemberId { fingerprint: [9; 32], ..impostor.id }, ..impostor };
    let stranger = Member { id: MemberId { name: "s".into(), ..stranger.id }, ..stranger };
    for another in [again, impostor, stranger] {
        let mut senseless = due.clone();
        senseless.members.insert(1, another);
        let notice = declined(&mut table, &senseless);
        assert_eq!(notice.code, Code::HelpImpossible.text());
        assert!(notice.message.contains("`roles`"), "{}", notice.message);
    }
    check_helps(&mut table, &due);
}
