//! Joins and counts against plaintext, over both suites, in simulation; their openings; their
//! costs.

use crate::kernel::reveal::Reveal;
use crate::suites::pairwise::CorrelationStore;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rand_core::Rng;

use crate::algebra::packed_bits::PackedBits;
use crate::circuits::joining::{count_common, count_distinct, join};
use crate::engine::shared::Shared;
use crate::engine::tables::{Shape, Table};
use crate::engine::{Engine, openings};
use crate::kernel::fault::Fault;
use crate::kernel::flow::{MESSAGES_AHEAD, SMALL_MESSAGE};
use crate::kernel::party::Party;
use crate::kernel::random::PredictableRng;
use crate::kernel::simulation::{Ending, Report, Simulation};
use crate::suites::pairwise;
use crate::suites::replicated::tests::{Setting, THREE};
use crate::testing::{self, rng};

#[derive(Clone, Copy, Debug)]
pub(super) enum Suite {
    Replicated(Setting),
    Pairwise(usize),
}

#[derive(Clone, Copy, Debug)]
enum Asked {
    Join,
    Common,
    Distinct,
}

/// The number of rows, or the count; and the columns of each party.
type Shown = (u64, Vec<Vec<Vec<u64>>>);

impl Suite {
    const fn replicated(inputs: usize, helpers: usize, seats: [usize; 3]) -> Self {
        Self::Replicated(Setting { inputs, helpers, seats })
    }

    /// Returns suites for so many parties: all of them compute, or some, or helpers too.
    pub(super) fn of(parties: usize) -> Vec<Self> {
        let replicated = match parties {
            2 => vec![Self::replicated(2, 1, [0, 1, 2]), Self::replicated(2, 2, [3, 0, 2])],
            3 => vec![Self::Replicated(THREE), Self::replicated(3, 2, [4, 1, 3])],
            _ => vec![Self::replicated(parties, 0, [parties - 1, 0, 2])],
        };
        [replicated, vec![Self::Pairwise(parties)]].concat()
    }

    pub(super) fn inputs(self) -> usize {
        match self {
            Self::Replicated(setting) => setting.inputs,
            Self::Pairwise(parties) => parties,
        }
    }

    pub(super) fn members(self) -> usize {
        match self {
            Self::Replicated(setting) => setting.members(),
            Self::Pairwise(parties) => parties,
        }
    }

    fn computes(self, member: usize) -> bool {
        match self {
            Self::Replicated(setting) => setting.seats.contains(&member),
            Self::Pairwise(_) => true,
        }
    }

    /// Computes, and opens the result to the parties if it `shows` it.
    fn run(
        self,
        simulation: Simulation,
        asked: Asked,
        tables: &Rc<Vec<Table>>,
        shows: bool,
    ) -> Report<Option<Shown>> {
        simulation.parties(self.members()).run(|channel, party, rng| {
            let tables = Rc::clone(tables);
            async move {
                let mut rng = rng;
                let own = party.index();
                match self {
                    Self::Replicated(setting) => {
                        let mut engine = setting.engine(&channel, &mut rng).await?;
                        ask(&mut engine, asked, &tables, own, shows).await
                    }
                    Self::Pairwise(_) => {
                        let mut engine = pairwise::tests::engine(
                            CorrelationStore::default(),
                            &channel,
                            &mut rng,
                        )
                        .await?;
                        ask(&mut engine, asked, &tables, own, shows).await
                    }
                }
            }
        })
    }

    /// Returns the values that all parties are shown, and no other member.
    fn shown(self, seed: u64, asked: Asked, tables: &Rc<Vec<Table>>) -> Shown {
        let report = self.run(Simulation::new(seed), asked, tables, true);
        let results = report.results().unwrap();
        let (parties, helpers) = results.split_at(self.inputs());
        let first = parties[0].clone().unwrap();
        assert!(parties.iter().all(|shown| shown.as_ref() == Some(&first)), "{self:?}");
        assert!(helpers.iter().all(|shown| shown.is_none()), "{self:?}");
        first
    }
}

