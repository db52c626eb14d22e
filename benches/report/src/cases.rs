//! Equality of cases, and groups of lines.

use crate::measurement::{Case, Line, Link};

/// The relative difference up to which numbers of links are equal, because they may have been
/// computed in another order.
const TOLERANCE: f64 = 1e-9;

/// Returns `true` if two cases of different measurements are equal.
pub(crate) fn same(one: &Case, other: &Case) -> bool {
    one.way == other.way && same_but_way(one, other) && same_link(&one.link, &other.link)
}

/// Returns `true` if two cases of one measurement are equal, except for the way in which they were
/// run. Links are compared by their names.
pub(crate) fn same_but_way(one: &Case, other: &Case) -> bool {
    but_way(one) == but_way(other)
}

/// Returns the identity of a case, without its way and its link's numbers.
fn but_way(case: &Case) -> impl PartialEq {
    let Case { function, suite, parties, helpers, size, unit, profile, way: _, link } = case;
    (function, suite, parties, helpers, size, unit, profile, &link.name)
}

/// Groups the lines by case, over all ways, in the order of their first lines.
pub(crate) fn groups(lines: &[Line]) -> Vec<Vec<&Line>> {
    partition(lines, same_but_way)
}

/// Groups the lines that are alike, in the order of their first lines.
pub(crate) fn partition<'lines>(
    lines: impl IntoIterator<Item = &'lines Line>,
    alike: impl Fn(&Case, &Case) -> bool,
) -> Vec<Vec<&'lines Line>> {
    let mut groups: Vec<Vec<&Line>> = Vec::new();
    for line in lines {
        let found = groups
            .iter_mut()
            .find(|group| group.first().is_some_and(|first| alike(&first.case, &line.case)));
        match found {
            Some(group) => group.push(line),
            None => groups.push(vec![line]),
        }
    }
    groups
}

fn same_link(one: &Link, other: &Link) -> bool {
    let bandwidth = match (one.bandwidth, other.bandwidth) {
        (Some(one), Some(other)) => near(one, other),
        (None, None) => true,
        _ => false,
    };
    one.name == other.name && bandwidth && near(one.round_trip, other.round_trip)
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= TOLERANCE * one.abs().max(other.abs())
}
