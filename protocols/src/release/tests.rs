//! The release check against plaintext, at its thresholds and beside them, in simulation.

use crate::suites::pairwise::CorrelationStore;
use num_bigint::BigInt;
use rand_core::Rng;

use crate::algebra::exact::{Accumulator, Grid, signed_integer};
use crate::algebra::packed_bits::numbers_of;
use crate::computation::{Answer, Input, compute};
use crate::engine::openings;
use crate::functions::parameters::Parameters;
use crate::kernel::disclosure::{Profile, Refusal, Rule, Rules};
use crate::kernel::fault::{Fault, InputError};
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::session::Origin;
use crate::kernel::simulation::{Ending, Simulation};
use crate::release::terms::Magnitude;
use crate::testing::{Run, any_doubles, names, offer, rng, seed};

/// The numbers of parties with data and of helpers, and the seats of the committee.
const SETTINGS: [(usize, usize, [usize; 3]); 6] = [
    (3, 0, [0, 1, 2]),
    (3, 0, [2, 0, 1]),
    (5, 0, [4, 1, 3]),
    (7, 0, [0, 6, 2]),
    (2, 1, [0, 1, 2]),
    (2, 2, [3, 0, 2]),
];

fn party(index: usize) -> Party {
    Party::new(index).unwrap()
}

fn teaching() -> Rules {
    Profile::Teaching.rules()
}

/// Returns the refusal that all members end with, if the run is refused.
fn refusal(run: &Run, seed: u64) -> Option<Refusal> {
    let report = run.simulate(Simulation::new(seed));
    let refusals = report.endings.iter().map(|ending| match ending {
        Ending::Done(_) => None,
        Ending::Stopped(Fault::Refused(refusal)) => Some(refusal.clone()),
        other => panic!("{other:?}"),
    });
    let refusals: Vec<_> = refusals.collect();
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:?}");
    refusals[0].clone()
}

fn too_few(minimum: u64, equations: u64) -> Option<Refusal> {
    Some(Refusal::TooFewRows { minimum, equations, of: party(0) })
}

/// Returns the fewest rows that are left without those of one party.
fn rest(rows: &[usize]) -> u64 {
    let most = rows.iter().max().unwrap();
    (rows.iter().sum::<usize>() - most) as u64
}

fn dominated(percent: u8) -> Option<Refusal> {
    Some(Refusal::Dominated { percent, of: party(0) })
}

/// Makes inputs of a function with so many rows at each party.
fn inputs(function: &str, rows: &[usize]) -> Vec<Input> {
    rows.iter()
        .map(|rows| match function {
            "SecureSum" | "SecureMedian" | "StatisticsUnivariate" => {
                Input::Numbers(vec![1.5; *rows])
            }
            "StatisticsBivariate" | "MinimumMaximum" => Input::Points(vec![(1.0, 2.0); *rows]),
            "KthElement" => Input::Ranked { array: vec![1.0; *rows], rank: 1, bounds: None },
            "StatisticsFrequency" => Input::Texts(vec!["a".into(); *rows]),
            "StatisticsContingency" => Input::TextPairs(vec![("a".into(), "b".into()); *rows]),
            _ => Input::Numbers((0..*rows).map(|_| 2.0).collect()),
        })
        .collect()
}

fn of_rows(function: &'static str, rows: &[usize], rules: Rules) -> Run {
    Run::new(function, inputs(function, rows)).rules(rules)
}

/// Draws a number from 0 to below `bound`.
fn below(rng: &mut PredictableRng, bound: usize) -> usize {
    usize::try_from(rng.next_u64() % bound as u64).unwrap()
}

/// Distributes rows to so many parties at random.
fn split(rng: &mut PredictableRng, total: usize, parties: usize) -> Vec<usize> {
    let mut rows = vec![0; parties];
    (0..total).for_each(|_| rows[below(rng, parties)] += 1);
    rows
}

