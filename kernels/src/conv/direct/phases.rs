//! The residues of the outputs' coordinates: one for the forward pass, stride^2 for the gradient of
//! the input.

use super::stage::Layout;
use crate::conv::Conv2d;
use crate::conv::window::{Axis, Window};

/// At most so many residues.
const MOST: usize = 16;

/// A residue: what it reads of the staged inputs, and where it writes.
#[derive(Clone, Copy)]
pub(super) struct Phase {
    pub(super) window: Window,
    /// First tap, from one to the next, and how many, for each axis.
    taps: [(usize, usize, usize); 2],
    backward: bool,
    pub(super) read: Steps,
    pub(super) write: Steps,
}

/// Where the first position of a grid lies, and how far the next.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    pub(super) first: [usize; 2],
    pub(super) step: [usize; 2],
}

impl Steps {
    pub(super) fn at(&self, [i, j]: [usize; 2]) -> [usize; 2] {
        [self.first[0] + i * self.step[0], self.first[1] + j * self.step[1]]
    }
}

impl Phase {
    /// The tap that reads the i-th coordinate of a position, for an axis.
    pub(super) fn tap(&self, axis: usize, i: usize) -> usize {
        let (first, every, count) = self.taps[axis];
        first + every * if self.backward { count - 1 - i } else { i }
    }
}

/// What all residues read along one axis.
#[derive(Clone, Copy)]
pub(super) struct Reach {
    /// From one position of the grid to the next, in the inputs.
    pub(super) step: usize,
    /// Rows that are staged for each position: rows that no tap reads are left out.
    pub(super) each: usize,
    /// The least coordinate that position 0 reads, and how far the greatest lies behind it.
    least: isize,
    span: usize,
    grid: usize,
}

impl Reach {
    fn new(axes: impl Iterator<Item = Axis>) -> Reach {
        let (mut least, mut most, mut grid, mut step) = (isize::MAX, isize::MIN, 0, 1);
        for axis in axes {
            least = least.min(axis.least());
            most = most.max(axis.least() + axis.span() as isize);
            grid = grid.max(axis.grid);
            step = axis.step;
        }
        let span = (most - least).unsigned_abs();
        Reach { step, each: step.min(span + 1), least, span, grid }
    }

    /// The coordinate that a block from row `first` of the grid on begins with.
    pub(super) fn first(&self, first: usize) -> isize {
        (first * self.step) as isize + self.least
    }

    /// Staged rows of so many rows of the grid.
    pub(super) fn rows(&self, grid: usize) -> usize {
        (grid - 1) * self.each + self.span + 1
    }

    /// Staged columns.
    pub(super) fn columns(&self) -> usize {
        (self.grid - 1) * self.step + self.span + 1
    }
}

/// All residues of a correlation.
#[derive(Clone, Copy)]
pub(super) struct Phases {
    /// None for a residue that no tap reads.
    list: [Option<Phase>; MOST],
    /// Residues of both axes: how far neighbours of one lie apart in the outputs.
    pub(super) spread: [usize; 2],
    /// What all of them read, rows and columns.
    pub(super) reach: [Reach; 2],
}

impl Phases {
    /// None if there are too many.
    pub(super) fn new(shape: &Conv2d, backward: bool) -> Option<Phases> {
        let spread = if backward { shape.stride } else { [1, 1] };
        let large = spread[0] <= shape.h && spread[1] <= shape.w;
        if !large || spread[0] * spread[1] > MOST {
            return None;
        }
        let residue = |i: usize| [i / spread[1], i % spread[1]];
        let mut list = [None; MOST];
        for (i, slot) in list.iter_mut().enumerate().take(spread[0] * spread[1]) {
            let taps = [(0, 1, shape.kh), (0, 1, shape.kw)];
            let forward = (shape.window(), taps);
            let turned = || shape.phase(residue(i)).map(|phase| (phase.window, phase.taps));
            *slot = if backward { turned() } else { Some(forward) };
        }
        let windows = || list.iter().flatten().map(|(window, _)| *window);
        let reach = [Reach::new(windows().map(|w| w.h)), Reach::new(windows().map(|w| w.w))];
        let mut i = 0;
        let list = list.map(|slot| {
            let write = Steps { first: residue(i), step: spread };
            i += 1;
            slot.map(|(window, taps)| {
                let first = [(window.h, reach[0]), (window.w, reach[1])]
                    .map(|(axis, reach)| (axis.least() - reach.least).unsigned_abs());
                let read = Steps { first, step: [reach[0].each, reach[1].step] };
                Phase { window, taps, backward, read, write }
            })
        });
        Some(Phases { list, spread, reach })
    }

    /// With their places in the list of all residues.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Phase> {
        self.list.iter().flatten()
    }

    /// Zeros for the outputs of the residues that no tap reads, in so many rows of the grid.
    pub(super) fn clear(&self, y: &mut [f32], layout: Layout, rows: usize) {
        let [down, across] = self.spread;
        for i in (0..down * across).filter(|&i| self.list[i].is_none()) {
            for image in y.chunks_exact_mut(layout.image()).take(layout.images) {
                let lines = image.chunks_exact_mut(layout.row()).skip(i / across).step_by(down);
                for line in lines.take(rows) {
                    let positions = line.chunks_exact_mut(layout.pitch);
                    positions.skip(i % across).step_by(across).for_each(|y| y.fill(0.0));
                }
            }
        }
    }
}
