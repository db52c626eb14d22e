//! The masked sum against parties that cheat, in simulation.

use super::tests::*;
use super::*;
use crate::kernel::disclosure::Profile;
use crate::kernel::echo::{Digest, Views};
use crate::kernel::fault::Misbehaviour;
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::session::agree;
use crate::kernel::simulation::adversary::{Action, Envelope, Tamper};
use crate::kernel::simulation::{Ending, Simulation};
use crate::testing;

/// Returns whether `fault` names `cheater`, alone or as one of two of whom one lies.
fn names(fault: &Fault, cheater: Party) -> bool {
    match fault {
        Fault::Misbehaviour { party, .. } => *party == cheater,
        Fault::Equivocation { witness, accused } => [witness, accused].contains(&&cheater),
        Fault::Echo { one, other } => [one, other].contains(&&cheater),
        Fault::DifferentSession { party } => *party == cheater,
        _ => false,
    }
}

/// Runs against `tamper`. No honest party may have a wrong sum. A party that was cheated on must
/// not have any, and must name the cheater or wait for it.
fn check(tamper: &Tamper, seed: u64) {
    let (cheater, words) = (tamper.party, vec![vec![3; 9], vec![5; 9], vec![7; 9]]);
    let report = simulate(Simulation::new(seed).adversary(tamper.clone()), &layout(), &words);
    let due = vec![plain_sum(&layout(), &words)];
    for (index, ending) in report.endings.iter().enumerate().filter(|(i, _)| party(*i) != cheater) {
        let cheated_on = tamper.to.is_none_or(|to| to.index() == index);
        match ending {
            Ending::Done(sum) => {
                assert_eq!(*sum, due, "{tamper:?}");
                let ignored = tamper.number == OPENING && tamper.action == Action::Repeat;
                assert!(!cheated_on || ignored, "{tamper:?} went unnoticed");
            }
            Ending::Stalled(awaiting) => {
                assert!(
                    !cheated_on || awaiting.parties.contains(&cheater),
                    "{tamper:?} {awaiting:?}"
                );
            }
            // Parties that were told different proposals cannot tell by which party.
            Ending::Stopped(Fault::DifferentSession { .. }) if tamper.number == PROPOSAL => {}
            Ending::Stopped(fault) => assert!(names(fault, cheater), "{tamper:?} {fault}"),
        }
    }
}

#[test]
fn every_action_on_every_message_is_noticed() {
    let seed = testing::seed();
    let actions = [
        Action::Drop,
        Action::Repeat,
        Action::Swap,
        Action::Truncate(1),
        Action::Truncate(8),
        Action::Truncate(usize::MAX),
        Action::Extend(1),
        Action::Extend(8),
        Action::Extend(1 << 20),
        Action::Replace(vec![0x5a; 32].into()),
        Action::Replace(vec![0x5a; 72].into()),
        Action::Replace(vec![0x5a; 128].into()),
    ];
    let messages = [PROPOSAL, COMMITMENT, ECHO, OPENING];
    for (cheater, action) in [0, 1].into_iter().flat_map(|c| actions.iter().map(move |a| (c, a))) {
        for number in messages {
            for to in [None, Some(party(2)), Some(party(1 - cheater))] {
                let tamper = Tamper::new(party(cheater), to, number, action.clone());
                check(&tamper, seed);
                check(&tamper.retagging(), seed);
            }
        }
    }
}

#[test]
fn every_bit_of_every_message_counts() {
    let seed = testing::seed();
    let words = vec![vec![3; 9]; 3];
    let honest = simulate(Simulation::new(seed), &layout(), &words);
    for number in [COMMITMENT, ECHO, OPENING] {
        for bit in 0..8 * bodies(&honest, 2, number)[0].body.len() {
            let to = [None, Some(party(0))][bit % 2];
            check(&Tamper::new(party(2), to, number, Action::Flip(bit)), seed);
        }
    }
}

/// The bytes of an audit head.
const HEAD: usize = 48;

#[test]
fn no_bit_of_the_proposal_is_free_and_nothing_is_opened() {
    let seed = testing::seed();
    let words = vec![vec![3; 9], vec![5; 9], vec![7; 9]];
    let length = {
        let honest = simulate(Simulation::new(seed), &layout(), &words);
        8 * bodies(&honest, 2, PROPOSAL)[0].body.len()
    };
    for bit in (0..length).step_by(7) {
        for to in [None, Some(party(0))] {
            let tamper = Tamper::new(party(2), to, PROPOSAL, Action::Flip(bit));
            let report = simulate(Simulation::new(seed).adversary(tamper), &layout(), &words);
            for (index, ending) in report.endings[..2].iter().enumerate() {
                assert!(ending.done().is_none(), "bit {bit} went unnoticed");
                if let Some(Fault::Misbehaviour { party, .. }) = ending.fault() {
                    assert_eq!(party.index(), 2, "bit {bit}, blamed by {index}");
                }
            }
            // The head of one party's chain, which comes last, concerns that party alone. It opens
            // nothing then, and without its share the others' tell nothing.
            let of_head = to.is_some() && bit >= length - 8 * HEAD;
            let concerned = report.transcript.iter().filter(|delivery| {
                delivery.from == party(0) || delivery.from == party(1) && !of_head
            });
            assert!(concerned.map(|d| d.sequence).max() < Some(ECHO), "bit {bit}");
        }
    }
}

