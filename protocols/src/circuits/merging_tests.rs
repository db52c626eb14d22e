//! Merges against plaintext, over both suites, in simulation.

use crate::kernel::reveal::Reveal;
use crate::suites::pairwise::CorrelationStore;
use std::rc::Rc;

use rand_core::Rng;

use crate::algebra::packed_bits::{PackedBits, bit_slice_words, bit_slices_of};
use crate::circuits::joining_tests::Suite;
use crate::circuits::merging::{List, merge};
use crate::engine::Engine;
use crate::engine::shared::{Shared, SharedBits};
use crate::kernel::fault::Fault;
use crate::kernel::simulation::{Report, Simulation};
use crate::suites::pairwise;
use crate::testing::{self, rng};

impl Suite {
    /// Merges lists of items of so many bits of key and 20 more. A dealer puts `noise` behind its items.
    fn merged(
        self,
        simulation: Simulation,
        lists: Rc<Vec<Vec<u64>>>,
        (key, noise): (usize, u64),
    ) -> Report<Option<Vec<u64>>> {
        let inputs = self.inputs();
        simulation.parties(self.members()).run(|channel, party, rng| {
            let lists = Rc::clone(&lists);
            async move {
                let mut rng = rng;
                let (width, place) = ([key, key + 20], [party.index(), inputs]);
                match self {
                    Self::Replicated(setting) => {
                        let mut engine = setting.engine(&channel, &mut rng).await?;
                        merged(&mut engine, (&lists, noise), width, place).await
                    }
                    Self::Pairwise(_) => {
                        let mut engine = pairwise::tests::engine(
                            CorrelationStore::default(),
                            &channel,
                            &mut rng,
                        )
                        .await?;
                        merged(&mut engine, (&lists, noise), width, place).await
                    }
                }
            }
        })
    }
}

/// Merges lists of items, in words of `width`; the first party brings them all in.
async fn merged<E: Engine>(
    engine: &mut E,
    (lists, noise): (&[Vec<u64>], u64),
    [key, width]: [usize; 2],
    [own, inputs]: [usize; 2],
) -> Result<Option<Vec<u64>>, Fault> {
    let mut bit_slices: Vec<PackedBits> = Vec::new();
    for list in lists {
        let mut dealt = bit_slices_of(list, 0..width);
        let words = bit_slice_words(list.len()).max(1);
        let behind = noise
            .checked_shl(u32::try_from(list.len() % 64).unwrap())
            .filter(|_| list.len() % 64 > 0);
        dealt.chunks_mut(words).filter_map(<[_]>::last_mut).for_each(|last| {
            last.0 |= behind.unwrap_or_default();
        });
        bit_slices.extend(dealt.iter());
    }
    let mut lengths = vec![0; inputs];
    lengths[0] = bit_slices.len();
    let mine = if own == 0 { bit_slices } else { Vec::new() };
    let all = engine.share(&mine, &lengths).await?.remove(0);
    let mut left = 0;
    let mut shared = Vec::new();
    for list in lists {
        let words = bit_slice_words(list.len());
        let bit_slices = all.slice(left..left + words * width).split_into(width);
        left += words * width;
        shared.push(List { items: list.len(), bit_slices });
    }
    let merged = merge(engine, shared, key).await?;
    assert_eq!(merged.items, lists.iter().map(Vec::len).sum::<usize>());
    let words = SharedBits::words(&merged.bit_slices, merged.items);
    let opened = engine.open(&words, Reveal::ANSWER).await?;
    Ok(opened.answer(|words| words.iter().map(|word| word.0).collect()))
}

#[test]
fn lists_are_merged_and_what_goes_with_their_items_stays_with_them() {
    const KEY: usize = 12;
    let seed = testing::seed();
    let mut rng = rng(seed);
    let cases: [&'static [usize]; 8] = [
        &[1, 1],
        &[0, 5],
        &[3, 2],
        &[64, 64],
        &[65, 1],
        &[1, 127],
        &[100, 30, 7],
        &[5, 0, 9, 70, 1],
    ];
    for sizes in cases {
        let lists: Vec<Vec<u64>> = sizes
            .iter()
            .map(|size| {
                // Behind each key there are 20 random bits; many keys are equal, none is the
                // largest.
                let mut list: Vec<u64> = (0..*size)
                    .map(|_| (rng.next_u64() % 50) | ((rng.next_u64() & 0xf_ffff) << KEY))
                    .collect();
                list.sort_by_key(|item| item & 0xfff);
                list
            })
            .collect();
        let mut due = lists.concat();
        due.sort_unstable();
        let lists = Rc::new(lists);
        for suite in Suite::of(2).into_iter().chain(Suite::of(3)) {
            // What a dealer puts behind its items is no item, and moves none.
            for noise in [0, u64::MAX, rng.next_u64()] {
                let report = suite.merged(Simulation::new(seed), Rc::clone(&lists), (KEY, noise));
                let mut merged = report.results().unwrap()[0].clone().unwrap();
                assert!(merged.is_sorted_by_key(|item| item & 0xfff), "{suite:?} {sizes:?}");
                merged.sort_unstable();
                assert_eq!(merged, due, "{suite:?} {sizes:?} {noise:x}");
            }
        }
    }
}
