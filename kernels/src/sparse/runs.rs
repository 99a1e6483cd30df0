//! Rows of taps over runs of neighbours: y[r] = act(bias[r] + sum over the taps of r of w x[offset..]).
//!
//! A run is a few vectors of neighbours, which are samples or pixels. Its sum stays in registers,
//! and a tap costs one broadcast and one offset for V FMAs whose operand comes from memory.

use super::{SparseForward, by_count};
use crate::activation::Activation;
use crate::simd::Simd;

/// A weight, and where its run starts.
#[derive(Clone, Copy, Debug)]
struct Tap {
    offset: u32,
    value: f32,
}

/// Taps of a turn of the loop: rows are filled up with zeros at offset 0.
const TURN: usize = 4;

/// Accumulators for each vector, so that an FMA need not wait for the one before: two units with a
/// latency of four cycles want eight chains, and 16 registers hold eight and what they need.
const fn chains(vectors: usize) -> usize {
    if vectors == 4 { 2 } else { TURN }
}

/// Rows of taps, those with the most taps first.
#[derive(Clone, Debug)]
pub(super) struct Runs {
    taps: Vec<Tap>,
    /// Where the taps of a row end, and which row it is.
    rows: Vec<(u32, u32)>,
    /// The largest offset.
    reach: usize,
    /// Weights that are not zero.
    kept: usize,
}

impl Runs {
    /// w: `[rows, cols]`; `offset(row, col)` is where the run of a weight starts.
    pub(super) fn new(
        w: &[f32],
        [rows, cols]: [usize; 2],
        offset: impl Fn(usize, usize) -> usize,
    ) -> Runs {
        let (mut taps, mut ends) = (Vec::new(), Vec::with_capacity(rows));
        let (mut reach, mut all) = (0, 0);
        for (row, kept) in by_count(w, rows, cols) {
            all += kept.len();
            for col in kept {
                let (i, j) = (row as usize, col as usize);
                let start = offset(i, j);
                reach = reach.max(start);
                let offset = u32::try_from(start).expect("fewer than 2^32 elements of x");
                taps.push(Tap { offset, value: w[i * cols + j] });
            }
            taps.resize(taps.len().next_multiple_of(TURN), Tap { offset: 0, value: 0.0 });
            ends.push((u32::try_from(taps.len()).expect("fewer than 2^32 taps"), row));
        }
        Runs { taps, rows: ends, reach, kept: all }
    }

    /// Weights that are not zero.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// Each row and its number.
    #[inline(always)]
    pub(super) fn rows(&self) -> impl Iterator<Item = (Row<'_>, usize)> {
        let mut first = 0;
        self.rows.iter().map(move |&(end, row)| {
            let taps = &self.taps[first..end as usize];
            first = end as usize;
            (Row { taps, reach: self.reach }, row as usize)
        })
    }
}

/// The taps of one row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    taps: &'a [Tap],
    reach: usize,
}

impl Row<'_> {
    /// act(bias + the sum of w x[offset..]) for V vectors.
    ///
    /// # Panics
    /// If a run would end past the end of x.
    #[inline(always)]
    #[expect(clippy::needless_range_loop, reason = "slices of acc would keep it in memory")]
    pub(super) fn sum<S: Simd, const V: usize>(
        self,
        s: S,
        x: &[f32],
        (bias, activation): (f32, Activation),
    ) -> [S::F; V] {
        let wants = self.reach + V * S::LANES;
        assert!(x.len() >= wants, "sparse: a run ends at {wants}, x at {}", x.len());
        let mut acc = [[s.zero(); V]; TURN];
        for turn in self.taps.chunks_exact(TURN) {
            for (i, tap) in turn.iter().enumerate() {
                let w = s.splat(tap.value);
                for (v, acc) in acc[i % chains(V)].iter_mut().enumerate() {
                    // SAFETY: no offset is above `reach`, and x has V vectors from there, checked
                    // above.
                    let x =
                        unsafe { s.load_ptr(x.as_ptr().add(tap.offset as usize + v * S::LANES)) };
                    *acc = s.mul_add(w, x, *acc);
                }
            }
        }
        let mut step = chains(V) / 2;
        while step > 0 {
            for i in 0..step {
                for v in 0..V {
                    acc[i][v] = s.add(acc[i][v], acc[i + step][v]);
                }
            }
            step /= 2;
        }
        let mut sums = acc[0];
        // Not with `map`, which is not inlined: a call for each vector, and its intrinsics as calls.
        for sum in &mut sums {
            *sum = finish(s, s.add(*sum, s.splat(bias)), activation);
        }
        sums
    }
}

/// act(x).
#[inline(always)]
pub(super) fn finish<S: Simd>(s: S, x: S::F, activation: Activation) -> S::F {
    match activation {
        Activation::None => x,
        // In this order a NaN stays a NaN.
        Activation::Relu => s.max(s.zero(), x),
    }
}

impl SparseForward<'_> {
    /// What is done with the sum of a row.
    #[inline(always)]
    pub(super) fn ending(&self, row: usize) -> (f32, Activation) {
        (self.bias.map_or(0.0, |bias| bias[row]), self.activation)
    }
}
