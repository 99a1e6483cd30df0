//! Whether so much memory can be had, asked before any of it is taken: an allocation that fails ends
//! the process, and what a recipe or a file asks for is a user's word.

use core::fmt;
use core::hint::black_box;

/// Something wants more memory than there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryError {
    what: &'static str,
    /// Bytes that it takes.
    asked: u128,
    /// Bytes that can be had, to a power of two.
    fits: u128,
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u128| bytes.div_ceil(1 << 20);
        write!(
            f,
            "{} takes {} MiB of memory, and {} MiB can be had; take a smaller network or batch, or a \
             larger machine",
            self.what,
            mib(self.asked),
            mib(self.fits)
        )
    }
}

impl std::error::Error for MemoryError {}

impl MemoryError {
    /// The error for `elements` of f32.
    pub(crate) fn new(what: &'static str, elements: u128) -> MemoryError {
        let asked = elements.saturating_mul(size_of::<f32>() as u128);
        let fits = (20..63).rev().map(|bits| 1u128 << bits);
        let fits = fits.filter(|&fits| fits < asked).find(|&fits| can_be_had(fits));
        MemoryError { what, asked, fits: fits.unwrap_or(0) }
    }
}

/// An error unless there is memory for `elements` of f32 at once. Nothing is kept: an address space
/// that holds them together holds them one after another.
pub(crate) fn check(what: &'static str, elements: u128) -> Result<(), MemoryError> {
    match can_be_had(elements.saturating_mul(size_of::<f32>() as u128)) {
        true => Ok(()),
        false => Err(MemoryError::new(what, elements)),
    }
}

fn can_be_had(bytes: u128) -> bool {
    let mut room = Vec::<u8>::new();
    let had = usize::try_from(bytes).is_ok_and(|bytes| room.try_reserve_exact(bytes).is_ok());
    // A compiler may leave out an allocation that nothing looks at, and take it for granted.
    black_box(&mut room);
    had
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_told_beside_what_can() {
        assert_eq!(check("a model", 1 << 10), Ok(()));
        let error = check("a model", 1 << 60).unwrap_err();
        assert_eq!((error.what, error.asked), ("a model", 1 << 62));
        assert!(error.fits < error.asked && error.fits > 1 << 20, "{error:?}");
        assert!(check("a model", u128::MAX).is_err());
        let text = error.to_string();
        assert!(text.starts_with("a model takes 4398046511104 MiB of memory, and "), "{text}");
    }
}
