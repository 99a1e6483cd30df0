//! How outputs read inputs, and how the gradient of the inputs reads that of the outputs.

use super::Conv2d;
use super::window::{Axis, Window};

/// A residue of the input's coordinates: how it reads dY, and with which taps.
#[derive(Clone, Copy)]
pub(super) struct Phase {
    pub(super) window: Window,
    /// The first tap, from one to the next, and how many, for each axis.
    pub(super) taps: [(usize, usize, usize); 2],
}

impl Conv2d {
    /// Each output's window.
    pub(super) fn window(&self) -> Window {
        let axis = |i: usize, size, grid, taps| Axis {
            size,
            grid,
            step: self.stride[i],
            taps,
            start: -(self.padding[i] as isize),
            tap: self.dilation[i] as isize,
        };
        Window { h: axis(0, self.h, self.oh(), self.kh), w: axis(1, self.w, self.ow(), self.kw) }
    }

    /// Residues of the input's coordinates that exist.
    pub(super) fn phases(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let [sh, sw] = [self.stride[0].min(self.h), self.stride[1].min(self.w)];
        (0..sh * sw).map(move |i| [i / sw, i % sw])
    }

    /// The taps that inputs of a phase meet; None if there are none.
    pub(super) fn phase(&self, [ph, pw]: [usize; 2]) -> Option<Phase> {
        let h = self.phase_axis(0, (ph, self.h, self.oh()), self.kh)?;
        let w = self.phase_axis(1, (pw, self.w, self.ow()), self.kw)?;
        Some(Phase { window: Window { h: h.0, w: w.0 }, taps: [h.1, w.1] })
    }

    /// Windows that take as much scratch as that of any phase, few even where there are as many phases
    /// as inputs: an axis meets taps / every or one more, from size / stride inputs or one more.
    pub(super) fn phase_sizes(&self) -> impl Iterator<Item = Window> + use<> {
        let axis = |i: usize, size: usize, out: usize, taps: usize| {
            let (stride, shared) = (self.stride[i], gcd(self.stride[i], self.dilation[i]));
            let tap = -((self.dilation[i] / shared) as isize);
            let both = |len: usize, by: usize| {
                let (less, more) = (len / by, len.div_ceil(by));
                [Some(more), Some(less).filter(|&less| 0 < less && less < more)]
            };
            let (counts, grids) = (both(taps, stride / shared), both(size, stride));
            let sizes = [0, 1, 2, 3].map(|k| Some((counts[k % 2]?, grids[k / 2]?)));
            sizes.map(|of| {
                of.map(|(taps, grid)| Axis { size: out, grid, step: 1, taps, start: 0, tap })
            })
        };
        let h = axis(0, self.h, self.oh(), self.kh);
        let w = axis(1, self.w, self.ow(), self.kw);
        let all = h.into_iter().flatten();
        all.flat_map(move |h| w.into_iter().flatten().map(move |w| Window { h, w }))
    }

    /// Input phase + stride g meets tap t at output g + (phase + padding - t dilation) / stride, if
    /// the division is exact: from the first such tap on, every stride / gcd(stride, dilation)-th.
    fn phase_axis(
        &self,
        i: usize,
        (phase, size, out): (usize, usize, usize),
        taps: usize,
    ) -> Option<(Axis, (usize, usize, usize))> {
        let (stride, dilation) = (self.stride[i], self.dilation[i]);
        let at = |t: usize| (phase + self.padding[i]) as isize - (t * dilation) as isize;
        let first = (0..taps).find(|&t| at(t).rem_euclid(stride as isize) == 0)?;
        let shared = gcd(stride, dilation);
        let every = stride / shared;
        let count = (taps - first).div_ceil(every);
        let axis = Axis {
            size: out,
            grid: (size - phase).div_ceil(stride),
            step: 1,
            taps: count,
            start: at(first).div_euclid(stride as isize),
            tap: -((dilation / shared) as isize),
        };
        Some((axis, (first, every, count)))
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