#[test]
fn all_others_need_as_many_rows_as_the_rules_ask_and_one_for_each_equation() {
    let mut rng = rng(seed());
    // Numbers by rank do not count where single rows may be shown.
    for (function, equations) in [
        ("SecureSum", 1),
        ("StatisticsBivariate", 5),
        ("StatisticsFrequency", 1),
        ("StatisticsContingency", 1),
        ("StatisticsUnivariate", 8),
        ("MinimumMaximum", 0),
        ("KthElement", 0),
        ("SecureMedian", 0),
        ("TopK", 0),
        ("Sort", 0),
    ] {
        let mut rows = split(&mut rng, 40, 3);
        rows.iter_mut().for_each(|rows| *rows += 5);
        for more in [0, 1] {
            let min_rows = rest(&rows) - equations + more;
            let run = of_rows(function, &rows, Rules { min_rows, ..teaching() });
            let due = if more == 0 { None } else { too_few(min_rows, equations) };
            assert_eq!(refusal(&run, rng.next_u64()), due, "{function} {rows:?}");
        }
    }
}

#[test]
fn rows_are_counted_over_all_parties_in_every_setting() {
    let mut rng = rng(seed());
    for (parties, helpers, seats) in SETTINGS {
        for total in [4, 9, 64, 1000] {
            let mut rows = split(&mut rng, total, parties);
            rows.iter_mut().for_each(|rows| *rows += 3);
            for more in [0, 1] {
                let min_rows = rest(&rows) - 1 + more;
                let rules = Rules { min_rows, ..teaching() };
                let run = of_rows("SecureSum", &rows, rules).committee(helpers, seats);
                let due = if more == 0 { None } else { too_few(min_rows, 1) };
                assert_eq!(refusal(&run, rng.next_u64()), due, "{rows:?} {helpers} {seats:?}");
            }
        }
    }
}

#[test]
fn one_party_with_nearly_all_rows_does_not_learn_the_rest() {
    // E6: a party with nine rows of a sum of ten learns the tenth; one with eight and a bivariate
    // answer both others' points. And E5: ten rows of which four are known.
    let rules = Profile::Production.rules();
    for (function, rows) in [
        ("SecureSum", [9, 1, 0]),
        ("SecureSum", [89, 6, 4]),
        ("StatisticsBivariate", [8, 1, 1]),
        ("StatisticsUnivariate", [4, 3, 3]),
    ] {
        let refused = refusal(&of_rows(function, &rows, rules), seed());
        assert!(matches!(refused, Some(Refusal::TooFewRows { .. })), "{function} {refused:?}");
    }
    for (function, rows) in [("SecureSum", [40, 6, 5]), ("StatisticsUnivariate", [6, 6, 6])] {
        assert_eq!(refusal(&of_rows(function, &rows, rules), seed()), None, "{function}");
    }
}

#[test]
fn a_party_may_have_as_many_rows_as_the_rules_say_and_not_one_more() {
    let mut rng = rng(seed());
    for (parties, helpers, seats) in SETTINGS {
        for (function, max_share) in
            [("StatisticsBivariate", 60), ("SecureMedian", 75), ("StatisticsFrequency", 99)]
        {
            // Of 100 rows, one party has exactly as many as it may, or one more.
            for more in [0, 1] {
                let most = usize::from(max_share) + more;
                let mut rows = split(&mut rng, 100 - most, parties - 1);
                rows.insert(below(&mut rng, parties), most);
                let rules = Rules { max_share, ..teaching() };
                let run = of_rows(function, &rows, rules).committee(helpers, seats);
                let due = if more == 0 { None } else { dominated(max_share) };
                assert_eq!(refusal(&run, rng.next_u64()), due, "{function} {rows:?}");
            }
        }
    }
}

