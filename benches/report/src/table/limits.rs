//! What the machine can do at best, above the lines that are held against it.

use crate::measurement::{Limits, Link};
use crate::table::grid::{self, Column};
use crate::units;

/// One row for each link.
pub(super) fn limits(limits: &[Limits]) -> String {
    grid::text(&columns(limits))
}

/// What was measured of each link.
pub(crate) fn columns(limits: &[Limits]) -> Vec<Column> {
    let column = |of: fn(&Limits) -> String| limits.iter().map(of).collect::<Vec<_>>();
    let rate = |of: fn(&Limits) -> f64| {
        limits.iter().map(|limits| units::bytes_per_second(of(limits))).collect()
    };
    vec![
        Column::words("link", "", column(|limits| limits.link.name.clone())),
        Column::numbers("adds", "", column(|limits| adds(&limits.link))),
        Column::numbers("bandwidth", "", column(|limits| bandwidth(&limits.link))),
        Column::numbers(
            "round trip",
            "measured",
            column(|limits| units::seconds(limits.round_trip)),
        ),
        Column::numbers("one way", "measured", rate(|limits| limits.bytes_per_second)),
        Column::numbers("AES-CTR", "measured", rate(|limits| limits.aes_ctr_bytes_per_second)),
    ]
}

/// The delay that a link adds.
fn adds(link: &Link) -> String {
    if link.round_trip == 0.0 { "nothing".to_owned() } else { units::seconds(link.round_trip) }
}

/// The bandwidth that a link allows.
fn bandwidth(link: &Link) -> String {
    link.bandwidth.map_or_else(|| "unbounded".to_owned(), units::bytes_per_second)
}
