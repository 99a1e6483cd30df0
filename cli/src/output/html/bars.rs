//! A histogram.

use super::element::{Element, el};
use super::lines::COLORS;
use super::plot::{Axis, Plot, rect};
use super::scale::{Scale, extent};

/// Counts of numbers between limits.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    /// The label for screen readers.
    pub(crate) title: String,
    /// The quantity, and its unit.
    pub(crate) of: &'static str,
    /// What is counted.
    pub(crate) label: &'static str,
    pub(crate) format: fn(f64) -> String,
    pub(crate) values: Vec<f64>,
    /// Numbers without a fraction.
    pub(crate) whole: bool,
    pub(crate) color: usize,
}

/// Bars of a histogram, about.
const BARS: usize = 24;

impl Histogram {
    pub(crate) fn draw(&self) -> Element {
        let (scale, width) = self.limits();
        let Scale::Linear(from, to) = scale else { return el("svg") };
        let count = ((to - from) / width).round().max(1.0) as usize;
        let mut counts = vec![0usize; count];
        for x in self.values.iter().filter(|x| x.is_finite()) {
            let bar = ((x - from) / width).floor().max(0.0) as usize;
            counts[bar.min(count - 1)] += 1;
        }
        let x = Axis::new(scale, self.of, self.format);
        let whole = |x: f64| {
            if x.fract() == 0.0 { crate::output::number::grouped(x as u64) } else { String::new() }
        };
        let y = Axis::new(Scale::from_zero(counts.iter().map(|&n| n as f64)), self.label, whole);
        let plot = Plot { x: &x, y: &y, above: 0.0, beside: 14.0 };
        let bars = counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(i, &n)| {
            let start = from + i as f64 * width;
            let (left, right) = (plot.px(start), plot.px(start + width));
            let top = plot.py(n as f64);
            // A hair between two bars.
            let gap = if right - left > 4.0 { 1.0 } else { 0.0 };
            let bar = rect((left, top), (right - left - gap, plot.bottom() - top)).class("fill");
            let text = match self.whole && width == 1.0 {
                true => format!("{}: {n}", (self.format)(start.ceil())),
                false => {
                    format!("{} to {}: {n}", (self.format)(start), (self.format)(start + width))
                }
            };
            bar.child(el("title").text(text))
        });
        let bars = el("g").class(format_args!("s{}", self.color % COLORS)).children(bars);
        plot.draw(&self.title, Vec::new(), vec![bars])
    }

    /// The axis and the width of a bar: numbers without a fraction lie in the middle of theirs.
    fn limits(&self) -> (Scale, f64) {
        let finite = || self.values.iter().copied();
        match (self.whole, extent(finite())) {
            (true, Some((low, high))) => {
                let width = ((high - low + 1.0) / BARS as f64).ceil();
                let count = ((high - low + 1.0) / width).ceil();
                (Scale::Linear(low - 0.5, low - 0.5 + count * width), width)
            }
            _ => {
                let scale = Scale::from_zero(finite());
                let Scale::Linear(from, to) = scale else { return (scale, 1.0) };
                (scale, (to - from) / BARS as f64)
            }
        }
    }
}