#[test]
fn shares_of_rows_are_right_whatever_the_rule_is() {
    let mut rng = rng(seed());
    for _ in 0..40 {
        let parties = 3 + below(&mut rng, 3);
        let total = below(&mut rng, 40);
        let rows = split(&mut rng, total, parties);
        let max_share = u8::try_from(1 + rng.next_u64() % 99).unwrap();
        let run = of_rows("StatisticsFrequency", &rows, Rules { max_share, ..teaching() });
        let dominates = rows.iter().any(|rows| 100 * rows > usize::from(max_share) * total);
        let due = dominates.then(|| dominated(max_share).unwrap());
        assert_eq!(refusal(&run, rng.next_u64()), due, "{rows:?} {max_share}");
    }
}

fn sum_under(max_share: u8, inputs: Vec<Vec<f64>>) -> Run {
    let run = Run::new("SecureSum", inputs.into_iter().map(Input::Numbers).collect());
    run.rules(Rules { max_share, ..teaching() })
}

#[test]
fn shares_of_a_sum_are_exact_at_the_threshold_and_one_beside_it() {
    let seed = seed();
    let least = 5e-324;
    let cases: [(u8, Vec<Vec<f64>>, bool); 16] = [
        // Exactly half, and the least that there is above it.
        (50, vec![vec![1e300], vec![5e299], vec![5e299]], false),
        (50, vec![vec![1e300, least], vec![5e299], vec![5e299]], true),
        (50, vec![vec![1e300], vec![5e299, least], vec![5e299]], false),
        (50, vec![vec![1e-300], vec![1e-300], vec![0.0]], false),
        (50, vec![vec![1e-300], vec![1e-300, least], vec![]], true),
        (90, vec![vec![1e300], vec![1e-300], vec![1e-300]], true),
        (90, vec![vec![9.0], vec![0.5], vec![0.5]], false),
        (90, vec![vec![9.0, least], vec![0.5], vec![0.5]], true),
        (90, vec![vec![0.5], vec![0.5], vec![-9.0, -least]], true),
        // Magnitudes count for numbers of either sign: those that cancel are not gone.
        (60, vec![vec![1e308, -1e308], vec![1e-300], vec![1.0]], true),
        (60, vec![vec![3.0, -3.0], vec![-4.0], vec![0.0]], false),
        (60, vec![vec![3.0, -3.0], vec![-4.0], vec![]], false),
        (59, vec![vec![3.0, -3.0], vec![-4.0], vec![]], true),
        // No party dominates a sum of nothing.
        (1, vec![vec![0.0, -0.0], vec![0.0], vec![]], false),
        (1, vec![vec![], vec![], vec![]], false),
        (99, vec![vec![f64::MAX; 3], vec![], vec![-0.0]], true),
    ];
    for (max_share, inputs, dominates) in cases {
        let due = dominates.then(|| dominated(max_share).unwrap());
        let run = sum_under(max_share, inputs.clone());
        assert_eq!(refusal(&run, seed), due, "{max_share} {inputs:?}");
        let mut turned = inputs.clone();
        turned.rotate_right(1);
        assert_eq!(refusal(&sum_under(max_share, turned), seed), due, "{max_share} {inputs:?}");
    }
}

/// Returns Σ|x| in the least unit that doubles have.
fn magnitude(numbers: &[f64]) -> BigInt {
    let grid = Grid::full();
    let mut sum = Accumulator::new(&grid, 1);
    numbers.iter().for_each(|x| sum.add(grid.admit(0, x.abs()).unwrap()));
    signed_integer(&sum.into_cell())
}

