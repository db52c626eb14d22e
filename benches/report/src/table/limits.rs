//! The table of the best results that the machine can reach.

use crate::measurement::{Limits, Link};
use crate::table::grid::{self, Column};
use crate::units;

/// Writes one row for each link.
pub(super) fn limits(limits: &[Limits]) -> String {
    grid::text(&columns(limits))
}

/// Makes the columns of the measured limits.
pub(crate) fn columns(limits: &[Limits]) -> Vec<Column> {
    vec![
        Column::words("link", "", limits, |limits| limits.link.name.clone()),
        Column::numbers("adds", "", limits, |limits| adds(&limits.link)),
        Column::numbers("bandwidth", "", limits, |limits| bandwidth(&limits.link)),
        Column::numbers("round trip", "measured", limits, |limits| {
            units::seconds(limits.round_trip)
        }),
        Column::numbers("one way", "measured", limits, |limits| {
            units::bytes_per_second(limits.bytes_per_second)
        }),
        Column::numbers("AES-CTR", "measured", limits, |limits| {
            units::bytes_per_second(limits.aes_ctr_bytes_per_second)
        }),
    ]
}

/// Writes the delay that a link adds.
fn adds(link: &Link) -> String {
    if link.round_trip == 0.0 { "nothing".to_owned() } else { units::seconds(link.round_trip) }
}

/// Writes the bandwidth of a link.
fn bandwidth(link: &Link) -> String {
    link.bandwidth.map_or_else(|| "unbounded".to_owned(), units::bytes_per_second)
}
