//! The build target's baseline through `wide`: SSE2, NEON or simd128, four lanes, no detection.

use crate::simd::{Kernel, Simd};
use crate::tuning::Tuning;
use wide::{bytemuck::cast, f32x4, i32x4};

/// Four lanes of whatever the build target always has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Baseline;

impl Baseline {
    /// A token: every CPU that the build is for has the features.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        Some(Baseline)
    }

    /// A token.
    ///
    /// # Safety
    /// None is needed; it is unsafe as that of any backend.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        Baseline
    }
}

impl Simd for Baseline {
    const LANES: usize = 4;
    const NAME: &'static str = "baseline";
    const WINDOW: usize = 256;
    const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));
    const TUNING: Tuning = Tuning::SIXTEEN_REGISTERS.checked();
    type F = f32x4;
    type M = f32x4;

    #[inline(always)]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> f32x4 {
        f32x4::splat(x)
    }
    #[inline(always)]
    unsafe fn load_ptr(self, p: *const f32) -> f32x4 {
        // SAFETY: the caller vouches for four readable f32; the array read is unaligned.
        f32x4::from(unsafe { p.cast::<[f32; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store_ptr(self, p: *mut f32, x: f32x4) {
        // SAFETY: the caller vouches for four writable f32; the array write is unaligned.
        unsafe { p.cast::<[f32; 4]>().write_unaligned(x.to_array()) }
    }
    #[inline(always)]
    unsafe fn load_first_ptr(self, p: *const f32, n: usize) -> f32x4 {
        // Case by case: a copy of variable length would be a call of memcpy.
        // SAFETY: the caller vouches for n <= 4 readable f32.
        f32x4::from(unsafe {
            match n {
                0 => [0.0; 4],
                1 => [*p, 0.0, 0.0, 0.0],
                2 => [*p, *p.add(1), 0.0, 0.0],
                3 => [*p, *p.add(1), *p.add(2), 0.0],
                _ => p.cast::<[f32; 4]>().read_unaligned(),
            }
        })
    }
    #[inline(always)]
    unsafe fn store_first_ptr(self, p: *mut f32, n: usize, x: f32x4) {
        let lanes = x.to_array();
        // SAFETY: the caller vouches for n <= 4 writable f32.
        unsafe {
            match n {
                0 => {}
                1 => *p = lanes[0],
                2 => p.cast::<[f32; 2]>().write_unaligned([lanes[0], lanes[1]]),
                3 => p.cast::<[f32; 3]>().write_unaligned([lanes[0], lanes[1], lanes[2]]),
                _ => p.cast::<[f32; 4]>().write_unaligned(lanes),
            }
        }
    }
    #[inline(always)]
    unsafe fn load_quad_ptr(self, p: *const f32) -> f32x4 {
        // SAFETY: passed on from the caller.
        unsafe { self.load_ptr(p) }
    }
    #[inline(always)]
    unsafe fn lookup_ptr(self, p: *const f32, at: *const u8) -> f32x4 {
        // SAFETY: the caller vouches for four numbers and for what they name.
        f32x4::from(core::array::from_fn(|l| unsafe { *p.add(usize::from(*at.add(l))) }))
    }
    #[inline(always)]
    unsafe fn transpose_ptr(self, x: &[*const f32; 16], y: *mut f32, stride: usize) {
        // SAFETY: the caller vouches for four readable f32 at each of four pointers.
        let rows = core::array::from_fn(|i| unsafe { self.load_ptr(x[i]) });
        for (q, v) in f32x4::transpose(rows).into_iter().enumerate() {
            // SAFETY: the caller vouches for four writable f32 at each of four multiples.
            unsafe { self.store_ptr(y.add(q * stride), v) };
        }
    }

    #[inline(always)]
    fn add(self, a: f32x4, b: f32x4) -> f32x4 {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: f32x4, b: f32x4) -> f32x4 {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: f32x4, b: f32x4) -> f32x4 {
        a * b
    }
    #[inline(always)]
    fn div(self, a: f32x4, b: f32x4) -> f32x4 {
        a / b
    }
    #[inline(always)]
    fn mul_add(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn neg_mul_add(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        a.mul_neg_add(b, c)
    }
    #[inline(always)]
    fn sqrt(self, a: f32x4) -> f32x4 {
        a.sqrt()
    }
    #[inline(always)]
    fn max(self, a: f32x4, b: f32x4) -> f32x4 {
        // Written out, since `wide` takes the NaN rule of the target; SSE folds it into maxps.
        b.simd_lt(a).bitselect(a, b)
    }
    #[inline(always)]
    fn min(self, a: f32x4, b: f32x4) -> f32x4 {
        a.simd_lt(b).bitselect(a, b)
    }
    #[inline(always)]
    fn round(self, a: f32x4) -> f32x4 {
        // `wide` loses the sign of -0.0 on SSE2.
        a.round_ties_even() | (a & f32x4::splat(-0.0))
    }

    #[inline(always)]
    fn and(self, a: f32x4, b: f32x4) -> f32x4 {
        a & b
    }
    #[inline(always)]
    fn or(self, a: f32x4, b: f32x4) -> f32x4 {
        a | b
    }
    #[inline(always)]
    fn xor(self, a: f32x4, b: f32x4) -> f32x4 {
        a ^ b
    }
    #[inline(always)]
    fn exp2_int(self, n: f32x4) -> f32x4 {
        let biased: i32x4 = n.fast_trunc_int() + i32x4::splat(127);
        cast(biased << 23)
    }
    #[inline(always)]
    fn biased_exponent(self, a: f32x4) -> f32x4 {
        let bits: i32x4 = cast(a);
        f32x4::from_i32x4((bits >> 23) & i32x4::splat(0xff))
    }

    #[inline(always)]
    fn lt(self, a: f32x4, b: f32x4) -> f32x4 {
        a.simd_lt(b)
    }
    #[inline(always)]
    fn le(self, a: f32x4, b: f32x4) -> f32x4 {
        a.simd_le(b)
    }
    #[inline(always)]
    fn eq(self, a: f32x4, b: f32x4) -> f32x4 {
        a.simd_eq(b)
    }
    #[inline(always)]
    fn ne(self, a: f32x4, b: f32x4) -> f32x4 {
        a.simd_ne(b)
    }
    #[inline(always)]
    fn select(self, m: f32x4, a: f32x4, b: f32x4) -> f32x4 {
        m.bitselect(a, b)
    }
    #[inline(always)]
    fn select_or_zero(self, m: f32x4, a: f32x4) -> f32x4 {
        m & a
    }
    #[inline(always)]
    fn mask_and(self, a: f32x4, b: f32x4) -> f32x4 {
        a & b
    }
    #[inline(always)]
    fn mask_or(self, a: f32x4, b: f32x4) -> f32x4 {
        a | b
    }
    #[inline(always)]
    fn count(self, m: f32x4) -> u32 {
        m.to_bitmask().count_ones()
    }

    #[inline(always)]
    fn deinterleave(self, a: f32x4, b: f32x4) -> (f32x4, f32x4) {
        // The compiler makes two shufps (unzip on NEON) of it.
        let ([a, b, c, d], [e, f, g, h]) = (a.to_array(), b.to_array());
        (f32x4::from([a, c, e, g]), f32x4::from([b, d, f, h]))
    }
    #[inline(always)]
    fn sum(self, a: f32x4) -> f32 {
        let [w, x, y, z] = a.to_array();
        (w + y) + (x + z)
    }
}
