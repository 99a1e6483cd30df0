//! The rules in vectors, each in two parts: the moments, and the point v that they lead to.

use super::{Band, Rule, Update};
use crate::prox::{Flat, Scale, Source, Streams, Uniform, Varied, load_at};
use crate::simd::Simd;

/// (g, first moment, second moment); parts that a rule does not have are not used.
pub(crate) type Moments<S> = (<S as Simd>::F, <S as Simd>::F, <S as Simd>::F);

/// A rule with its operands. The fused step does both parts at once, the unfused one after the
/// other, with the same arithmetic.
pub(crate) trait Parts: Copy + Send + Sync {
    /// The metric of the prox.
    type Scale: Scale;

    fn scale(self) -> Self::Scale;

    /// Updates and stores the moments.
    ///
    /// # Safety
    /// `at + n` is inside every buffer, `n <= LANES`, and no other task touches these elements.
    unsafe fn moments<S: Simd>(self, s: S, at: usize, n: usize) -> Moments<S>;

    /// The moments as stored.
    ///
    /// # Safety
    /// As `moments`.
    unsafe fn recall<S: Simd>(self, s: S, at: usize, n: usize) -> Moments<S>;

    /// (v, e) from the old w and the new moments.
    ///
    /// # Safety
    /// As `moments`.
    unsafe fn point<S: Simd>(self, s: S, at: usize, n: usize, x: Moments<S>) -> (S::F, S::F);

    /// The buffers that both parts read.
    fn streams(self) -> Streams;
}

/// A rule as the source of v: both parts in one visit.
#[derive(Clone, Copy)]
pub(crate) struct Fused<P>(pub(crate) P);

impl<P: Parts> Source for Fused<P> {
    type Scale = P::Scale;
    const IN_PLACE: bool = false;

    fn scale(self) -> P::Scale {
        self.0.scale()
    }

    #[inline(always)]
    unsafe fn first<S: Simd>(self, s: S, at: usize, n: usize) -> (S::F, S::F) {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let x = self.0.moments(s, at, n);
            self.0.point(s, at, n, x)
        }
    }

    #[inline(always)]
    fn streams(self) -> Streams {
        self.0.streams()
    }
}

/// x, or +0.0 where it is below the smallest normal f32; NaN stays.
#[inline(always)]
fn normal<S: Simd>(s: S, x: S::F) -> S::F {
    s.select(s.lt(s.abs(x), s.splat(f32::MIN_POSITIVE)), s.zero(), x)
}

/// v = w - eta g.
#[derive(Clone, Copy)]
pub(crate) struct Sgd<'a> {
    pub(crate) w: Flat<'a>,
    pub(crate) g: &'a [f32],
    pub(crate) eta: f32,
}

impl Parts for Sgd<'_> {
    type Scale = Uniform;

    fn scale(self) -> Uniform {
        Uniform(self.eta)
    }

    #[inline(always)]
    unsafe fn moments<S: Simd>(self, s: S, at: usize, n: usize) -> Moments<S> {
        // SAFETY: the caller vouches for the elements.
        (unsafe { load_at(s, self.g, at, n) }, s.zero(), s.zero())
    }

    #[inline(always)]
    unsafe fn recall<S: Simd>(self, s: S, at: usize, n: usize) -> Moments<S> {
        // SAFETY: the caller vouches for the elements.
        unsafe { self.moments(s, at, n) }
    }

    #[inline(always)]
    unsafe fn point<S: Simd>(self, s: S, at: usize, n: usize, x: Moments<S>) -> (S::F, S::F) {
        // SAFETY: the caller vouches for the elements.
        let w = unsafe { self.w.load(s, at, n) };
        (s.neg_mul_add(s.splat(self.eta), x.0, w), s.zero())
    }

    #[inline(always)]
    fn streams(self) -> Streams {
        Streams::new([self.w.as_ptr(), self.g.as_ptr()])
    }
}

/// m = beta m + g; v = w - eta m, or w - eta (g + beta m).
#[derive(Clone, Copy)]
pub(crate) struct Momentum<'a, const NESTEROV: bool> {
    pub(crate) w: Flat<'a>,
    pub(crate) g: &'a [f32],
    pub(crate) m: Flat<'a>,
    pub(crate) eta: f32,
    pub(crate) beta: f32,
}