#[test]
fn shares_of_sums_of_any_doubles_agree_with_big_integers() {
    let mut rng = rng(seed());
    let mut seen = [false; 2];
    for (round, (parties, helpers, seats)) in SETTINGS.into_iter().cycle().take(24).enumerate() {
        let center = any_doubles(&mut rng, 1)[0] / 1e10;
        let data: Vec<Vec<f64>> = (0..parties)
            .map(|_| {
                let mut numbers: Vec<f64> =
                    (0..3).map(|_| center * (1.0 + (rng.next_u32() % 64) as f64)).collect();
                numbers.extend(any_doubles(&mut rng, round % 2).iter().map(|x| x / 1e10));
                numbers
            })
            .collect();
        let magnitudes: Vec<BigInt> = data.iter().map(|numbers| magnitude(numbers)).collect();
        let total: BigInt = magnitudes.iter().sum();
        let largest = magnitudes.iter().max().unwrap();
        // The least percentage that all parties keep to, or one less.
        let least: BigInt = (largest * 100 + &total - 1) / total.clone().max(1.into());
        let percent = u8::try_from(least).unwrap() - u8::try_from(rng.next_u64() % 2).unwrap();
        let percent = percent.clamp(1, 99);
        let dominates = largest * 100 > &total * percent;
        seen[usize::from(dominates)] = true;
        let run = sum_under(percent, data).committee(helpers, seats);
        let due = dominates.then(|| dominated(percent).unwrap());
        assert_eq!(refusal(&run, rng.next_u64()), due, "{percent} {magnitudes:?}");
    }
    assert_eq!(seen, [true, true]);
}

#[test]
fn whole_numbers_and_declared_digits_go_through_the_same_gate() {
    let input = |numbers: &[i64]| Input::Integers(numbers.to_vec());
    let run = |first: i64| {
        let inputs = vec![input(&[first, -first]), input(&[i64::MIN]), input(&[i64::MAX])];
        Run::new("SecureSum", inputs).rules(Rules { max_share: 50, ..teaching() })
    };
    assert_eq!(refusal(&run(i64::MAX), seed()), None);
    let dominating = Run::new("SecureSum", vec![input(&[-7]), input(&[3]), input(&[3])]);
    let dominating = dominating.rules(Rules { max_share: 53, ..teaching() });
    for digits in [None, Some(3)] {
        let parameters = Parameters::default().with("digits_before", digits);
        let run = Run::new("SecureSum", dominating.inputs.clone()).rules(dominating.rules);
        assert_eq!(refusal(&run.parameters(parameters), seed()), dominated(53));
    }
}

#[test]
fn shares_of_more_parties_than_a_word_has_lanes() {
    let seed = seed();
    let digits = Parameters::default().with("digits_before", Some(2)).with("digits_after", Some(0));
    // The last one is the first lane of a second word.
    for parties in [64, 65] {
        for large in [parties - 1] {
            for (number, dominates) in [(parties - 1, false), (parties, true)] {
                let number = f64::from(u32::try_from(number).unwrap());
                let data = (0..parties)
                    .map(|index| vec![if index == large { -number } else { 1.0 }])
                    .collect();
                let run = sum_under(50, data).parameters(digits.clone());
                let room = run.request(0).unwrap().inbox_bytes(parties);
                let report = run.simulate(Simulation::new(seed).limit(room));
                let due = dominates.then(|| Fault::Refused(dominated(50).unwrap()));
                for ending in &report.endings {
                    assert_eq!(ending.fault(), due.as_ref(), "{parties} {large}");
                    assert_eq!(ending.done().is_none(), dominates);
                }
            }
        }
    }
}

#[test]
fn long_terms_of_many_parties_have_room() {
    let mut inputs = vec![vec![1e300, 1e-300]; 30];
    let end = |inputs: Vec<Vec<f64>>| {
        let run = sum_under(4, inputs);
        let room = run.request(0).unwrap().inbox_bytes(30);
        let report = run.simulate(Simulation::new(seed()).limit(room));
        report.endings.iter().map(|ending| ending.fault().cloned()).collect::<Vec<_>>()
    };
    assert_eq!(end(inputs.clone()), vec![None; 30]);
    inputs[29][0] = 1e301;
    assert_eq!(end(inputs), vec![Some(Fault::Refused(dominated(4).unwrap())); 30]);
}

