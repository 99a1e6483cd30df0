//! Windows to values: a vector of outputs of one row at a time.
//!
//! The lanes are neighbouring outputs, so tap (ky, kx) of all of them is one load at stride 1, and
//! one half of a deinterleaved pair of loads at stride 2, where the other half is tap (ky, kx+1).
//! Windows that stick out of the plane and larger strides go one by one, by the same code on
//! one meaningful lane. 2 x 2 at stride 2 is compiled once more with its constants in place.

use super::Pool2d;
use super::quads::{self, Quads, load_pair};
use crate::simd::{Kernel, Simd};
use crate::{Exec, Parts};

/// f32 lanes hold the offset of a tap from its window's first position: 2^23 is the last number
/// for which the conversion in `Max::put` is exact.
pub(super) const MAX_OFFSET: usize = 1 << 23;

pub(super) fn max(exec: Exec, pool: &Pool2d, x: &[f32], y: &mut [f32], index: &mut [u32]) {
    let (area, planes) = (pool.oh() * pool.ow(), pool.planes_per_task());
    if pool.y_len() == 0 {
        return;
    }
    let chunk = planes * area;
    let quads = quads::serves(pool, exec.isa().lanes());
    exec.chunks2(Parts::new(y, chunk), Parts::new(index, chunk), |i, y, index| {
        let pool = pool.with_planes(y.len() / area);
        let x = &x[i * planes * pool.h * pool.w..][..pool.x_len()];
        if quads {
            exec.isa().run(Quads { pool, x, y, index });
        } else {
            exec.isa().run(Forward { pool, x, out: Max { y, index } });
        }
    });
}

pub(super) fn average(exec: Exec, pool: &Pool2d, x: &[f32], y: &mut [f32]) {
    let (area, planes) = (pool.oh() * pool.ow(), pool.planes_per_task());
    if pool.y_len() == 0 {
        return;
    }
    exec.chunks(y, planes * area, |i, y| {
        let pool = pool.with_planes(y.len() / area);
        let x = &x[i * planes * pool.h * pool.w..][..pool.x_len()];
        let taps = (pool.kernel[0] * pool.kernel[1]) as f32;
        exec.isa().run(Forward { pool, x, out: Average { y, taps } });
    });
}

/// What is made of a window. The state of a vector of windows is two vectors.
trait Window {
    /// No tap seen yet; `first` is the offset of the first.
    fn start<S: Simd>(s: S, first: f32) -> [S::F; 2];
    /// One more tap; `offset` counts from the window's first position, padding included.
    fn tap<S: Simd>(s: S, state: [S::F; 2], x: S::F, offset: f32) -> [S::F; 2];
    /// A row of taps is done.
    fn end_row<S: Simd>(s: S, state: [S::F; 2]) -> [S::F; 2];
    /// Writes outputs.
    fn put<S: Simd>(&mut self, s: S, state: [S::F; 2], place: Place);
}

/// `count` outputs from output `at` on; the first one's window starts at `origin` in the plane
/// (wrapping below 0 in padding), the next ones' windows `step` further each.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    count: usize,
    origin: u32,
    step: u32,
}

/// State: the maximum and its offset.
struct Max<'a> {
    y: &'a mut [f32],
    index: &'a mut [u32],
}

impl Window for Max<'_> {
    #[inline(always)]
    fn start<S: Simd>(s: S, first: f32) -> [S::F; 2] {
        [s.splat(f32::NEG_INFINITY), s.splat(first)]
    }
    #[inline(always)]
    fn tap<S: Simd>(s: S, [best, at]: [S::F; 2], x: S::F, offset: f32) -> [S::F; 2] {
        let better = s.mask_or(s.gt(x, best), s.ne(x, x));
        [s.select(better, x, best), s.select(better, s.splat(offset), at)]
    }
    #[inline(always)]
    fn end_row<S: Simd>(_: S, state: [S::F; 2]) -> [S::F; 2] {
        state
    }
    #[inline(always)]
    fn put<S: Simd>(&mut self, s: S, [best, at]: [S::F; 2], place: Place) {
        // 2^23 + n has n in its low bits: a conversion that vectorises.
        let shift = MAX_OFFSET as f32;
        let offsets = s.to_lanes(s.add(at, s.splat(shift)));
        let Place { origin, step, .. } = place;
        let y = &mut self.y[place.at..][..place.count];
        let index = &mut self.index[place.at..][..place.count];
        let position = |lane: usize| {
            let offset = offsets[lane].to_bits() - shift.to_bits();
            origin.wrapping_add(lane as u32 * step).wrapping_add(offset)
        };
        if place.count == S::LANES {
            s.store(y, best);
            for (lane, index) in index[..S::LANES].iter_mut().enumerate() {
                *index = position(lane);
            }
        } else {
            s.store_tail(y, best);
            for (lane, index) in index.iter_mut().enumerate() {
                *index = position(lane);
            }
        }
    }
}

/// State: the sum of the rows that are done, and of the row at hand, so that the rounding error of
/// a large window grows with its sides and not with its area.
struct Average<'a> {
    y: &'a mut [f32],
    taps: f32,
}

