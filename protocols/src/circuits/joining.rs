//! Matching rows of several parties' tables by key, on shares.
//!
//! After Huang, Evans and Katz, *Private set intersection: are garbled circuits better than custom
//! protocols?* (NDSS 2012), their sort, compare and shuffle. Here it runs for any number of
//! parties, and with columns. Keys are item hashes: hashes of ids of which each party has each at
//! most once.
//!
//! 1. Each party sorts its own item hashes, and shares them as bit slices. Lists are merged
//!    ([`super::merging`]) by item hash and then by party.
//! 2. An item hash that all n parties have stands in n places side by side: n − 1 equalities of
//!    neighbours, and their conjunction.
//!
//! Counts are sums of these bits ([`count_common`]), or of equalities of neighbours
//! ([`count_distinct`]). For [`join`], columns do not go through the network; the place of each row
//! does:
//!
//! 3. Before merging, the table of each party that has columns is shuffled, together with the
//!    numbers of its rows. These numbers are shuffled once more with the places at which they
//!    stand, and opened. So the place of each row in the shuffled table is known in shared form.
//! 4. If a rule asks for a number of rows, the bits are added and compared with it. Only the verdict
//!    is opened, and what follows needs it ([`Enough`]).
//! 5. All windows of n neighbours are shuffled, each with its bit and the places of those of its items
//!    that have columns. The bits are opened, which tells the number of rows in
//!    the join. The places of those rows are opened too.
//!
//! No place of a party without columns is ever opened. Its table is not shuffled, so its places
//! would tell which of its rows match.
//!
//! **Leakage:** all members see the number of rows; if it is too small, they see this alone. Members that compute also see orders that no
//! party has chosen: they are uniform whatever the data are. So are the places of the joined rows
//! in a shuffled table.
//!
//! **Bits compared:** 40 + 2·⌈log₂ N⌉ of each item hash for N rows of all parties, 128 at most.
//! There are fewer than N² / 2 pairs of different item hashes. Any of them agrees in these bits
//! with a probability of at most 2^-41. Merging may lose an item hash that is the largest there is,
//! with a probability that is no larger. Together that is 2^-40.
//!
//! **Adversary:** that of the suite below. Of a list that a party deals it is checked on shares,
//! before it is used, that its item hashes are strictly ascending. With an item hash twice, rows of
//! one party would match each other: the party could bring in rows that match nothing, or learn
//! whether one id is at another party. The number of places that are not in order is opened to all
//! members, and is 0 at honest parties. A place that a table does not have, or that is opened twice,
//! is refused, too.
//!
//! *The dealers that this holds* are those of replicated shares that have no seat: they have no part in
//! the opening. A member that computes knows the number that its own list would show, and can take
//! it away in its share. So in [`crate::suites::pairwise`], where all compute and no share is
//! authenticated, the check finds mistakes alone.
//!
//! **Rounds** for n parties:
//!
//! - two shuffles and an opening for each party with columns;
//! - a comparison of t bits, a conversion and an opening for the order of the lists;
//! - n − 1 merges, each of log₂ N levels for the N items that it makes;
//! - ⌈log₂ t⌉ + n − 2 for the equalities of t bits;
//! - a shuffle, and two openings;
//! - if a rule asks for a number of rows, a conversion, a comparison and an opening.
//!
//! **Bytes:** each merge takes N / 2·log₂ N comparisons of t + ⌈log₂ n⌉ + 1 bits, and as many
//! conjunctions for each bit slice. There is a bit slice for each of these bits but one, and for
//! each bit of a place. The order of the lists takes N comparisons of t bits.

use zeroize::Zeroizing;

use crate::algebra::elementwise::{gather, zip_exact};
use crate::algebra::packed_bits::{PackedBits, bit_slice_words, bit_slices_of};
use crate::circuits::comparison::all_zero;
use crate::circuits::merging::{List, check_ascending, merge};
use crate::circuits::selection::is_below;
use crate::circuits::sorting::inverse;
use crate::circuits::{Bits, and_all};
use crate::engine::reveals::{ENOUGH_JOINED, JOINED};
use crate::engine::shared::{Shared, SharedBits};
use crate::engine::tables::{Joined, Shape, Table};
use crate::engine::{Columns, Engine, Reconstructed};
use crate::kernel::fault::Fault;
use crate::kernel::reveal::Reveal;