async fn ask<E: Engine>(
    engine: &mut E,
    asked: Asked,
    tables: &[Table],
    own: usize,
    shows: bool,
) -> Result<Option<Shown>, Fault> {
    let nothing = Table { item_hashes: Vec::new(), words: Vec::new() };
    let table = tables.get(own).unwrap_or(&nothing);
    let shapes: Vec<Shape> = tables
        .iter()
        .map(|table| Shape { rows: table.item_hashes.len(), columns: table.words.len() })
        .collect();
    let sizes: Vec<usize> = shapes.iter().map(|shape| shape.rows).collect();
    let count = match asked {
        Asked::Common => count_common(engine, &table.item_hashes, &sizes).await?,
        Asked::Distinct => count_distinct(engine, &table.item_hashes, &sizes).await?,
        Asked::Join => {
            let joined = join(engine, table, &shapes, 1).await?.expect("no rule asks for rows");
            assert_eq!(joined.tables.len(), tables.len());
            let mut shown = Vec::new();
            for (columns, shape) in joined.tables.iter().zip(&shapes) {
                assert_eq!(columns.len(), shape.columns);
                let mut opened = Vec::new();
                for column in columns {
                    assert_eq!(column.len(), joined.rows);
                    if shows {
                        opened.push(engine.open(column, Reveal::ANSWER).await?.value());
                    }
                }
                let words = opened.into_iter().flatten();
                shown.push(words.map(|words| words.iter().map(|word| word.0).collect()).collect());
            }
            return Ok(engine.brings_data().then_some((joined.rows as u64, shown)));
        }
    };
    assert_eq!(count.len(), 1);
    let opened = engine.open(&count, Reveal::ANSWER).await?;
    Ok(opened.answer(|count| (count[0], Vec::new())))
}

/// Rows and columns of each party's table, whose ids are so many (`width`) in a row. Those of the
/// next party begin `shift` further on.
#[derive(Clone, Debug)]
struct World {
    shapes: Vec<[usize; 2]>,
    width: usize,
    shift: usize,
}

fn world<const N: usize>(shapes: [[usize; 2]; N], width: usize, shift: usize) -> World {
    World { shapes: shapes.to_vec(), width, shift }
}

impl World {
    fn tables(&self, rng: &mut PredictableRng) -> Rc<Vec<Table>> {
        let ids = self.width + self.shift * self.shapes.len();
        let item_hashes: Vec<u128> = (0..ids)
            .map(|_| (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64()))
            .collect();
        let table = |(party, [rows, columns]): (usize, &[usize; 2])| {
            let mut own = item_hashes[party * self.shift..][..self.width].to_vec();
            for place in 0..*rows {
                let left = (self.width - place) as u64;
                own.swap(place, place + usize::try_from(rng.next_u64() % left).unwrap());
            }
            own.truncate(*rows);
            let mut column = |_| (0..*rows).map(|_| PackedBits(rng.next_u64())).collect();
            Table { item_hashes: own, words: (0..*columns).map(&mut column).collect() }
        };
        Rc::new(self.shapes.iter().enumerate().map(table).collect())
    }
}

/// Makes tables with some, all or no rows in common. Some have none, one, or many more rows at one
/// party than at another. Some have no columns.
fn worlds() -> Vec<World> {
    vec![
        world([[40, 2], [50, 1]], 70, 0),
        world([[33, 1], [33, 2]], 33, 0),
        world([[20, 1], [30, 1]], 30, 30),
        world([[0, 1], [17, 2]], 17, 0),
        world([[0, 1], [0, 1]], 0, 0),
        world([[1, 1], [1, 1]], 1, 0),
        world([[1, 0], [1, 0]], 1, 0),
        world([[1, 1], [1, 2]], 1, 1),
        world([[1, 1], [30, 0]], 30, 0),
        world([[10, 1], [100, 1]], 105, 0),
        world([[30, 0], [30, 1]], 40, 0),
        world([[30, 0], [30, 0]], 40, 0),
        world([[30, 1], [40, 1], [35, 2]], 45, 0),
        world([[32, 1], [32, 0], [32, 0]], 32, 0),
        world([[64, 1], [64, 1], [65, 0]], 70, 3),
        world([[9, 1], [90, 1], [9, 1]], 90, 0),
        world([[5, 1], [0, 1], [5, 1]], 5, 0),
        world([[1, 1], [1, 1], [1, 1]], 1, 0),
        world([[12, 1], [12, 1], [12, 1]], 12, 12),
        world([[20, 1], [25, 1], [30, 0], [22, 2]], 32, 0),
        world([[16, 1], [16, 1], [16, 1], [16, 1]], 16, 0),
    ]
}