#[test]
fn the_terms_of_all_parties_add_up_to_the_surplus_of_each() {
    let mut rng = rng(seed());
    for (grid, inputs) in [
        (Grid::full(), 3),
        (Grid::declared(12, 12).unwrap(), 70),
        (Grid::declared(2, 0).unwrap(), 2),
    ] {
        let numbers: Vec<u64> = (0..inputs).map(|_| rng.next_u64() % 100).collect();
        for percent in [1, 50, 99] {
            let mut sums = vec![BigInt::from(0); inputs];
            for (me, number) in numbers.iter().enumerate() {
                let mut sum = Accumulator::new(&grid, 1);
                sum.add(grid.admit_whole(0, i64::try_from(*number).unwrap()).unwrap());
                let magnitude = Magnitude::of(&grid, &sum);
                let shape = magnitude.shape(inputs);
                let terms = magnitude.terms(me, inputs, percent);
                assert_eq!(terms.len(), shape.words());
                let digits = shape.words() / shape.bit_slice;
                for (digit, bit_slice) in terms.chunks(shape.bit_slice).enumerate() {
                    let weight = BigInt::from(1) << digit;
                    let sign = if digit + 1 == digits { -1 } else { 1 };
                    let bits = numbers_of::<u64>(bit_slice, 64 * shape.bit_slice);
                    assert!(bits[inputs..].iter().all(|bit| *bit == 0));
                    let of_parties = sums.iter_mut().zip(bits);
                    of_parties.for_each(|(sum, bit)| *sum += BigInt::from(bit) * sign * &weight);
                }
            }
            let all: u64 = numbers.iter().sum();
            for (sum, own) in sums.iter().zip(&numbers) {
                let due = BigInt::from(u64::from(percent) * all) - BigInt::from(100 * own);
                assert_eq!(*sum, due << grid.fraction_bits(), "{inputs} {percent}");
            }
        }
    }
}

#[test]
fn two_parties_decide_rules_on_joint_data_by_themselves_or_with_a_helper() {
    let run = |rules: Rules| Run::numbers("SecureSum", [&[1.0; 9], &[1.0; 9]]).rules(rules);
    let met = [Rules { min_rows: 8, ..teaching() }, Rules { max_share: 50, ..teaching() }];
    for rules in met {
        assert_eq!(refusal(&run(rules), seed()), None);
        assert_eq!(refusal(&run(rules).committee(1, [2, 0, 1]), seed()), None);
        let outcomes = run(rules).simulate(Simulation::new(seed()));
        let security = &outcomes.results().unwrap()[0].security;
        assert_eq!((security.suite.name(), security.corruptible), ("masked", 1));
        assert!(security.adversary.contains("the nodes of all 2 parties compute on shares"));
    }
    for rules in [Rules { min_rows: 9, ..teaching() }, Rules { max_share: 49, ..teaching() }] {
        assert!(refusal(&run(rules), seed()).is_some());
        assert_eq!(
            refusal(&run(rules), seed()),
            refusal(&run(rules).committee(1, [2, 0, 1]), seed())
        );
    }
    let texts = Run::new("StatisticsFrequency", inputs("StatisticsFrequency", &[9, 9]));
    let texts = texts.rules(Rules { min_cell: 2, ..teaching() });
    let alone = texts.answer();
    assert_eq!(alone, texts.committee(1, [2, 0, 1]).answer());
    // The rule on small cells does not apply to a sum, nor the rule on rows to a vector.
    assert_eq!(refusal(&run(Rules { min_cell: 5, ..teaching() }), seed()), None);
    let vectors = Run::numbers("SecureVectorSum", [&[1.0], &[1.0]]);
    let strict = Rules { min_parties: 2, ..Profile::Production.rules() };
    assert_eq!(refusal(&vectors.rules(strict), seed()), None);
}

