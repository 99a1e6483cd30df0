//! Markers: a shape as well as a colour, so that they differ in print and for colour-blind readers.

use super::element::{Element, el};
use super::lines::COLORS;
use super::plot::coordinate;

/// The corners of each shape around (0, 0), for a radius of 1; without corners it is a circle.
const SHAPES: [&[(f64, f64)]; 7] = [
    &[],
    &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
    &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
    &[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)],
    &CROSS,
    &STAR,
];

const CROSS: [(f64, f64); 12] = [
    (-0.4, -1.2),
    (0.4, -1.2),
    (0.4, -0.4),
    (1.2, -0.4),
    (1.2, 0.4),
    (0.4, 0.4),
    (0.4, 1.2),
    (-0.4, 1.2),
    (-0.4, 0.4),
    (-1.2, 0.4),
    (-1.2, -0.4),
    (-0.4, -0.4),
];

const STAR: [(f64, f64); 8] = [
    (0.0, -1.4),
    (0.35, -0.35),
    (1.4, 0.0),
    (0.35, 0.35),
    (0.0, 1.4),
    (-0.35, 0.35),
    (-1.4, 0.0),
    (-0.35, -0.35),
];

/// The marker of a number: 56 pairs of a colour and a shape before one comes again.
pub(crate) fn marker(index: usize, (x, y): (f64, f64), radius: f64) -> Element {
    let shape = SHAPES[index % SHAPES.len()];
    let element = match shape {
        [] => el("circle")
            .with("cx", coordinate(x))
            .with("cy", coordinate(y))
            .with("r", coordinate(radius)),
        corners => {
            let mut d = String::new();
            for (i, (dx, dy)) in corners.iter().enumerate() {
                d.push(if i == 0 { 'M' } else { 'L' });
                let (x, y) = (coordinate(x + radius * dx), coordinate(y + radius * dy));
                d.push_str(&format!("{x} {y}"));
            }
            el("path").with("d", d + "Z")
        }
    };
    element.class(format_args!("marker s{}", index % COLORS))
}

/// A marker and its name, for a legend.
pub(crate) fn key(index: usize, name: &str) -> Element {
    let picture = el("svg").class("key").with("viewBox", "0 0 16 16").with("aria-hidden", "true");
    el("li").child(picture.child(marker(index, (8.0, 8.0), 4.5))).text(name)
}
