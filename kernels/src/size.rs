//! Sizes that cannot wrap: the one place where lengths are multiplied and added.
//!
//! A length that wraps comes out small, and a kernel that trusts it reads and writes past its buffers.
//! So each public function multiplies the sizes that it is given here, once, before it looks at a
//! buffer. What follows from them inside (a stride, the offset of an element) is a product of some of the
//! same factors, and is computed plainly.
//!
//! ```
//! use proxtape_kernels::size;
//! assert_eq!(size::product(&[3, 4, 5]), Some(60));
//! assert_eq!(size::product(&[1 << 32, 1 << 32]), None);
//! // Without its zeros, so that a part of the product is never larger than all of it.
//! assert_eq!((size::product(&[1 << 40, 0]), size::product(&[1 << 62, 0])), (Some(0), None));
//! assert_eq!(size::sum(&[usize::MAX, 1]), None);
//! ```

/// The most elements that a buffer of f32 can have: no object is larger than `isize::MAX` bytes, so
/// that every offset in it fits isize.
pub const MOST: usize = isize::MAX as usize / size_of::<f32>();

// The bounds of a convolution's inner lengths (`conv/shape.rs`) are counted for 64 bits.
const _: () = assert!(usize::BITS >= 64, "sizes are computed in 64 bits");

/// The product of the factors, if it is at most [`MOST`] even without those that are 0.
///
/// So is then the product of any of them.
#[inline]
pub fn product(factors: &[usize]) -> Option<usize> {
    let (mut all, mut zero) = (1usize, false);
    for &factor in factors {
        zero |= factor == 0;
        all = all.checked_mul(factor.max(1))?;
    }
    if all > MOST { None } else { Some(if zero { 0 } else { all }) }
}

/// The sum of the terms, if it is at most [`MOST`].
#[inline]
pub fn sum(terms: &[usize]) -> Option<usize> {
    let mut all = 0usize;
    for &term in terms {
        all = all.checked_add(term)?;
    }
    (all <= MOST).then_some(all)
}

/// The [`product`] of the factors of `what`.
///
/// # Panics
/// If there is none: `Groups: 4294967296 x 3 x 4294967296 elements are more than memory can hold`.
#[inline]
#[track_caller]
pub fn elements(what: &str, factors: &[usize]) -> usize {
    match product(factors) {
        Some(all) => all,
        None => too_many(what, factors, " x "),
    }
}

/// The [`sum`] of the terms of `what`.
///
/// # Panics
/// If there is none, as [`elements`] does.
#[inline]
#[track_caller]
pub fn total(what: &str, terms: &[usize]) -> usize {
    match sum(terms) {
        Some(all) => all,
        None => too_many(what, terms, " + "),
    }
}

/// `len` in whole units, which must be small.
#[inline]
#[track_caller]
pub(crate) fn padded(what: &str, len: usize, unit: usize) -> usize {
    total(what, &[len, unit]);
    len.next_multiple_of(unit)
}

#[cold]
#[inline(never)]
#[track_caller]
fn too_many(what: &str, of: &[usize], sign: &str) -> ! {
    let of: Vec<String> = of.iter().map(usize::to_string).collect();
    panic!("{what}: {} elements are more than memory can hold", of.join(sign))
}