#[test]
fn a_wrong_opening_names_the_party_at_all_others() {
    let tamper = Tamper::new(party(1), None, OPENING, Action::Flip(5));
    let words = vec![vec![3; 9]; 3];
    let report = simulate(Simulation::new(testing::seed()).adversary(tamper), &layout(), &words);
    let blamed = Fault::blame(party(1), Misbehaviour::WrongOpening);
    assert_eq!(report.endings[0].fault(), Some(&blamed));
    assert_eq!(report.endings[2].fault(), Some(&blamed));
}

#[test]
fn a_false_echo_names_the_party_that_knows_better() {
    let words = vec![vec![3; 9]; 3];
    let said_of = |accused: usize| {
        let flip = Action::Flip(8 * (32 + 32 * accused));
        let tamper = Tamper::new(party(1), Some(party(0)), ECHO, flip);
        let report =
            simulate(Simulation::new(testing::seed()).adversary(tamper), &layout(), &words);
        report.endings[0].fault().cloned().unwrap()
    };
    assert_eq!(said_of(0), Fault::blame(party(1), Misbehaviour::FalseReport));
    assert_eq!(said_of(1), Fault::blame(party(1), Misbehaviour::FalseReport));
    assert_eq!(said_of(2), Fault::Equivocation { witness: party(1), accused: party(2) });
}

/// Makes party 2 wait for the messages from party 0 to party 1, and send the same to all.
fn copycat() -> impl FnMut(Envelope) -> Vec<Envelope> {
    let mut waiting: Vec<Envelope> = Vec::new();
    let mut heard: Vec<Envelope> = Vec::new();
    move |envelope| {
        if envelope.message.sequence == PROPOSAL {
            return vec![envelope];
        }
        let mut sent = Vec::new();
        match envelope.from.index() {
            2 => waiting.push(envelope),
            0 if envelope.message.to == party(1) => {
                heard.push(envelope.clone());
                sent.push(envelope);
            }
            _ => sent.push(envelope),
        }
        for mut own in std::mem::take(&mut waiting) {
            match heard.iter().find(|other| other.message.sequence == own.message.sequence) {
                Some(other) => {
                    own.message.body = other.message.body.clone();
                    sent.push(own);
                }
                None => waiting.push(own),
            }
        }
        sent
    }
}

#[test]
fn a_copied_commitment_cannot_be_opened() {
    let words = vec![vec![3; 9]; 3];
    let report = simulate(Simulation::new(testing::seed()).adversary(copycat()), &layout(), &words);
    // Party 0's echo names its own commitment twice and is true; its opening does not fit party 2.
    let blamed = Fault::blame(party(2), Misbehaviour::WrongOpening);
    assert_eq!(report.endings[0].fault(), Some(&blamed));
    assert_eq!(report.endings[1].fault(), Some(&blamed));
}

/// Equivocates: commits to and opens one vector to the even parties, another to the odd ones, with
/// an echo for each that fits.
async fn two_faced(channel: Channel, mut rng: PredictableRng) -> Result<Vec<Vec<u64>>, Fault> {
    let offer = testing::offer(channel.parties().count(), Profile::Teaching.rules());
    let session = agree(&channel, offer, false, &mut rng).await?;
    let parties = channel.parties();
    let faces = [10, 20].map(|word| {
        let words = Zeroizing::new(vec![word; layout().words()]);
        let y = add_masks(&session, parties, 0, &layout(), words);
        Opening::new(place(session.hash(), 0), parties.me(), wire::elements(y), &mut rng)
    });
    let face = |to: Party| &faces[to.index() % 2];
    for to in parties.others() {
        channel.send(to, face(to).commitment().to_vec());
    }
    let commitments = channel.gather_exactly(Digest::BYTES).await?;
    for to in parties.others() {
        let views = Views::new(parties, face(to).commitment(), commitments.clone())?;
        let [nonce, y] = face(to).messages(&views);
        channel.send(to, nonce);
        channel.send(to, y);
    }
    Ok(Vec::new())
}