impl Window for Average<'_> {
    #[inline(always)]
    fn start<S: Simd>(s: S, _: f32) -> [S::F; 2] {
        [s.zero(); 2]
    }
    #[inline(always)]
    fn tap<S: Simd>(s: S, [sum, row]: [S::F; 2], x: S::F, _: f32) -> [S::F; 2] {
        [sum, s.add(row, x)]
    }
    #[inline(always)]
    fn end_row<S: Simd>(s: S, [sum, row]: [S::F; 2]) -> [S::F; 2] {
        [s.add(sum, row), s.zero()]
    }
    #[inline(always)]
    fn put<S: Simd>(&mut self, s: S, [sum, _]: [S::F; 2], place: Place) {
        let y = &mut self.y[place.at..][..place.count];
        let mean = s.div(sum, s.splat(self.taps));
        if place.count == S::LANES { s.store(y, mean) } else { s.store_tail(y, mean) }
    }
}

/// The planes of one task.
struct Forward<'a, W> {
    pool: Pool2d,
    x: &'a [f32],
    out: W,
}

impl<W: Window> Kernel for Forward<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let Pool2d { kernel, stride, padding, .. } = self.pool;
        match (kernel, stride, padding) {
            ([2, 2], [2, 2], [0, 0]) => {
                self.pool.kernel = [2, 2];
                self.pool.stride = [2, 2];
                self.pool.padding = [0, 0];
                self.planes(s);
            }
            _ => self.planes(s),
        }
    }
}

impl<W: Window> Forward<'_, W> {
    #[inline(always)]
    fn planes<S: Simd>(self, s: S) {
        let Forward { pool, x, mut out } = self;
        let (oh, ow, inside) = (pool.oh(), pool.ow(), pool.interior());
        // Strides above 2 have no cheap load.
        let vectors = if pool.stride[1] <= 2 { inside } else { 0..0 };
        let (count, outputs) = (vectors.len(), pool.y_len());
        for plane in 0..pool.planes {
            let x = &x[plane * pool.h * pool.w..];
            for i in 0..oh {
                let row = Row { pool, x, i, at: (plane * oh + i) * ow };
                let mut done = 0;
                while done + S::LANES <= count {
                    row.vector(s, vectors.start + done, S::LANES, &mut out);
                    done += S::LANES;
                }
                if done < count && count >= S::LANES {
                    // The last vector overlaps the one before it: cheaper than a masked tail.
                    row.vector(s, vectors.end - S::LANES, S::LANES, &mut out);
                } else if done < count {
                    // A whole vector where there is room for it: outputs after it cover what it
                    // writes too much.
                    let room = outputs - (row.at + vectors.start);
                    let count = if room < S::LANES { count } else { S::LANES };
                    row.vector(s, vectors.start, count, &mut out);
                }
                for j in (0..vectors.start).chain(vectors.end..ow) {
                    row.one(s, j, &mut out);
                }
            }
        }
    }
}

/// Row i of an output plane; `at` is the number of its first output. `x` goes from the plane to the
/// end of the task's planes, so that whole vectors may be read at the end of a plane too.
#[derive(Clone, Copy)]
struct Row<'a> {
    pool: Pool2d,
    x: &'a [f32],
    i: usize,
    at: usize,
}

impl Row<'_> {
    /// `count` outputs from j on, all inside, at stride 1 or 2.
    #[inline(always)]
    fn vector<S: Simd, W: Window>(&self, s: S, j: usize, count: usize, out: &mut W) {
        let Pool2d { w, kernel: [_, kw], stride: [sh, sw], padding: [ph, pw], .. } = self.pool;
        let rows = self.pool.taps(0, self.i);
        let mut state = W::start(s, (rows.start * w) as f32);
        for ky in rows {
            let x = &self.x[(self.i * sh + ky - ph) * w + j * sw - pw..];
            let offset = ky * w;
            if sw == 1 {
                for kx in 0..kw {
                    let v = load_first(s, &x[kx..], count);
                    state = W::tap(s, state, v, (offset + kx) as f32);
                }
            } else {
                let mut kx = 0;
                while kx < kw {
                    let (even, odd) = load_pair(s, &x[kx..], count);
                    state = W::tap(s, state, even, (offset + kx) as f32);
                    if kx + 1 < kw {
                        state = W::tap(s, state, odd, (offset + kx + 1) as f32);
                    }
                    kx += 2;
                }
            }
            state = W::end_row(s, state);
        }
        out.put(s, state, self.place(j, count));
    }

    /// Output j alone, its window clipped.
    #[inline(always)]
    fn one<S: Simd, W: Window>(&self, s: S, j: usize, out: &mut W) {
        let Pool2d { w, stride: [sh, sw], padding: [ph, pw], .. } = self.pool;
        let (rows, cols) = (self.pool.taps(0, self.i), self.pool.taps(1, j));
        let mut state = W::start(s, (rows.start * w + cols.start) as f32);
        for ky in rows {
            let x = &self.x[(self.i * sh + ky - ph) * w..][..w];
            for kx in cols.clone() {
                let v = s.splat(x[j * sw + kx - pw]);
                state = W::tap(s, state, v, (ky * w + kx) as f32);
            }
            state = W::end_row(s, state);
        }
        out.put(s, state, self.place(j, 1));
    }

    #[inline(always)]
    fn place(&self, j: usize, count: usize) -> Place {
        let Pool2d { w, stride: [sh, sw], padding: [ph, pw], .. } = self.pool;
        // Below 0 in padding; the offset of a tap inside the plane brings it back.
        let origin = (self.i * sh * w + j * sw).wrapping_sub(ph * w + pw) as u32;
        Place { at: self.at + j, count, origin, step: sw as u32 }
    }
}

/// `count` elements of x; the lanes past them mean nothing.
#[inline(always)]
fn load_first<S: Simd>(s: S, x: &[f32], count: usize) -> S::F {
    if x.len() >= S::LANES { s.load(x) } else { s.load_tail(&x[..count.min(x.len())]) }
}
