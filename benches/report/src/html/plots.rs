//! The plots of time over size, and of time over round trip.

use crate::cases::partition;
use crate::html::curves::Curves;
use crate::html::section;
use crate::markup::Element;
use crate::measurement::{Case, Limits, Line, Measurement};
use crate::numbers::length;
use crate::svg::plot::{Axis, Plot, Series, draw};
use crate::svg::scale::drawable;
use crate::table::columns::{parties, size};
use crate::units;

const HOW_SIZE: &str = "Median times over the size of one party’s data, both axes logarithmic. Filled \
    marks were measured between nodes, hollow ones on dashes in virtual time.";

const HOW_ROUND_TRIP: &str = "Median times over the link’s round trip as it was measured, both axes \
    logarithmic. Thin dotted lines are what the link alone takes: half a round trip for each message \
    of the longest chain, and the bytes at its bandwidth. Filled marks were measured between nodes, \
    hollow ones on dashes in virtual time.";

/// Makes a plot for each link and number of parties with measurements of several sizes.
pub(super) fn over_size(lines: &[Line]) -> Option<Element> {
    let looks = Looks::of(lines);
    let figures =
        partition(lines, |one, other| one.link.name == other.link.name && same_parties(one, other))
            .iter()
            .filter_map(|lines| size_figure(lines, &looks))
            .collect();
    plots("Time over size", HOW_SIZE, figures)
}

/// Makes a plot for each number of parties with measurements over several links.
pub(super) fn over_round_trip(measurement: &Measurement) -> Option<Element> {
    let looks = Looks::of(&measurement.lines);
    let figures = partition(&measurement.lines, same_parties)
        .iter()
        .filter_map(|lines| round_trip_figure(lines, &looks, &measurement.limits))
        .collect();
    plots("Time over round trip", HOW_ROUND_TRIP, figures)
}

fn plots(title: &str, how: &str, figures: Vec<Element>) -> Option<Element> {
    if figures.is_empty() {
        return None;
    }
    Some(section(title, how).child(Element::of("div", "plots").children(figures)))
}

fn size_figure(lines: &[&Line], looks: &Looks<'_>) -> Option<Element> {
    let mut curves: Vec<_> = partition(lines.iter().copied(), same_function)
        .iter()
        .map(|lines| Curves::new(lines, |line| Some(length(line.case.size))))
        .collect();
    curves.retain(|curves| curves.places() > 1);
    let mut series = Vec::new();
    for curves in &curves {
        let case = &curves.line()?.case;
        series.extend(curves.series(&looks.name(case), looks.number(case)));
    }
    let title = format!("size in {}", units_of(&curves).join(", "));
    let across = Axis { title: &title, written: units::tick_count };
    let link = &lines.first()?.case.link.name;
    figure(&format!("{link}, {}", parties_of(lines)?), across, series)
}

fn round_trip_figure(lines: &[&Line], looks: &Looks<'_>, limits: &[Limits]) -> Option<Element> {
    let curves: Vec<_> = partition(lines.iter().copied(), same_function)
        .iter()
        .filter_map(|lines| over_most_links(lines, limits))
        .collect();
    let common = common_size(&curves);
    let mut series = Vec::new();
    for curves in &curves {
        let case = &curves.line()?.case;
        let mut name = looks.name(case);
        if common.is_none() {
            name = format!("{name}, {}", size(case));
        }
        series.extend(curves.series(&name, looks.number(case)));
        series.push(curves.theory(looks.number(case)));
    }
    let mut caption = parties_of(lines)?;
    if let Some(size) = common {
        caption = format!("{caption}, {} {}", units::exact(size), units_of(&curves).join(", "));
    }
    let across = Axis { title: "round trip", written: units::tick_seconds };
    figure(&caption, across, series)
}

/// Returns the size of all curves, if it is the same. The caption then names it once.
fn common_size(curves: &[Curves<'_>]) -> Option<usize> {
    let size = curves.first()?.line()?.case.size;
    curves
        .iter()
        .all(|curves| curves.line().is_some_and(|line| line.case.size == size))
        .then_some(size)
}

/// Chooses the size of a function that was measured over the most round trips, the largest of
/// these. Returns `None` if no size was measured over two.
fn over_most_links<'lines>(lines: &[&'lines Line], limits: &[Limits]) -> Option<Curves<'lines>> {
    partition(lines.iter().copied(), |one, other| one.size == other.size)
        .iter()
        .map(|lines| Curves::new(lines, |line| Some(round_trip(line, limits))))
        .filter(|curves| curves.places() > 1)
        .max_by_key(|curves| (curves.places(), curves.line().map(|line| line.case.size)))
}

/// Returns the measured round trip of a line's link, or else the configured one.
fn round_trip(line: &Line, limits: &[Limits]) -> f64 {
    let link = &line.case.link;
    match limits.iter().find(|limits| limits.link.name == link.name) {
        Some(limits) if drawable(limits.round_trip) => limits.round_trip,
        _ => link.round_trip,
    }
}

fn figure(caption: &str, across: Axis<'_>, series: Vec<Series>) -> Option<Element> {
    let description = format!("Time over {}: {caption}", across.title);
    let up = Axis { title: "median time", written: units::tick_seconds };
    let drawn = draw(&Plot { description: &description, across, up, series })?;
    let caption = Element::new("figcaption").child(Element::new("b").text(caption));
    Some(Element::new("figure").child(caption).child(drawn))
}

/// The functions of a measurement in order, each with the same look in all plots.
struct Looks<'lines> {
    functions: Vec<&'lines Case>,
}

impl<'lines> Looks<'lines> {
    fn of(lines: &'lines [Line]) -> Self {
        let functions = partition(lines, same_function)
            .iter()
            .filter_map(|lines| Some(&lines.first()?.case))
            .collect();
        Self { functions }
    }

    fn number(&self, case: &Case) -> usize {
        self.functions.iter().position(|other| same_function(other, case)).unwrap_or(0)
    }

    /// Writes the function's name, with suite and profile if another function has the same name.
    fn name(&self, case: &Case) -> String {
        let namesakes =
            self.functions.iter().filter(|other| other.function == case.function).count();
        if namesakes == 1 {
            return case.function.clone();
        }
        format!("{}, {}, {}", case.function, case.suite, case.profile)
    }
}

fn same_function(one: &Case, other: &Case) -> bool {
    function(one) == function(other)
}

/// Returns the identity of a function: a case without its size, link, way and parties.
fn function(case: &Case) -> [&str; 4] {
    [&case.function, &case.suite, &case.unit, &case.profile]
}

fn same_parties(one: &Case, other: &Case) -> bool {
    one.parties == other.parties && one.helpers == other.helpers
}

fn parties_of(lines: &[&Line]) -> Option<String> {
    Some(format!("{} parties", parties(&lines.first()?.case)))
}

/// Lists the units of the curves' sizes, each once.
fn units_of<'lines>(curves: &[Curves<'lines>]) -> Vec<&'lines str> {
    let mut units = Vec::new();
    for line in curves.iter().filter_map(Curves::line) {
        if !units.contains(&line.case.unit.as_str()) {
            units.push(&line.case.unit);
        }
    }
    units
}
