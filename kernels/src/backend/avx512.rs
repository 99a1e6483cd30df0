//! AVX-512 by intrinsics: sixteen lanes, masks in registers of their own.
//!
//! SAFETY of every intrinsic below: an [`Avx512`] exists only where detection found its features.

use crate::simd::{Kernel, Simd};
use crate::tuning::{Densities, Tuning};
use core::arch::x86_64::*;

/// The proof that the CPU has AVX-512 F, VL, DQ and BW (all server cores since 2017), and AVX2 + FMA.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512 {
    _detected: (),
}

impl Avx512 {
    /// A token, if this CPU has the features.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        found.then_some(Avx512 { _detected: () })
    }

    /// A token, for a caller that has detected before.
    ///
    /// # Safety
    /// The CPU must have every feature that [`detect`](Self::detect) asks for.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        Avx512 { _detected: () }
    }
}

/// The one function of this backend that enables its features.
///
/// # Safety
/// The CPU must have every feature that [`Avx512::detect`] asks for.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
unsafe fn vectorized<K: Kernel>(s: Avx512, kernel: K) -> K::Output {
    kernel.run(s)
}

/// For 32 registers, and an L2 of 1 MiB.
const TUNING: Tuning = Tuning {
    // 14 x 2 accumulators + 2 of B + 1 broadcast = 31 of 32. Per step of k 28 FMAs (14 cycles at two a
    // cycle) against 16 loads (8 cycles).
    rows: 14,
    // Both slivers come from L2, (32 + 14) * 4 B in the 14 cycles of a step: 13 of the 64 B a cycle that
    // an L2 gives. Against a depth of 256 that is 1 to 4 % faster.
    kc: 512,
    // 240 * 512 * 4 B = 480 KiB of 1 MiB.
    mc: 240,
    // 2048 * 512 * 4 B = 4 MiB.
    nc: 2048,
    // 4 KiB: one set of an L1 of 12 ways.
    same_sets: 1 << 10,
    // It comes from L2 or L3 while the tile is computed.
    prefetch_c: true,
    // 8 x 3 accumulators, with 1 + 3 for the operands; per step 24 FMAs (12 cycles) against 8 loads of
    // dY and 3 of x that may straddle two lines (7).
    dot_rows: 8,
    sample_vectors: 2,
    // A window of two registers would else lie across four lines of the cache. (One of a single
    // register loses more by fewer lanes that work than by lines.)
    window_alignment: 16,
    sparse: Densities { windows: 0.3, samples: 0.2, conv: 0.06 },
};

/// The mask of the first n lanes, n <= 16.
#[inline(always)]
fn first(n: usize) -> __mmask16 {
    ((1u32 << n) - 1) as __mmask16
}

