//! Which cases are the same.

use crate::measurement::{Case, Line, Link};

/// Links of the same name are the same if their numbers differ by less than this share: they may have
/// been computed in another order.
const SAME: f64 = 1e-9;

/// Whether two cases of different measurements are the same.
pub(crate) fn same(one: &Case, other: &Case) -> bool {
    one.way == other.way && same_but_way(one, other) && same_link(&one.link, &other.link)
}

/// Whether two cases of one measurement are the same, if one was real and the other simulated: a link's
/// name is enough there.
pub(crate) fn same_but_way(one: &Case, other: &Case) -> bool {
    but_way(one) == but_way(other)
}

/// What identifies a case, but for its way and its link's numbers.
fn but_way(case: &Case) -> impl PartialEq {
    let Case { function, suite, parties, helpers, size, unit, profile, way: _, link } = case;
    (function, suite, parties, helpers, size, unit, profile, &link.name)
}

/// The lines in groups of the same case, run in different ways, in the order of their first lines.
pub(crate) fn groups(lines: &[Line]) -> Vec<Vec<&Line>> {
    partition(lines, same_but_way)
}

/// The lines in groups that are alike, in the order of their first lines.
pub(crate) fn partition<'lines>(
    lines: impl IntoIterator<Item = &'lines Line>,
    alike: impl Fn(&Case, &Case) -> bool,
) -> Vec<Vec<&'lines Line>> {
    let mut groups: Vec<Vec<&Line>> = Vec::new();
    for line in lines {
        let mine = |group: &&mut Vec<&Line>| {
            group.first().is_some_and(|first| alike(&first.case, &line.case))
        };
        match groups.iter_mut().find(mine) {
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
    (one - other).abs() <= SAME * one.abs().max(other.abs())
}