/// A bound that no number of rows reaches.
const BEYOND: u64 = 1 << 61;

/// Counts the item hashes that all parties have, as one shared element. `item_hashes` are this
/// party's, `sizes` all parties' numbers of them.
pub(crate) async fn count_common<E: Engine>(
    engine: &mut E,
    item_hashes: &[u128],
    sizes: &[usize],
) -> Result<E::Shared<u64>, Fault> {
    let merged = merge_hashes(engine, item_hashes, sizes).await?;
    let (windows, complete) = complete_windows(engine, &merged, sizes).await?;
    sum(engine, &complete, windows).await
}

/// Counts the different item hashes of all parties, as one shared element.
pub(crate) async fn count_distinct<E: Engine>(
    engine: &mut E,
    item_hashes: &[u128],
    sizes: &[usize],
) -> Result<E::Shared<u64>, Fault> {
    let merged = merge_hashes(engine, item_hashes, sizes).await?;
    let neighbours = merged.items.saturating_sub(1);
    let equal = equal_neighbours(engine, &merged, sizes).await?;
    let repeated = sum(engine, &equal, neighbours).await?;
    Ok(engine.public(vec![merged.items as u64]).minus(&repeated))
}

/// Joins all parties' tables; `table` is this party's, `shapes` are all parties'. If there are fewer
/// than `least` rows, this is all that is opened, and nothing is returned.
pub(crate) async fn join<E: Engine>(
    engine: &mut E,
    table: &Table,
    shapes: &[Shape],
    least: u64,
) -> Result<Option<Joined<E>>, Fault> {
    let matched = match_rows(engine, table, shapes).await?;
    match matched.verdict(engine, least).await? {
        Some(enough) => enough.reveal(engine).await.map(Some),
        None => Ok(None),
    }
}

/// The rows of all parties, matched. Nothing is opened that depends on them.
struct Matched<E: Engine> {
    /// The number of rows of each party.
    sizes: Vec<usize>,
    /// The columns of each party, shuffled.
    tables: Vec<Vec<Bits<E>>>,
    /// The parties that have columns.
    with_columns: Vec<usize>,
    /// The number of windows, and those of one item hash.
    windows: usize,
    complete: Bits<E>,
    /// The places in the shuffled tables of the items in each window, of parties with columns.
    places: Vec<Bits<E>>,
}

/// Matched rows that are enough for the rules. Only the verdict makes it.
struct Enough<E: Engine>(Matched<E>);

async fn match_rows<E: Engine>(
    engine: &mut E,
    table: &Table,
    shapes: &[Shape],
) -> Result<Matched<E>, Fault> {
    let sizes: Vec<usize> = shapes.iter().map(|shape| shape.rows).collect();
    let order = ascending(&table.item_hashes, hash_width(&sizes));
    // Reserved as a whole: growing would leave copies behind.
    let mut columns: Zeroizing<Vec<PackedBits>> =
        Zeroizing::new(Vec::with_capacity(table.words.len() * order.len()));
    for column in &table.words {
        let at = |place: &usize| *column.get(*place).expect("a column has a word for each row");
        columns.extend(order.iter().map(at));
    }
    let lengths: Vec<usize> = shapes.iter().map(|shape| shape.rows * shape.columns).collect();
    let shared = engine.share(&columns, &lengths).await?;
    let most = sizes.iter().copied().max().unwrap_or(0);
    let place_width = width_of(most).max(1);
    let mut tables = Vec::with_capacity(shapes.len());
    let mut places = Vec::with_capacity(shapes.len());
    for (all, shape) in zip_exact(shared.iter(), shapes) {
        let column = |index: usize| all.slice(index * shape.rows..(index + 1) * shape.rows);
        let columns: Vec<Bits<E>> = (0..shape.columns).map(column).collect();
        let (table, place) = shuffled(engine, &columns, shape.rows).await?;
        tables.push(table);
        places.push(place.bit_slices(0..place_width));
    }
    // No place is opened of a party without columns. Its list is only made as wide as the others'.
    let with_columns: Vec<usize> = (0..shapes.len())
        .filter(|party| shapes.get(*party).is_some_and(|s| s.columns > 0))
        .collect();
    let mut lists = lists_of_hashes(engine, &table.item_hashes, &sizes).await?;
    for (list, places) in zip_exact(lists.iter_mut(), places) {
        list.bit_slices.extend(places);
    }
    let key = key_width(&sizes);
    let merged = merge(engine, lists, key).await?;
    let (windows, complete) = complete_windows(engine, &merged, &sizes).await?;
    let places = merged.bit_slices.get(key..).expect("places stand behind the key");
    let places = places_of_windows::<E>(places, windows, &with_columns);
    Ok(Matched { sizes, tables, with_columns, windows, complete, places })
}

