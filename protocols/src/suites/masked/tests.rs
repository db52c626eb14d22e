//! The masked sum of honest parties, in simulation.

use super::*;
use crate::algebra::layout::Segment;
use crate::kernel::channel::Message;
use crate::kernel::disclosure::Profile;
use crate::kernel::echo::{Digest, Views};
use crate::kernel::party::Party;
use crate::kernel::random::{PredictableRng, uses};
use crate::kernel::reveal::Reveal;
use crate::kernel::session::agree;
use crate::kernel::simulation::{Delivery, Report, Simulation};
use crate::testing;
use rand_core::Rng;

pub(super) const PROPOSAL: u32 = 0;
pub(super) const COMMITMENT: u32 = 1;
pub(super) const ECHO: u32 = 2;
pub(super) const OPENING: u32 = 3;

pub(super) fn party(index: usize) -> Party {
    Party::new(index).unwrap()
}

pub(super) fn layout() -> Layout {
    Layout::new(&[
        Segment { limbs: 1, cells: 2 },
        Segment { limbs: 4, cells: 1 },
        Segment { limbs: 3, cells: 1 },
    ])
    .unwrap()
}

/// Agrees, and sums `words` once for each layout.
pub(super) async fn sum(
    channel: Channel,
    layouts: Vec<Layout>,
    words: Vec<Vec<u64>>,
    mut rng: PredictableRng,
) -> Result<Vec<Vec<u64>>, Fault> {
    let offer = testing::offer(channel.parties().count(), Profile::Teaching.rules());
    let session = agree(&channel, offer, false, &mut rng).await?;
    let mut sums = MaskedSums::new(&channel, session);
    let mut results = Vec::new();
    for (layout, words) in layouts.iter().zip(words) {
        let words = Zeroizing::new(words);
        results.push(sums.sum(Rounds::showing(Reveal::ANSWER), layout, words, &mut rng).await?);
    }
    Ok(results)
}

pub(super) fn simulate(
    simulation: Simulation,
    layout: &Layout,
    words: &[Vec<u64>],
) -> Report<Vec<Vec<u64>>> {
    simulation.parties(words.len()).run(|channel, party, rng| {
        sum(channel, vec![layout.clone()], vec![words[party.index()].clone()], rng)
    })
}

fn random_words(rng: &mut PredictableRng, layout: &Layout, parties: usize) -> Vec<Vec<u64>> {
    (0..parties).map(|_| (0..layout.words()).map(|_| rng.next_u64()).collect()).collect()
}

pub(super) fn plain_sum(layout: &Layout, words: &[Vec<u64>]) -> Vec<u64> {
    let mut sum = vec![0; layout.words()];
    words.iter().for_each(|words| layout.add(&mut sum, words));
    sum
}

#[test]
fn the_sum_is_right_for_any_number_of_parties_and_mixed_cells() {
    let mut rng = testing::rng(testing::seed());
    for parties in [2, 3, 5, 16, 64] {
        let words = random_words(&mut rng, &layout(), parties);
        let report = simulate(Simulation::new(rng.next_u64()), &layout(), &words);
        let due = vec![plain_sum(&layout(), &words)];
        assert!(report.results().unwrap().iter().all(|sum| **sum == due));
    }
}

#[test]
fn it_costs_two_rounds_and_the_bytes_that_the_documentation_says() {
    for parties in [2, 5] {
        let words = vec![vec![1; layout().words()]; parties];
        let report = simulate(Simulation::new(1), &layout(), &words);
        let others = parties as u64 - 1;
        let proposal = report.transcript.iter().find(|d| d.sequence == PROPOSAL).unwrap();
        let due = others * (layout().bytes() as u64 + 32 + 32 + 32 * parties as u64);
        for meter in &report.meters {
            assert_eq!(meter.round_names(), ["commit", "open"]);
            let agreeing = others * proposal.body.len() as u64;
            assert_eq!(meter.total().bytes_sent, agreeing + due);
        }
    }
}

#[test]
fn no_mask_is_used_twice_and_each_once_at_either_end() {
    uses::take();
    let layouts = [layout(), Layout::uniform(1, 1).unwrap(), layout()];
    let parties = 4;
    for seed in 0..3 {
        let report = Simulation::new(seed).parties(parties).run(|channel, _, rng| {
            let words = layouts.iter().map(|layout| vec![1; layout.words()]).collect();
            sum(channel, layouts.to_vec(), words, rng)
        });
        report.results().unwrap();
    }
    let mut uses = uses::take();
    uses.sort_by_key(|(key, _)| *key.as_bytes());
    // Every stream is read from its start, once by each of the two that have its key.
    assert_eq!(uses.len(), 3 * layouts.len() * parties * (parties - 1));
    for pair in uses.chunks(2) {
        assert_eq!(pair[0], pair[1]);
    }
    for pairs in uses.chunks(2).collect::<Vec<_>>().windows(2) {
        assert_ne!(pairs[0][0].0, pairs[1][0].0, "a key used for two things");
    }
}

pub(super) fn bodies(report: &Report<Vec<Vec<u64>>>, from: usize, sequence: u32) -> Vec<&Delivery> {
    let wanted = |d: &&Delivery| d.from == party(from) && d.sequence == sequence;
    report.transcript.iter().filter(wanted).collect()
}

#[test]
fn what_is_sent_looks_different_each_time_and_all_get_the_same() {
    let words = vec![vec![0; layout().words()]; 3];
    let reports = [1, 2].map(|seed| simulate(Simulation::new(seed), &layout(), &words));
    for sequence in [COMMITMENT, OPENING] {
        let [one, other] = [&reports[0], &reports[1]].map(|report| bodies(report, 0, sequence));
        assert_ne!(one[0].body, other[0].body);
        assert_eq!(one[0].body, one[1].body);
    }
    let opening = &bodies(&reports[0], 0, OPENING)[0].body;
    let zeros = opening.iter().filter(|byte| **byte == 0).count();
    assert!(zeros < opening.len() / 8, "masked zeros are not zeros");
}