/// One method for each intrinsic, with the one reason why it is sound.
macro_rules! intrinsics {
    ($($(#[$doc:meta])* fn $name:ident($($x:ident: $t:ty),*) -> $r:ty = $body:expr;)*) => {
        $($(#[$doc])* #[inline(always)]
        fn $name(self $(, $x: $t)*) -> $r {
            // SAFETY: the token proves that the CPU has the features.
            unsafe { $body }
        })*
    };
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    const NAME: &'static str = "avx512";
    const WINDOW: usize = 32;
    const FUSED: bool = true;
    const TUNING: Tuning = TUNING.checked();
    type F = __m512;
    type M = __mmask16;

    #[inline]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { vectorized(self, kernel) }
    }

    #[inline(always)]
    unsafe fn load_ptr(self, p: *const f32) -> __m512 {
        // SAFETY: the caller vouches for sixteen readable f32.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, p: *mut f32, x: __m512) {
        // SAFETY: the caller vouches for sixteen writable f32.
        unsafe { _mm512_storeu_ps(p, x) }
    }
    #[inline(always)]
    unsafe fn load_first_ptr(self, p: *const f32, n: usize) -> __m512 {
        // SAFETY: n <= 16 by contract, and masked lanes are not read.
        unsafe { _mm512_maskz_loadu_ps(first(n), p) }
    }
    #[inline(always)]
    unsafe fn store_first_ptr(self, p: *mut f32, n: usize, x: __m512) {
        // SAFETY: n <= 16 by contract, and masked lanes are not written.
        unsafe { _mm512_mask_storeu_ps(p, first(n), x) }
    }
    #[inline(always)]
    unsafe fn load_quad_ptr(self, p: *const f32) -> __m512 {
        // SAFETY: the caller vouches for four readable f32.
        unsafe { _mm512_broadcast_f32x4(_mm_loadu_ps(p)) }
    }
    #[inline(always)]
    unsafe fn lookup_ptr(self, p: *const f32, at: *const u8) -> __m512 {
        // SAFETY: the caller vouches for 32 readable f32 and sixteen readable u8.
        unsafe {
            let at = _mm512_cvtepu8_epi32(_mm_loadu_si128(at.cast()));
            _mm512_permutex2var_ps(_mm512_loadu_ps(p), at, _mm512_loadu_ps(p.add(16)))
        }
    }
    #[inline(always)]
    unsafe fn transpose_ptr(self, x: &[*const f32; 16], y: *mut f32, stride: usize) {
        // SAFETY: the caller vouches for sixteen readable f32 at each of sixteen pointers, and for
        // sixteen writable f32 at each of sixteen multiples of the stride.
        unsafe {
            // Quarter q of b[i + j] holds column 4 q + j of rows i to i + 3.
            let mut b = [_mm512_setzero_ps(); 16];
            for i in (0..16).step_by(4) {
                let (r0, r1) = (_mm512_loadu_ps(x[i]), _mm512_loadu_ps(x[i + 1]));
                let (r2, r3) = (_mm512_loadu_ps(x[i + 2]), _mm512_loadu_ps(x[i + 3]));
                let (lo, hi) = (_mm512_unpacklo_ps(r0, r1), _mm512_unpackhi_ps(r0, r1));
                let (lo2, hi2) = (_mm512_unpacklo_ps(r2, r3), _mm512_unpackhi_ps(r2, r3));
                b[i] = _mm512_shuffle_ps::<0x44>(lo, lo2);
                b[i + 1] = _mm512_shuffle_ps::<0xee>(lo, lo2);
                b[i + 2] = _mm512_shuffle_ps::<0x44>(hi, hi2);
                b[i + 3] = _mm512_shuffle_ps::<0xee>(hi, hi2);
            }
            // Quarters 0 and 2, then 1 and 3, of all rows; of each pair one quarter.
            let mut c = [_mm512_setzero_ps(); 16];
            for j in 0..4 {
                c[2 * j] = _mm512_shuffle_f32x4::<0x88>(b[j], b[4 + j]);
                c[2 * j + 1] = _mm512_shuffle_f32x4::<0x88>(b[8 + j], b[12 + j]);
                c[8 + 2 * j] = _mm512_shuffle_f32x4::<0xdd>(b[j], b[4 + j]);
                c[8 + 2 * j + 1] = _mm512_shuffle_f32x4::<0xdd>(b[8 + j], b[12 + j]);
            }
            for q in 0..8 {
                let v = _mm512_shuffle_f32x4::<0x88>(c[2 * q], c[2 * q + 1]);
                _mm512_storeu_ps(y.add(q * stride), v);
            }
            for q in 0..8 {
                let v = _mm512_shuffle_f32x4::<0xdd>(c[2 * q], c[2 * q + 1]);
                _mm512_storeu_ps(y.add((8 + q) * stride), v);
            }
        }
    }

    intrinsics! {
        fn splat(x: f32) -> __m512 = _mm512_set1_ps(x);
        fn add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        fn sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        fn mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        fn div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        fn neg_mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fnmadd_ps(a, b, c);
        fn sqrt(a: __m512) -> __m512 = _mm512_sqrt_ps(a);
        fn max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        fn min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        fn round(a: __m512) -> __m512 = _mm512_roundscale_ps::<
            { _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC },
        >(a);
        fn and(a: __m512, b: __m512) -> __m512 = _mm512_and_ps(a, b);
        fn or(a: __m512, b: __m512) -> __m512 = _mm512_or_ps(a, b);
        fn xor(a: __m512, b: __m512) -> __m512 = _mm512_xor_ps(a, b);
        fn exp2_int(n: __m512) -> __m512 = _mm512_castsi512_ps(_mm512_slli_epi32::<23>(
            _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)),
        ));
        fn biased_exponent(a: __m512) -> __m512 = _mm512_cvtepi32_ps(_mm512_and_si512(
            _mm512_srli_epi32::<23>(_mm512_castps_si512(a)),
            _mm512_set1_epi32(0xff),
        ));
        fn lt(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b);
        fn le(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b);
        fn eq(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b);
        fn ne(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(a, b);
        fn select(m: __mmask16, a: __m512, b: __m512) -> __m512 = _mm512_mask_blend_ps(m, b, a);
        fn select_or_zero(m: __mmask16, a: __m512) -> __m512 = _mm512_maskz_mov_ps(m, a);
        fn deinterleave(a: __m512, b: __m512) -> (__m512, __m512) = {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_or_si512(even, _mm512_set1_epi32(1));
            (_mm512_permutex2var_ps(a, even, b), _mm512_permutex2var_ps(a, odd, b))
        };
        fn sum(a: __m512) -> f32 = {
            let x = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
            let x = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)))
        };
    }

    #[inline(always)]
    fn mask_and(self, a: __mmask16, b: __mmask16) -> __mmask16 {
        a & b
    }
    #[inline(always)]
    fn mask_or(self, a: __mmask16, b: __mmask16) -> __mmask16 {
        a | b
    }
    #[inline(always)]
    fn count(self, m: __mmask16) -> u32 {
        m.count_ones()
    }
}