/// Joins in plaintext: the item hashes that all have, each with all parties' cells in its row.
fn plain_join(tables: &[Table]) -> Vec<Vec<u64>> {
    let cells = |table: &Table| -> BTreeMap<u128, Vec<u64>> {
        let row = |row: usize| table.words.iter().map(|column| column[row].0).collect();
        table
            .item_hashes
            .iter()
            .enumerate()
            .map(|(place, item_hash)| (*item_hash, row(place)))
            .collect()
    };
    let tables: Vec<_> = tables.iter().map(cells).collect();
    let row = |item_hash: &u128| -> Option<Vec<u64>> {
        let cells: Option<Vec<_>> =
            tables.iter().map(|table| table.get(item_hash).cloned()).collect();
        cells.map(|cells| cells.concat())
    };
    let mut rows: Vec<Vec<u64>> = tables[0].keys().filter_map(row).collect();
    rows.sort_unstable();
    rows
}

/// Counts the different item hashes.
fn distinct(tables: &[Table]) -> u64 {
    let item_hashes = tables.iter().flat_map(|table| &table.item_hashes);
    item_hashes.collect::<BTreeSet<_>>().len() as u64
}

/// Returns the cells row by row.
fn rows((count, tables): &Shown) -> Vec<Vec<u64>> {
    let cells = |row: usize| tables.iter().flatten().map(|column| column[row]).collect();
    (0..usize::try_from(*count).unwrap()).map(cells).collect()
}

#[test]
fn joined_rows_are_those_of_the_tags_that_all_have_with_their_columns() {
    let seed = testing::seed();
    let mut rng = rng(seed);
    for world in worlds() {
        let tables = world.tables(&mut rng);
        for suite in Suite::of(tables.len()) {
            let mut joined = rows(&suite.shown(seed, Asked::Join, &tables));
            joined.sort_unstable();
            assert_eq!(joined, plain_join(&tables), "{suite:?} {world:?}");
        }
    }
}

#[test]
fn common_and_distinct_tags_are_counted() {
    let seed = testing::seed();
    let mut rng = rng(seed);
    for world in worlds() {
        let tables = world.tables(&mut rng);
        let common = plain_join(&tables).len() as u64;
        for suite in Suite::of(tables.len()) {
            let count = |asked| suite.shown(seed, asked, &tables).0;
            assert_eq!(count(Asked::Common), common, "{suite:?} {world:?}");
            assert_eq!(count(Asked::Distinct), distinct(&tables), "{suite:?} {world:?}");
        }
    }
}

#[test]
fn the_order_of_joined_rows_is_another_one_each_time() {
    let seed = testing::seed();
    for shapes in [vec![[30, 1], [30, 1]], vec![[30, 1], [30, 0], [30, 1]]] {
        let tables = World { shapes, width: 30, shift: 0 }.tables(&mut rng(seed));
        for suite in Suite::of(tables.len()) {
            let joined = |seed| rows(&suite.shown(seed, Asked::Join, &tables));
            let [mut one, mut other] = [joined(seed), joined(seed.wrapping_add(1))];
            assert_ne!(one, other, "{suite:?}");
            one.sort_unstable();
            other.sort_unstable();
            assert_eq!(one, other, "{suite:?}");
        }
    }
}

/// Returns the words that each member has opened in a join. The test itself opens nothing.
fn opened_in_join(suite: Suite, seed: u64, tables: &Rc<Vec<Table>>) -> Vec<Vec<Vec<u64>>> {
    openings::take();
    let report = suite.run(Simulation::new(seed), Asked::Join, tables, false);
    report.results().unwrap();
    let mut opened = vec![Vec::new(); suite.members()];
    for (party, bytes) in openings::take() {
        opened[party.index()].push(bytemuck::pod_collect_to_vec(&bytes));
    }
    opened
}

