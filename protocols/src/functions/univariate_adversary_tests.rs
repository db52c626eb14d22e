//! `StatisticsUnivariate` with a party that keeps to the form and adds sums that no numbers have.

use zeroize::Zeroizing;

use crate::algebra::layout::{Layout, Segment};
use crate::computation::Input;
use crate::engine::aggregate::Aggregate as _;
use crate::functions::parameters::Parameters;
use crate::functions::univariate::Extremes;
use crate::functions::univariate_tests::{numbers, part, simulate};
use crate::kernel::disclosure::Profile;
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;
use crate::kernel::session::agree;
use crate::kernel::simulation::Simulation;
use crate::suites::masked::{MaskedSums, Rounds};
use crate::testing::{joint, offer, seed};

/// The first word and the number of words of n, Σx, Σx², logarithms and reciprocals in the first
/// sum.
const FIRST: [(usize, usize); 5] = [(0, 1), (1, 34), (35, 67), (102, 2), (104, 3)];

/// Returns the fault of an honest party with 1 and 2. The other party, which has no numbers, adds
/// these words to the two sums.
fn cheat(first: &[(usize, u64)], second: &[(usize, u64)]) -> Option<Fault> {
    let changed = |length: usize, changes: &[(usize, u64)]| {
        let mut words = Zeroizing::new(vec![0; length]);
        changes.iter().for_each(|(index, word)| words[*index] = *word);
        words
    };
    let (first, second) = (changed(107, first), changed(20, second));
    let report = Simulation::new(seed()).parties(2).run(|channel, party, mut rng| {
        let prepared = part(&Parameters::default(), &Input::Numbers(vec![1.0, 2.0])).unwrap();
        let segments = FIRST.map(|(_, limbs)| Segment { limbs, cells: 1 });
        let (first, second) = (first.clone(), second.clone());
        async move {
            let rules = Profile::Teaching.rules();
            let session = agree(&channel, offer(2, rules), false, &mut rng).await?;
            let mut sums = MaskedSums::new(&channel, session);
            if party.index() == 0 {
                let permit = joint(rules).permit(2, None).unwrap();
                let extremes = Extremes { minimum: 1.0, maximum: 2.0 };
                prepared.sum(&mut sums, &permit, Some(extremes), &mut rng).await.map(drop)
            } else {
                let rounds = Rounds::showing(Reveal::ANSWER);
                sums.sum(rounds, &Layout::new(&segments)?, first, &mut rng).await?;
                sums.sum(rounds, &Layout::uniform(5, 4)?, second, &mut rng).await.map(drop)
            }
        }
    });
    report.endings[0].fault().cloned()
}

#[test]
fn sums_that_no_numbers_have_are_implausible() {
    assert_eq!(cheat(&[], &[]), None);
    let [n, x, xx, logarithms, reciprocals] =
        FIRST.map(|(start, limbs)| (start, start + limbs - 1));
    let implausible = Some(Fault::InvalidOpening);
    // The place of 1 in the sum of squares: its cell is in units of 2^-2148.
    let square = (xx.0 + 2148 / 64, 2148 % 64);
    // One word more or less at the top of each sum, or just enough to matter.
    let at_top = [n, x, xx, logarithms, reciprocals].map(|(_, top)| top);
    for changes in [
        vec![(at_top[0], 1 << 63)],
        vec![(at_top[0], 1)],
        vec![(at_top[1], 1)],
        vec![(at_top[1], u64::MAX)],
        vec![(at_top[2], 1)],
        vec![(at_top[2], u64::MAX)],
        vec![(at_top[3], 1)],
        vec![(at_top[3], u64::MAX)],
        vec![(at_top[4], 1)],
        vec![(at_top[4], u64::MAX)],
        // 5 is the sum of squares. 3 as a sum of two numbers from 1 to 2 allows no 6, and no 4.
        vec![(square.0, 1 << square.1)],
        (square.0..=xx.1).map(|i| (i, if i == square.0 { !0 << square.1 } else { !0 })).collect(),
    ] {
        assert_eq!(cheat(&changes, &[]), implausible, "{changes:?}");
    }
    for (power, word) in [(1, 1 << 63), (3, 1 << 63)] {
        assert_eq!(cheat(&[], &[(5 * power + 4, word)]), implausible);
    }
    // The fourth moment is 16 in units of s⁴, the least that 1 and 2 can have: the sum less by 1.
    let less: Vec<_> = (6..10).map(|index| (index, u64::MAX)).collect();
    assert_eq!(cheat(&[], &less), implausible);
    // A lie in the third moment cannot be noticed.
    assert_eq!(cheat(&[], &[(1, 1)]), None);
}

#[test]
fn what_contradicts_itself_is_implausible() {
    let inputs = numbers(&[&[1.0, 2.0], &[4.0]]);
    let parameters = Parameters::default();
    let faults = |minimum, maximum, rows| {
        let report = simulate(&inputs, &parameters, Extremes { minimum, maximum }, rows);
        report.endings.iter().map(|ending| ending.fault().cloned()).collect::<Vec<_>>()
    };
    assert_eq!(faults(1.0, 4.0, Some(3)), [None, None]);
    let implausible = Some(Fault::InvalidOpening);
    assert_eq!(faults(1.0, 4.0, Some(4)), [implausible.clone(), implausible.clone()]);
    // The second party's number is above the maximum: it stops, and the first waits.
    assert_eq!(faults(1.0, 3.0, None), [None, implausible.clone()]);
    assert_eq!(faults(1.5, 4.0, None), [implausible.clone(), None]);
    assert_eq!(faults(f64::NAN, f64::NAN, None), [implausible.clone(), implausible]);
}
