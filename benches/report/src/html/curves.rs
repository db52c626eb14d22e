//! From lines to the series of a plot.

use crate::measurement::{Line, Way};
use crate::svg::plot::{Point, Series, Stroke};
use crate::svg::scale::drawable;
use crate::table::{columns::throughput, label};
use crate::units;

/// One computation in several places of an axis, run in one way or several.
pub(super) struct Curves<'lines> {
    /// From left to right.
    points: Vec<(f64, &'lines Line)>,
}

impl<'lines> Curves<'lines> {
    /// The lines that have a place on the axis across.
    pub(super) fn new(lines: &[&'lines Line], across: impl Fn(&Line) -> Option<f64>) -> Self {
        let places = lines.iter().filter_map(|line| Some((across(line)?, *line)));
        let drawn =
            places.filter(|(place, line)| drawable(*place) && drawable(line.seconds.median));
        let mut points: Vec<_> = drawn.collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        Self { points }
    }

    /// In how many different places there is a point.
    pub(super) fn places(&self) -> usize {
        self.points.chunk_by(|one, next| one.0 == next.0).count()
    }

    /// One of the lines.
    pub(super) fn line(&self) -> Option<&'lines Line> {
        self.points.first().map(|(_, line)| *line)
    }

    /// A series of what was measured between nodes, and one of what was simulated; the name stands at
    /// the one that goes furthest.
    pub(super) fn series(&self, name: &str, look: usize) -> Vec<Series> {
        let furthest = self.points.last().map(|(place, _)| *place);
        let mut name = Some(name.to_owned());
        let series = [Stroke::Measured, Stroke::Simulated].into_iter().filter_map(|stroke| {
            let points =
                || self.points.iter().filter(|(_, line)| stroke_of(line.case.way) == stroke);
            let (end, _) = points().next_back()?;
            let name = if Some(*end) == furthest { name.take() } else { None };
            Some(Series { name, look, stroke, points: points().map(point).collect() })
        });
        series.collect()
    }

    /// What the link alone takes.
    pub(super) fn theory(&self, look: usize) -> Series {
        let points = self.points.iter().filter_map(|(place, line)| {
            Some(Point { across: *place, up: line.theory?, told: String::new() })
        });
        Series { name: None, look, stroke: Stroke::Theory, points: points.collect() }
    }
}

fn point((place, line): &(f64, &Line)) -> Point {
    let told = format!(
        "{}\nmedian {}, p95 {} of {} runs\n{}",
        label(&line.case),
        units::seconds(line.seconds.median),
        units::seconds(line.seconds.p95),
        line.seconds.runs,
        throughput(line),
    );
    Point { across: *place, up: line.seconds.median, told }
}

fn stroke_of(way: Way) -> Stroke {
    match way {
        Way::Real | Way::Shaped | Way::Consortium => Stroke::Measured,
        Way::Simulated => Stroke::Simulated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_name_stands_at_the_series_that_goes_furthest() {
        let at = |size, way| {
            let mut line = testing::line("mean", way, testing::wan());
            line.case.size = size;
            line
        };
        let lines =
            [at(10, Way::Simulated), at(1, Way::Real), at(5, Way::Real), at(1, Way::Simulated)];
        let lines: Vec<_> = lines.iter().collect();
        let curves = Curves::new(&lines, |line| u32::try_from(line.case.size).ok().map(f64::from));
        assert_eq!(curves.places(), 3);
        let series = curves.series("mean", 0);
        let names: Vec<_> = series.iter().map(|series| series.name.as_deref()).collect();
        assert_eq!(names, [None, Some("mean")]);
        let simulated: Vec<_> = series[1].points.iter().map(|point| point.across).collect();
        assert_eq!(simulated, [1.0, 10.0]);
    }
}
