//! A frame with two axes, which every chart draws into.

use super::element::{Element, el};
use super::scale::Scale;

/// Size of a chart in its own units, which are CSS pixels where it has its natural width. Charts shrink
/// to 320 pixels on a phone: letters of 12 are then 10 high.
pub(super) const WIDTH: f64 = 380.0;
pub(super) const HEIGHT: f64 = 250.0;
const LEFT: f64 = 50.0;
const BOTTOM: f64 = 44.0;

/// A horizontal or a vertical axis.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    /// The quantity, and its unit.
    pub(crate) label: &'static str,
    /// The format of its numbers.
    pub(crate) format: fn(f64) -> String,
    /// About how many numbers it shows.
    pub(crate) ticks: usize,
}

impl Axis {
    pub(crate) fn new(scale: Scale, label: &'static str, format: fn(f64) -> String) -> Axis {
        Axis { scale, label, format, ticks: 5 }
    }
}

/// The frame of a chart.
pub(super) struct Plot<'a> {
    pub(super) x: &'a Axis,
    pub(super) y: &'a Axis,
    /// The space above, beside the name of the y axis.
    pub(super) above: f64,
    /// The space at the right, for labels.
    pub(super) beside: f64,
}

impl Plot<'_> {
    pub(super) fn left(&self) -> f64 {
        LEFT
    }

    pub(super) fn right(&self) -> f64 {
        WIDTH - self.beside
    }

    pub(super) fn top(&self) -> f64 {
        26.0 + self.above
    }

    pub(super) fn bottom(&self) -> f64 {
        HEIGHT - BOTTOM
    }

    /// Where a number of the x axis lies.
    pub(super) fn px(&self, x: f64) -> f64 {
        self.left() + near(self.x.scale.at(x)) * (self.right() - self.left())
    }

    /// Where a number of the y axis lies.
    pub(super) fn py(&self, y: f64) -> f64 {
        self.bottom() - near(self.y.scale.at(y)) * (self.bottom() - self.top())
    }

    /// The picture with its axes; `title` is for screen readers. `behind` lies under the grid,
    /// `front` over it.
    pub(super) fn draw(&self, title: &str, behind: Vec<Element>, front: Vec<Element>) -> Element {
        let svg = el("svg").class("chart").with("viewBox", format_args!("0 0 {WIDTH} {HEIGHT}"));
        let svg = svg.with("role", "img").with("aria-label", title);
        svg.children(behind).child(self.grid()).child(self.numbers()).children(front)
    }

    fn grid(&self) -> Element {
        let ticks = self.y.scale.ticks(self.y.ticks);
        let lines = ticks.into_iter().map(|y| {
            let y = self.py(y);
            line((self.left(), y), (self.right(), y))
        });
        let axis = line((self.left(), self.bottom()), (self.right(), self.bottom())).class("axis");
        el("g").class("grid").children(lines).child(axis)
    }

    fn numbers(&self) -> Element {
        let mut numbers = Vec::new();
        for x in self.x.scale.ticks(self.x.ticks) {
            let at = (self.px(x), self.bottom() + 17.0);
            numbers.push(label(at, "middle", (self.x.format)(x)));
        }
        for y in self.y.scale.ticks(self.y.ticks) {
            let at = (self.left() - 7.0, self.py(y) + 4.0);
            numbers.push(label(at, "end", (self.y.format)(y)));
        }
        let middle = (self.left() + self.right()) / 2.0;
        numbers.push(label((middle, HEIGHT - 8.0), "middle", self.x.label).class("name"));
        numbers.push(label((2.0, 11.0), "start", self.y.label).class("name"));
        el("g").class("numbers").children(numbers)
    }
}

/// A place on an axis, or just outside of it; NaN lies before its start.
fn near(at: f64) -> f64 {
    if at.is_nan() { -0.02 } else { at.clamp(-0.02, 1.02) }
}

/// A coordinate, to a tenth of a pixel.
pub(super) fn coordinate(x: f64) -> String {
    let text = format!("{x:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A piece of text, `anchor` at its start, middle or end.
pub(super) fn label((x, y): (f64, f64), anchor: &str, text: impl core::fmt::Display) -> Element {
    el("text")
        .with("x", coordinate(x))
        .with("y", coordinate(y))
        .with("text-anchor", anchor)
        .text(text)
}

/// A straight line.
pub(super) fn line(from: (f64, f64), to: (f64, f64)) -> Element {
    el("line")
        .with("x1", coordinate(from.0))
        .with("y1", coordinate(from.1))
        .with("x2", coordinate(to.0))
        .with("y2", coordinate(to.1))
}

/// A rectangle from its upper left corner.
pub(super) fn rect((x, y): (f64, f64), (width, height): (f64, f64)) -> Element {
    el("rect")
        .with("x", coordinate(x))
        .with("y", coordinate(y))
        .with("width", coordinate(width.max(0.0)))
        .with("height", coordinate(height.max(0.0)))
}

/// A line through points.
pub(super) fn path(points: impl IntoIterator<Item = (f64, f64)>) -> Element {
    let mut d = String::new();
    for (x, y) in points {
        d.push(if d.is_empty() { 'M' } else { 'L' });
        d.push_str(&format!("{} {}", coordinate(x), coordinate(y)));
    }
    el("path").with("d", d)
}
