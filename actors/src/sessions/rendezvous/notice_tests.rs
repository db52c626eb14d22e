//! Notices of peers that tell too much, too often, or of other members.

use std::time::{Duration, Instant};

use cloister_protocols::wire;

use super::schedule_tests::consortium;
use super::*;
use crate::sessions::LONGEST_NAME;
use crate::vocabulary::code::Code;

/// Creates the table of the first of three nodes that are connected.
fn table(now: Instant) -> Table {
    let node = NodeFacts {
        consortium: consortium(3),
        me: 0,
        boot: [0; 16],
        deadline: Duration::from_secs(5),
        computations: 8,
        help: false,
        ahead: false,
        peek: |_, _| None,
    };
    let mut table = Table::new(node, now);
    for position in [1, 2] {
        let boot = [u8::try_from(position).unwrap(); 16];
        let _nothing_waits = table.on(now, Event::LinkUp { position, boot });
    }
    table
}

fn ids(table: &Table, members: &[usize]) -> Vec<MemberId> {
    members.iter().map(|position| table.member(*position).unwrap()).collect()
}

fn notice(table: &Table, network: &str, about: Option<&str>) -> StopNotice {
    let members = ids(table, &[0, 1]);
    let notice = Failure::Stopping.to_notice(network, 0, members, 1);
    StopNotice { about: about.map(str::to_owned), ..notice }
}

fn stop(table: &mut Table, now: Instant, session: SessionId, notice: &StopNotice) -> Vec<Effect> {
    let notice = wire::encode(notice).unwrap().into();
    table.on(now, Event::Stop { position: 1, session, notice })
}

fn reserve(table: &mut Table, now: Instant, network: &str) -> RunId {
    let (members, network) = (vec![0, 1], network.to_owned());
    let reserved = table.on(now, Event::Reserve(Reserve { members, network }));
    match reserved.as_slice() {
        [Effect::Grant(run)] => *run,
        _ => panic!("the name is free"),
    }
}

fn launch(table: &mut Table, now: Instant, network: &str) -> Vec<Effect> {
    let run = reserve(table, now, network);
    table.on(now, Event::Launch { run, since: now, cancelled: false })
}

/// Returns the member that a running computation's failure of this code is said to be about.
fn told_about(code: Code, about: &str) -> Option<String> {
    told(code, about, |notice| notice.about = Some(about.to_owned())).about.clone()
}

/// Returns a notice about a running computation as its client is told it. It has been changed, and
/// lists a stranger among the members.
fn told(code: Code, stranger: &str, change: impl FnOnce(&mut StopNotice)) -> Box<StopNotice> {
    let now = Instant::now();
    let mut table = table(now);
    let begun = launch(&mut table, now, "study");
    let [Effect::Begin { session, .. }] = begun.as_slice() else { panic!("it begins") };
    let mut notice = notice(&table, "study", None);
    notice.code = code.text().to_owned();
    change(&mut notice);
    // A member may call itself and others as it likes.
    let stranger = MemberId { name: stranger.to_owned(), fingerprint: [9; 32] };
    notice.members.push(stranger);
    let stopped = stop(&mut table, now, *session, &notice);
    match stopped.as_slice() {
        [Effect::Abort(_, Abort::Stopped(stopped)) | Effect::Word(_, stopped)] => {
            stopped.notice.clone()
        }
        _ => panic!("it is told to end"),
    }
}

#[test]
fn a_notice_is_about_another_member_of_the_computation_or_about_its_sender() {
    for code in [Code::ProtocolViolation, Code::Deadline] {
        assert_eq!(told_about(code, "p1").as_deref(), Some("p1"));
        for about in ["p0", "p2", "stranger"] {
            assert_eq!(told_about(code, about), None, "{about}");
        }
    }
}

#[test]
fn another_member_of_the_computation_has_ended_it_first_or_the_sender_has() {
    let first = |name: &str| {
        let change = |notice: &mut StopNotice| notice.ended_by = Some(name.to_owned());
        told(Code::ProtocolViolation, name, change).ended_by.clone()
    };
    assert_eq!(first("p1").as_deref(), Some("p1"));
    for name in ["p0", "p2", "stranger"] {
        assert_eq!(first(name), None, "{name}");
    }
}

#[test]
fn a_notice_is_about_this_node_if_its_rules_decided() {
    let code = Code::RefusedByDisclosureRules;
    assert_eq!(told_about(code, "p0").as_deref(), Some("p0"));
    assert_eq!(told_about(code, "p2"), None);
}

