//! A measurement as tables of text: for a terminal, and for a page in Markdown.

pub(crate) mod grid;
pub(crate) mod limits;
pub(crate) mod lines;
mod trace;

pub use lines::{lines, markdown};
pub use trace::trace;

use crate::measurement::Case;

/// A case in one line of words.
pub(crate) fn label(case: &Case) -> String {
    format!("{}, {}", label_but_way(case), case.way.word())
}

/// A case in one line of words, but how it was run.
pub(crate) fn label_but_way(case: &Case) -> String {
    let parts = [
        case.function.clone(),
        case.suite.clone(),
        case.profile.clone(),
        format!("{} parties", lines::parties(case)),
        lines::size(case),
        case.link.name.clone(),
    ];
    grid::one_line(&parts.join(", "))
}
