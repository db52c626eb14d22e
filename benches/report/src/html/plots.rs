//! Time over size, and time over round trip.

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

/// A plot for each link and number of parties with which something was measured in several sizes.
pub(super) fn over_size(lines: &[Line]) -> Option<Element> {
    let looks = Looks::of(lines);
    let groups =
        partition(lines, |one, other| one.link.name == other.link.name && same_parties(one, other));
    let figures = groups.iter().filter_map(|lines| size_figure(lines, &looks));
    plots("Time over size", HOW_SIZE, figures.collect())
}

/// A plot for each number of parties with which something was measured over several links.
pub(super) fn over_round_trip(measurement: &Measurement) -> Option<Element> {
    let looks = Looks::of(&measurement.lines);
    let groups = partition(&measurement.lines, same_parties);
    let figures =
        groups.iter().filter_map(|lines| round_trip_figure(lines, &looks, &measurement.limits));
    plots("Time over round trip", HOW_ROUND_TRIP, figures.collect())
}

fn plots(title: &str, how: &str, figures: Vec<Element>) -> Option<Element> {
    let plots = |figures| Element::of("div", "plots").children(figures);
    (!figures.is_empty()).then(|| section(title, how).child(plots(figures)))
}

fn size_figure(lines: &[&Line], looks: &Looks<'_>) -> Option<Element> {
    let functions = partition(lines.iter().copied(), same_function);
    let curves =
        functions.iter().map(|lines| Curves::new(lines, |line| Some(length(line.case.size))));
    let curves: Vec<_> = curves.filter(|curves| curves.places() > 1).collect();
    let series = curves.iter().filter_map(|curves| {
        let case = &curves.line()?.case;
        Some(curves.series(&looks.name(case), looks.number(case)))
    });
    let title = format!("size in {}", units_of(&curves).join(", "));
    let across = Axis { title: &title, written: units::tick_count };
    let link = &lines.first()?.case.link.name;
    figure(&format!("{link}, {}", parties_of(lines)?), across, series.flatten().collect())
}

fn round_trip_figure(lines: &[&Line], looks: &Looks<'_>, limits: &[Limits]) -> Option<Element> {
    let functions = partition(lines.iter().copied(), same_function);
    let curves: Vec<_> =
        functions.iter().filter_map(|lines| over_most_links(lines, limits)).collect();
    let cases: Vec<_> = curves.iter().filter_map(|curves| Some(&curves.line()?.case)).collect();
    // A size that all have stands once, above them.
    let common = cases.windows(2).all(|pair| matches!(pair, [one, next] if one.size == next.size));
    let series = curves.iter().zip(&cases).flat_map(|(curves, case)| {
        let name = looks.name(case);
        let name = if common { name } else { format!("{name}, {}", size(case)) };
        let mut series = curves.series(&name, looks.number(case));
        series.push(curves.theory(looks.number(case)));
        series
    });
    let sizes = cases.first().filter(|_| common).map(|case| units::exact(case.size));
    let sizes =
        sizes.map_or_else(String::new, |size| format!(", {size} {}", units_of(&curves).join(", ")));
    let caption = format!("{}{sizes}", parties_of(lines)?);
    let across = Axis { title: "round trip", written: units::tick_seconds };
    figure(&caption, across, series.collect())
}

/// A function in the size that was measured over most round trips; of those the largest. Nothing if
/// none was measured over two.
fn over_most_links<'lines>(lines: &[&'lines Line], limits: &[Limits]) -> Option<Curves<'lines>> {
    let sizes = partition(lines.iter().copied(), |one, other| one.size == other.size);
    let curves =
        sizes.iter().map(|lines| Curves::new(lines, |line| Some(round_trip(line, limits))));
    let several = curves.filter(|curves| curves.places() > 1);
    several.max_by_key(|curves| (curves.places(), curves.line().map(|line| line.case.size)))
}

/// The round trip of a line's link as it was measured, or else as it is named.
fn round_trip(line: &Line, limits: &[Limits]) -> f64 {
    let link = &line.case.link;
    let measured = limits.iter().find(|limits| limits.link.name == link.name);
    let measured = measured.map(|limits| limits.round_trip).filter(|time| drawable(*time));
    measured.unwrap_or(link.round_trip)
}

fn figure(caption: &str, across: Axis<'_>, series: Vec<Series>) -> Option<Element> {
    let description = format!("Time over {}: {caption}", across.title);
    let up = Axis { title: "median time", written: units::tick_seconds };
    let drawn = draw(&Plot { description: &description, across, up, series })?;
    let caption = Element::new("figcaption").child(Element::new("b").text(caption));
    Some(Element::new("figure").child(caption).child(drawn))
}

/// The functions of a measurement in order: each has one look in all plots.
struct Looks<'lines> {
    functions: Vec<&'lines Case>,
}

impl<'lines> Looks<'lines> {
    fn of(lines: &'lines [Line]) -> Self {
        let functions = partition(lines, same_function);
        let first = |lines: &Vec<&'lines Line>| Some(&lines.first()?.case);
        Self { functions: functions.iter().filter_map(first).collect() }
    }

    fn number(&self, case: &Case) -> usize {
        self.functions.iter().position(|other| same_function(other, case)).unwrap_or(0)
    }

    /// The function's name, with what tells it from others of the same name.
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

/// What identifies a function: all of a case but how much, where and between whom.
fn function(case: &Case) -> [&str; 4] {
    [&case.function, &case.suite, &case.unit, &case.profile]
}

fn same_parties(one: &Case, other: &Case) -> bool {
    one.parties == other.parties && one.helpers == other.helpers
}

fn parties_of(lines: &[&Line]) -> Option<String> {
    Some(format!("{} parties", parties(&lines.first()?.case)))
}

/// In what the sizes of the curves are, each once.
fn units_of<'lines>(curves: &[Curves<'lines>]) -> Vec<&'lines str> {
    let mut units = Vec::new();
    for line in curves.iter().filter_map(Curves::line) {
        if !units.contains(&line.case.unit.as_str()) {
            units.push(&line.case.unit);
        }
    }
    units
}
