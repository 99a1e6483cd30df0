//! Points in a plane, their spread, and the front of those that no other point beats.

use super::element::{Element, el};
use super::lines::COLORS;
use super::marker::marker;
use super::plot::{Axis, Plot, line, path};

/// A point.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// One deviation to both sides.
    pub(crate) spread: Option<(f64, f64)>,
    /// The number of its marker.
    pub(crate) index: usize,
    /// Drawn small and pale.
    pub(crate) faint: bool,
    /// The text where it is pointed at.
    pub(crate) title: String,
}

/// A chart of points.
#[derive(Clone, Debug)]
pub(crate) struct Scatter {
    /// The label for screen readers.
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) marks: Vec<Mark>,
    /// A line through some places.
    pub(crate) front: Vec<(f64, f64)>,
}

impl Scatter {
    pub(crate) fn draw(&self) -> Element {
        let plot = Plot { x: &self.x, y: &self.y, above: 0.0, beside: 14.0 };
        let place = |x: f64, y: f64| (plot.px(x), plot.py(y));
        let front = path(self.front.iter().map(|&(x, y)| place(x, y))).class("front");
        let mut drawn = vec![front];
        // Those that matter lie over the pale ones.
        let order = [true, false].map(|faint| self.marks.iter().filter(move |m| m.faint == faint));
        for mark in order.into_iter().flatten() {
            let shape =
                marker(mark.index, place(mark.x, mark.y), if mark.faint { 3.0 } else { 5.0 });
            let whiskers = mark.spread.into_iter().flat_map(|(dx, dy)| {
                [
                    line(place(mark.x - dx, mark.y), place(mark.x + dx, mark.y)),
                    line(place(mark.x, mark.y - dy), place(mark.x, mark.y + dy)),
                ]
            });
            let class = format!("mark s{}", mark.index % COLORS);
            drawn.push(
                el("g")
                    .class(if mark.faint { class + " faint" } else { class })
                    .child(el("title").text(&mark.title))
                    .children(whiskers)
                    .child(shape),
            );
        }
        plot.draw(&self.title, Vec::new(), drawn)
    }
}
