//! Filters to values, packed as the right-hand sides of the products, and their gradient back.

use super::axis::{Finish, Grid, OneAxis, POINTS, Taps, TapsGradient, both_axes};
use super::planes::Values;
use crate::Accumulate;
use crate::conv::lanes::{Rows, SLACK, from_lanes, to_lanes};
use crate::gemm::view::Dest;
use crate::simd::{Kernel, Simd};

/// Filters of R x R taps: those of input d and output n begin at `w[d * steps[0] + n * steps[1]]`.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Filters<'a> {
    pub(in crate::conv) w: &'a [f32],
    pub(in crate::conv) steps: [usize; 2],
    /// Inputs and outputs.
    pub(in crate::conv) size: [usize; 2],
    /// The last tap first, as the gradient of the input wants them.
    pub(in crate::conv) turned: bool,
}

/// Slivers of the values' matrices [inputs, outputs], as `gemm/panel.rs` reads them: `width` columns
/// each, the last one perhaps fewer.
#[derive(Clone, Copy)]
pub(super) struct Packed {
    pub(super) width: usize,
    /// From one value's matrix to the next.
    pub(super) step: usize,
}

impl Packed {
    pub(super) fn new(size: [usize; 2], width: usize, lanes: usize) -> Packed {
        Packed { width, step: size[0] * size[1].next_multiple_of(lanes) + 16 }
    }

    pub(super) fn len(&self) -> usize {
        POINTS * POINTS * self.step
    }
}

/// The values of the filters of inputs `first` to `first + count`.
pub(super) struct FilterValues<'a, const R: usize> {
    filters: Filters<'a>,
    inputs: (usize, usize),
    packed: Packed,
    dst: Dest,
}

impl<'a, const R: usize> FilterValues<'a, R> {
    /// The kernel.
    ///
    /// # Safety
    /// `dst` must be writable at `packed.len()` elements; those of these inputs by this task alone.
    pub(super) unsafe fn new(
        filters: Filters<'a>,
        inputs: (usize, usize),
        packed: Packed,
        dst: Dest,
    ) -> Self {
        FilterValues { filters, inputs, packed, dst }
    }
}

impl<const R: usize> Kernel for FilterValues<'_, R>
where
    Taps: OneAxis<R, POINTS>,
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Filters { w, steps, size: [depth, cols], turned } = self.filters;
        let Packed { width, step } = self.packed;
        let padded = cols.next_multiple_of(S::LANES);
        // 25 taps at most, of 16 lanes.
        let mut taps = [0.0f32; 32 * 16];
        let step_of_tap = S::LANES as isize;
        let (start, sign) = if turned { ((R * R - 1) * S::LANES, -1) } else { (0, 1) };
        for d in self.inputs.0..self.inputs.0 + self.inputs.1 {
            for n in (0..cols).step_by(S::LANES) {
                let live = S::LANES.min(cols - n);
                let first = d * steps[0] + n * steps[1];
                to_lanes(s, (w, first, steps[1]), live, R * R, (&mut taps, S::LANES));
                let step_taps = [sign * R as isize * step_of_tap, sign * step_of_tap];
                let from = Grid { ptr: taps.as_mut_ptr().wrapping_add(start), step: step_taps };
                let sliver = n / width * width;
                let at = sliver * depth + d * width.min(padded - sliver) + (n - sliver);
                let to = Grid {
                    ptr: self.dst.ptr.wrapping_add(at),
                    step: [(POINTS * step) as isize, step as isize],
                };
                // SAFETY: the taps fill the first R * R vectors; the rest is the maker's promise.
                unsafe {
                    both_axes::<S, Taps, R, POINTS>(s, from, to, Finish::Store);
                }
            }
        }
    }
}

/// The gradient of the filters [outputs, inputs, R, R] from `chunks` sums of products of values
/// (value f of input c and output n at `f * step + c * channels + n`), for LANES outputs.
pub(super) struct FilterGradient<'a, const R: usize> {
    sums: &'a [f32],
    chunks: usize,
    values: Values,
    inputs: usize,
    /// The first output, and how many there are.
    outputs: (usize, usize),
    taps: &'a mut [f32],
    dw: Dest,
    acc: Accumulate,
}

/// Elements of scratch that [`FilterGradient`] wants.
pub(super) fn taps_len(inputs: usize, taps: usize, lanes: usize) -> usize {
    inputs * taps * lanes + SLACK
}

impl<'a, const R: usize> FilterGradient<'a, R> {
    /// The kernel.
    ///
    /// # Safety
    /// `dw` must be writable (readable, to add to it) at the filters of these outputs, by this task
    /// alone.
    #[expect(clippy::too_many_arguments, reason = "the fields of a kernel")]
    pub(super) unsafe fn new(
        sums: &'a [f32],
        chunks: usize,
        values: Values,
        inputs: usize,
        outputs: (usize, usize),
        taps: &'a mut [f32],
        dw: Dest,
        acc: Accumulate,
    ) -> Self {
        FilterGradient { sums, chunks, values, inputs, outputs, taps, dw, acc }
    }
}

impl<const R: usize> Kernel for FilterGradient<'_, R>
where
    TapsGradient: OneAxis<POINTS, R>,
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (n, outputs) = self.outputs;
        let (live, row) = (S::LANES.min(outputs - n), self.inputs * R * R);
        assert!(self.taps.len() >= row * S::LANES);
        let mut sum = [0.0f32; POINTS * POINTS * 16];
        for c in 0..self.inputs {
            for (f, sum) in sum.chunks_exact_mut(S::LANES).take(POINTS * POINTS).enumerate() {
                let at = f * self.values.step + c * self.values.channels + n;
                let mut total = s.load(&self.sums[at..]);
                for chunk in 1..self.chunks {
                    total = s.add(total, s.load(&self.sums[at + chunk * self.values.len()..]));
                }
                s.store(sum, total);
            }
            let lanes = S::LANES as isize;
            let from = Grid { ptr: sum.as_mut_ptr(), step: [POINTS as isize * lanes, lanes] };
            let ptr = self.taps[c * R * R * S::LANES..].as_mut_ptr();
            let to = Grid { ptr, step: [R as isize * lanes, lanes] };
            // SAFETY: both lie in buffers whose lengths were checked above.
            unsafe {
                both_axes::<S, TapsGradient, POINTS, R>(s, from, to, Finish::Store);
            }
        }
        let mut tap = self.taps.as_ptr();
        let next = || {
            let this = tap;
            tap = tap.wrapping_add(S::LANES);
            this
        };
        let ptr = self.dw.ptr.wrapping_add(n * row);
        let to = Rows { ptr, step: row, live, count: row, acc: self.acc };
        // SAFETY: `next` goes through the taps of all inputs; the rest is the maker's promise.
        unsafe { from_lanes(s, next, to) };
    }
}
