//! The seam between kernels and instruction sets.
//!
//! [`Simd`] is implemented by zero-sized tokens. A token can only be made by detection (see
//! `isa.rs`), so holding one is the proof that the CPU has the features, and arithmetic on it is
//! safe. Every method is `inline(always)`: `#[target_feature]` stands on one function for each
//! backend, [`Simd::vectorize`], and all that it calls must be inlined into it, else each
//! intrinsic would become a call.

use crate::tuning::Tuning;

/// A kernel: a struct of its operands with one generic body.
///
/// Mark `run` and all that it calls `#[inline(always)]`. A closure that is handed to another
/// thread leaves the feature context: such a task must enter through [`Isa::run`](crate::Isa::run)
/// itself.
pub trait Kernel {
    /// What the kernel returns.
    type Output;

    /// The body, compiled once for every instruction set.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// A vector instruction set for f32.
///
/// Comparisons with NaN are false, save [`ne`](Simd::ne). [`max`](Simd::max) and
/// [`min`](Simd::min) return their second operand when either is NaN.
pub trait Simd: Copy + Send + Sync + 'static {
    /// f32 elements in a vector.
    const LANES: usize;
    /// The lower-case name, as in `PROXTAPE_ISA`.
    const NAME: &'static str;
    /// How many neighbours [`lookup_ptr`](Simd::lookup_ptr) chooses from, at most 256.
    const WINDOW: usize;
    /// Whether [`mul_add`](Simd::mul_add) rounds once.
    const FUSED: bool;
    /// Sizes of tiles and blocks.
    const TUNING: Tuning;
    /// A vector of `LANES` f32.
    type F: Copy + Send + Sync + 'static;
    /// One truth value for each lane.
    type M: Copy + Send + Sync + 'static;

    /// Runs a kernel with the features of this instruction set enabled.
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output;

    /// All lanes equal to `x`.
    fn splat(self, x: f32) -> Self::F;
    /// Reads `LANES` elements.
    ///
    /// # Safety
    /// `p` must be valid for reads of `LANES` f32; it need not be aligned to the vector.
    unsafe fn load_ptr(self, p: *const f32) -> Self::F;
    /// Writes `LANES` elements.
    ///
    /// # Safety
    /// `p` must be valid for writes of `LANES` f32; it need not be aligned to the vector.
    unsafe fn store_ptr(self, p: *mut f32, x: Self::F);
    /// Reads `n < LANES` elements; the other lanes are +0.0 and their memory is not touched.
    ///
    /// # Safety
    /// `n <= LANES` and `p` must be valid for reads of `n` f32.
    unsafe fn load_first_ptr(self, p: *const f32, n: usize) -> Self::F;
    /// Writes the first `n < LANES` lanes; memory past them is not touched.
    ///
    /// # Safety
    /// `n <= LANES` and `p` must be valid for writes of `n` f32.
    unsafe fn store_first_ptr(self, p: *mut f32, n: usize, x: Self::F);

    /// Reads four elements, and repeats them over the vector.
    ///
    /// # Safety
    /// `p` must be valid for reads of four f32.
    unsafe fn load_quad_ptr(self, p: *const f32) -> Self::F;

    /// Lane l is `p[at[l]]`: what a gather does, from a window that fits the registers.
    ///
    /// # Safety
    /// `p` must be valid for reads of `WINDOW` f32, `at` for reads of `LANES` numbers below `WINDOW`.
    unsafe fn lookup_ptr(self, p: *const f32, at: *const u8) -> Self::F;

    /// Turns a square: element `q` of row `x[l]` goes to `y[q * stride + l]`, for q and l below
    /// `LANES`.
    ///
    /// Writes `LANES` whole vectors in the order of q, so where `stride` is less than `LANES` each
    /// covers the end of the one before.
    ///
    /// # Safety
    /// The first `LANES` pointers of `x` must be valid for reads of `LANES` f32, `y` for writes of
    /// `(LANES - 1) * stride + LANES`, and the two must not overlap.
    unsafe fn transpose_ptr(self, x: &[*const f32; 16], y: *mut f32, stride: usize);

    /// a + b.
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// a - b.
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// a * b.
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// a / b.
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// a * b + c, rounded once where the CPU can.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// c - a * b, rounded once where the CPU can.
    fn neg_mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The square root.
    fn sqrt(self, a: Self::F) -> Self::F;
    /// a > b ? a : b, so b where either is NaN.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// a < b ? a : b, so b where either is NaN.
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// The nearest integer, ties to even.
    fn round(self, a: Self::F) -> Self::F;

    /// The bitwise and.
    fn and(self, a: Self::F, b: Self::F) -> Self::F;
    /// The bitwise or.
    fn or(self, a: Self::F, b: Self::F) -> Self::F;
    /// The bitwise exclusive or.
    fn xor(self, a: Self::F, b: Self::F) -> Self::F;
    /// 2^n for lanes that hold integers in -126..=127.
    fn exp2_int(self, n: Self::F) -> Self::F;
    /// The biased exponent field of each lane as a number: 127 for 1.0, 0 for zero and denormals.
    fn biased_exponent(self, a: Self::F) -> Self::F;