/// Checks that a join opens only orders of each table with columns, that no list is out of order,
/// flags, and the places of the joined rows in these tables.
#[test]
fn nothing_is_opened_but_orders_flags_and_places_in_shuffled_tables() {
    let seed = testing::seed();
    for world in [
        world([[60, 1], [50, 2]], 80, 0),
        world([[60, 0], [60, 1]], 80, 0),
        world([[60, 0], [50, 0]], 80, 0),
        world([[60, 1], [50, 0], [55, 2]], 64, 0),
        world([[60, 0], [50, 1], [55, 0]], 64, 0),
    ] {
        let tables = world.tables(&mut rng(seed));
        let joined = plain_join(&tables).len();
        let shuffled: Vec<usize> = world
            .shapes
            .iter()
            .filter(|[_, columns]| *columns > 0)
            .map(|[rows, _]| *rows)
            .collect();
        let windows = world.shapes.iter().map(|[rows, _]| rows).sum::<usize>() + 1 - tables.len();
        for suite in Suite::of(tables.len()) {
            for (member, opened) in opened_in_join(suite, seed, &tables).into_iter().enumerate() {
                let context = format!("{suite:?} {world:?}, member {member}");
                let mut opened = opened.into_iter();
                let computes = suite.computes(member);
                for rows in shuffled.iter().filter(|_| computes) {
                    let order: BTreeSet<u64> = opened.next().unwrap().into_iter().collect();
                    assert!(order.into_iter().eq(0..*rows as u64), "{context}");
                }
                // No list is out of order.
                assert_eq!(opened.next(), Some(vec![0]), "{context}");
                let flags = opened.next().unwrap();
                assert_eq!(flags.len(), windows, "{context}");
                assert!(flags.iter().all(|flag| *flag < 2), "{context}");
                assert_eq!(flags.iter().sum::<u64>(), joined as u64, "{context}");
                if computes && !shuffled.is_empty() {
                    let places = opened.next().unwrap();
                    assert_eq!(places.len(), joined * shuffled.len(), "{context}");
                }
                assert_eq!(opened.next(), None, "{context}");
            }
        }
    }
}

/// Checks that the opened places differ at each seed, although the same rows match: they must tell
/// nothing of the rows.
#[test]
fn opened_places_are_others_each_time() {
    let seed = testing::seed();
    for shapes in [vec![[60, 1], [60, 0]], vec![[60, 1], [60, 1], [60, 0]]] {
        let tables = World { shapes, width: 80, shift: 0 }.tables(&mut rng(seed));
        let joined = plain_join(&tables).len();
        for suite in Suite::of(tables.len()) {
            let places = |seed| -> Vec<BTreeSet<u64>> {
                let opened = opened_in_join(suite, seed, &tables).into_iter().enumerate();
                let mut computing = opened.filter(|(member, _)| suite.computes(*member));
                let places = computing.next().and_then(|(_, mut opened)| opened.pop()).unwrap();
                places.chunks(joined).map(|places| places.iter().copied().collect()).collect()
            };
            let (one, other) = (places(seed), places(seed.wrapping_add(1)));
            for (table, (one, other)) in one.into_iter().zip(other).enumerate() {
                assert_ne!(one, other, "{suite:?}, the same rows of table {table}");
            }
        }
    }
}

/// Returns rounds, bytes, and the length of every message from one party to another.
fn costs<T>(report: &Report<T>) -> (usize, u64, BTreeMap<(Party, Party), Vec<usize>>) {
    let mut sent: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for message in &report.transcript {
        sent.entry((message.from, message.to)).or_default().push(message.body.len());
    }
    (report.rounds(), report.bytes(), sent)
}

#[test]
fn costs_are_the_same_for_all_data_of_the_same_sizes() {
    let seed = testing::seed();
    let mut rng = rng(seed);
    // In both tables of a pair the same number of rows match, whatever is drawn.
    for world in [
        world([[30, 1], [40, 2]], 40, 0),
        world([[25, 1], [25, 0], [25, 1]], 25, 0),
        world([[9, 1], [90, 1], [90, 0]], 90, 0),
        world([[12, 1], [12, 1], [12, 1], [12, 0]], 12, 12),
    ] {
        let worlds = [world.tables(&mut rng), world.tables(&mut rng)];
        for suite in Suite::of(world.shapes.len()) {
            for asked in [Asked::Join, Asked::Distinct] {
                let costs = worlds.each_ref().map(|tables| {
                    let report = suite.run(Simulation::new(rng.next_u64()), asked, tables, false);
                    report.results().unwrap();
                    costs(&report)
                });
                assert_eq!(costs[0], costs[1], "{suite:?} {world:?} {asked:?}");
            }
        }
    }
}

