//! Matching rows of several parties' tables by key, on shares.
//!
//! After Huang, Evans and Katz, *Private set intersection: are garbled circuits better than custom protocols?*
//! (NDSS 2012), their sort, compare and shuffle, for any number of parties, and with columns that come along.
//! Keys are tags: hashes of ids of which each party has each at most once.
//!
//! 1. Each party sorts its own tags, and shares them as planes. Lists are merged ([`super::merging`]) by tag and
//!    then by party.
//! 2. A tag that all n parties have stands in n places side by side: n − 1 equalities of neighbours, and their
//!    conjunction.
//!
//! Counts are sums of these bits ([`count_common`]), or of equalities of neighbours ([`count_distinct`]).
//! For [`join`], columns do not go through the network; the place of each row does:
//!
//! 3. Before merging, the table of each party that has columns is shuffled, together with the numbers of its
//!    rows. These numbers are shuffled once more with the places at which they stand, and opened: so it is known,
//!    in shared form, at which place of the shuffled table each row is.
//! 4. After it, all windows of n neighbours, each with its bit and the places of those of its items that have
//!    columns, are shuffled. The bits are opened, which says how many rows are in the join; and the places of
//!    those that are.
//!
//! No place of a party without columns is ever opened: its table is not shuffled, so that they would tell which of
//! its rows match.
//!
//! **What is opened:** to everybody how many rows there are; to those that compute, orders that nobody has
//! chosen: they are uniform whatever the data are, and of a shuffled table's places so are those in the join.
//!
//! **How many digits are compared:** of tags 40 + 2·⌈log₂ N⌉ for N rows of all parties, 128 at most. Of fewer
//! than N² / 2 pairs of different tags one is equal in them with a probability of 2^-41 at most; that one of N
//! tags is the largest there is, which merging may lose, is no more probable: 2^-40 together.
//!
//! **Who deviates:** as the suite below says. A party that has a tag twice breaks the protocol: its rows may
//! match each other, which falsifies results. A place is then read as one in another party's table; what that
//! table does not have, or has only once, is refused.
//!
//! **Rounds** for n parties: two shuffles and an opening for each with columns; n − 1 merges, each of log₂ N
//! levels for the N items that it makes; ⌈log₂ t⌉ + n − 2 for the equalities of t digits; a shuffle, and two
//! openings. **Bytes:** in each merge those of N / 2·log₂ N comparisons of t + ⌈log₂ n⌉ + 1 digits, and of as
//! many conjunctions for each plane: one for each of these digits but one, and for each digit of a place.

use zeroize::Zeroizing;

use crate::algebra::elementwise::zip_exact;
use crate::algebra::packed_bits::{Lanes, plane_words, planes_of};
use crate::circuits::comparison::all_zero;
use crate::circuits::merging::{List, merge};
use crate::circuits::sorting::inverse;
use crate::circuits::{Bits, and_all};
use crate::engine::shared::{Shared, SharedBits};
use crate::engine::tables::{Joined, Shape, Table};
use crate::engine::{Audience, Columns, Engine};
use crate::kernel::fault::Fault;

/// How many tags all parties have, as one element; `tags` are ours, `sizes` all parties' numbers of them.
pub(crate) async fn count_common<E: Engine>(
    engine: &mut E,
    tags: &[u128],
    sizes: &[usize],
) -> Result<E::Shared<u64>, Fault> {
    let merged = merge_tags(engine, tags, sizes).await?;
    let (windows, complete) = complete_windows(engine, &merged, sizes).await?;
    sum(engine, &complete, windows).await
}

/// How many tags there are, as one element.
pub(crate) async fn count_distinct<E: Engine>(
    engine: &mut E,
    tags: &[u128],
    sizes: &[usize],
) -> Result<E::Shared<u64>, Fault> {
    let merged = merge_tags(engine, tags, sizes).await?;
    let neighbours = merged.items.saturating_sub(1);
    let equal = equal_neighbours(engine, &merged, sizes).await?;
    let repeated = sum(engine, &equal, neighbours).await?;
    Ok(engine.public(vec![merged.items as u64]).minus(&repeated))
}

