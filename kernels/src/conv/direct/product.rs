//! The product of a residue: its positions, a few at a time, times a sliver of the filters.

use super::phases::{Phase, Steps};
use super::stage::Layout;
use super::tile::{self, Apart, First, Loop, ROWS, Rows, Tile};
use super::width;
use crate::conv::correlate::balanced;
use crate::simd::Simd;

/// The product of a residue: Y'[positions, channels] (+)= X'[positions, taps] x filters.
pub(super) struct Product<'a> {
    pub(super) phase: &'a Phase,
    pub(super) from: Layout,
    pub(super) to: Layout,
    pub(super) images: usize,
    /// Rows of the residue's grid.
    pub(super) rows: usize,
    pub(super) first: First,
    pub(super) floor: f32,
}

impl Product<'_> {
    #[inline(always)]
    pub(super) fn run<S: Simd>(&self, s: S, x: &[f32], filters: &[f32], y: &mut [f32]) {
        let Phase { window, read, write, .. } = *self.phase;
        let (from, to) = (self.from, self.to);
        let cols = window.w.grid;
        let positions = self.images * self.rows * cols;
        if positions == 0 || cols == 0 {
            return;
        }
        let run = window.w.taps * from.pitch;
        let depth = window.h.taps * run;
        // The last position's last run, and its last output.
        let last = [self.images - 1, self.rows - 1, cols - 1];
        let x_end = place(&from, &read, last) + (window.h.taps - 1) * from.row() + run;
        let y_end = place(&to, &write, last) + to.pitch;
        assert!(x_end <= x.len() && y_end <= y.len() && filters.len() >= depth * to.pitch);
        let width = width::<S>(to.pitch);
        let rows = balanced(positions, Apart::most(&S::TUNING));
        for n in (0..to.pitch).step_by(width) {
            let width = width.min(to.pitch - n);
            let depth = [
                Loop { count: run, a: 1, b: width },
                Loop { count: window.h.taps, a: from.row(), b: run * width },
                Loop { count: 1, a: 0, b: 0 },
            ];
            let b = filters[n * depth[1].count * run..].as_ptr();
            let first = match self.first {
                First::Bias(bias) => First::Bias(bias.wrapping_add(n)),
                first => first,
            };
            let mut at = [place(&from, &read, [0; 3]), place(&to, &write, [0; 3]) + n];
            let steps = [read.step[1] * from.pitch, write.step[1] * to.pitch];
            let (mut image, mut row, mut col) = (0, 0, 0);
            for q in (0..positions).step_by(rows) {
                let live = rows.min(positions - q);
                let mut a = [x.as_ptr(); 8];
                let mut c = [y.as_mut_ptr(); ROWS];
                for (a, c) in a.iter_mut().zip(&mut c).take(live) {
                    (*a, *c) = (a.wrapping_add(at[0]), c.wrapping_add(at[1]));
                    at = [at[0] + steps[0], at[1] + steps[1]];
                    col += 1;
                    if col == cols {
                        (row, col) = (row + 1, 0);
                        if row == self.rows {
                            (image, row) = (image + 1, 0);
                        }
                        let next = [image, row, col];
                        at = [place(&from, &read, next), place(&to, &write, next) + n];
                    }
                }
                let tile = Tile { a: Apart(a), b, depth, c, first, floor: self.floor };
                // SAFETY: every position's runs and outputs end where the last position's do, checked
                // above; the filters have `depth` rows of whole vectors.
                unsafe { tile::run(s, live, width / S::LANES, tile) };
            }
        }
    }
}

/// Where a position of a grid lies.
fn place(layout: &Layout, steps: &Steps, [image, row, col]: [usize; 3]) -> usize {
    let [row, col] = steps.at([row, col]);
    image * layout.image() + row * layout.row() + col * layout.pitch
}
