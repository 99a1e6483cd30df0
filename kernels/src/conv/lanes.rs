//! Channels as lanes: planes are turned so that neighbouring channels of a position are neighbours
//! in memory, and back. Then a tile's transform is the same for every lane.

use crate::Accumulate;
use crate::simd::{Simd, prefetch};

/// How far ahead planes are prefetched, 8 cache lines: sixteen planes a power of two apart are more
/// than the hardware follows, and a square takes less time than a line from L3.
const AHEAD: usize = 128;

const ZEROS: [f32; 16] = [0.0; 16];

/// Elements that `to_lanes` may write past its last position, for up to LANES channels.
pub(super) const SLACK: usize = 16 * 16;

/// The same for planes whose positions lie `pitch` apart.
pub(super) fn slack(pitch: usize) -> usize {
    16 * pitch + 16
}

/// `y[q * pitch + c] = x[first + c * step + q]` for q below `count` and c below `channels`; from
/// there to the next whole vector 0, as far as the next position leaves it. Up to LANES - 1 positions
/// past `count` are overwritten, and a vector after them.
#[inline(always)]
pub(super) fn to_lanes<S: Simd>(
    s: S,
    (x, first, step): (&[f32], usize, usize),
    channels: usize,
    count: usize,
    (y, pitch): (&mut [f32], usize),
) {
    if count == 0 {
        return;
    }
    if pitch == 1 {
        return y[..count].copy_from_slice(&x[first..first + count]);
    }
    let groups = channels.div_ceil(S::LANES);
    let reach = (count.next_multiple_of(S::LANES) - 1) * pitch + groups * S::LANES;
    assert!(y.len() >= reach, "room for whole squares");
    assert!(channels > 0 && first + (channels - 1) * step + count <= x.len(), "lanes lie in x");
    for q in (0..count).step_by(S::LANES) {
        // The last group first: where a position has no room for its zeros, the groups after it and
        // the next positions cover them.
        for group in (0..groups).rev() {
            let at = first + group * S::LANES * step + q;
            let live = S::LANES.min(channels - group * S::LANES);
            let mut lines = [ZEROS.as_ptr(); 16];
            let line = |l: usize| x.as_ptr().wrapping_add(at + l * step);
            let copy;
            if at + (live - 1) * step + S::LANES > x.len() {
                copy = copy_lines(&x[at..], step, live, S::LANES.min(count - q));
                for (line, copy) in lines.iter_mut().zip(&copy) {
                    *line = copy.as_ptr();
                }
            } else if live == S::LANES {
                // Known to the compiler, so that the addresses stay in registers.
                (0..S::LANES).for_each(|l| lines[l] = line(l));
            } else {
                (0..live).for_each(|l| lines[l] = line(l));
            }
            // Tiles of Winograd's algorithm (one group) come again from cache.
            if pitch != S::LANES {
                (0..live).for_each(|l| prefetch(line(l).wrapping_add(AHEAD)));
            }
            let y = y[q * pitch + group * S::LANES..].as_mut_ptr();
            // SAFETY: each line has LANES readable elements, checked above or in a copy; y has room
            // for the squares of the last position, checked on entry.
            unsafe { s.transpose_ptr(&lines, y, pitch) };
        }
    }
}

/// The lines of a square of which the last would end behind `x`.
#[cold]
fn copy_lines(x: &[f32], step: usize, live: usize, len: usize) -> [[f32; 16]; 16] {
    let mut copy = [ZEROS; 16];
    for (l, copy) in copy.iter_mut().enumerate().take(live) {
        copy[..len].copy_from_slice(&x[l * step..][..len]);
    }
    copy
}

/// Where lanes go: lane l of position q to `ptr[l * step + q]`.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) ptr: *mut f32,
    pub(super) step: usize,
    /// Lanes that are stored.
    pub(super) live: usize,
    /// Positions.
    pub(super) count: usize,
    pub(super) acc: Accumulate,
}

/// Stores or adds positions; each call of `next` tells where the lanes of the next one lie.
///
/// # Safety
/// Each position must be LANES readable elements; `to` must be writable (readable, to add to it)
/// at `live` rows of `count` elements, by this task alone.
#[inline(always)]
pub(super) unsafe fn from_lanes<S: Simd>(s: S, mut next: impl FnMut() -> *const f32, to: Rows) {
    let Rows { ptr, step, live, count, acc } = to;
    for q in (0..count).step_by(S::LANES) {
        let len = S::LANES.min(count - q);
        let mut lines = [ZEROS.as_ptr(); 16];
        // One call: a second one would keep `next` from being inlined.
        for line in &mut lines[..len] {
            *line = next();
        }
        let y = ptr.wrapping_add(q);
        // SAFETY: the lines are readable by contract or zeros. A whole square goes to rows that the
        // caller vouches for, any other to a square of its own and from there to the live part.
        unsafe {
            if len == S::LANES && live == S::LANES && step >= S::LANES && acc == Accumulate::Store {
                s.transpose_ptr(&lines, y, step);
                continue;
            }
            let mut square = [0.0f32; 16 * 16];
            s.transpose_ptr(&lines, square.as_mut_ptr(), S::LANES);
            for l in 0..live {
                let (x, y) = (square.as_ptr().add(l * S::LANES), y.wrapping_add(l * step));
                let mut x = s.load_ptr(x);
                if acc == Accumulate::Add {
                    x = s.add(x, s.load_first_ptr(y, len));
                }
                if len == S::LANES { s.store_ptr(y, x) } else { s.store_first_ptr(y, len, x) }
            }
        }
    }
}