#[test]
fn traffic_of_two_inputs_of_one_shape_is_equal_in_lengths() {
    let mut rng = testing::rng(testing::seed());
    let shapes = [0, 1].map(|_| {
        let words = random_words(&mut rng, &layout(), 3);
        let report = simulate(Simulation::new(5), &layout(), &words);
        report
            .transcript
            .iter()
            .map(|d| (d.from, d.to, d.sequence, d.body.len()))
            .collect::<Vec<_>>()
    });
    assert_eq!(shapes[0], shapes[1]);
}

#[test]
fn a_commitment_and_an_opening_are_these_bytes() {
    let parties = crate::kernel::party::Parties::new(2, 1).unwrap();
    let place = place(&SessionHash::fixed([5; 32]), 7);
    let opening = Opening::fixed(place, party(1), [9; 32], wire::elements(vec![1_u64, 0x0203]));
    // BLAKE3 in derive-key mode over session ‖ 7 ‖ party 1 ‖ nonce ‖ words.
    let mut hasher = blake3::Hasher::new_derive_key("cloister 1 masked sum: commitment");
    hasher.update(&[5; 32]);
    hasher.update(&[7, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    hasher.update(&[9; 32]);
    hasher.update(&[1, 0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0]);
    let commitment = opening.commitment().to_vec();
    assert_eq!(commitment, hasher.finalize().as_bytes());

    let views =
        Views::of(parties, opening.commitment(), vec![(party(0), Digest::of_bytes([4; 32]))])
            .unwrap();
    let [first, second] = opening.messages(&views);
    assert_eq!(first, [vec![9; 32], vec![4; 32], commitment].concat());
    assert_eq!(second.as_ref(), [1, 0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_commitment_hides_what_it_is_to() {
    // A party that knows all masks of another could test guesses of y if the nonce were known
    // before.
    let report = Simulation::new(testing::seed()).run(|channel, _, mut rng| async move {
        let offer = testing::offer(3, Profile::Teaching.rules());
        let session = agree(&channel, offer, false, &mut rng).await?;
        let commit = |seed| {
            let y = wire::elements(vec![3_u64; layout().words()]);
            let (place, me) = (place(session.hash(), 0), channel.parties().me());
            Opening::new(place, me, y, &mut testing::rng(seed)).commitment().to_vec()
        };
        Ok((commit(1), commit(1), commit(2)))
    });
    for (one, same, other) in report.results().unwrap() {
        assert_eq!(one, same);
        assert_ne!(one, other, "commitments to the same y");
    }
    let words = vec![vec![0; layout().words()]; 3];
    let report = simulate(Simulation::new(testing::seed()), &layout(), &words);
    let nonces: std::collections::BTreeSet<_> =
        (0..3).map(|from| bodies(&report, from, ECHO)[0].body.slice(..32)).collect();
    assert_eq!(nonces.len(), 3);
}

#[test]
fn words_that_do_not_fit_their_layout_never_leave() {
    for length in [0, 1, layout().words() - 1, layout().words() + 1] {
        let secret = 0x5ec2_e75e_c2e7_5ec2;
        let report = Simulation::new(testing::seed()).parties(2).run(|channel, party, rng| {
            let words = match party.index() {
                0 => vec![secret; length],
                _ => vec![1; layout().words()],
            };
            sum(channel, vec![layout()], vec![words], rng)
        });
        let expected = "as many words as the layout has";
        let refused = Fault::Input(InputError::Shape { expected });
        assert_eq!(report.endings[0].fault(), Some(&refused));
        let sent = report.transcript.iter().filter(|d| d.from == party(0));
        assert!(sent.map(|d| d.sequence).eq([PROPOSAL]), "but the proposal nothing left");
    }
}

#[test]
fn openings_are_added_and_hashed_in_whatever_pieces_they_come() {
    let mut rng = testing::rng(testing::seed());
    let wide = [Segment { limbs: 3, cells: 5 }, Segment { limbs: 34, cells: 3 }];
    let blocks = [Segment { limbs: 3, cells: 30_000 }];
    for layout in [Layout::new(&wide).unwrap(), Layout::new(&blocks).unwrap()] {
        let words = random_words(&mut rng, &layout, 2);
        let bytes: Vec<u8> = words[1].iter().flat_map(|word| word.to_le_bytes()).collect();
        for size in [8, 16, 40, 8 * layout.words()] {
            let pieces = bytes.chunks(size).flat_map(|piece| [&[], piece, &[]]);
            let message = Message::new(pieces.map(bytes::Bytes::copy_from_slice).collect());
            let (mut sum, mut hasher) = (words[0].clone(), blake3::Hasher::new());
            add_opening(&layout, &mut sum, &message, &mut hasher);
            assert_eq!(sum, plain_sum(&layout, &words), "pieces of {size} bytes");
            assert_eq!(hasher.finalize(), blake3::hash(&bytes));
        }
    }
}

#[test]
fn ten_million_words() {
    let layout = Layout::uniform(1, crate::algebra::layout::MAX_WORDS).unwrap();
    let report = Simulation::new(3).parties(2).run(|channel, party, rng| {
        let word = party.index() as u64 + 1;
        sum(channel, vec![layout.clone()], vec![vec![word; layout.words()]], rng)
    });
    let results = report.results().unwrap();
    assert!(results.iter().all(|sums| sums[0].iter().all(|word| *word == 3)));
}
