//! A few samples: lanes along rows of W, x looked up in windows.
//!
//! A group is as many rows as a vector has lanes. In each step every lane takes its next weight,
//! if that falls into the window of x that starts at the column where the slowest lane is:
//!
//! ```text
//! y[row of lane l] += value[step, l] * x[base[step] + at[step, l]]
//! ```
//!
//! A window fits one or two registers, so looking up is a shuffle of them: a gather costs a load for
//! every lane. Lanes whose next weight is further on multiply by 0. At 5 % kept, half of the lanes
//! of a step work with AVX-512, a third with AVX2; with one load for each weight (compressed rows) the
//! same layer takes 1.3 times (AVX2) to 2 times (AVX-512) as long.

use super::runs::finish;
use super::{SparseForward, by_count};
use crate::buffer::Buffer;
use crate::gemm::blocks::{LINE, aligned};
use crate::isa::Isa;
use crate::simd::{Kernel, Simd};
use crate::threads::Exec;

/// Steps of a turn of the loop, each with accumulators of its own.
const TURN: usize = 2;

/// The lane of no row.
const NONE: u32 = u32::MAX;

/// W, in the order in which it is read.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    size: [usize; 2],
    window: usize,
    /// For each group where its steps end.
    groups: Vec<u32>,
    /// For each group its rows, one a lane.
    rows: Vec<u32>,
    /// For each step where its window starts; window and base lie inside the padded x.
    bases: Vec<u32>,
    /// For each step and lane a place in the window.
    at: Vec<u8>,
    values: Buffer,
}

/// What [`Windows`] must know of an instruction set.
struct Sizes;

impl Kernel for Sizes {
    type Output = [usize; 2];
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> [usize; 2] {
        const { assert!(S::LANES <= 16 && S::WINDOW <= 256) };
        [S::LANES, S::WINDOW]
    }
}

impl Windows {
    /// w: `[rows, cols]`.
    pub(super) fn new(isa: Isa, w: &[f32], [rows, cols]: [usize; 2]) -> Windows {
        let [lanes, window] = isa.run(Sizes);
        let alignment = isa.tuning().window_alignment;
        let (mut values, mut at, mut bases) = (Vec::new(), Vec::new(), Vec::new());
        let (mut groups, mut lane_rows) = (Vec::new(), Vec::new());
        for group in by_count(w, rows, cols).chunks(lanes) {
            let mut next = vec![0; group.len()];
            let slowest = |next: &[usize]| {
                let columns = group.iter().zip(next).filter_map(|((_, kept), &i)| kept.get(i));
                columns.min().copied()
            };
            while let Some(column) = slowest(&next) {
                let base = column as usize / alignment * alignment;
                let first = values.len();
                values.resize(first + lanes, 0.0);
                at.resize(first + lanes, 0u8);
                for (l, ((row, kept), next)) in group.iter().zip(&mut next).enumerate() {
                    let Some(&column) = kept.get(*next) else { continue };
                    let place = column as usize - base;
                    if place < window {
                        values[first + l] = w[*row as usize * cols + column as usize];
                        at[first + l] = place as u8;
                        *next += 1;
                    }
                }
                bases.push(base as u32);
            }
            bases.resize(bases.len().next_multiple_of(TURN), 0);
            values.resize(bases.len() * lanes, 0.0);
            at.resize(bases.len() * lanes, 0);
            groups.push(u32::try_from(bases.len()).expect("fewer than 2^32 steps"));
            lane_rows.extend(group.iter().map(|(row, _)| *row));
            lane_rows.resize(groups.len() * lanes, NONE);
        }
        let values = Buffer::from(&values[..]);
        Windows { size: [rows, cols], window, groups, rows: lane_rows, bases, at, values }
    }

    /// Elements of one sample with zeros behind it, so that every window lies inside.
    fn padded(&self) -> usize {
        (self.size[1] + self.window).next_multiple_of(LINE)
    }

    /// Room for as many samples as are computed at one time.
    pub(super) fn scratch_len(&self) -> usize {
        LINE + 4 * self.padded()
    }

    /// y = act(x W^T + bias), on the calling thread: the work is too small to cut.
    pub(super) fn forward(
        &self,
        exec: Exec,
        op: &SparseForward<'_>,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        exec.isa().run(Run { w: self, op, y, scratch: aligned(scratch) });
    }
}

struct Run<'a> {
    w: &'a Windows,
    op: &'a SparseForward<'a>,
    y: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Run { w, op, y, scratch } = self;
        let [rows, cols] = w.size;
        let (mut i, samples) = (0, y.len() / rows);
        while i < samples {
            let n = match samples - i {
                4.. => 4,
                n @ (2 | 3) => n.min(2),
                n => n,
            };
            let x = &op.x[i * cols..][..n * cols];
            for (to, x) in scratch.chunks_mut(w.padded()).zip(x.chunks(cols.max(1))) {
                to[..cols].copy_from_slice(x);
                to[cols..].fill(0.0);
            }
            let y = &mut y[i * rows..][..n * rows];
            match n {
                4 => w.samples::<S, 4>(s, op, scratch, y),
                2 => w.samples::<S, 2>(s, op, scratch, y),
                _ => w.samples::<S, 1>(s, op, scratch, y),
            }
            i += n;
        }
    }
}

impl Windows {
    /// N samples from their padded copies.
    #[inline(always)]
    fn samples<S: Simd, const N: usize>(
        &self,
        s: S,
        op: &SparseForward<'_>,
        x: &[f32],
        y: &mut [f32],
    ) {
        let padded = self.padded();
        assert!(x.len() >= N * padded && S::WINDOW == self.window);
        let mut first = 0;
        for (&end, lane_rows) in self.groups.iter().zip(self.rows.chunks_exact(S::LANES)) {
            let end = end as usize;
            let bases = &self.bases[first..end];
            let at = &self.at[first * S::LANES..end * S::LANES];
            let values = &self.values[first * S::LANES..end * S::LANES];
            first = end;
            let mut acc = [[s.zero(); TURN]; N];
            for (turn, bases) in bases.chunks_exact(TURN).enumerate() {
                for (q, &base) in bases.iter().enumerate() {
                    let step = (turn * TURN + q) * S::LANES;
                    // SAFETY: `at` and `values` have LANES elements for each base.
                    let (at, value) =
                        unsafe { (at.as_ptr().add(step), s.load_ptr(values.as_ptr().add(step))) };
                    for (n, acc) in acc.iter_mut().enumerate() {
                        // SAFETY: a base is at most the last column, so its window ends inside of
                        // `padded`, of which x has N, checked above; `at` is below the window.
                        let x =
                            unsafe { s.lookup_ptr(x.as_ptr().add(n * padded + base as usize), at) };
                        acc[q] = s.mul_add(x, value, acc[q]);
                    }
                }
            }
            let mut bias = [0.0; 16];
            if let Some(from) = op.bias {
                for (bias, &row) in bias.iter_mut().zip(lane_rows) {
                    *bias = if row == NONE { 0.0 } else { from[row as usize] };
                }
            }
            for (acc, y) in acc.iter().zip(y.chunks_exact_mut(self.size[0])) {
                let sum = s.add(s.add(acc[0], acc[1]), s.load(&bias));
                let lanes = s.to_lanes(finish(s, sum, op.activation));
                for (&row, &lane) in lane_rows.iter().zip(&lanes) {
                    if row != NONE {
                        y[row as usize] = lane;
                    }
                }
            }
        }
    }
}
