//! Where v and the metric come from: a buffer, or the optimiser's rule.

use super::flat::Flat;
use crate::simd::{Simd, prefetch};

/// Yields v, and e = 1/d, for elements of the flat weight buffer.
pub(crate) trait Source: Copy + Send + Sync {
    /// What is left of the source once v lies in the weight buffer. Rules in the same metric share
    /// it, and with it all that is compiled for the sweeps after the first.
    type Scale: Scale;
    /// Whether v already lies in the weight buffer.
    const IN_PLACE: bool;

    fn scale(self) -> Self::Scale;

    /// (v, e) of n <= LANES elements from `at`, asked for once for each element: the rule updates
    /// its moments here. e is ignored unless the scale is `DIAGONAL`.
    ///
    /// # Safety
    /// `at + n` is inside every buffer, and no other task touches these elements.
    unsafe fn first<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F);

    /// The buffers that `first` reads.
    fn streams(self) -> Streams;
}

/// Yields e, after [`Source::first`].
pub(crate) trait Scale: Copy + Send + Sync {
    /// Whether e differs between elements.
    const DIAGONAL: bool;

    /// e where it is the same for all elements.
    fn step(self) -> Option<f32>;

    /// e of n <= LANES elements from `at`; ignored unless `DIAGONAL`.
    ///
    /// # Safety
    /// As [`Source::first`].
    unsafe fn e<S: Simd>(self, s: S, at: usize, n: usize) -> S::F;

    /// e of one element, for code that is not hot.
    ///
    /// # Safety
    /// As [`Source::first`].
    unsafe fn e_one(self, at: usize) -> f32;
}

/// Buffers that are read side by side, for those who ask for them ahead.
#[derive(Clone, Copy)]
pub(crate) struct Streams {
    bases: [*const f32; 4],
    count: usize,
}

impl Streams {
    /// Of at most four buffers.
    #[inline(always)]
    pub(crate) fn new<const N: usize>(buffers: [*const f32; N]) -> Streams {
        let mut bases = [core::ptr::null(); 4];
        bases[..N].copy_from_slice(&buffers);
        Streams { bases, count: N }
    }

    /// Asks for the cache line of an element in each, which may lie outside.
    #[inline(always)]
    pub(crate) fn prefetch(&self, at: usize) {
        for base in &self.bases[..self.count] {
            prefetch(base.wrapping_add(at));
        }
    }
}

/// One e for all elements.
#[derive(Clone, Copy)]
pub(crate) struct Uniform(pub(crate) f32);

impl Scale for Uniform {
    const DIAGONAL: bool = false;

    fn step(self) -> Option<f32> {
        Some(self.0)
    }

    #[inline(always)]
    unsafe fn e<S: Simd>(self, s: S, _: usize, _: usize) -> S::F {
        s.zero()
    }

    unsafe fn e_one(self, _: usize) -> f32 {
        self.0
    }
}

/// An e for each element: `eta / (x + eps)`, or Adam's `eta / (sqrt(x) + eps)`, and the largest f32 where
/// that is more: `0 e` is 0. One type for both, since all later sweeps are compiled for each.
#[derive(Clone, Copy)]
pub(crate) struct Varied<'a> {
    pub(crate) x: Flat<'a>,
    pub(crate) root: bool,
    pub(crate) eta: f32,
    pub(crate) eps: f32,
}

impl<'a> Varied<'a> {
    /// `1 / d`.
    fn inverse(d: &'a [f32]) -> Varied<'a> {
        Varied { x: Flat::shared(d), root: false, eta: 1.0, eps: 0.0 }
    }

    /// e of x, with the root.
    #[inline(always)]
    pub(crate) fn of_root<S: Simd>(self, s: S, x: S::F) -> S::F {
        self.of(s, s.sqrt(x))
    }

    #[inline(always)]
    fn of<S: Simd>(self, s: S, x: S::F) -> S::F {
        // NaN stays.
        s.min(s.splat(f32::MAX), s.div(s.splat(self.eta), s.add(x, s.splat(self.eps))))
    }
}

impl Scale for Varied<'_> {
    const DIAGONAL: bool = true;

    fn step(self) -> Option<f32> {
        None
    }

    #[inline(always)]
    unsafe fn e<S: Simd>(self, s: S, at: usize, n: usize) -> S::F {
        // SAFETY: the caller vouches for the elements.
        let x = unsafe { self.x.load(s, at, n) };
        // A select, since a branch would be there twice.
        let root = s.ne(s.splat(f32::from(u8::from(self.root))), s.zero());
        self.of(s, s.select(root, s.sqrt(x), x))
    }

    unsafe fn e_one(self, at: usize) -> f32 {
        // SAFETY: the caller vouches for the element.
        let x = unsafe { self.x.get(at) };
        let e = self.eta / (if self.root { x.sqrt() } else { x } + self.eps);
        e.clamp(f32::MIN, f32::MAX)
    }
}

/// e as the first sweep left it, for the elements from `from` on: the later ones are spared a square
/// root and a division, which take as long as all else that they do.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub(crate) e: Flat<'a>,
    pub(crate) from: usize,
}

impl Scale for Kept<'_> {
    const DIAGONAL: bool = true;

    fn step(self) -> Option<f32> {
        None
    }

    #[inline(always)]
    unsafe fn e<S: Simd>(self, s: S, at: usize, n: usize) -> S::F {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.e.load(s, at - self.from, n) }
    }

    unsafe fn e_one(self, at: usize) -> f32 {
        // SAFETY: the caller vouches for the element.
        unsafe { self.e.get(at - self.from) }
    }
}

/// A buffer of v, and a step.
#[derive(Clone, Copy)]
pub(crate) struct Euclidean<'a> {
    pub(crate) v: Flat<'a>,
    pub(crate) step: f32,
}

impl Source for Euclidean<'_> {
    type Scale = Uniform;
    const IN_PLACE: bool = true;

    fn scale(self) -> Uniform {
        Uniform(self.step)
    }

    #[inline(always)]
    unsafe fn first<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F) {
        // SAFETY: the caller vouches for the elements.
        (unsafe { self.v.load(s, at, n) }, s.zero())
    }

    #[inline(always)]
    fn streams(self) -> Streams {
        Streams::new([self.v.as_ptr()])
    }
}

/// A buffer of v, and one of d.
#[derive(Clone, Copy)]
pub(crate) struct Diagonal<'a> {
    pub(crate) v: Flat<'a>,
    pub(crate) d: &'a [f32],
}

impl<'a> Source for Diagonal<'a> {
    type Scale = Varied<'a>;
    const IN_PLACE: bool = true;

    fn scale(self) -> Varied<'a> {
        Varied::inverse(self.d)
    }

    #[inline(always)]
    unsafe fn first<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F) {
        // SAFETY: the caller vouches for the elements.
        unsafe { (self.v.load(s, at, n), self.scale().e(s, at, n)) }
    }

    #[inline(always)]
    fn streams(self) -> Streams {
        Streams::new([self.v.as_ptr(), self.d.as_ptr()])
    }
}