#[test]
fn two_faces_are_seen_by_all_honest_parties() {
    let report = Simulation::new(testing::seed()).parties(5).run(|channel, me, rng| async move {
        match me.index() {
            4 => two_faced(channel, rng).await,
            _ => sum(channel, vec![layout()], vec![vec![3; layout().words()]], rng).await,
        }
    });
    for ending in &report.endings[..4] {
        assert!(
            matches!(ending.fault(), Some(Fault::Equivocation { accused, .. }) if *accused == party(4))
        );
    }
}

#[test]
fn messages_of_another_session_are_refused() {
    let words = vec![vec![3; 9], vec![5; 9], vec![7; 9]];
    let due = vec![plain_sum(&layout(), &words)];
    for number in [PROPOSAL, COMMITMENT, ECHO, OPENING] {
        // The tags of the other session, as a broken link would replay them, and valid ones.
        for retag in [false, true] {
            let recorded: std::rc::Rc<std::cell::RefCell<Vec<Envelope>>> = std::rc::Rc::default();
            let record = std::rc::Rc::clone(&recorded);
            let simulation = Simulation::new(1).adversary(move |envelope: Envelope| {
                record.borrow_mut().push(envelope.clone());
                vec![envelope]
            });
            simulate(simulation, &layout(), &words).results().unwrap();
            let simulation = Simulation::new(2).adversary(move |mut envelope: Envelope| {
                let recorded = recorded.borrow();
                let old = recorded.iter().find(|other| {
                    let (a, b) = (&other.message, &envelope.message);
                    other.from == envelope.from && a.to == b.to && a.sequence == b.sequence
                });
                let old = old.unwrap().clone();
                let spliced = envelope.from == party(2) && envelope.message.sequence == number;
                envelope.retag = retag && envelope.from == party(2);
                if spliced {
                    envelope.message = old.message;
                }
                vec![envelope]
            });
            let report = simulate(simulation, &layout(), &words);
            for ending in &report.endings[..2] {
                match ending {
                    Ending::Done(sum) => assert_eq!(*sum, due),
                    Ending::Stalled(_) => {}
                    Ending::Stopped(Fault::DifferentSession { .. }) if number == PROPOSAL => {}
                    Ending::Stopped(fault) => assert!(names(fault, party(2)), "{fault}"),
                }
            }
            assert!(report.endings[..2].iter().all(|ending| ending.done().is_none()), "{number}");
            if number == COMMITMENT {
                let blamed = if retag {
                    // Its own echo tells its commitment.
                    Fault::blame(party(2), Misbehaviour::FalseReport)
                } else {
                    // The tag already tells that it is not of this session.
                    Fault::DifferentSession { party: party(2) }
                };
                assert_eq!(report.endings[0].fault(), Some(&blamed));
                assert_eq!(report.endings[1].fault(), Some(&blamed));
            }
        }
    }
}

#[test]
fn whoever_is_silent_to_one_has_nobody_blamed_and_that_one_waits_for_it() {
    for number in [PROPOSAL, COMMITMENT, ECHO, OPENING] {
        let words = vec![vec![3; 9], vec![5; 9], vec![7; 9]];
        let simulation = Simulation::new(testing::seed()).adversary(move |envelope: Envelope| {
            let way = (envelope.from, envelope.message.to);
            let gone = way == (party(2), party(1)) && envelope.message.sequence >= number;
            if gone { Vec::new() } else { vec![envelope] }
        });
        let report = simulate(simulation, &layout(), &words);
        assert!(report.endings.iter().all(|ending| ending.fault().is_none()), "{number}");
        let Ending::Stalled(awaiting) = &report.endings[1] else { panic!("{number}") };
        assert_eq!(awaiting.parties, [party(2)]);
        // The other honest party has the sum only if the one that waits has sent its opening.
        let done = report.endings[0].done();
        assert_eq!(done.is_some(), number >= ECHO);
        assert!(done.is_none_or(|sum| *sum == [plain_sum(&layout(), &words)]));
    }
}

#[test]
fn whoever_leaves_is_named_with_the_round() {
    let rounds = [(COMMITMENT, "commit"), (ECHO, "open"), (OPENING, "open")];
    for (number, name) in rounds {
        let words = vec![vec![3; 9]; 3];
        let simulation = Simulation::new(testing::seed()).adversary(move |envelope: Envelope| {
            let gone = envelope.from == party(1) && envelope.message.sequence >= number;
            if gone { Vec::new() } else { vec![envelope] }
        });
        let report = simulate(simulation, &layout(), &words);
        for index in [0, 2] {
            let Ending::Stalled(awaiting) = &report.endings[index] else { panic!() };
            assert_eq!((awaiting.name, &awaiting.parties), (name, &vec![party(1)]));
        }
    }
}
