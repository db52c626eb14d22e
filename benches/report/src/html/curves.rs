//! The series of a plot, made of lines.

use crate::measurement::{Line, Way};
use crate::svg::plot::{Point, Series, Stroke};
use crate::svg::scale::drawable;
use crate::table::{columns::throughput, label};
use crate::units;

/// One computation at several places of an axis, run in one way or several.
pub(super) struct Curves<'lines> {
    /// From left to right.
    points: Vec<(f64, &'lines Line)>,
}

impl<'lines> Curves<'lines> {
    /// Collects the lines that have a place on the horizontal axis.
    pub(super) fn new(lines: &[&'lines Line], across: impl Fn(&Line) -> Option<f64>) -> Self {
        let mut points = Vec::new();
        for line in lines {
            match across(line) {
                Some(place) if drawable(place) && drawable(line.seconds.median) => {
                    points.push((place, *line));
                }
                _ => {}
            }
        }
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        Self { points }
    }

    /// Counts the different places of points.
    pub(super) fn places(&self) -> usize {
        self.points.chunk_by(|one, next| one.0 == next.0).count()
    }

    /// Returns one of the lines.
    pub(super) fn line(&self) -> Option<&'lines Line> {
        self.points.first().map(|(_, line)| *line)
    }

    /// Makes a series of measured points and one of simulated points. The name stands at the series
    /// that reaches furthest.
    pub(super) fn series(&self, name: &str, look: usize) -> Vec<Series> {
        let furthest = self.points.last().map(|(place, _)| *place);
        let mut name = Some(name.to_owned());
        let mut series = Vec::new();
        for stroke in [Stroke::Measured, Stroke::Simulated] {
            let mut points = self.points.clone();
            points.retain(|(_, line)| stroke_of(line.case.way) == stroke);
            let Some((end, _)) = points.last() else { continue };
            let name = if Some(*end) == furthest { name.take() } else { None };
            let points = points.iter().map(|(place, line)| point(*place, line)).collect();
            series.push(Series { name, look, stroke, points });
        }
        series
    }

    /// Makes the series of the link's own times.
    pub(super) fn theory(&self, look: usize) -> Series {
        let mut points = Vec::new();
        for (place, line) in &self.points {
            if let Some(theory) = line.theory {
                points.push(Point { across: *place, up: theory, told: String::new() });
            }
        }
        Series { name: None, look, stroke: Stroke::Theory, points }
    }
}

fn point(place: f64, line: &Line) -> Point {
    let told = format!(
        "{}\nmedian {}, p95 {} of {} runs\n{}",
        label(&line.case),
        units::seconds(line.seconds.median),
        units::seconds(line.seconds.p95),
        line.seconds.runs,
        throughput(line),
    );
    Point { across: place, up: line.seconds.median, told }
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

    fn at(size: usize, way: Way) -> Line {
        let mut line = testing::line("mean", way, testing::wan());
        line.case.size = size;
        line
    }

    #[test]
    fn the_name_stands_at_the_series_that_goes_furthest() {
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
