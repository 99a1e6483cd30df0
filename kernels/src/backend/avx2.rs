//! AVX2 and FMA by intrinsics: eight lanes.
//!
//! SAFETY of every intrinsic below: an [`Avx2`] exists only where detection found avx2 and fma.

use crate::simd::{Kernel, Simd};
use crate::tuning::Tuning;
use core::arch::x86_64::*;

/// The proof that the CPU has AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2 {
    _detected: (),
}

impl Avx2 {
    /// A token, if this CPU has the features.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        found.then_some(Avx2 { _detected: () })
    }

    /// A token, for a caller that has detected before.
    ///
    /// # Safety
    /// The CPU must have avx2 and fma.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        Avx2 { _detected: () }
    }
}

/// The one function of this backend that enables its features.
///
/// # Safety
/// The CPU must have avx2 and fma.
#[target_feature(enable = "avx2,fma")]
unsafe fn vectorized<K: Kernel>(s: Avx2, kernel: K) -> K::Output {
    kernel.run(s)
}

/// Eight set lanes, then eight clear ones: a window of it is the mask of the first n lanes.
static FIRST: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// The mask of the first n lanes.
///
/// # Safety
/// `n <= 8`, and the CPU must have avx2.
#[inline(always)]
unsafe fn first(n: usize) -> __m256i {
    // SAFETY: n <= 8, so the window of eight starts between 0 and 8 inside the sixteen.
    unsafe { _mm256_loadu_si256(FIRST.as_ptr().add(8 - n).cast()) }
}