impl<E: Engine> Matched<E> {
    /// Decides on shares whether there are so many rows, and opens that to all members. A number of
    /// 1 or 0 is not asked for.
    async fn verdict(self, engine: &mut E, least: u64) -> Result<Option<Enough<E>>, Fault> {
        if least <= 1 {
            return Ok(Some(Enough(self)));
        }
        let rows = sum(engine, &self.complete, self.windows).await?;
        let is_small = is_below(engine, &rows, least.min(BEYOND)).await?;
        let is_small = engine.lanes(&is_small, 0..1);
        match engine.open_to_all(&is_small, ENOUGH_JOINED).await?.as_slice() {
            [PackedBits(0)] => Ok(Some(Enough(self))),
            [PackedBits(1)] => Ok(None),
            _ => Err(Fault::InvalidOpening),
        }
    }
}

impl<E: Engine> Enough<E> {
    /// Opens the number of rows to all members, and finds the rows.
    async fn reveal(self, engine: &mut E) -> Result<Joined<E>, Fault> {
        let Matched { sizes, tables, with_columns, windows, complete, places } = self.0;
        let found = found(engine, &complete, places, windows).await?;
        let mut joined = vec![Vec::new(); tables.len()];
        for (party, places) in zip_exact(with_columns.iter(), &found.places) {
            let rows = *sizes.get(*party).expect("each party has told its rows");
            if !are_distinct_below(places, rows) {
                return Err(Fault::InvalidOpening);
            }
            let both = joined.get_mut(*party).zip(tables.get(*party));
            let (joined, table) = both.expect("each party has a table");
            *joined = table.iter().map(|column: &Bits<E>| column.gather(places)).collect();
        }
        Ok(Joined { rows: found.rows, tables: joined })
    }
}

/// Shuffles a table, so that no party knows the order. Returns for each of its former rows the
/// place where it is now.
async fn shuffled<E: Engine>(
    engine: &mut E,
    columns: &[Bits<E>],
    rows: usize,
) -> Result<(Vec<Bits<E>>, Bits<E>), Fault> {
    let numbers = |engine: &E| engine.public((0..rows as u64).map(PackedBits).collect());
    if columns.is_empty() || rows < 2 {
        // Without columns the places are not opened, and a single row has one place.
        return Ok((columns.to_vec(), numbers(engine)));
    }
    let words = columns.iter().cloned().chain([numbers(engine)]).collect();
    let table = engine.shuffle(Columns { numbers: Vec::new(), words }).await?;
    let mut table = table.words;
    let origins = table.pop().expect("a shuffled table has the columns that it had");
    let pairs = vec![origins, numbers(engine)];
    let pairs = engine.shuffle(Columns { numbers: Vec::new(), words: pairs }).await?;
    let [origins, places] = pairs.words.as_slice() else {
        unreachable!("a shuffled table has the columns that it had")
    };
    let order = match engine.open(origins, Reveal::RANDOM).await? {
        Reconstructed::Value(origins) => {
            inverse(bytemuck::cast_slice(&origins)).ok_or(Fault::InvalidOpening)?
        }
        // A member without shares has no rows to move.
        Reconstructed::NotARecipient => (0..rows).collect(),
    };
    Ok((table, places.gather(&order)))
}