#[test]
fn an_end_that_is_shared_is_about_a_member_too() {
    let now = Instant::now();
    let mut table = table(now);
    let group = table.group("study", &[0, 1]);
    let notice = notice(&table, "study", Some("p2"));
    assert!(stop(&mut table, now, group.session(0), &notice).is_empty());
    let refused = launch(&mut table, now, "study");
    match refused.as_slice() {
        [Effect::Refuse { failure: Failure::Stopped { notice, .. }, .. }] => {
            assert_eq!(notice.about, None);
        }
        _ => panic!("it shares the end"),
    }
}

#[test]
fn notices_that_are_too_long_or_too_many_are_not_kept() {
    let now = Instant::now();
    let mut table = table(now);
    let long = "n".repeat(LONGEST_NAME + 1);
    let group = table.group(&long, &[0, 1]);
    let notice_of = |table: &Table, network: &str| notice(table, network, None);
    let too_long = notice_of(&table, &long);
    assert!(stop(&mut table, now, group.session(0), &too_long).is_empty());
    assert!(table.ends.is_empty());
    let message = "m".repeat(100_000);
    let wordy = StopNotice { message, ..notice_of(&table, "study") };
    let group = table.group("study", &[0, 1]);
    assert!(stop(&mut table, now, group.session(0), &wordy).is_empty());
    assert!(table.ends.is_empty());
    for number in 0..2_000 {
        let network = format!("study {number}");
        let group = table.group(&network, &[0, 1]);
        let notice = notice_of(&table, &network);
        stop(&mut table, now, group.session(0), &notice);
    }
    let shared = (0..2_000).filter(|number| {
        let effects = launch(&mut table, now, &format!("study {number}"));
        matches!(effects.as_slice(), [Effect::Refuse { failure: Failure::Stopped { .. }, .. }])
    });
    assert_eq!(shared.take(257).count(), 256);
}

/// A peer sends the notices of the last minute again when its link is back.
#[test]
fn a_notice_that_comes_again_ends_no_later_request() {
    let now = Instant::now();
    let mut table = table(now);
    let group = table.group("study", &[0, 1, 2]);
    let members = ids(&table, &[0, 1, 2]);
    let notice = Failure::Stopping.to_notice("study", 0, members, 1);
    assert!(stop(&mut table, now, group.session(0), &notice).is_empty());
    // The end was not shared in time. Later the clients ask again, and a link is down meanwhile.
    let later = now + Duration::from_secs(30);
    let down = Event::LinkDown { position: 2, reason: "it has closed the connection".into() };
    let _nothing_runs = table.on(later, down);
    let reserve = Reserve { members: vec![0, 1, 2], network: "study".into() };
    let reserved = table.on(later, Event::Reserve(reserve));
    let [Effect::Grant(run)] = reserved.as_slice() else { panic!("the name is free") };
    let launched = Event::Launch { run: *run, since: later, cancelled: false };
    let waits = table.on(later, launched);
    assert!(matches!(waits.as_slice(), [Effect::AwaitLinks { .. }]), "it waits for the link");
    assert!(stop(&mut table, later, group.session(0), &notice).is_empty());
    let boot = [2; 16];
    let begun = table.on(later, Event::LinkUp { position: 2, boot });
    assert!(matches!(begun.as_slice(), [Effect::Begin { .. }]), "it still waited");
}

#[test]
fn a_node_that_has_its_answer_says_so_once_to_a_member_whose_time_is_up() {
    let now = Instant::now();
    let mut table = table(now);
    let begun = launch(&mut table, now, "study");
    let [Effect::Begin { run, session, .. }] = begun.as_slice() else { panic!("it begins") };
    let _nothing_waits = table.on(now, Event::Over(*run));
    let late = StopNotice {
        code: Code::Deadline.text().to_owned(),
        ..notice(&table, "study", Some("p1"))
    };
    // A stranger to the session, and a session that never was, are told nothing.
    let encoded = || wire::encode(&late).unwrap().into();
    let stranger = Event::Stop { position: 2, session: *session, notice: encoded() };
    assert!(table.on(now, stranger).is_empty());
    assert!(stop(&mut table, now, SessionId([7; 16]), &late).is_empty());
    let told = stop(&mut table, now, *session, &late);
    let [Effect::Stop { position: 1, session: of, notice: answer }] = told.as_slice() else {
        panic!("it answers")
    };
    assert!(of == session && answer.finished && answer.is_of_deadline());
    assert_eq!((&answer.about, &answer.awaits), (&None, &Vec::new()));
    assert!(stop(&mut table, now, *session, &late).is_empty(), "it has told so");

    // The member takes it as a word, and answers no answer.
    let begun = launch(&mut table, now, "another");
    let [Effect::Begin { session, .. }] = begun.as_slice() else { panic!("it begins") };
    let words = stop(&mut table, now, *session, answer);
    assert!(matches!(words.as_slice(), [Effect::Word(..)]));
}
