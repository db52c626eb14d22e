//! Plots of series over two logarithmic axes, each with its name at its end.

use crate::markup::{Element, coordinate};
use crate::numbers::length;
use crate::svg::labels::spread;
use crate::svg::scale::{Scale, drawable};
use crate::svg::{line, picture, text, tooltip};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 390.0;
const TOP: f64 = 26.0;
const LEFT: f64 = 62.0;
const BOTTOM: f64 = 46.0;

/// The space between the axes' end and the names.
const LEADER: f64 = 16.0;

/// The height of a name, and the width of its letters.
const NAME_HEIGHT: f64 = 15.0;
const LETTER: f64 = 6.7;

/// The numbers of colours in the style sheet and of marks in [`mark`]. They have no common divisor,
/// so forty series look different.
const COLOURS: usize = 8;
const MARKS: usize = 5;

/// The contents of a plot.
pub(crate) struct Plot<'plot> {
    /// The description for readers who cannot see the plot.
    pub(crate) description: &'plot str,
    pub(crate) across: Axis<'plot>,
    pub(crate) up: Axis<'plot>,
    pub(crate) series: Vec<Series>,
}

/// The title and the ticks of an axis.
pub(crate) struct Axis<'plot> {
    pub(crate) title: &'plot str,
    /// The function that writes a tick.
    pub(crate) written: fn(f64) -> String,
}

/// Points of one kind, from left to right.
pub(crate) struct Series {
    /// The name at its end, or `None` for a series that accompanies another.
    pub(crate) name: Option<String>,
    /// The number of its colour and mark.
    pub(crate) look: usize,
    pub(crate) stroke: Stroke,
    pub(crate) points: Vec<Point>,
}

/// The style of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    /// Measured between nodes: a line and filled marks.
    Measured,
    /// Simulated in virtual time: dashes and hollow marks.
    Simulated,
    /// Expected in theory: a thin line without marks.
    Theory,
}

/// A point with its tooltip.
pub(crate) struct Point {
    pub(crate) across: f64,
    pub(crate) up: f64,
    pub(crate) told: String,
}

/// Draws a plot, or returns `None` if no point has a place.
pub(crate) fn draw(plot: &Plot<'_>) -> Option<Element> {
    let mut points = Vec::new();
    let mut longest = 0;
    for series in &plot.series {
        points.extend(series.points.iter().filter(|point| point.has_place()));
        longest = longest.max(series.name.as_deref().map_or(0, |name| name.chars().count()));
    }
    let right = WIDTH - LEADER - LETTER * length(longest);
    let frame = Frame {
        across: Scale::logarithmic(points.iter().map(|point| point.across), LEFT, right)?,
        up: Scale::logarithmic(points.iter().map(|point| point.up), HEIGHT - BOTTOM, TOP)?,
        right,
    };
    let mut picture = picture(WIDTH, HEIGHT, plot.description)
        .child(frame.ticks_across(&plot.across))
        .child(frame.ticks_up(&plot.up));
    for stroke in [Stroke::Theory, Stroke::Simulated, Stroke::Measured] {
        for series in plot.series.iter().filter(|series| series.stroke == stroke) {
            picture = picture.child(frame.series(series));
        }
    }
    Some(picture.children(frame.names(&plot.series)))
}

/// The scales of both axes.
struct Frame {
    across: Scale,
    up: Scale,
    right: f64,
}

impl Frame {
    fn ticks_across(&self, axis: &Axis<'_>) -> Element {
        let floor = HEIGHT - BOTTOM;
        let middle = f64::midpoint(LEFT, self.right);
        let mut drawn = Element::new("g");
        for tick in self.across.ticks() {
            let x = self.across.position(tick);
            drawn = drawn.child(line("grid", (x, TOP), (x, floor))).child(text(
                "tick middle",
                (x, floor + 17.0),
                &(axis.written)(tick),
            ));
        }
        drawn.child(line("axis", (LEFT, floor), (self.right, floor))).child(text(
            "name middle",
            (middle, HEIGHT - 8.0),
            axis.title,
        ))
    }

    fn ticks_up(&self, axis: &Axis<'_>) -> Element {
        let mut drawn = Element::new("g");
        for tick in self.up.ticks() {
            let y = self.up.position(tick);
            drawn = drawn.child(line("grid", (LEFT, y), (self.right, y))).child(text(
                "tick end",
                (LEFT - 8.0, y + 4.0),
                &(axis.written)(tick),
            ));
        }
        drawn.child(text("name", (2.0, 11.0), axis.title))
    }

    fn series(&self, series: &Series) -> Element {
        let points: Vec<_> = series.points.iter().filter(|point| point.has_place()).collect();
        let places: Vec<_> = points.iter().map(|point| self.place(point)).collect();
        let path = Element::of("path", "line").with("d", path(&places));
        let mut group = Element::of("g", &series.class()).child(path);
        if series.stroke == Stroke::Theory {
            return group;
        }
        for (point, place) in points.iter().zip(&places) {
            group = group.child(series.mark(*place).child(tooltip(point.told.as_str())));
        }
        group
    }

