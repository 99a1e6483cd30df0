//! Augmentation of images: a turned and moved copy of each sample, drawn anew for every batch.
//!
//! With `F` the image, mirrored left to right or not, and `(dy, dx)` the shift, `out[r, q] = F[r - dy,
//! q - dx]`, and 0 where that lies outside. This is a crop from an image padded by `shift` on all sides.

use super::{DataError, Place};
use crate::random::Random;

/// What may happen to a sample.
///
/// ```
/// use proxtape::data::Augment;
/// assert!(Augment { flip: 0.5, shift: 4 }.check([3, 32, 32]).is_ok());
/// assert!(Augment { flip: 0.5, shift: 0 }.check([30, 1, 1]).is_err(), "a table has no left");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augment {
    /// The probability of a mirror image, left to right: 0 to 1.
    pub flip: f32,
    /// The farthest move in pixels, in each direction; every move as likely.
    pub shift: usize,
}

/// What happens to one sample. The default leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Placement {
    flipped: bool,
    down: isize,
    right: isize,
}

impl Augment {
    /// Whether the augmentation makes sense for samples `[C, H, W]`.
    ///
    /// # Errors
    /// If `flip` is no probability, a sample has no width to flip, or a shift would move a sample out of
    /// its frame.
    pub fn check(&self, [_, h, w]: [usize; 3]) -> Result<(), DataError> {
        let refuse = |name, expected: String, found: String| {
            let advice = "change it, or leave it out";
            Err(DataError::new(Place::Argument(name), expected, found, advice))
        };
        if !(0.0..=1.0).contains(&self.flip) {
            return refuse("flip", "a probability from 0 to 1".into(), self.flip.to_string());
        }
        if self.flip > 0.0 && w == 1 {
            return refuse("flip", "images, which have a width".into(), "a table".into());
        }
        if self.shift > 0 && self.shift >= h.min(w) {
            let expected = format!("a shift below {} pixels", h.min(w));
            return refuse("shift", expected, self.shift.to_string());
        }
        Ok(())
    }

    /// Draws what happens to the next sample: nothing is drawn for what is switched off.
    pub(super) fn draw(&self, random: &mut Random) -> Placement {
        let flipped = self.flip > 0.0 && random.uniform() < self.flip;
        // No image is larger, and twice it plus one is still an i32.
        let shift = self.shift.min(1 << 29);
        let mut offset = || match shift {
            0 => 0,
            _ => random.below(2 * shift as u32 + 1) as isize - shift as isize,
        };
        Placement { flipped, down: offset(), right: offset() }
    }
}

impl Placement {
    /// Copies the plane `raw: [H, W]` to `y: [H, W]`, through `value`.
    pub(super) fn copy<T: Copy + Default>(
        self,
        raw: &[T],
        w: usize,
        value: impl Fn(T) -> f32,
        y: &mut [f32],
    ) {
        if self == Placement::default() {
            y.iter_mut().zip(raw).for_each(|(y, &raw)| *y = value(raw));
            return;
        }
        let black = value(T::default());
        let h = raw.len() / w;
        let (rows, columns) = (inside(self.down, h), inside(self.right, w));
        for (r, y) in y.chunks_exact_mut(w).enumerate() {
            if !rows.contains(&r) || columns.is_empty() {
                y.fill(black);
                continue;
            }
            let from = (r as isize - self.down) as usize * w;
            let row = &raw[from..from + w];
            y[..columns.start].fill(black);
            y[columns.end..].fill(black);
            // The first column that comes from inside the image, there.
            let first = (columns.start as isize - self.right) as usize;
            let row_len = columns.len();
            let y = &mut y[columns.clone()];
            if self.flipped {
                let row = &row[w - first - row_len..w - first];
                y.iter_mut().zip(row.iter().rev()).for_each(|(y, &raw)| *y = value(raw));
            } else {
                let row = &row[first..first + row_len];
                y.iter_mut().zip(row).for_each(|(y, &raw)| *y = value(raw));
            }
        }
    }
}

/// The places of `0..len` that a move by `offset` fills from inside.
fn inside(offset: isize, len: usize) -> std::ops::Range<usize> {
    let by = offset.unsigned_abs().min(len);
    if offset >= 0 { by..len } else { 0..len - by }
}
