//! Messages of a corrupt member, changed at random: whatever it sends, no other member panics or finds
//! a fault of its own.

use rand_core::Rng;

use super::{Case, MEASURE, PREPARE, SETTINGS, Setting, USUAL, cases, run};
use crate::kernel::fault::Fault;
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::Simulation;
use crate::kernel::simulation::adversary::{Action, Tamper};
use crate::testing::{rng, seed};

/// The number of runs in which one message is changed.
const RUNS: usize = 120;

fn below(rng: &mut PredictableRng, bound: usize) -> usize {
    usize::try_from(rng.next_u64() % u64::try_from(bound).unwrap()).unwrap()
}

/// Draws a change of a message. The copy of another's message is of the party before.
fn action(rng: &mut PredictableRng, party: usize, members: usize) -> Action {
    let bytes = |rng: &mut PredictableRng, length: usize| {
        let mut bytes = vec![0; length];
        rng.fill_bytes(&mut bytes);
        bytes
    };
    match below(rng, 8) {
        0 => Action::Repeat,
        1 => Action::Truncate(1 + below(rng, 40)),
        2 => Action::Extend(1 + below(rng, 40)),
        3 => Action::Replace(Vec::new().into()),
        4 => {
            let length = below(rng, 600);
            Action::Replace(bytes(rng, length).into())
        }
        5 => Action::Copy(Party::new((party + members - 1) % members).unwrap()),
        // Most fields stand at the beginning.
        6 => Action::Flip(below(rng, 200)),
        _ => Action::Flip(below(rng, 8_000)),
    }
}

/// Measurements and preprocessing move far more bytes than their functions' code is worth here.
fn is_quick(case: &Case) -> bool {
    ![MEASURE, PREPARE].contains(&case.function)
}

#[test]
fn no_message_makes_another_member_panic_or_find_a_fault_of_its_own() {
    let mut rng = rng(seed());
    let cases: Vec<Case> = cases().into_iter().filter(is_quick).collect();
    let mut stopped = 0;
    for _ in 0..RUNS {
        let case = &cases[below(&mut rng, cases.len())];
        let setting: Setting = SETTINGS[below(&mut rng, SETTINGS.len())];
        let Some(run) = run(case, setting, USUAL) else { continue };
        let members = run.inputs.len() + run.helpers;
        let cheat = below(&mut rng, members);
        let number = u32::try_from(below(&mut rng, 40)).unwrap();
        let action = action(&mut rng, cheat, members);
        let told = format!("{} of {members}: {cheat} does {action:?} to {number}", case.name);
        let tamper = Tamper::new(Party::new(cheat).unwrap(), None, number, action).retagging();
        let simulation = Simulation::new(rng.next_u64()).called(run.helpers).without_transcript();
        let report = run.simulate(simulation.adversary(tamper));
        for (index, ending) in report.endings.iter().enumerate() {
            let fault = ending.fault();
            stopped += usize::from(fault.is_some());
            let is_own = matches!(fault, Some(Fault::Internal(_)));
            assert!(index == cheat || !is_own, "{told}: {fault:?} at {index}");
        }
    }
    // Most changes are noticed; of those that never come in a run there is nothing to notice.
    assert!(stopped > RUNS / 4, "{stopped}");
}
