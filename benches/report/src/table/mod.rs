//! Tables of text, for a terminal and in Markdown.

pub(crate) mod columns;
pub(crate) mod grid;
pub(crate) mod limits;
mod lines;
pub(crate) mod stages;
mod trace;

pub use lines::{lines, markdown};
pub use trace::trace;

use crate::measurement::{Case, Machine};

/// Writes a case in one line.
pub(crate) fn label(case: &Case) -> String {
    format!("{}, {}", label_but_way(case), case.way.word())
}

/// Writes a case in one line, without its way.
pub(crate) fn label_but_way(case: &Case) -> String {
    let parts = [
        case.function.clone(),
        case.suite.clone(),
        case.profile.clone(),
        format!("{} parties", columns::parties(case)),
        columns::size(case),
        case.link.name.clone(),
    ];
    grid::one_line(&parts.join(", "))
}

/// Writes the machine in one line.
pub(crate) fn place(machine: &Machine) -> String {
    let Machine { processor, processors, system } = machine;
    let processors = match processors {
        1 => "1 processor".to_owned(),
        more => format!("{more} processors"),
    };
    format!("{processor}, {processors}, {system}")
}
