//! What the machine can do at best, above the lines that are held against it.

use crate::measurement::{Limits, Link};
use crate::table::grid::{self, Column};
use crate::units;

/// One row for each link.
pub(super) fn limits(limits: &[Limits]) -> String {
    let column = |of: fn(&Limits) -> String| limits.iter().map(of).collect::<Vec<_>>();
    grid::text(&[
        Column::words("link", "", column(|limits| limits.link.name.clone())),
        Column::numbers("adds", "", column(|limits| adds(&limits.link))),
        Column::numbers("bandwidth", "", column(|limits| bandwidth(&limits.link))),
        Column::numbers(
            "round trip",
            "measured",
            column(|limits| units::seconds(limits.round_trip)),
        ),
        Column::numbers(
            "one way",
            "measured",
            column(|limits| units::bytes_per_second(limits.bytes_per_second)),
        ),
        Column::numbers(
            "AES-CTR",
            "measured",
            column(|limits| units::bytes_per_second(limits.aes_ctr_bytes_per_second)),
        ),
    ])
}

/// The delay that a link adds.
pub(crate) fn adds(link: &Link) -> String {
    if link.round_trip == 0.0 { "nothing".to_owned() } else { units::seconds(link.round_trip) }
}

/// The bandwidth that a link allows.
pub(crate) fn bandwidth(link: &Link) -> String {
    link.bandwidth.map_or_else(|| "unbounded".to_owned(), units::bytes_per_second)
}
