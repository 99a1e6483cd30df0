//! A flat f32 buffer that starts on a cache line.

use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::{fmt, slice};
use std::collections::TryReserveError;

use crate::size;

/// 64 bytes: a cache line on x86-64, and a whole AVX-512 vector.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

const LINE: usize = 16;

/// Lines of a page, and of an L1 that has as many sets.
const PAGE: usize = 64;

/// Lines from which a buffer has a place in its page of its own, at the price of a page at most.
const LARGE: usize = 1024;

/// Lines from the place of a large buffer to that of the next one, odd so that all places come up. An
/// allocator puts every large block at the same place, so that the same elements of several buffers
/// would share one set of L1, and a load wait for a store to another buffer. (An update by columns of
/// 4096 x 4096 weights with momentum: 0.8 of the time.)
const STAGGER: usize = 7;

/// How many large buffers there were.
static TURN: AtomicUsize = AtomicUsize::new(0);

/// A growable buffer of f32, aligned to 64 bytes, new elements +0.0.
///
/// ```
/// let mut b = proxtape_kernels::Buffer::zeroed(5);
/// b[4] = 2.0;
/// b.resize(7);
/// assert_eq!(&b[..], [0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
/// ```
#[derive(Default)]
pub struct Buffer {
    lines: Vec<Line>,
    /// Lines before the first element.
    lead: usize,
    len: usize,
}

impl Buffer {
    /// A buffer of `len` zeros.
    ///
    /// # Panics
    /// If there is no memory for so many.
    #[track_caller]
    pub fn zeroed(len: usize) -> Buffer {
        let mut b = Buffer::default();
        b.resize(len);
        b
    }

    /// Sets the length; elements that were not there before are +0.0, and capacity is kept.
    ///
    /// # Panics
    /// As [`zeroed`](Self::zeroed).
    #[track_caller]
    pub fn resize(&mut self, len: usize) {
        size::total("Buffer", &[len, PAGE * LINE]);
        let (old, lines) = (self.len, len.div_ceil(LINE));
        if self.lead + lines > self.lines.capacity() {
            let moved = self.reallocate(lines);
            assert!(moved.is_ok(), "Buffer: there is no memory for {len} elements");
        }
        self.lines.resize(self.lead + lines, Line([0.0; LINE]));
        self.len = len;
        // The last line that stays may hold elements of an earlier, longer life.
        if len > old {
            let end = old.next_multiple_of(LINE).min(len);
            self[old..end].fill(0.0);
        }
    }

    /// Makes room for `len` elements in all: a [`resize`](Buffer::resize) up to there does not allocate.
    ///
    /// # Errors
    /// If there is no memory for so many.
    pub fn try_reserve(&mut self, len: usize) -> Result<(), TryReserveError> {
        let lines = len.div_ceil(LINE);
        match self.lead + lines > self.lines.capacity() {
            true => self.reallocate(lines),
            false => Ok(()),
        }
    }

    /// Moves to a place with room for so many lines, and for more of them if it grew before.
    fn reallocate(&mut self, lines: usize) -> Result<(), TryReserveError> {
        let own = &self.lines[self.lead..];
        let large = lines >= LARGE;
        let room = lines.max(2 * own.len()) + if large { PAGE - 1 } else { 0 };
        let mut to = Vec::new();
        to.try_reserve_exact(room)?;
        if large {
            let place = TURN.fetch_add(1, Relaxed).wrapping_mul(STAGGER) % PAGE;
            let first = to.as_ptr() as usize / size_of::<Line>();
            to.resize(place.wrapping_sub(first) % PAGE, Line([0.0; LINE]));
        }
        let lead = to.len();
        to.extend_from_slice(own);
        (self.lines, self.lead) = (to, lead);
        Ok(())
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Buffer {
        Buffer::from(&self[..])
    }
}

impl Deref for Buffer {
    type Target = [f32];
    #[inline]
    fn deref(&self) -> &[f32] {
        let own = &self.lines[self.lead..];
        // SAFETY: Line is repr(C) over [f32; LINE] without padding, there are at least
        // len.div_ceil(LINE) lines from the lead on, and the borrow of self covers the slice.
        unsafe { slice::from_raw_parts(own.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f32] {
        let own = &mut self.lines[self.lead..];
        // SAFETY: as in `deref`, and the borrow is unique.
        unsafe { slice::from_raw_parts_mut(own.as_mut_ptr().cast(), self.len) }
    }
}

impl From<&[f32]> for Buffer {
    fn from(x: &[f32]) -> Buffer {
        let mut b = Buffer::zeroed(x.len());
        b.copy_from_slice(x);
        b
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}
