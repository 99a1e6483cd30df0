//! A chart of lines over one axis.

use super::element::{Element, el};
use super::plot::{Axis, Plot, coordinate, label, line, path, rect};

/// A line, by the number of its colour.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) color: usize,
    pub(crate) dashed: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A part of the x axis with a name.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) name: String,
}

/// A chart of lines.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    /// The label for screen readers.
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
    pub(crate) bands: Vec<Band>,
    /// A number of the y axis to compare with.
    pub(crate) level: Option<f64>,
    /// Numbers of the x axis to point out, with their texts.
    pub(crate) marks: Vec<(f64, String)>,
    /// Without points, and their numbers where they are pointed at.
    pub(crate) quiet: bool,
}

/// About the width of a letter, and the height of a line.
pub(super) const LETTER: f64 = 6.4;
const LINE: f64 = 14.0;

/// Points of a longer line are not drawn one by one.
const FEW: usize = 30;

impl Lines {
    /// A chart without bands and marks.
    pub(crate) fn new(title: impl Into<String>, x: Axis, y: Axis, series: Vec<Series>) -> Lines {
        let title = title.into();
        Lines { title, x, y, series, bands: vec![], level: None, marks: vec![], quiet: false }
    }

    pub(crate) fn draw(&self) -> Element {
        let longest = self.series.iter().map(|s| s.name.chars().count()).max().unwrap_or(0);
        let headed = !self.bands.is_empty() || !self.marks.is_empty();
        let plot = Plot {
            x: &self.x,
            y: &self.y,
            above: if headed { 16.0 } else { 0.0 },
            beside: (longest as f64 * LETTER + 14.0).clamp(14.0, 130.0),
        };
        let mut behind: Vec<_> = self.bands.iter().enumerate().flat_map(band(&plot)).collect();
        let level = self
            .level
            .map(|y| line((plot.left(), plot.py(y)), (plot.right(), plot.py(y))).class("level"));
        behind.extend(level);
        behind.extend(self.marks.iter().flat_map(|(x, text)| {
            let x = plot.px(*x);
            // The text stays on the chart.
            let anchor = match (x - plot.left()) / (plot.right() - plot.left()) {
                part if part < 0.2 => "start",
                part if part > 0.8 => "end",
                _ => "middle",
            };
            [
                line((x, plot.top()), (x, plot.bottom())).class("level"),
                label((x, plot.top() - 5.0), anchor, text).class("band-name"),
            ]
        }));
        let mut front: Vec<_> = self.series.iter().map(|series| self.line(&plot, series)).collect();
        front.extend(self.names(&plot));
        plot.draw(&self.title, behind, front)
    }

    fn line(&self, plot: &Plot<'_>, series: &Series) -> Element {
        let drawn = || series.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        let places = clipped(drawn().copied(), |y| self.y.scale.at(y));
        let places = places.into_iter().map(|(x, y)| (plot.px(x), plot.py(y)));
        let dashed = if series.dashed { "line dashed" } else { "line" };
        let few = series.points.len() <= FEW;
        // Each point shows its numbers where it is pointed at, also an invisible one.
        let shown = drawn().filter(|(_, y)| inside(self.y.scale.at(*y)));
        let shown = shown.filter(|_| !self.quiet || series.points.len() == 1);
        let points = shown.map(|&(x, y)| {
            let text = format!("{}: {}, {}", series.name, (self.x.format)(x), (self.y.format)(y));
            el("circle")
                .with("cx", coordinate(plot.px(x)))
                .with("cy", coordinate(plot.py(y)))
                .with("r", if few { 2.5 } else { 4.0 })
                .class(if few { "point" } else { "point unseen" })
                .child(el("title").text(text))
        });
        let group = el("g").class(format_args!("s{}", series.color % COLORS));
        group.child(path(places).class(dashed)).children(points)
    }

    /// The names at the ends of the lines.
    fn names(&self, plot: &Plot<'_>) -> Vec<Element> {
        let name = |(y, series): (f64, &Series)| {
            let text = label((plot.right() + 8.0, y), "start", &series.name);
            text.class(format_args!("s{} series-name", series.color % COLORS))
        };
        self.ends(plot).into_iter().map(name).collect()
    }