/// The join of all parties' tables; `table` is ours, `shapes` are all parties'.
pub(crate) async fn join<E: Engine>(
    engine: &mut E,
    table: &Table,
    shapes: &[Shape],
) -> Result<Joined<E>, Fault> {
    let sizes: Vec<usize> = shapes.iter().map(|shape| shape.rows).collect();
    let order = ascending(&table.tags, tag_digits(&sizes));
    let in_order = |column: &Vec<Lanes>| -> Vec<Lanes> {
        order.iter().filter_map(|place| column.get(*place).copied()).collect()
    };
    let columns: Zeroizing<Vec<Lanes>> =
        Zeroizing::new(table.words.iter().flat_map(in_order).collect());
    let lengths: Vec<usize> = shapes.iter().map(|shape| shape.rows * shape.columns).collect();
    let widest = shapes.iter().map(|shape| shape.rows * (shape.columns + 1)).max().unwrap_or(0);
    engine.prepare(8 * widest).await?;
    let shared = engine.share(&columns, &lengths).await?;
    let most = sizes.iter().copied().max().unwrap_or(0);
    let place_digits = digits_of(most).max(1);
    let mut tables = Vec::with_capacity(shapes.len());
    let mut places = Vec::with_capacity(shapes.len());
    for (all, shape) in zip_exact(shared.iter(), shapes) {
        let column = |index: usize| all.slice(index * shape.rows..(index + 1) * shape.rows);
        let columns: Vec<Bits<E>> = (0..shape.columns).map(column).collect();
        let (table, place) = shuffled(engine, &columns, shape.rows).await?;
        tables.push(table);
        places.push(place.planes(0..place_digits));
    }
    // Of a party without columns no place is asked for: its list is as wide as the others', and that is all.
    let with_columns: Vec<usize> = (0..shapes.len())
        .filter(|party| shapes.get(*party).is_some_and(|s| s.columns > 0))
        .collect();
    let mut lists = lists_of_tags(engine, &table.tags, &sizes).await?;
    for (list, places) in zip_exact(lists.iter_mut(), places) {
        list.planes.extend(places);
    }
    let key = key_digits(&sizes);
    let merged = merge(engine, lists, key).await?;
    let (windows, complete) = complete_windows(engine, &merged, &sizes).await?;
    let places = merged.planes.get(key..).expect("places stand behind the key");
    let places = places_of_windows::<E>(places, windows, &with_columns);
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

/// A table in an order that nobody knows, and of each of its former rows the place where it is now.
async fn shuffled<E: Engine>(
    engine: &mut E,
    columns: &[Bits<E>],
    rows: usize,
) -> Result<(Vec<Bits<E>>, Bits<E>), Fault> {
    let numbers = |engine: &E| engine.public((0..rows as u64).map(Lanes).collect());
    if columns.is_empty() || rows < 2 {
        // Of no columns the places are not opened, and of one row there is only one.
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
    let opened = engine.open(origins, Audience::Computing).await?;
    let order = match opened {
        Some(origins) => inverse(bytemuck::cast_slice(&origins)).ok_or(Fault::InvalidOpening)?,
        // Whoever holds no shares has no rows to move.
        None => (0..rows).collect(),
    };
    Ok((table, places.gather(&order)))
}

/// Whether these are different rows of a table of so many.
fn are_distinct_below(places: &[usize], rows: usize) -> bool {
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len() == places.len() && sorted.last().is_none_or(|last| *last < rows)
}

/// Which rows are in the join: how many, and their places in the shuffled table of each party that has columns.
struct Found {
    rows: usize,
    places: Vec<Vec<usize>>,
}

/// Of each of n neighbours the words of their places, window by window.
fn places_of_windows<E: Engine>(
    planes: &[Bits<E>],
    windows: usize,
    parties: &[usize],
) -> Vec<Bits<E>> {
    let of = |party: &usize| {
        let party = *party;
        let planes: Vec<Bits<E>> =
            planes.iter().map(|plane| plane.lanes(party..party + windows)).collect();
        SharedBits::words(&planes, windows)
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
    engine.prepare(8 * windows * (parties + 1)).await?;
    let shuffled = engine.shuffle(Columns { numbers: Vec::new(), words }).await?;
    let complete = shuffled.words.split_first();
    let (complete, places) = complete.expect("a shuffled table has the columns that it had");
    let complete = engine.open_to_all(complete).await?;
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
    let opened = engine.open(&all, Audience::Computing).await?;
    let places = match &opened {
        None => none(),
        Some(opened) => opened
            .chunks(count)
            .map(|places| places.iter().map(|place| usize::try_from(place.0).ok()).collect())
            .collect::<Option<Vec<Vec<usize>>>>()
            .ok_or(Fault::InvalidOpening)?,
    };
    Ok(Found { rows: count, places })
}

/// All parties' tags as one ascending list.
async fn merge_tags<E: Engine>(
    engine: &mut E,
    tags: &[u128],
    sizes: &[usize],
) -> Result<List<E>, Fault> {
    let lists = lists_of_tags(engine, tags, sizes).await?;
    merge(engine, lists, key_digits(sizes)).await
}

/// Each party's tags in ascending order, above its number.
async fn lists_of_tags<E: Engine>(
    engine: &mut E,
    tags: &[u128],
    sizes: &[usize],
) -> Result<Vec<List<E>>, Fault> {
    let digits = tag_digits(sizes);
    let order = ascending(tags, digits);
    let sorted: Zeroizing<Vec<u128>> =
        Zeroizing::new(order.iter().filter_map(|place| tags.get(*place).copied()).collect());
    let mine = if engine.brings_data() { planes_of(&sorted, 0..digits) } else { Vec::new() };
    let mine = Zeroizing::new(mine);
    let lengths: Vec<usize> = sizes.iter().map(|size| digits * plane_words(*size)).collect();
    engine.prepare(8 * lengths.iter().copied().max().unwrap_or(0)).await?;
    let shared = engine.share(&mine, &lengths).await?;
    let party_digits = digits_of(sizes.len());
    let list = |(party, (planes, items)): (usize, (&Bits<E>, &usize))| {
        let word = |digit: usize| Lanes(0_u64.wrapping_sub((party as u64 >> digit) & 1));
        let number = |digit: usize| {
            let plane = engine.public(vec![word(digit); plane_words(*items)]);
            plane.lanes(0..*items)
        };
        let mut all: Vec<Bits<E>> = (0..party_digits).map(number).collect();
        match items {
            0 => all.extend(vec![planes.clone(); digits]),
            _ => all.extend(planes.split(plane_words(*items))),
        }
        List { items: *items, planes: all }
    };
    Ok(zip_exact(shared.iter(), sizes).enumerate().map(list).collect())
}

/// The windows of as many neighbours as there are parties: how many, and which are of one tag.
async fn complete_windows<E: Engine>(
    engine: &mut E,
    merged: &List<E>,
    sizes: &[usize],
) -> Result<(usize, Bits<E>), Fault> {
    let windows = match sizes.contains(&0) {
        true => 0,
        false => (merged.items + 1).saturating_sub(sizes.len()),
    };
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

/// Of each item but the last whether the next one has the same tag.
async fn equal_neighbours<E: Engine>(
    engine: &mut E,
    merged: &List<E>,
    sizes: &[usize],
) -> Result<Bits<E>, Fault> {
    let neighbours = merged.items.saturating_sub(1);
    if neighbours == 0 {
        return Ok(engine.public(Vec::new()));
    }
    let party_digits = digits_of(sizes.len());
    let tags = merged.planes.iter().skip(party_digits).take(tag_digits(sizes));
    let differing: Vec<Bits<E>> =
        tags.map(|plane| plane.lanes(1..merged.items).plus(&plane.lanes(0..neighbours))).collect();
    engine.prepare(8 * plane_words(neighbours) * differing.len()).await?;
    let equal = all_zero(engine, &differing).await?;
    Ok(equal.lanes(0..neighbours))
}

/// How many of the first `lanes` bits are set.
async fn sum<E: Engine>(
    engine: &mut E,
    plane: &Bits<E>,
    lanes: usize,
) -> Result<E::Shared<u64>, Fault> {
    if lanes == 0 {
        return Ok(engine.public(vec![0]));
    }
    engine.prepare(8 * lanes).await?;
    let bits: E::Shared<u64> = engine.inject(&[plane], lanes).await?;
    Ok(bits.prefix_sums(lanes).gather(&[lanes - 1]))
}

/// The places of tags in ascending order of so many digits.
fn ascending(tags: &[u128], digits: usize) -> Vec<usize> {
    let digits = u32::try_from(digits).unwrap_or(u128::BITS);
    let mask = u128::MAX.unbounded_shr(u128::BITS.saturating_sub(digits));
    let mut places: Vec<usize> = (0..tags.len()).collect();
    places.sort_by_key(|place| tags.get(*place).map(|tag| tag & mask));
    places
}

/// How many digits of tags are compared.
fn tag_digits(sizes: &[usize]) -> usize {
    (40 + 2 * digits_of(sizes.iter().sum())).min(128)
}

/// Those, and the digits of the party's number below them.
fn key_digits(sizes: &[usize]) -> usize {
    digits_of(sizes.len()) + tag_digits(sizes)
}

/// Digits of the numbers below `count`.
fn digits_of(count: usize) -> usize {
    let digits = usize::BITS - count.saturating_sub(1).leading_zeros();
    usize::try_from(digits).unwrap_or(usize::MAX)
}