/// Returns whether these are different rows of a table of so many.
fn are_distinct_below(places: &[usize], rows: usize) -> bool {
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len() == places.len() && sorted.last().is_none_or(|last| *last < rows)
}

/// The number of rows in the join, and their places in the shuffled table of each party that has
/// columns.
struct Found {
    rows: usize,
    places: Vec<Vec<usize>>,
}

/// Returns the words of the places of each of n neighbours, window by window.
fn places_of_windows<E: Engine>(
    bit_slices: &[Bits<E>],
    windows: usize,
    parties: &[usize],
) -> Vec<Bits<E>> {
    let of = |party: &usize| {
        let party = *party;
        let bit_slices: Vec<Bits<E>> =
            bit_slices.iter().map(|bit_slice| bit_slice.lanes(party..party + windows)).collect();
        SharedBits::words(&bit_slices, windows)
    };
    parties.iter().map(of).collect()
}

async fn found<E: Engine>(
    engine: &mut E,
    complete: &Bits<E>,
    places: Vec<Bits<E>>,
    windows: usize,
) -> Result<Found, Fault> {
    let parties = places.len();
    if windows == 0 {
        return Ok(Found { rows: 0, places: vec![Vec::new(); parties] });
    }
    let complete = SharedBits::words(std::slice::from_ref(complete), windows);
    let words = [complete].into_iter().chain(places).collect();
    let shuffled = engine.shuffle(Columns { numbers: Vec::new(), words }).await?;
    let complete = shuffled.words.split_first();
    let (complete, places) = complete.expect("a shuffled table has the columns that it had");
    let complete = engine.open_to_all(complete, JOINED).await?;
    if complete.iter().any(|bit| bit.0 > 1) {
        return Err(Fault::InvalidOpening);
    }
    let rows: Vec<usize> =
        complete.iter().enumerate().filter(|(_, bit)| bit.0 == 1).map(|(row, _)| row).collect();
    let places: Vec<Bits<E>> = places.iter().map(|column| column.gather(&rows)).collect();
    let count = rows.len();
    let none = || vec![(0..count).collect(); parties];
    if count == 0 || parties == 0 {
        return Ok(Found { rows: count, places: none() });
    }
    let all = Bits::<E>::concat(&places.iter().collect::<Vec<_>>());
    let places = match engine.open(&all, Reveal::RANDOM).await? {
        Reconstructed::NotARecipient => none(),
        Reconstructed::Value(opened) => opened
            .chunks(count)
            .map(|places| places.iter().map(|place| usize::try_from(place.0).ok()).collect())
            .collect::<Option<Vec<Vec<usize>>>>()
            .ok_or(Fault::InvalidOpening)?,
    };
    Ok(Found { rows: count, places })
}

/// Merges all parties' item hashes into one ascending list.
async fn merge_hashes<E: Engine>(
    engine: &mut E,
    item_hashes: &[u128],
    sizes: &[usize],
) -> Result<List<E>, Fault> {
    let lists = lists_of_hashes(engine, item_hashes, sizes).await?;
    merge(engine, lists, key_width(sizes)).await
}

/// Makes each party's list of item hashes in ascending order, above the party's number.
async fn lists_of_hashes<E: Engine>(
    engine: &mut E,
    item_hashes: &[u128],
    sizes: &[usize],
) -> Result<Vec<List<E>>, Fault> {
    let width = hash_width(sizes);
    let order = ascending(item_hashes, width);
    let sorted: Zeroizing<Vec<u128>> = Zeroizing::new(gather(item_hashes, &order));
    let mine = if engine.brings_data() { bit_slices_of(&sorted, 0..width) } else { Vec::new() };
    let mine = Zeroizing::new(mine);
    let lengths: Vec<usize> = sizes.iter().map(|size| width * bit_slice_words(*size)).collect();
    let shared = engine.share(&mine, &lengths).await?;
    let party_width = width_of(sizes.len());
    let list = |(party, (bit_slices, items)): (usize, (&Bits<E>, &usize))| {
        let word = |bit: usize| PackedBits(0_u64.wrapping_sub((party as u64 >> bit) & 1));
        let number = |bit: usize| {
            let bit_slice = engine.public(vec![word(bit); bit_slice_words(*items)]);
            bit_slice.lanes(0..*items)
        };
        let mut all: Vec<Bits<E>> = (0..party_width).map(number).collect();
        // A dealer may have put anything behind its items, which are all that is checked.
        let dealt = bit_slices.split_into(width).into_iter();
        all.extend(dealt.map(|bit_slice| bit_slice.lanes(0..*items)));
        List { items: *items, bit_slices: all }
    };
    let lists: Vec<List<E>> = zip_exact(shared.iter(), sizes).enumerate().map(list).collect();
    check_ascending(engine, &lists, party_width..party_width + width).await?;
    Ok(lists)
}

