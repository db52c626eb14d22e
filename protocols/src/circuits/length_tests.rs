//! Vectors of any length in both suites: of none, and of so many elements that messages take
//! credit.

use crate::algebra::packed_bits::PackedBits;
use crate::circuits::comparison::{all_zero, less_than_zero};
use crate::circuits::selection::{argmax, select, suppress_below};
use crate::circuits::sorting::sort;
use crate::engine::reveals::tested::TO_ALL;
use crate::engine::shared::Shared;
use crate::engine::{Columns, Engine};
use crate::kernel::fault::Fault;
use crate::kernel::flow::{MESSAGES_AHEAD, SMALL_MESSAGE};
use crate::kernel::reveal::Reveal;
use crate::kernel::simulation::Simulation;
use crate::suites::pairwise::{self, CorrelationStore};
use crate::suites::replicated::tests::{Setting, THREE};
use crate::testing::seed;

/// Three seats; a party without a seat; a seat without data.
const COMMITTEES: [Setting; 3] = [
    THREE,
    Setting { inputs: 4, helpers: 0, seats: [0, 1, 2] },
    Setting { inputs: 2, helpers: 1, seats: [1, 0, 2] },
];

/// Runs a protocol in both suites with as much room as a node has, and calls `check` with what each
/// member that brings data has opened.
macro_rules! in_both_suites {
    ($parties:expr, $protocol:path, $check:expr) => {{
        let limit = MESSAGES_AHEAD * (SMALL_MESSAGE + 64);
        let simulation = || Simulation::new(seed()).limit(limit).without_transcript();
        for setting in COMMITTEES {
            let report =
                simulation().parties(setting.members()).run(|channel, me, rng| async move {
                    let mut rng = rng;
                    let mut engine = setting.engine(&channel, &mut rng).await?;
                    $protocol(&mut engine, me.index(), setting.inputs).await
                });
            let opened = report.results().unwrap();
            opened.into_iter().take(setting.inputs).for_each($check);
        }
        for parties in $parties {
            let report = simulation().parties(parties).run(|channel, me, rng| async move {
                let mut rng = rng;
                let store = CorrelationStore::default();
                let mut engine = pairwise::tests::engine(store, &channel, &mut rng).await?;
                $protocol(&mut engine, me.index(), parties).await
            });
            report.results().unwrap().into_iter().for_each($check);
        }
    }};
}

const LONG: usize = 100_000;
const COMPARED: usize = 20_000;
const SHUFFLED: usize = 4_000;
const TRUNCATED: usize = 10_000;

/// Numbers of both signs, all different.
fn numbers() -> Vec<u64> {
    let number = |i: u64| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..LONG as u64).map(number).collect()
}

/// The opened vectors; empty at a helper.
#[derive(Debug)]
struct Opened {
    squares: Vec<u64>,
    signs: Vec<u64>,
    shuffled: Vec<u64>,
    truncated: Vec<u64>,
}

async fn long_vectors<E: Engine>(
    engine: &mut E,
    me: usize,
    inputs: usize,
) -> Result<Opened, Fault> {
    let mine = if me == 0 { numbers() } else { Vec::new() };
    let mut lengths = vec![0; inputs];
    lengths[0] = LONG;
    let x = engine.share(&mine, &lengths).await?.swap_remove(0);
    let squares = engine.multiply(&x, &x).await?;
    let squares = engine.open(&squares, Reveal::ANSWER).await?;
    let signs = less_than_zero(engine, &x.slice(0..COMPARED), 64).await?;
    let signs = engine.bit_to_arithmetic::<u64>(&[&signs; LONG / COMPARED], COMPARED).await?;
    let signs = engine.open(&signs, Reveal::ANSWER).await?;
    let table = Columns { numbers: vec![x.slice(0..SHUFFLED); 2], words: Vec::new() };
    let shuffled = engine.shuffle(table).await?.numbers;
    let differences = shuffled[0].minus(&shuffled[1]);
    let differences = engine.open_to_all(&differences, TO_ALL).await?;
    assert!(differences.iter().all(|difference| *difference == 0), "rows stay whole");
    let shuffled = engine.open(&shuffled[0], Reveal::ANSWER).await?;
    let truncated = engine.truncate(&x.slice(0..TRUNCATED), 20).await?;
    let truncated = engine.open(&truncated, Reveal::ANSWER).await?;
    Ok(Opened {
        squares: squares.value().unwrap_or_default(),
        signs: signs.value().unwrap_or_default(),
        shuffled: shuffled.value().unwrap_or_default(),
        truncated: truncated.value().unwrap_or_default(),
    })
}