    /// Draws the names at the lines' ends, each with a thread to its line.
    fn names(&self, series: &[Series]) -> Vec<Element> {
        let named: Vec<_> = series.iter().filter_map(|series| self.label(series)).collect();
        let wanted: Vec<_> = named.iter().map(|label| label.end.1).collect();
        let places = spread(&wanted, NAME_HEIGHT, TOP, HEIGHT - BOTTOM);
        let mut names = Vec::new();
        for (label, y) in named.iter().zip(places) {
            let from = (label.end.0 + 6.0, label.end.1);
            let name = Element::of("g", &label.series.class())
                .child(line("thread", from, (self.right + 8.0, y)))
                .child(text("label", (self.right + 11.0, y + 4.0), label.name));
            names.push(name);
        }
        names
    }

    /// Finds the end of a series with a name.
    fn label<'series>(&self, series: &'series Series) -> Option<Label<'series>> {
        let last = series.points.iter().rfind(|point| point.has_place())?;
        Some(Label { series, name: series.name.as_deref()?, end: self.place(last) })
    }

    fn place(&self, point: &Point) -> (f64, f64) {
        (self.across.position(point.across), self.up.position(point.up))
    }
}

/// The name of a series, and the end of its line.
struct Label<'series> {
    series: &'series Series,
    name: &'series str,
    end: (f64, f64),
}

impl Series {
    /// Draws a mark. A hollow mark is larger than a filled one, so both are visible at one place.
    fn mark(&self, place: (f64, f64)) -> Element {
        mark(self.look, if self.stroke == Stroke::Simulated { 1.4 } else { 1.0 }, place)
    }

    fn class(&self) -> String {
        let stroke = match self.stroke {
            Stroke::Measured => "measured",
            Stroke::Simulated => "simulated",
            Stroke::Theory => "theory",
        };
        format!("series c{} {stroke}", self.look % COLOURS)
    }
}

impl Point {
    fn has_place(&self) -> bool {
        drawable(self.across) && drawable(self.up)
    }
}

fn path(places: &[(f64, f64)]) -> String {
    let points: Vec<_> =
        places.iter().map(|(x, y)| format!("{},{}", coordinate(*x), coordinate(*y))).collect();
    format!("M{}", points.join("L"))
}

/// Draws a mark around a point. Marks tell series apart for readers who cannot see their colours.
fn mark(look: usize, size: f64, at: (f64, f64)) -> Element {
    let corners: &[(f64, f64)] = match look % MARKS {
        0 => {
            let circle = [("cx", at.0), ("cy", at.1), ("r", 4.0 * size)];
            return Element::of("circle", "mark").at(circle);
        }
        1 => &[(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)],
        2 => &[(0.0, -4.8), (4.5, 3.4), (-4.5, 3.4)],
        3 => &[(0.0, -5.2), (5.2, 0.0), (0.0, 5.2), (-5.2, 0.0)],
        _ => &[(0.0, 4.8), (4.5, -3.4), (-4.5, -3.4)],
    };
    let corners: Vec<_> =
        corners.iter().map(|(dx, dy)| (at.0 + dx * size, at.1 + dy * size)).collect();
    Element::of("path", "mark").with("d", format!("{}Z", path(&corners)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: &[(f64, f64)]) -> Plot<'static> {
        let points = points
            .iter()
            .map(|(across, up)| Point { across: *across, up: *up, told: "here".into() })
            .collect();
        Plot {
            description: "a plot",
            across: Axis { title: "size", written: |size| size.to_string() },
            up: Axis { title: "time", written: |time| time.to_string() },
            series: vec![Series {
                name: Some("sum".into()),
                look: 1,
                stroke: Stroke::Measured,
                points,
            }],
        }
    }

    #[test]
    fn every_point_has_a_mark_and_every_series_a_name() {
        let drawn = draw(&plot(&[(10.0, 1.0), (100.0, 2.0), (1000.0, 9.0)])).unwrap().to_string();
        assert_eq!(drawn.matches("class=\"mark\"").count(), 3);
        assert_eq!(drawn.matches(">sum</text>").count(), 1);
        assert_eq!(drawn.matches("<title>here</title>").count(), 3);
    }

    #[test]
    fn what_has_no_logarithm_is_not_drawn() {
        let drawn = draw(&plot(&[(10.0, 0.0), (f64::NAN, 2.0), (10.0, 2.0)])).unwrap().to_string();
        assert_eq!(drawn.matches("class=\"mark\"").count(), 1);
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
        assert!(draw(&plot(&[(0.0, 1.0)])).is_none());
    }

    #[test]
    fn theory_has_no_marks() {
        let mut plot = plot(&[(10.0, 1.0), (100.0, 2.0)]);
        plot.series[0].stroke = Stroke::Theory;
        assert!(!draw(&plot).unwrap().to_string().contains("mark"));
    }
}