    /// a < b.
    fn lt(self, a: Self::F, b: Self::F) -> Self::M;
    /// a <= b.
    fn le(self, a: Self::F, b: Self::F) -> Self::M;
    /// a == b.
    fn eq(self, a: Self::F, b: Self::F) -> Self::M;
    /// a != b; true for NaN.
    fn ne(self, a: Self::F, b: Self::F) -> Self::M;
    /// Where `m` then `a` else `b`.
    fn select(self, m: Self::M, a: Self::F, b: Self::F) -> Self::F;
    /// Where `m` then `a` else +0.0.
    fn select_or_zero(self, m: Self::M, a: Self::F) -> Self::F;
    /// Both masks.
    fn mask_and(self, a: Self::M, b: Self::M) -> Self::M;
    /// Either mask.
    fn mask_or(self, a: Self::M, b: Self::M) -> Self::M;
    /// How many lanes are set.
    fn count(self, m: Self::M) -> u32;

    /// The elements with even and with odd positions of `a` followed by `b`.
    fn deinterleave(self, a: Self::F, b: Self::F) -> (Self::F, Self::F);
    /// The sum of all lanes, in a fixed order (halves folded onto each other).
    fn sum(self, a: Self::F) -> f32;

    /// +0.0 in all lanes.
    #[inline(always)]
    fn zero(self) -> Self::F {
        self.splat(0.0)
    }
    /// a > b.
    #[inline(always)]
    fn gt(self, a: Self::F, b: Self::F) -> Self::M {
        self.lt(b, a)
    }
    /// a >= b.
    #[inline(always)]
    fn ge(self, a: Self::F, b: Self::F) -> Self::M {
        self.le(b, a)
    }
    /// The mask of the first `n` lanes; of all where `n` is at least `LANES`.
    #[inline(always)]
    fn first_lanes(self, n: usize) -> Self::M {
        const { assert!(Self::LANES <= 16) };
        const INDEX: [f32; 16] =
            [0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.];
        // At most 16, so the conversion is exact.
        self.lt(self.load(&INDEX), self.splat(n.min(16) as f32))
    }
    /// Whether any lane is set.
    #[inline(always)]
    fn any(self, m: Self::M) -> bool {
        self.count(m) != 0
    }
    /// |a|, by clearing the sign bit.
    #[inline(always)]
    fn abs(self, a: Self::F) -> Self::F {
        self.and(a, self.splat(f32::from_bits(0x7fff_ffff)))
    }
    /// -a, by flipping the sign bit.
    #[inline(always)]
    fn neg(self, a: Self::F) -> Self::F {
        self.xor(a, self.splat(-0.0))
    }
    /// The sign bit of each lane and nothing else.
    #[inline(always)]
    fn sign_bit(self, a: Self::F) -> Self::F {
        self.and(a, self.splat(-0.0))
    }
    /// The largest lane; NaN lanes may be passed over.
    #[inline(always)]
    fn max_lane(self, a: Self::F) -> f32 {
        // Halves folded onto each other: the compiler makes vector code of it.
        let (mut lanes, mut n) = (self.to_lanes(a), Self::LANES);
        while n > 1 {
            n /= 2;
            for i in 0..n {
                lanes[i] = if lanes[i] > lanes[i + n] { lanes[i] } else { lanes[i + n] };
            }
        }
        lanes[0]
    }
    /// The lanes, in memory order, then zeros: for code that is not hot.
    #[inline(always)]
    fn to_lanes(self, a: Self::F) -> [f32; 16] {
        const { assert!(Self::LANES <= 16) };
        let mut lanes = [0.0; 16];
        // SAFETY: `lanes` has 16 elements and LANES <= 16, checked above.
        unsafe { self.store_ptr(lanes.as_mut_ptr(), a) };
        lanes
    }

    /// Reads the first `LANES` elements of `x`.
    ///
    /// # Panics
    /// If `x` is shorter; with `chunks_exact(LANES)` the check is optimised away.
    #[inline(always)]
    fn load(self, x: &[f32]) -> Self::F {
        assert!(x.len() >= Self::LANES, "load of a whole vector from a shorter slice");
        // SAFETY: the slice has at least LANES elements, checked above.
        unsafe { self.load_ptr(x.as_ptr()) }
    }
    /// Writes the first `LANES` elements of `y`.
    ///
    /// # Panics
    /// If `y` is shorter.
    #[inline(always)]
    fn store(self, y: &mut [f32], a: Self::F) {
        assert!(y.len() >= Self::LANES, "store of a whole vector into a shorter slice");
        // SAFETY: the slice has at least LANES elements, checked above.
        unsafe { self.store_ptr(y.as_mut_ptr(), a) }
    }
    /// Reads a tail of fewer than `LANES` elements; the other lanes are +0.0.
    #[inline(always)]
    fn load_tail(self, x: &[f32]) -> Self::F {
        // SAFETY: n is at most LANES and at most the length of the slice.
        unsafe { self.load_first_ptr(x.as_ptr(), x.len().min(Self::LANES)) }
    }
    /// Writes a tail of fewer than `LANES` elements.
    #[inline(always)]
    fn store_tail(self, y: &mut [f32], a: Self::F) {
        // SAFETY: n is at most LANES and at most the length of the slice.
        unsafe { self.store_first_ptr(y.as_mut_ptr(), y.len().min(Self::LANES), a) }
    }
}

/// Asks for a cache line; any address will do.
#[inline(always)]
pub(crate) fn prefetch(p: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 CPU has the instruction, and it never faults.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}