#[test]
fn vectors_of_100_000_numbers_go_through_all_operations() {
    let x = numbers();
    let shift = |x: &u64| (x.cast_signed() >> 20).cast_unsigned();
    in_both_suites!([2], long_vectors, |opened: &Opened| {
        let squares: Vec<u64> = x.iter().map(|x| x.wrapping_mul(*x)).collect();
        let signs: Vec<u64> = x.iter().take(COMPARED).map(|x| x >> 63).collect();
        let truncated: Vec<u64> = x.iter().take(TRUNCATED).map(shift).collect();
        assert!(opened.squares == squares && opened.truncated == truncated);
        assert!(opened.signs == signs.repeat(LONG / COMPARED));
        let sorted = |x: &[u64]| {
            let mut x = x.to_vec();
            x.sort_unstable();
            x
        };
        assert_ne!(opened.shuffled, x[..SHUFFLED]);
        assert_eq!(sorted(&opened.shuffled), sorted(&x[..SHUFFLED]));
    });
}

async fn nothing<E: Engine>(engine: &mut E, _: usize, inputs: usize) -> Result<(), Fault> {
    let none: Vec<E::Shared<u64>> = engine.share(&[], &vec![0; inputs]).await?;
    let words = engine.public::<PackedBits>(Vec::new());
    for (numbers, kept) in [(0, 0), (1, 0), (0, 2), (2, 1)] {
        let table = || Columns {
            numbers: vec![none[0].clone(); numbers],
            words: vec![words.clone(); kept],
        };
        let Columns { numbers: shuffled, words: with } = engine.shuffle(table()).await?;
        assert_eq!((shuffled.len(), with.len()), (numbers, kept));
        assert!(shuffled.iter().all(|column| column.len() == 0));
        let Columns { numbers: sorted, words: with } = sort(engine, table(), 64).await?;
        assert_eq!((sorted.len(), with.len()), (numbers, kept));
    }
    let chosen = select(engine, &words, &[[&none[0], &none[1]], [&none[1], &none[0]]]).await?;
    assert!(chosen.len() == 2 && chosen.iter().all(|chosen| chosen.len() == 0));
    let none_chosen = select::<E, u64>(engine, &words, &[]).await?;
    assert!(none_chosen.is_empty());
    assert_eq!(engine.multiply(&none[0], &none[1]).await?.len(), 0);
    assert_eq!(engine.bit_to_arithmetic::<u64>(&[&words, &words], 0).await?.len(), 0);
    assert_eq!(engine.truncate(&none[0], 3).await?.len(), 0);
    assert_eq!(engine.bits(&none[0], 3..7).await?.len(), 4);
    assert_eq!(less_than_zero(engine, &none[0], 64).await?.len(), 0);
    assert_eq!(suppress_below(engine, &none[0], 5).await?.len(), 0);
    assert_eq!(all_zero(engine, &[words.clone(), words.clone()]).await?.len(), 0);
    assert!(argmax(engine, &none[0], 64).await?.is_none());
    assert!(engine.open_to_all(&none[0], TO_ALL).await?.is_empty());
    Ok(())
}

#[test]
fn vectors_of_nothing_go_through_all_operations() {
    in_both_suites!([2, 3], nothing, |()| ());
}