#[test]
fn whose_rule_it_is_and_who_serves_is_asked_of_all_members() {
    let run = Run::numbers("SecureSum", [&[1.0; 9], &[1.0], &[1.0]]);
    let end = |strict: Rules, serves: [bool; 3]| {
        let report = Simulation::new(seed()).run(|channel, party, rng| {
            let rules = if party.index() == 1 { strict } else { run.rules };
            let mut offer = offer(3, rules);
            offer.serves = serves[party.index()];
            compute(
                channel,
                offer,
                run.request(party.index()).unwrap(),
                CorrelationStore::default(),
                rng,
            )
        });
        let faults: Vec<_> = report.endings.iter().map(|ending| ending.fault().cloned()).collect();
        assert!(faults.iter().all(|fault| *fault == faults[0]));
        faults[0].clone()
    };
    let all = [true; 3];
    let of = party(1);
    let refused = |refusal| Some(Fault::Refused(refusal));
    let rows = |min_rows| Rules { min_rows, ..teaching() };
    assert_eq!(end(rows(1), all), None);
    let few = Refusal::TooFewRows { minimum: 2, equations: 1, of };
    assert_eq!(end(rows(2), all), refused(few.clone()));
    let shares = Rules { max_share: 80, ..teaching() };
    assert_eq!(end(shares, all), refused(Refusal::Dominated { percent: 80, of }));
    // Of both rules, the one on rows is checked first.
    let both = Rules { min_rows: 2, ..shares };
    assert_eq!(end(both, all), refused(few));
    let none = Refusal::NoCommittee { rule: Rule::MaxShare, of, serving: 2 };
    assert_eq!(end(shares, [true, false, true]), refused(none));
    assert_eq!(end(teaching(), [false; 3]), None);
}

#[test]
fn a_committee_named_in_vain_does_no_harm() {
    for (parties, helpers, seats) in SETTINGS {
        let run = of_rows("SecureSum", &vec![2; parties], teaching()).committee(helpers, seats);
        let report = run.simulate(Simulation::new(seed()));
        let outcomes = report.results().unwrap();
        let sum = Answer::Sum { sum: 3.0 * f64::from(u32::try_from(parties).unwrap()) };
        assert!(outcomes[..parties].iter().all(|outcome| *outcome.answer.get() == sum));
        assert!(outcomes[parties..].iter().all(|o| *o.answer.get() == Answer::Empty {}));
        assert_eq!(report.meters[0].round_names(), ["commit", "open"]);
        assert_eq!(outcomes[0].security.corruptible, parties - 1);
    }
    let empty = Run::numbers("Empty", [&[], &[], &[]]).committee(0, [0, 1, 2]);
    assert!(matches!(empty.request(0), Err(InputError::Parameter { name: "committee", .. })));
}

/// Returns everything that any member opens on shares in a run, with any ending.
fn opened(run: &Run) -> Vec<(Party, Vec<u8>)> {
    openings::take();
    run.simulate(Simulation::new(1));
    let mut opened = openings::take();
    opened.sort_by_key(|(party, _)| *party);
    opened
}

#[test]
fn one_bit_is_opened_of_rows_and_one_of_shares_both_at_once() {
    let rules = Rules { min_rows: 10, max_share: 90, ..teaching() };
    let bits = |bits: &[u64]| bits.iter().flat_map(|bit| bit.to_le_bytes()).collect::<Vec<u8>>();
    let of = |members: usize, opened: &[u64]| -> Vec<(Party, Vec<u8>)> {
        (0..members).map(|index| (party(index), bits(opened))).collect()
    };
    let sum = |inputs: [&[f64]; 3]| Run::numbers("SecureSum", inputs).rules(rules);
    let pass = [
        sum([&[1.0; 7], &[1.0; 7], &[1.0; 4]]),
        sum([&[-1e300, 1e300, 0.0, 0.0, 0.0, 0.0], &[7e299, 7e299, 0.0, 0.0, 0.0], &[0.0; 9]]),
        sum([&[0.0; 100], &[0.0; 11], &[]]),
        of_rows("StatisticsBivariate", &[90, 15, 0], rules),
        of_rows("StatisticsFrequency", &[6, 7, 6], rules),
    ];
    for run in pass {
        assert_eq!(opened(&run), of(3, &[0, 0]), "{}", run.function);
    }
    for (run, dominated) in [
        (sum([&[1.0], &[2.0], &[3.0]]), 0),
        (sum([&[1e300; 9], &[], &[]]), 1),
        (sum([&[], &[], &[]]), 0),
        (of_rows("SecureSum", &[100, 2], rules).committee(1, [2, 1, 0]), 1),
    ] {
        assert_eq!(opened(&run), of(3, &[1, dominated]));
    }
    for run in [sum([&[1.0; 120], &[1.0; 11], &[]]), sum([&[1.0; 20], &[1e-300; 11], &[-1e-300]])] {
        assert_eq!(opened(&run), of(3, &[0, 1]));
    }
    // A function on shares needs the number of rows, and opens it only after both checks.
    let median = opened(&of_rows("SecureMedian", &[7, 6, 5], rules));
    let of_first: Vec<_> = median.iter().filter(|(of, _)| *of == party(0)).collect();
    assert_eq!(of_first[..2], [&(party(0), bits(&[0, 0])), &(party(0), bits(&[18]))]);
    assert_eq!(opened(&of_rows("SecureMedian", &[120, 11, 0], rules)), of(3, &[0, 1]));
}