/// Checks that the counts open nothing else, and cost the same, whatever is common.
#[test]
fn counts_open_nothing_else_and_cost_the_same_whatever_is_common() {
    let seed = testing::seed();
    let mut rng = rng(seed);
    for shapes in [vec![[30, 0], [40, 0]], vec![[30, 0], [30, 0], [40, 0]]] {
        // Many in common, or none.
        let worlds =
            [40, 0].map(|common| World { shapes: shapes.clone(), width: 40, shift: 40 - common });
        let worlds = worlds.map(|world| world.tables(&mut rng));
        for suite in Suite::of(shapes.len()) {
            for asked in [Asked::Common, Asked::Distinct] {
                let [some, none] = worlds.each_ref().map(|tables| {
                    let due = match asked {
                        Asked::Distinct => distinct(tables),
                        _ => plain_join(tables).len() as u64,
                    };
                    openings::take();
                    let report = suite.run(Simulation::new(rng.next_u64()), asked, tables, false);
                    report.results().unwrap();
                    let mut opened: Vec<(usize, Vec<u64>)> = openings::take()
                        .into_iter()
                        .map(|(party, bytes)| (party.index(), bytemuck::pod_collect_to_vec(&bytes)))
                        .collect();
                    opened.sort_unstable();
                    // All members see that no list is out of order, and the parties see the count.
                    let in_order = (0..suite.members()).map(|member| (member, vec![0]));
                    let answers = (0..suite.inputs()).map(|party| (party, vec![due]));
                    let mut shown: Vec<_> = in_order.chain(answers).collect();
                    shown.sort_unstable();
                    assert_eq!(opened, shown, "{suite:?} {asked:?}");
                    (due, costs(&report))
                });
                assert_ne!(some.0, none.0, "{suite:?} {asked:?}: the data differ");
                assert_eq!(some.1, none.1, "{suite:?} {asked:?}");
            }
        }
    }
}

/// Checks messages of more than a few hundred kilobytes, with no more room than a computation
/// starts with.
#[test]
fn large_tables_find_the_room_that_they_need() {
    let seed = testing::seed();
    let tables = world([[6_000, 4], [5_000, 0], [6_000, 1]], 7_000, 0).tables(&mut rng(seed));
    let joined = plain_join(&tables).len() as u64;
    let distinct = distinct(&tables);
    let suite = Suite::replicated(3, 1, [0, 3, 2]);
    for (asked, due) in
        [(Asked::Join, joined), (Asked::Common, joined), (Asked::Distinct, distinct)]
    {
        let simulation = Simulation::new(seed).without_transcript();
        let simulation = simulation.limit(MESSAGES_AHEAD * (SMALL_MESSAGE + 64));
        let report = suite.run(simulation, asked, &tables, false);
        let shown = report.results().unwrap()[0].clone().unwrap();
        assert_eq!(shown.0, due, "{asked:?}");
    }
}

/// Checks an item hash that a party has twice. Its second row stands where the next party's is due,
/// at a place that the next party does not have.
#[test]
fn a_tag_twice_at_one_party_leads_to_no_place_outside_of_tables() {
    let mut rng = rng(1);
    let tables = world([[500, 1], [1, 1], [1, 1]], 500, 0).tables(&mut rng);
    let mut tables = Rc::into_inner(tables).unwrap();
    let item_hash = tables[0].item_hashes[0];
    tables[0].item_hashes[1] = item_hash;
    (tables[1].item_hashes[0], tables[2].item_hashes[0]) = (item_hash, item_hash);
    let tables = Rc::new(tables);
    for suite in [Suite::Replicated(THREE), Suite::Pairwise(3)] {
        let report = suite.run(Simulation::new(1), Asked::Join, &tables, false);
        for ending in &report.endings {
            assert_eq!(*ending, Ending::Stopped(Fault::InvalidOpening), "{suite:?}");
        }
    }
}