/// One method for each intrinsic, with the one reason why it is sound.
macro_rules! intrinsics {
    ($($(#[$doc:meta])* fn $name:ident($($x:ident: $t:ty),*) -> $r:ty = $body:expr;)*) => {
        $($(#[$doc])* #[inline(always)]
        fn $name(self $(, $x: $t)*) -> $r {
            // SAFETY: the token proves that the CPU has avx2 and fma.
            unsafe { $body }
        })*
    };
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    const NAME: &'static str = "avx2";
    const WINDOW: usize = 8;
    const FUSED: bool = true;
    const TUNING: Tuning = Tuning::SIXTEEN_REGISTERS.checked();
    type F = __m256;
    type M = __m256;

    #[inline]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves that the CPU has avx2 and fma.
        unsafe { vectorized(self, kernel) }
    }

    #[inline(always)]
    unsafe fn load_ptr(self, p: *const f32) -> __m256 {
        // SAFETY: the caller vouches for eight readable f32.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, p: *mut f32, x: __m256) {
        // SAFETY: the caller vouches for eight writable f32.
        unsafe { _mm256_storeu_ps(p, x) }
    }
    #[inline(always)]
    unsafe fn load_first_ptr(self, p: *const f32, n: usize) -> __m256 {
        // SAFETY: n <= 8 by contract, and masked lanes are not read.
        unsafe { _mm256_maskload_ps(p, first(n)) }
    }
    #[inline(always)]
    unsafe fn store_first_ptr(self, p: *mut f32, n: usize, x: __m256) {
        // SAFETY: n <= 8 by contract, and masked lanes are not written.
        unsafe { _mm256_maskstore_ps(p, first(n), x) }
    }
    #[inline(always)]
    unsafe fn load_quad_ptr(self, p: *const f32) -> __m256 {
        // SAFETY: the caller vouches for four readable f32.
        unsafe { _mm256_broadcast_ps(&_mm_loadu_ps(p)) }
    }
    #[inline(always)]
    unsafe fn lookup_ptr(self, p: *const f32, at: *const u8) -> __m256 {
        // SAFETY: the caller vouches for eight readable f32 and eight readable u8.
        unsafe {
            let at = _mm256_cvtepu8_epi32(_mm_loadl_epi64(at.cast()));
            _mm256_permutevar8x32_ps(_mm256_loadu_ps(p), at)
        }
    }
    #[inline(always)]
    unsafe fn transpose_ptr(self, x: &[*const f32; 16], y: *mut f32, stride: usize) {
        // SAFETY: the caller vouches for eight readable f32 at each of eight pointers, and for
        // eight writable f32 at each of eight multiples of the stride.
        unsafe {
            // Half h of b[i + j] holds column 4 h + j of rows i to i + 3.
            let mut b = [_mm256_setzero_ps(); 8];
            for i in (0..8).step_by(4) {
                let (r0, r1) = (_mm256_loadu_ps(x[i]), _mm256_loadu_ps(x[i + 1]));
                let (r2, r3) = (_mm256_loadu_ps(x[i + 2]), _mm256_loadu_ps(x[i + 3]));
                let (lo, hi) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
                let (lo2, hi2) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
                b[i] = _mm256_shuffle_ps::<0x44>(lo, lo2);
                b[i + 1] = _mm256_shuffle_ps::<0xee>(lo, lo2);
                b[i + 2] = _mm256_shuffle_ps::<0x44>(hi, hi2);
                b[i + 3] = _mm256_shuffle_ps::<0xee>(hi, hi2);
            }
            for j in 0..4 {
                let v = _mm256_permute2f128_ps::<0x20>(b[j], b[4 + j]);
                _mm256_storeu_ps(y.add(j * stride), v);
            }
            for j in 0..4 {
                let v = _mm256_permute2f128_ps::<0x31>(b[j], b[4 + j]);
                _mm256_storeu_ps(y.add((4 + j) * stride), v);
            }
        }
    }

    intrinsics! {
        fn splat(x: f32) -> __m256 = _mm256_set1_ps(x);
        fn add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        fn sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        fn mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        fn div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        fn neg_mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fnmadd_ps(a, b, c);
        fn sqrt(a: __m256) -> __m256 = _mm256_sqrt_ps(a);
        fn max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        fn min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
        fn round(a: __m256) -> __m256 =
            _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        fn and(a: __m256, b: __m256) -> __m256 = _mm256_and_ps(a, b);
        fn or(a: __m256, b: __m256) -> __m256 = _mm256_or_ps(a, b);
        fn xor(a: __m256, b: __m256) -> __m256 = _mm256_xor_ps(a, b);
        fn exp2_int(n: __m256) -> __m256 = _mm256_castsi256_ps(_mm256_slli_epi32::<23>(
            _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)),
        ));
        fn biased_exponent(a: __m256) -> __m256 = _mm256_cvtepi32_ps(_mm256_and_si256(
            _mm256_srli_epi32::<23>(_mm256_castps_si256(a)),
            _mm256_set1_epi32(0xff),
        ));
        fn lt(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LT_OQ>(a, b);
        fn le(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LE_OQ>(a, b);
        fn eq(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
        fn ne(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_NEQ_UQ>(a, b);
        fn select(m: __m256, a: __m256, b: __m256) -> __m256 = _mm256_blendv_ps(b, a, m);
        fn select_or_zero(m: __m256, a: __m256) -> __m256 = _mm256_and_ps(m, a);
        fn mask_and(a: __m256, b: __m256) -> __m256 = _mm256_and_ps(a, b);
        fn mask_or(a: __m256, b: __m256) -> __m256 = _mm256_or_ps(a, b);
        fn count(m: __m256) -> u32 = _mm256_movemask_ps(m).count_ones();
        fn deinterleave(a: __m256, b: __m256) -> (__m256, __m256) = {
            // Within halves of 128 bits: a0 a2 b0 b2, a4 a6 b4 b6; then pairs into order.
            let even = _mm256_castps_pd(_mm256_shuffle_ps::<0b10_00_10_00>(a, b));
            let odd = _mm256_castps_pd(_mm256_shuffle_ps::<0b11_01_11_01>(a, b));
            (
                _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(even)),
                _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(odd)),
            )
        };
        fn sum(a: __m256) -> f32 = {
            let x = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)))
        };
    }
}