/// Returns the rounds of the release check, and the bytes that each of three seats sends, beyond
/// those of a run without it.
fn cost(function: &'static str, parameters: &Parameters, rules: Rules) -> (usize, [u64; 3]) {
    let run = |rules: Rules| {
        let run = of_rows(function, &[10, 10, 10], rules).parameters(parameters.clone());
        let report = run.simulate(Simulation::new(1));
        report.results().unwrap();
        let sent = [0, 1, 2].map(|seat: usize| report.meters[seat].total().bytes_sent);
        (report.rounds(), sent)
    };
    let ((rounds, sent), (other_rounds, other_sent)) = (run(rules), run(teaching()));
    (rounds - other_rounds, [0, 1, 2].map(|seat| sent[seat] - other_sent[seat]))
}

#[test]
fn the_cost_of_the_gate() {
    let rows = Rules { min_rows: 10, ..teaching() };
    let shares = Rules { max_share: 90, ..rows };
    let any = Parameters::default();
    let digits = any.clone().with("digits_before", Some(12)).with("digits_after", Some(12));
    let costs = [
        cost("StatisticsBivariate", &any, rows),
        cost("StatisticsBivariate", &any, shares),
        cost("SecureSum", &any, shares),
        cost("SecureSum", &digits, shares),
    ];
    let due = [
        (12, [1776, 1264, 1264]),
        (12, [1800, 1288, 1288]),
        (27, [79_792, 79_280, 79_280]),
        (23, [9080, 8568, 8568]),
    ];
    assert_eq!(costs.as_slice(), due);
}

#[test]
fn a_party_without_data_counts_for_no_rule_on_parties() {
    let texts = |count: usize| (0..count).map(|id| format!("id {id}")).collect();
    let ids = |count: usize| Input::Texts(texts(count));
    let keyed = |count: usize| Input::Keyed { ids: texts(count), columns: Vec::new() };
    let vector = || Input::Numbers(vec![1.0; 20]);
    for (function, inputs) in [
        (names::INTERSECTION_SIZE, [ids(40), ids(40), ids(0)]),
        (names::UNION_SIZE, [ids(40), ids(40), ids(0)]),
        (names::VECTOR_SUM, [vector(), vector(), vector()]),
        (names::CONTINGENCY_VERTICAL, [keyed(40), keyed(40), keyed(0)]),
    ] {
        let rules = Rules { min_parties: 3, ..teaching() };
        let run = Run::new(function, inputs.into()).rules(rules);
        let report = Simulation::new(seed()).run(|channel, party, rng| {
            let mut offer = run.offered();
            let is_last = party.index() == 2;
            offer.source = if is_last { Origin::None } else { Origin::Dataset };
            compute(channel, offer, run.part(party.index()), CorrelationStore::default(), rng)
        });
        let due = Fault::Refused(Refusal::TooFewParties { parties: 2, minimum: 3, of: party(0) });
        assert!(report.endings.iter().all(|end| end.fault() == Some(&due)), "{function}");
    }
}