/// Puts a hash of the first party's that no other party has in the place of another of its own.
fn with_a_hash_twice(tables: &Rc<Vec<Table>>, party: usize) -> Rc<Vec<Table>> {
    let copied = |table: &Table| Table {
        item_hashes: table.item_hashes.clone(),
        words: table.words.clone(),
    };
    let mut tables: Vec<Table> = tables.iter().map(copied).collect();
    let hashes = &mut tables[party].item_hashes;
    hashes[3] = hashes[7];
    Rc::new(tables)
}

#[test]
fn a_hash_dealt_twice_ends_the_join_before_it_is_used() {
    let seed = testing::seed();
    let mut rng = rng(seed);
    for parties in [2, 3, 4] {
        let shapes = vec![[12, 1]; parties];
        let world = World { shapes, width: 14, shift: 0 };
        for suite in Suite::of(parties) {
            for cheat in 0..parties {
                let tables = with_a_hash_twice(&world.tables(&mut rng), cheat);
                for asked in [Asked::Join, Asked::Common, Asked::Distinct] {
                    let report = suite.run(Simulation::new(seed), asked, &tables, true);
                    for ending in &report.endings {
                        assert_eq!(ending.fault(), Some(&Fault::InvalidOpening), "{suite:?}");
                    }
                }
            }
        }
    }
}

/// Counts what is opened of a join of so many rows, of which the rules ask for ten.
fn verdict(suite: Suite, tables: &Rc<Vec<Table>>, seed: u64) -> (bool, usize, u64) {
    let report = Simulation::new(seed).parties(suite.members()).run(|channel, party, rng| {
        let tables = Rc::clone(tables);
        async move {
            let mut rng = rng;
            let own = party.index();
            match suite {
                Suite::Replicated(setting) => {
                    let mut engine = setting.engine(&channel, &mut rng).await?;
                    rows_of_ten(&mut engine, &tables, own).await
                }
                Suite::Pairwise(_) => {
                    let store = CorrelationStore::default();
                    let mut engine = pairwise::tests::engine(store, &channel, &mut rng).await?;
                    rows_of_ten(&mut engine, &tables, own).await
                }
            }
        }
    });
    let enough: Vec<bool> = report.results().unwrap().into_iter().map(Option::is_some).collect();
    assert!(enough.iter().all(|one| *one == enough[0]));
    (enough[0], report.rounds(), report.bytes())
}

async fn rows_of_ten<E: Engine>(
    engine: &mut E,
    tables: &[Table],
    own: usize,
) -> Result<Option<usize>, Fault> {
    let nothing = Table { item_hashes: Vec::new(), words: Vec::new() };
    let shapes: Vec<Shape> = tables
        .iter()
        .map(|table| Shape { rows: table.item_hashes.len(), columns: table.words.len() })
        .collect();
    let joined = join(engine, tables.get(own).unwrap_or(&nothing), &shapes, 10).await?;
    Ok(joined.map(|joined| joined.rows))
}

#[test]
fn of_a_join_of_too_few_rows_its_number_is_not_opened() {
    let seed = testing::seed();
    let mut rng = rng(seed);
    for parties in [2, 3] {
        for suite in Suite::of(parties) {
            let mut costs = BTreeSet::new();
            for (shift, due) in [(11, false), (3, false), (2, true)] {
                // Twelve ids each, of which the first and the last party have 12 − shift·(n − 1).
                let shift = if parties == 3 { shift / 2 } else { shift };
                let common = 12 - shift * (parties - 1);
                let tables =
                    World { shapes: vec![[12, 1]; parties], width: 12, shift }.tables(&mut rng);
                let _ = openings::take();
                let (enough, rounds, bytes) = verdict(suite, &tables, seed);
                assert_eq!(enough, common >= 10, "{suite:?} {common}");
                if enough {
                    assert!(due || parties == 3);
                    continue;
                }
                costs.insert((rounds, bytes));
                // The last value that each member has opened is the verdict: one word, of one bit.
                let opened = openings::take();
                let last: BTreeMap<Party, Vec<u8>> = opened.into_iter().collect();
                assert!(!last.is_empty());
                for bytes in last.values() {
                    assert_eq!(*bytes, 1_u64.to_le_bytes(), "{suite:?}");
                }
            }
            assert!(costs.len() <= 1, "{suite:?} {costs:?}");
        }
    }
}
