//! Lines over two logarithmic axes, each with its name at its end.

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

/// So many colours the style sheet has, and so many marks [`mark`]. They have no common divisor, so that
/// forty series look different.
const COLOURS: usize = 8;
const MARKS: usize = 5;

/// What is drawn.
pub(crate) struct Plot<'plot> {
    /// For readers that do not see it.
    pub(crate) description: &'plot str,
    pub(crate) across: Axis<'plot>,
    pub(crate) up: Axis<'plot>,
    pub(crate) series: Vec<Series>,
}

/// What lies along an axis.
pub(crate) struct Axis<'plot> {
    pub(crate) title: &'plot str,
    /// How a tick is written.
    pub(crate) written: fn(f64) -> String,
}

/// Points of one kind, from left to right.
pub(crate) struct Series {
    /// What stands at its end; nothing for what accompanies another series.
    pub(crate) name: Option<String>,
    /// Which colour and which mark.
    pub(crate) look: usize,
    pub(crate) stroke: Stroke,
    pub(crate) points: Vec<Point>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    /// What was measured: a line and filled marks.
    Measured,
    /// What was computed in virtual time: dashes and hollow marks.
    Simulated,
    /// What it should be: a thin line without marks.
    Theory,
}

/// A point and what is told of it.
pub(crate) struct Point {
    pub(crate) across: f64,
    pub(crate) up: f64,
    pub(crate) told: String,
}

/// Draws it; nothing if no point has a place.
pub(crate) fn draw(plot: &Plot<'_>) -> Option<Element> {
    let points =
        || plot.series.iter().flat_map(|series| &series.points).filter(|point| point.has_place());
    let names = plot.series.iter().filter_map(|series| series.name.as_deref());
    let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
    let right = WIDTH - LEADER - LETTER * length(longest);
    let frame = Frame {
        across: Scale::logarithmic(points().map(|point| point.across), (LEFT, right))?,
        up: Scale::logarithmic(points().map(|point| point.up), (HEIGHT - BOTTOM, TOP))?,
        right,
    };
    let layers = [Stroke::Theory, Stroke::Simulated, Stroke::Measured];
    let layer = |stroke| plot.series.iter().filter(move |series| series.stroke == stroke);
    let series = layers.into_iter().flat_map(layer).map(|series| frame.series(series));
    let drawn = picture(WIDTH, HEIGHT, plot.description)
        .child(frame.ticks_across(&plot.across))
        .child(frame.ticks_up(&plot.up))
        .children(series)
        .children(frame.names(&plot.series));
    Some(drawn)
}

/// Where the axes lie.
struct Frame {
    across: Scale,
    up: Scale,
    right: f64,
}

impl Frame {
    fn ticks_across(&self, axis: &Axis<'_>) -> Element {
        let floor = HEIGHT - BOTTOM;
        let ticks = self.across.ticks().into_iter().flat_map(|tick| {
            let x = self.across.position(tick);
            [
                line("grid", (x, TOP), (x, floor)),
                text("tick middle", (x, floor + 17.0), &(axis.written)(tick)),
            ]
        });
        let middle = f64::midpoint(LEFT, self.right);
        Element::new("g")
            .children(ticks)
            .child(line("axis", (LEFT, floor), (self.right, floor)))
            .child(text("name middle", (middle, HEIGHT - 8.0), axis.title))
    }

    fn ticks_up(&self, axis: &Axis<'_>) -> Element {
        let ticks = self.up.ticks().into_iter().flat_map(|tick| {
            let y = self.up.position(tick);
            [
                line("grid", (LEFT, y), (self.right, y)),
                text("tick end", (LEFT - 8.0, y + 4.0), &(axis.written)(tick)),
            ]
        });
        Element::new("g").children(ticks).child(text("name", (2.0, 11.0), axis.title))
    }

    fn series(&self, series: &Series) -> Element {
        let points: Vec<_> = series.points.iter().filter(|point| point.has_place()).collect();
        let places: Vec<_> = points.iter().map(|point| self.place(point)).collect();
        let path = Element::of("path", "line").with("d", path(&places));
        let group = Element::of("g", &series.class()).child(path);
        if series.stroke == Stroke::Theory {
            return group;
        }
        let marks = points
            .iter()
            .zip(&places)
            .map(|(point, place)| series.mark(*place).child(tooltip(point.told.as_str())));
        group.children(marks)
    }

    /// The names at the lines' ends, with a thread to each where it had to move.
    fn names(&self, series: &[Series]) -> Vec<Element> {
        let named: Vec<_> = series.iter().filter_map(|series| self.end(series)).collect();
        let wanted: Vec<_> = named.iter().map(|(_, _, end)| end.1).collect();
        let places = spread(&wanted, NAME_HEIGHT, (TOP, HEIGHT - BOTTOM));
        let names = named.into_iter().zip(places).map(|((series, name, end), y)| {
            Element::of("g", &series.class())
                .child(line("thread", (end.0 + 6.0, end.1), (self.right + 8.0, y)))
                .child(text("label", (self.right + 11.0, y + 4.0), name))
        });
        names.collect()
    }

    /// Where a series with a name ends.
    fn end<'series>(
        &self,
        series: &'series Series,
    ) -> Option<(&'series Series, &'series str, (f64, f64))> {
        let last = series.points.iter().rfind(|point| point.has_place())?;
        Some((series, series.name.as_deref()?, self.place(last)))
    }

    fn place(&self, point: &Point) -> (f64, f64) {
        (self.across.position(point.across), self.up.position(point.up))
    }
}

impl Series {
    /// A hollow mark is larger than a filled one, and seen around it where both are in one place.
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

/// A mark around a point. Colours alone do not tell series apart for everyone.
fn mark(look: usize, size: f64, (x, y): (f64, f64)) -> Element {
    let shape = |offsets: &[(f64, f64)]| {
        let corner = |(dx, dy): &(f64, f64)| (x + dx * size, y + dy * size);
        let corners: Vec<_> = offsets.iter().map(corner).collect();
        Element::of("path", "mark").with("d", format!("{}Z", path(&corners)))
    };
    match look % MARKS {
        0 => Element::of("circle", "mark").at([("cx", x), ("cy", y), ("r", 4.0 * size)]),
        1 => shape(&[(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)]),
        2 => shape(&[(0.0, -4.8), (4.5, 3.4), (-4.5, 3.4)]),
        3 => shape(&[(0.0, -5.2), (5.2, 0.0), (0.0, 5.2), (-5.2, 0.0)]),
        _ => shape(&[(0.0, 4.8), (4.5, -3.4), (-4.5, -3.4)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: &[(f64, f64)]) -> Plot<'static> {
        let point =
            |(across, up): &(f64, f64)| Point { across: *across, up: *up, told: "here".into() };
        Plot {
            description: "a plot",
            across: Axis { title: "size", written: |size| size.to_string() },
            up: Axis { title: "time", written: |time| time.to_string() },
            series: vec![Series {
                name: Some("sum".into()),
                look: 1,
                stroke: Stroke::Measured,
                points: points.iter().map(point).collect(),
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
