//! Permutation networks: switches that can put rows into any order.
//!
//! Waksman, *A permutation network* (JACM 1968), for any number of rows as in Beauquier and Darrot,
//! *On arbitrary size Waksman networks and their vulnerability* (Parallel Processing Letters 2002).
//! There is a switch for each two neighbours, a network for the upper outputs and one for the
//! lower, and a switch for each two neighbours again. If the number is even, the last switch is
//! left out. About n·log₂ n − n switches.
//!
//! The wires that a switch joins follow from the number of rows alone.

/// Returns the places that each switch joins, in order. A switch that is on exchanges the rows at
/// the two.
pub(super) fn switches(rows: usize) -> Vec<[usize; 2]> {
    let mut switches = Vec::new();
    add_switches(&(0..rows).collect::<Vec<_>>(), &mut switches);
    switches
}

/// Returns the settings of the switches, in order, so that row `origins[i]` gets to place i.
/// Returns none if the origins are no permutation.
pub(super) fn settings(origins: &[usize]) -> Option<Vec<bool>> {
    let mut settings = Vec::new();
    add_settings(origins, &mut settings)?;
    Some(settings)
}

/// Returns the places of the upper and of the lower network: of each two neighbours one each. A
/// last one alone belongs to the lower.
fn halves(places: &[usize]) -> [Vec<usize>; 2] {
    let upper = places.chunks_exact(2).filter_map(|pair| pair.first()).copied().collect();
    let lower = places.chunks(2).filter_map(|pair| pair.last()).copied().collect();
    [upper, lower]
}

/// Returns the number of switches behind the inner networks: if all rows have neighbours the last
/// is not needed.
fn behind(rows: usize) -> usize {
    if rows.is_multiple_of(2) { rows / 2 - 1 } else { rows / 2 }
}

fn add_switches(places: &[usize], switches: &mut Vec<[usize; 2]>) {
    let pairs = |count: usize| {
        let pairs = places.chunks_exact(2).take(count);
        pairs.filter_map(|pair| <[usize; 2]>::try_from(pair).ok())
    };
    match places.len() {
        0 | 1 => {}
        2 => switches.extend(pairs(1)),
        rows => {
            switches.extend(pairs(rows / 2));
            let [upper, lower] = halves(places);
            add_switches(&upper, switches);
            add_switches(&lower, switches);
            switches.extend(pairs(behind(rows)));
        }
    }
}

fn add_settings(origins: &[usize], settings: &mut Vec<bool>) -> Option<()> {
    let rows = origins.len();
    match origins {
        [] | [_] => return Some(()),
        [0, 1] | [1, 0] => {
            settings.push(origins.first() == Some(&1));
            return Some(());
        }
        _ => {}
    }
    let lower_of = through_lower(origins)?;
    // A pair's first row goes through the upper network unless its switch is on.
    for pair in 0..rows / 2 {
        settings.push(*lower_of.get(2 * pair)?);
    }
    let mut inner = [Vec::with_capacity(rows / 2), Vec::with_capacity(rows.div_ceil(2))];
    let mut last = Vec::with_capacity(behind(rows));
    for (pair, origins) in origins.chunks(2).enumerate() {
        for origin in origins {
            let lower = *lower_of.get(*origin)?;
            inner.get_mut(usize::from(lower))?.push(origin / 2);
        }
        if pair < behind(rows) {
            last.push(*lower_of.get(*origins.first()?)?);
        }
    }
    for inner in inner {
        add_settings(&inner, settings)?;
    }
    settings.extend(last);
    Some(())
}

/// Returns, for each row, whether it goes through the lower network. Of two neighbours at either
/// end one does. A last row alone does, and so does the row that goes to the last place.
fn through_lower(origins: &[usize]) -> Option<Vec<bool>> {
    let rows = origins.len();
    let mut places = vec![None; rows];
    for (place, origin) in origins.iter().enumerate() {
        if places.get_mut(*origin)?.replace(place).is_some() {
            return None;
        }
    }
    let neighbour = |index: usize| Some(index ^ 1).filter(|index| *index < rows);
    let at_exit = |row: usize| origins.get(neighbour((*places.get(row)?)?)?).copied();
    let mut lower: Vec<Option<bool>> = vec![None; rows];
    let mut settle = |row: usize, through: bool| -> Option<()> {
        let mut forced = vec![(row, through)];
        while let Some((row, through)) = forced.pop() {
            let place = lower.get_mut(row)?;
            if place.is_none() {
                *place = Some(through);
                let neighbours = [neighbour(row), at_exit(row)];
                forced.extend(neighbours.into_iter().flatten().map(|row| (row, !through)));
            }
        }
        Some(())
    };
    settle(*origins.last()?, true)?;
    for row in 0..rows {
        settle(row, false)?;
    }
    lower.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::prss::Prss;
    use crate::kernel::random::Prg;
    use crate::testing::{rng, seed};
    use rand_core::Rng;
    use zeroize::Zeroizing;

    fn check(origins: &[usize]) {
        let switches = switches(origins.len());
        let settings = settings(origins).unwrap();
        assert_eq!(switches.len(), settings.len());
        let mut rows: Vec<usize> = (0..origins.len()).collect();
        for ([a, b], on) in switches.into_iter().zip(settings) {
            if on {
                rows.swap(a, b);
            }
        }
        assert_eq!(rows, origins);
    }

    fn check_all(prefix: &mut Vec<usize>, rows: usize) {
        if prefix.len() == rows {
            return check(prefix);
        }
        for row in (0..rows).filter(|row| !prefix.contains(row)).collect::<Vec<_>>() {
            prefix.push(row);
            check_all(prefix, rows);
            prefix.pop();
        }
    }

    #[test]
    fn every_order_of_few_rows_is_reached() {
        (0..=7).for_each(|rows| check_all(&mut Vec::new(), rows));
    }

    #[test]
    fn random_orders_of_many_rows_are_reached() {
        let mut rng = rng(seed());
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(key.as_mut_slice());
        let mut prss = Prss::of(Prg::new(&key));
        for rows in [8, 9, 63, 64, 65, 1_000, 1_023, 1_025] {
            check(&prss.permutation(rows));
        }
    }

    #[test]
    fn what_is_no_order_is_refused() {
        for origins in [&[0, 0][..], &[1, 1, 0], &[0, 3, 1]] {
            assert_eq!(settings(origins), None, "{origins:?}");
        }
    }
}