    /// Where they stand: at the last points, moved apart.
    fn ends(&self, plot: &Plot<'_>) -> Vec<(f64, &Series)> {
        let end = |series: &Series| series.points.iter().rev().find(|p| p.1.is_finite()).copied();
        let mut ends: Vec<_> = self
            .series
            .iter()
            .filter_map(|series| Some((plot.py(end(series)?.1) + 4.0, series)))
            .collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut lowest = f64::NEG_INFINITY;
        for (y, _) in &mut ends {
            *y = y.max(lowest + LINE);
            lowest = *y;
        }
        // A name that was pushed below the frame pushes back.
        let mut highest = plot.bottom() + 4.0 + LINE;
        for (y, _) in ends.iter_mut().rev() {
            *y = y.min(highest - LINE);
            highest = *y;
        }
        ends
    }
}

/// Whether a place of the y axis is on the chart.
fn inside(at: f64) -> bool {
    (-0.001..=1.001).contains(&at)
}

/// A line without the parts under the chart: it comes in and leaves through its lower edge.
fn clipped(points: impl Iterator<Item = (f64, f64)>, at: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let points: Vec<_> = points.collect();
    let crossing = |(x0, y0): (f64, f64), (x1, y1): (f64, f64)| {
        let part = at(y0) / (at(y0) - at(y1));
        (x0 + part * (x1 - x0), y0 + part * (y1 - y0))
    };
    let mut line = Vec::with_capacity(points.len());
    for (i, &point) in points.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| points[i]);
        if let Some(before) = before.filter(|b| inside(at(b.1)) != inside(at(point.1))) {
            line.push(crossing(before, point));
        }
        if inside(at(point.1)) {
            line.push(point);
        }
    }
    line
}

/// How many colours the style sheet has.
pub(super) const COLORS: usize = 8;

/// The shade of a band, every other one, and its name where there is room.
fn band<'a>(plot: &'a Plot<'_>) -> impl Fn((usize, &Band)) -> Vec<Element> + 'a {
    move |(i, band)| {
        let (from, to) = (plot.px(band.from), plot.px(band.to));
        let shade = (i % 2 == 1).then(|| {
            rect((from, plot.top()), (to - from, plot.bottom() - plot.top())).class("band")
        });
        let fits = band.name.chars().count() as f64 * LETTER <= to - from;
        let name = fits.then(|| {
            let at = ((from + to) / 2.0, plot.top() - 5.0);
            label(at, "middle", &band.name).class("band-name")
        });
        shade.into_iter().chain(name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::scale::Scale;
    use super::*;

    fn axis(scale: Scale) -> Axis {
        Axis::new(scale, "", crate::output::number::short)
    }

    #[test]
    fn line_enters_through_the_lower_edge() {
        let scale = Scale::Linear(90.0, 100.0);
        let points = [(1.0, 70.0), (2.0, 80.0), (3.0, 100.0), (4.0, 95.0), (5.0, 85.0)];
        let line = clipped(points.into_iter(), |y| scale.at(y));
        assert_eq!(line, [(2.5, 90.0), (3.0, 100.0), (4.0, 95.0), (4.5, 90.0)]);
    }

    #[test]
    fn names_of_lines_that_end_together_stand_apart() {
        let series = |i: usize| Series {
            name: format!("line {i}"),
            color: i,
            dashed: false,
            points: vec![(0.0, 1.0), (1.0, 0.01 * i as f64)],
        };
        let both = [axis(Scale::Linear(0.0, 1.0)), axis(Scale::Linear(0.0, 1.0))];
        let [x, y] = both;
        let plot = Plot { x: &x, y: &y, above: 0.0, beside: 60.0 };
        let lines = Lines::new("", x.clone(), y.clone(), (0..4).map(series).collect());
        let mut heights: Vec<f64> = lines.ends(&plot).into_iter().map(|(y, _)| y).collect();
        heights.sort_by(f64::total_cmp);
        assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= LINE - 1e-9), "{heights:?}");
        assert!(
            heights.iter().all(|y| (plot.top()..=plot.bottom() + 5.0).contains(y)),
            "{heights:?}"
        );
    }
}