/// Returns the number of windows of as many neighbours as there are parties, and the windows of one
/// item hash.
async fn complete_windows<E: Engine>(
    engine: &mut E,
    merged: &List<E>,
    sizes: &[usize],
) -> Result<(usize, Bits<E>), Fault> {
    let windows =
        if sizes.contains(&0) { 0 } else { (merged.items + 1).saturating_sub(sizes.len()) };
    if windows == 0 {
        return Ok((0, engine.public(Vec::new())));
    }
    let equal = equal_neighbours(engine, merged, sizes).await?;
    let mut complete = equal.lanes(0..windows);
    for next in 1..sizes.len().saturating_sub(1) {
        let next = equal.lanes(next..next + windows);
        let both = and_all(engine, &[(&complete, &next)]).await?;
        complete = both.into_iter().next().expect("one pair has one product");
    }
    Ok((windows, complete))
}

/// Returns for each item but the last whether the next one has the same item hash.
async fn equal_neighbours<E: Engine>(
    engine: &mut E,
    merged: &List<E>,
    sizes: &[usize],
) -> Result<Bits<E>, Fault> {
    let neighbours = merged.items.saturating_sub(1);
    if neighbours == 0 {
        return Ok(engine.public(Vec::new()));
    }
    let party_width = width_of(sizes.len());
    let item_hashes = merged.bit_slices.iter().skip(party_width).take(hash_width(sizes));
    let differing: Vec<Bits<E>> = item_hashes
        .map(|bit_slice| bit_slice.lanes(1..merged.items).plus(&bit_slice.lanes(0..neighbours)))
        .collect();
    let equal = all_zero(engine, &differing).await?;
    Ok(equal.lanes(0..neighbours))
}

/// Counts the first `lanes` bits that are set.
async fn sum<E: Engine>(
    engine: &mut E,
    bit_slice: &Bits<E>,
    lanes: usize,
) -> Result<E::Shared<u64>, Fault> {
    if lanes == 0 {
        return Ok(engine.public(vec![0]));
    }
    let bits: E::Shared<u64> = engine.bit_to_arithmetic(&[bit_slice], lanes).await?;
    Ok(bits.prefix_sums(lanes).gather(&[lanes - 1]))
}

/// Returns the places of item hashes in ascending order of so many bits.
fn ascending(item_hashes: &[u128], width: usize) -> Vec<usize> {
    let width = u32::try_from(width).unwrap_or(u128::BITS);
    let mask = u128::MAX.unbounded_shr(u128::BITS.saturating_sub(width));
    let mut places: Vec<usize> = (0..item_hashes.len()).collect();
    places.sort_by_key(|place| item_hashes.get(*place).map(|item_hash| item_hash & mask));
    places
}

/// Returns the number of bits of item hashes that are compared.
fn hash_width(sizes: &[usize]) -> usize {
    (40 + 2 * width_of(sizes.iter().sum())).min(128)
}

/// Returns the bits of a key: those of an item hash, and below them those of the party's number.
fn key_width(sizes: &[usize]) -> usize {
    width_of(sizes.len()) + hash_width(sizes)
}

/// Returns the bits of the numbers below `count`.
fn width_of(count: usize) -> usize {
    let width = usize::BITS - count.saturating_sub(1).leading_zeros();
    usize::try_from(width).unwrap_or(usize::MAX)
}