impl<const NESTEROV: bool> Parts for Momentum<'_, NESTEROV> {
    type Scale = Uniform;

    fn scale(self) -> Uniform {
        Uniform((self.eta / (1.0 - self.beta)).min(f32::MAX))
    }

    #[inline(always)]
    unsafe fn moments<S: Simd>(self, s: S, at: usize, n: usize) -> Moments<S> {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let g = load_at(s, self.g, at, n);
            let m = normal(s, s.mul_add(s.splat(self.beta), self.m.load(s, at, n), g));
            self.m.store(s, at, n, m);
            (g, m, s.zero())
        }
    }

    #[inline(always)]
    unsafe fn recall<S: Simd>(self, s: S, at: usize, n: usize) -> Moments<S> {
        // SAFETY: the caller vouches for the elements.
        unsafe { (load_at(s, self.g, at, n), self.m.load(s, at, n), s.zero()) }
    }

    #[inline(always)]
    unsafe fn point<S: Simd>(self, s: S, at: usize, n: usize, x: Moments<S>) -> (S::F, S::F) {
        let (g, m, _) = x;
        // SAFETY: the caller vouches for the elements.
        let w = unsafe { self.w.load(s, at, n) };
        let u = if NESTEROV { s.mul_add(s.splat(self.beta), m, g) } else { m };
        (s.neg_mul_add(s.splat(self.eta), u, w), s.zero())
    }

    #[inline(always)]
    fn streams(self) -> Streams {
        Streams::new([self.w.as_ptr(), self.g.as_ptr(), self.m.as_ptr()])
    }
}

/// Adam with decoupled decay; `e = eta / (sqrt(v c) + eps)`, `c = 1 / (1 - beta2^t)`, with the root of c
/// divided out.
#[derive(Clone, Copy)]
pub(crate) struct Adam<'a> {
    w: Flat<'a>,
    g: &'a [f32],
    m: Flat<'a>,
    beta1: f32,
    beta2: f32,
    /// 1 - eta decay.
    keep: f32,
    /// 1 / (1 - beta1^t).
    correct1: f32,
    /// Of the second moment.
    scale: Varied<'a>,
}

impl<'a> Adam<'a> {
    /// # Panics
    /// If the rule is not Adam.
    pub(super) fn new(
        op: &Update<Band>,
        (w, g): (Flat<'a>, &'a [f32]),
        (m, v): (Flat<'a>, Flat<'a>),
    ) -> Self {
        let Rule::Adam { beta1, beta2, eps, decay } = op.rule else {
            unreachable!("the rule is Adam")
        };
        let eta = op.eta;
        let correct = |beta: f32| 1.0 / (1.0 - f64::from(beta).powf(op.step as f64));
        let keep = (1.0 - f64::from(eta) * f64::from(decay)) as f32;
        let (correct1, root) = (correct(beta1) as f32, correct(beta2).sqrt());
        let [eta, eps] = [eta, eps].map(|x| (f64::from(x) / root) as f32);
        let scale = Varied { x: v, root: true, eta, eps };
        Adam { w, g, m, beta1, beta2, keep, correct1, scale }
    }
}

impl<'a> Parts for Adam<'a> {
    type Scale = Varied<'a>;

    fn scale(self) -> Varied<'a> {
        self.scale
    }

    #[inline(always)]
    unsafe fn moments<S: Simd>(self, s: S, at: usize, n: usize) -> Moments<S> {
        // SAFETY: the caller vouches for the elements.
        unsafe {
            let g = load_at(s, self.g, at, n);
            let (m, v) = (self.m.load(s, at, n), self.scale.x.load(s, at, n));
            let fresh = s.mul(s.splat(1.0 - self.beta1), g);
            let m = normal(s, s.mul_add(s.splat(self.beta1), m, fresh));
            let fresh = s.mul(s.mul(s.splat(1.0 - self.beta2), g), g);
            let v = normal(s, s.mul_add(s.splat(self.beta2), v, fresh));
            self.m.store(s, at, n, m);
            self.scale.x.store(s, at, n, v);
            (g, m, v)
        }
    }

    #[inline(always)]
    unsafe fn recall<S: Simd>(self, s: S, at: usize, n: usize) -> Moments<S> {
        // SAFETY: the caller vouches for the elements.
        unsafe { (load_at(s, self.g, at, n), self.m.load(s, at, n), self.scale.x.load(s, at, n)) }
    }

    #[inline(always)]
    unsafe fn point<S: Simd>(self, s: S, at: usize, n: usize, x: Moments<S>) -> (S::F, S::F) {
        let (_, m, v) = x;
        // SAFETY: the caller vouches for the elements.
        let w = unsafe { self.w.load(s, at, n) };
        let e = self.scale.of_root(s, v);
        let u = s.mul(m, s.splat(self.correct1));
        (s.neg_mul_add(e, u, s.mul(w, s.splat(self.keep))), e)
    }

    #[inline(always)]
    fn streams(self) -> Streams {
        Streams::new([self.w.as_ptr(), self.g.as_ptr(), self.m.as_ptr(), self.scale.x.as_ptr()])
    }
}
