//! What one sweep does with a vector of elements.

use super::flat::{Flat, UNROLL, Visit};
use super::shrink::{Cuts, Tally};
use super::solver::Threshold;
use super::source::{Kept, Scale, Source};
use crate::simd::Simd;

/// The first sweep makes v and stores it.
#[derive(Clone, Copy)]
pub(crate) struct Fresh<'a, Src> {
    pub(crate) source: Src,
    pub(crate) w: Flat<'a>,
}

impl<'a, Src: Source> Fresh<'a, Src> {
    /// What the first sweep leaves.
    pub(crate) fn made(self) -> Made<'a, Src::Scale> {
        Made { scale: self.source.scale(), w: self.w }
    }
}

/// A first sweep that keeps e too.
#[derive(Clone, Copy)]
pub(crate) struct Keeping<'a, Src> {
    pub(crate) fresh: Fresh<'a, Src>,
    pub(crate) kept: Kept<'a>,
}

/// Later sweeps find v in the weight buffer.
#[derive(Clone, Copy)]
pub(crate) struct Made<'a, M> {
    pub(crate) scale: M,
    pub(crate) w: Flat<'a>,
}

/// The elements as a sweep finds them.
pub(crate) trait Elements: Copy {
    type Scale: Scale;

    /// (v, e) of n <= LANES elements; v lies in the weight buffer afterwards.
    ///
    /// # Safety
    /// As [`Source::first`]; of [`Fresh`] once for each element.
    unsafe fn get<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F);

    /// Asks for the cache lines of an element, which may lie outside.
    fn prefetch(self, at: usize);
}

impl<Src: Source> Elements for Fresh<'_, Src> {
    type Scale = Src::Scale;

    #[inline(always)]
    unsafe fn get<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let (v, e) = self.source.first(s, at, n);
            if !Src::IN_PLACE {
                self.w.store(s, at, n, v);
            }
            (v, e)
        }
    }

    #[inline(always)]
    fn prefetch(self, at: usize) {
        self.source.streams().prefetch(at);
    }
}

impl<'a, Src: Source> Elements for Keeping<'a, Src> {
    type Scale = Kept<'a>;

    #[inline(always)]
    unsafe fn get<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F) {
        // SAFETY: the caller vouches for the elements, and `kept` holds them all.
        unsafe {
            let (v, e) = self.fresh.get(s, at, n);
            self.kept.e.store(s, at - self.kept.from, n, e);
            (v, e)
        }
    }

    #[inline(always)]
    fn prefetch(self, at: usize) {
        self.fresh.prefetch(at);
    }
}

impl<M: Scale> Elements for Made<'_, M> {
    type Scale = M;

    #[inline(always)]
    unsafe fn get<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F) {
        // SAFETY: the caller vouches for the elements.
        unsafe { (self.w.load(s, at, n), self.scale.e(s, at, n)) }
    }

    #[inline(always)]
    fn prefetch(self, at: usize) {
        self.w.prefetch(at);
    }
}

/// A sweep of Newton's method: the first one sums, the later ones cut and sum what is left.
pub(crate) trait Sweep: Elements {
    const IS_FIRST: bool;
    /// Which of the four unrolled iterations issue a prefetch for later sweeps, where one group
    /// comes after another.
    const ASKS: [bool; UNROLL];

    /// Adds to the count, the excess and, in a diagonal metric, the weight of what is above a cut.
    /// Elements that exceed it by less than the smallest normal f32 count as below. In the first
    /// sweep an excess that is NaN or infinite stays so in the sum.
    ///
    /// # Safety
    /// As [`Elements::get`].
    unsafe fn above<S: Simd>(self, s: S, cut: S::F, at: (usize, usize), acc: &mut [S::F; 3]);
}

impl<Src: Source> Sweep for Fresh<'_, Src> {
    const IS_FIRST: bool = true;
    const ASKS: [bool; UNROLL] = [false; UNROLL];

    #[inline(always)]
    unsafe fn above<S: Simd>(self, s: S, cut: S::F, (at, n): (usize, usize), acc: &mut [S::F; 3]) {
        // SAFETY: the caller vouches for the elements.
        first::<S, Src::Scale>(s, unsafe { self.get(s, at, n) }, cut, acc);
    }
}

impl<'a, Src: Source> Sweep for Keeping<'a, Src> {
    const IS_FIRST: bool = true;
    const ASKS: [bool; UNROLL] = [false; UNROLL];

    #[inline(always)]
    unsafe fn above<S: Simd>(self, s: S, cut: S::F, (at, n): (usize, usize), acc: &mut [S::F; 3]) {
        // SAFETY: the caller vouches for the elements.
        first::<S, Kept<'a>>(s, unsafe { self.get(s, at, n) }, cut, acc);
    }
}

