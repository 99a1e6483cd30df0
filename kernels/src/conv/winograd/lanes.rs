//! Channels as lanes: planes are turned so that neighbouring channels of a position are neighbours
//! in memory, and back. Then a tile's transform is the same for every lane.

use crate::Accumulate;
use crate::simd::Simd;

const ZEROS: [f32; 16] = [0.0; 16];

/// Elements that `to_lanes` may write past its last position.
pub(super) const SLACK: usize = 16 * 16;

/// `y[q * LANES + l] = x[first + l * step + q]` for q below `count` and l below `live`; lanes from
/// `live` on are 0. Up to LANES - 1 positions past `count` are overwritten.
#[inline(always)]
pub(super) fn to_lanes<S: Simd>(
    s: S,
    (x, first, step): (&[f32], usize, usize),
    live: usize,
    count: usize,
    y: &mut [f32],
) {
    assert!(y.len() >= count.next_multiple_of(S::LANES) * S::LANES, "room for whole squares");
    assert!(live <= S::LANES && first + (live - 1) * step + count <= x.len(), "lanes lie in x");
    for q in (0..count).step_by(S::LANES) {
        let mut lines = [ZEROS.as_ptr(); 16];
        let at = first + q;
        let mut copy = [ZEROS; 16];
        if at + (live - 1) * step + S::LANES <= x.len() {
            for (l, line) in lines[..live].iter_mut().enumerate() {
                *line = x[at + l * step..].as_ptr();
            }
        } else {
            let len = S::LANES.min(count - q);
            for (l, (line, copy)) in lines[..live].iter_mut().zip(&mut copy).enumerate() {
                copy[..len].copy_from_slice(&x[at + l * step..][..len]);
                *line = copy.as_ptr();
            }
        }
        // SAFETY: each line has LANES readable elements, checked above or in a copy; y has room for a
        // whole square from position q on.
        unsafe { s.transpose_ptr(&lines, y.as_mut_ptr().add(q * S::LANES), S::LANES) };
    }
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
