//! The release check against members that cheat, in simulation. A deviation that is noticed never
//! lets a refused computation through. Only deviations that the suite does not promise to notice
//! may pass.

use crate::computation::{Input, Outcome};
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{Profile, Rules};
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::simulation::adversary::{Action, Tamper};
use crate::kernel::simulation::{Ending, Report, Simulation};
use crate::testing::{Run, seed};

fn sum(inputs: &[&[f64]]) -> Run {
    let inputs = inputs.iter().map(|input| Input::Numbers(input.to_vec())).collect();
    let rules = Rules { min_rows: 10, max_share: 60, ..Profile::Teaching.rules() };
    let digits_before = Some(2);
    let parameters =
        Parameters::default().with("digits_before", digits_before).with("digits_after", Some(0));
    Run::new("SecureSum", inputs).rules(rules).parameters(parameters)
}

/// Creates runs: refused for too few rows, refused for dominance, and accepted.
fn too_few() -> Run {
    sum(&[&[1.0; 4], &[1.0; 4], &[1.0]])
}

fn dominated() -> Run {
    sum(&[&[90.0], &[1.0; 9], &[2.0]])
}

fn accepted() -> Run {
    sum(&[&[60.0], &[1.0; 20], &[2.0; 10]])
}

/// Creates a run of four parties of which the third has no seat.
fn with_an_outsider() -> Run {
    sum(&[&[90.0], &[1.0; 9], &[2.0], &[-3.0]]).committee(0, [3, 1, 0])
}

/// Lists all messages but proposals.
fn messages(report: &Report<Outcome>) -> Vec<(Party, Party, u32)> {
    let later = report.transcript.iter().filter(|delivery| delivery.sequence > 0);
    later.map(|delivery| (delivery.from, delivery.to, delivery.sequence)).collect()
}

fn against(run: &Run, seed: u64, tamper: &Tamper) -> Report<Outcome> {
    run.simulate(Simulation::new(seed).adversary(tamper.clone()))
}

#[test]
fn wrong_lengths_and_orders_never_let_a_refused_computation_through() {
    let seed = seed();
    for run in [too_few(), dominated(), with_an_outsider()] {
        let honest = run.simulate(Simulation::new(seed));
        for ending in &honest.endings {
            assert!(matches!(ending, Ending::Stopped(Fault::Refused(_))));
        }
        for (from, to, number) in messages(&honest) {
            let tamper = |action| Tamper::new(from, Some(to), number, action);
            for tamper in [
                tamper(Action::Drop),
                tamper(Action::Repeat),
                tamper(Action::Swap),
                tamper(Action::Truncate(1)).retagging(),
                tamper(Action::Extend(8)).retagging(),
            ] {
                let report = against(&run, seed, &tamper);
                let none = report.endings.iter().all(|ending| ending.done().is_none());
                assert!(none, "{tamper:?}");
                // The receiver ends, and for no other reason than this.
                match &report.endings[to.index()] {
                    Ending::Stopped(Fault::Refused(_)) => {
                        let unread = matches!(tamper.action, Action::Repeat | Action::Swap);
                        assert!(unread, "{tamper:?}");
                    }
                    Ending::Stopped(Fault::Misbehaviour { party, .. }) => assert_eq!(*party, from),
                    Ending::Stalled(awaiting) => assert!(awaiting.parties.contains(&from)),
                    other => panic!("{tamper:?} {other:?}"),
                }
            }
        }
    }
}

#[test]
fn a_bit_that_is_opened_wrongly_is_noticed_by_whom_it_is_opened_to() {
    let seed = seed();
    for run in [too_few(), dominated(), with_an_outsider(), dominated_with_helper()] {
        let honest = run.simulate(Simulation::new(seed));
        // The last message of each pair is of the decisive bit.
        let mut last: Vec<(Party, Party, u32)> = messages(&honest);
        last.sort_by_key(|(from, to, number)| (*from, *to, std::cmp::Reverse(*number)));
        last.dedup_by_key(|(from, to, _)| (*from, *to));
        for (from, to, number) in last {
            let length = honest
                .transcript
                .iter()
                .find(|d| (d.from, d.to, d.sequence) == (from, to, number))
                .map_or(0, |d| 8 * d.body.len());
            for bit in [0, 1, 63, length.saturating_sub(1)] {
                let tamper = Tamper::new(from, Some(to), number, Action::Flip(bit)).retagging();
                let report = against(&run, seed, &tamper);
                assert!(report.endings.iter().all(|ending| ending.done().is_none()));
                match &report.endings[to.index()] {
                    Ending::Stopped(Fault::InconsistentShares { one, other }) => {
                        assert!([one, other].contains(&&from));
                    }
                    // A party without a seat has sent its shares, and nothing that is opened.
                    Ending::Stopped(Fault::Equivocation { accused, .. }) => {
                        assert_eq!(*accused, from)
                    }
                    other => panic!("{tamper:?} {other:?}"),
                }
            }
        }
    }
}

fn dominated_with_helper() -> Run {
    sum(&[&[90.0], &[1.0; 9]]).committee(1, [1, 2, 0])
}

#[test]
fn messages_of_another_run_do_not_fit() {
    let seed = seed();
    let (accepted, refused) = (accepted(), dominated());
    accepted.simulate(Simulation::new(seed)).results().unwrap();
    let other = accepted.simulate(Simulation::new(seed.wrapping_add(1)));
    for (from, to, number) in messages(&refused.simulate(Simulation::new(seed))) {
        let said = other
            .transcript
            .iter()
            .find(|d| (d.from, d.to, d.sequence) == (from, to, number))
            .map(|d| d.body.clone());
        // Openings of another run are noticed. Products of one are not, unless an opening shows
        // them.
        let Some(body) = said.filter(|body| body.len() == 32) else { continue };
        let tamper = Tamper::new(from, Some(to), number, Action::Replace(body)).retagging();
        let report = against(&refused, seed, &tamper);
        assert!(report.endings[to.index()].done().is_none(), "{tamper:?}");
    }
}