impl<M: Scale> Sweep for Made<'_, M> {
    const IS_FIRST: bool = false;
    const ASKS: [bool; UNROLL] = [false, true, false, false];

    #[inline(always)]
    unsafe fn above<S: Simd>(self, s: S, cut: S::F, (at, n): (usize, usize), acc: &mut [S::F; 3]) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let (v, e) = self.get(s, at, n);
            let (over, keep) = over::<S, M>(s, (v, e), cut);
            let b = s.select_or_zero(keep, over);
            add::<S, M>(s, acc, (keep, b, e));
            self.w.store(s, at, n, s.select_or_zero(keep, s.or(b, s.sign_bit(v))));
        }
    }
}

/// A first sweep of what comes from memory. It asks for the lines that the later ones, in cache, leave:
/// so memory has as much to do in either.
#[derive(Clone, Copy)]
pub(crate) struct Streaming<E>(pub(crate) E);

impl<E: Elements> Elements for Streaming<E> {
    type Scale = E::Scale;

    #[inline(always)]
    unsafe fn get<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F) {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.0.get(s, at, n) }
    }

    #[inline(always)]
    fn prefetch(self, at: usize) {
        self.0.prefetch(at);
    }
}

impl<E: Sweep> Sweep for Streaming<E> {
    const IS_FIRST: bool = true;
    const ASKS: [bool; UNROLL] = [true, false, true, true];

    #[inline(always)]
    unsafe fn above<S: Simd>(self, s: S, cut: S::F, at: (usize, usize), acc: &mut [S::F; 3]) {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.0.above(s, cut, at, acc) }
    }
}

/// The sums of a first sweep.
#[inline(always)]
fn first<S: Simd, M: Scale>(s: S, (v, e): (S::F, S::F), cut: S::F, acc: &mut [S::F; 3]) {
    let (over, keep) = over::<S, M>(s, (v, e), cut);
    // max(0, NaN) is NaN.
    add::<S, M>(s, acc, (keep, s.max(s.zero(), over), e));
}

/// How far |v| is above a cut, and where it is.
#[inline(always)]
fn over<S: Simd, M: Scale>(s: S, (v, e): (S::F, S::F), cut: S::F) -> (S::F, S::M) {
    let a = s.abs(v);
    let over = if M::DIAGONAL { s.neg_mul_add(cut, e, a) } else { s.sub(a, cut) };
    (over, s.ge(over, s.splat(f32::MIN_POSITIVE)))
}

/// Count, excess and weight.
#[inline(always)]
fn add<S: Simd, M: Scale>(s: S, acc: &mut [S::F; 3], (keep, b, e): (S::M, S::F, S::F)) {
    acc[0] = s.add(acc[0], s.select_or_zero(keep, s.splat(1.0)));
    acc[1] = s.add(acc[1], b);
    if M::DIAGONAL {
        acc[2] = s.add(acc[2], s.select_or_zero(keep, e));
    }
}

/// Makes v alone, before a search that sums over what is made: a pass more where the penalty is a
/// rare one, and no copy of the search for each rule.
impl<S: Simd, Src: Source> Visit<S> for Fresh<'_, Src> {
    #[inline(always)]
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, _: usize) {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.get(s, at, n) };
    }
}

impl<M: Scale> Made<'_, M> {
    /// Applies a threshold.
    ///
    /// # Safety
    /// As [`Elements::get`].
    #[inline(always)]
    pub(crate) unsafe fn apply<S: Simd>(
        self,
        s: S,
        cuts: &Cuts<S>,
        tally: &mut Tally<S>,
        (at, n): (usize, usize),
    ) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let (v, e) = self.get(s, at, n);
            self.w.store(s, at, n, cuts.apply::<M>(s, tally, v, e));
        }
    }

    /// Applies a threshold that does not fit f32 to these elements, in f64. Returns the one that is
    /// left to apply: none.
    ///
    /// # Safety
    /// As [`Elements::get`].
    #[cold]
    pub(crate) unsafe fn apply_wide(
        self,
        Threshold { tau, c }: Threshold,
        elements: impl Iterator<Item = usize>,
    ) -> Threshold {
        for at in elements {
            // SAFETY: the caller vouches for the elements.
            let (v, e) = unsafe { self.wide(at) };
            if v.is_finite() {
                let x = (v.abs() - tau * e).max(0.0) / (1.0 + c * e);
                // SAFETY: as above.
                unsafe { self.w.set(at, x.copysign(v) as f32) };
            }
        }
        Threshold::default()
    }

    /// (v, e) of one element in f64.
    ///
    /// # Safety
    /// As [`Elements::get`].
    pub(crate) unsafe fn wide(self, at: usize) -> (f64, f64) {
        // SAFETY: the caller vouches for the element.
        unsafe { (f64::from(self.w.get(at)), f64::from(self.scale.e_one(at))) }
    }
}
