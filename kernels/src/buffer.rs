//! A flat f32 buffer that starts on a cache line.

use core::ops::{Deref, DerefMut};
use core::{fmt, slice};

/// 64 bytes: a cache line on x86-64, and a whole AVX-512 vector.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

const LINE: usize = 16;

/// A growable buffer of f32, aligned to 64 bytes, new elements +0.0.
///
/// ```
/// let mut b = proxtape_kernels::Buffer::zeroed(5);
/// b[4] = 2.0;
/// b.resize(7);
/// assert_eq!(&b[..], [0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
/// ```
#[derive(Clone, Default)]
pub struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// A buffer of `len` zeros.
    pub fn zeroed(len: usize) -> Buffer {
        Buffer { lines: vec![Line([0.0; LINE]); len.div_ceil(LINE)], len }
    }

    /// Sets the length; elements that were not there before are +0.0, and capacity is kept.
    pub fn resize(&mut self, len: usize) {
        let old = self.len;
        self.lines.resize(len.div_ceil(LINE), Line([0.0; LINE]));
        self.len = len;
        // The last line that stays may hold elements of an earlier, longer life.
        if len > old {
            let end = old.next_multiple_of(LINE).min(len);
            self[old..end].fill(0.0);
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];
    #[inline]
    fn deref(&self) -> &[f32] {
        // SAFETY: Line is repr(C) over [f32; LINE] without padding, `lines` holds at least
        // len.div_ceil(LINE) initialised lines, and the borrow of self covers the slice.
        unsafe { slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and the borrow is unique.
        unsafe { slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_is_aligned_and_shrunk_elements_come_back_as_zeros() {
        let mut b = Buffer::zeroed(20);
        assert_eq!(b.as_ptr() as usize % 64, 0);
        b.fill(7.0);
        b.resize(3);
        b.resize(40);
        assert_eq!(&b[..3], [7.0; 3]);
        assert!(b[3..].iter().all(|x| x.to_bits() == 0));
    }
}
