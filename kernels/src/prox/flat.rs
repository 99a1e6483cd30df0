//! Flat buffers that tasks share, each touching elements of its own.

use crate::simd::{Simd, prefetch};
use core::marker::PhantomData;
use core::mem::MaybeUninit;

/// A mutable buffer whose elements are handed out by index, since the groups of a task are
/// disjoint from those of another but need not be one slice (columns of a matrix).
#[derive(Clone, Copy)]
pub(crate) struct Flat<'a> {
    ptr: *mut f32,
    len: usize,
    life: PhantomData<&'a mut [f32]>,
}

// SAFETY: every access goes through an unsafe method whose contract is that no two tasks touch the
// same element; f32 itself may move between threads.
unsafe impl Send for Flat<'_> {}
// SAFETY: as above.
unsafe impl Sync for Flat<'_> {}

impl<'a> Flat<'a> {
    pub(crate) fn new(x: &'a mut [f32]) -> Flat<'a> {
        Flat { ptr: x.as_mut_ptr(), len: x.len(), life: PhantomData }
    }

    /// A buffer that is only read: nobody may vouch for a write.
    pub(crate) fn shared(x: &'a [f32]) -> Flat<'a> {
        Flat { ptr: x.as_ptr().cast_mut(), len: x.len(), life: PhantomData }
    }

    /// Reads n <= LANES elements from `at`; lanes past n are +0.0.
    ///
    /// # Safety
    /// `at + n <= len`, and no other task writes them now.
    #[inline(always)]
    pub(crate) unsafe fn load<S: Simd>(self, s: S, at: usize, n: usize) -> S::F {
        debug_assert!(n <= S::LANES && at + n <= self.len);
        // SAFETY: the elements lie inside the buffer by contract, and n <= LANES.
        unsafe {
            let p = self.ptr.add(at);
            if n == S::LANES { s.load_ptr(p) } else { s.load_first_ptr(p, n) }
        }
    }

    /// Writes the first n <= LANES lanes from `at`.
    ///
    /// # Safety
    /// `at + n <= len`, and no other task touches them now.
    #[inline(always)]
    pub(crate) unsafe fn store<S: Simd>(self, s: S, at: usize, n: usize, x: S::F) {
        debug_assert!(n <= S::LANES && at + n <= self.len);
        // SAFETY: the elements lie inside the buffer by contract, and n <= LANES.
        unsafe {
            let p = self.ptr.add(at);
            if n == S::LANES { s.store_ptr(p, x) } else { s.store_first_ptr(p, n, x) }
        }
    }

    pub(crate) fn as_ptr(self) -> *const f32 {
        self.ptr
    }

    /// Asks for the cache line of an element, which may lie outside.
    #[inline(always)]
    pub(crate) fn prefetch(self, at: usize) {
        prefetch(self.ptr.wrapping_add(at));
    }

    /// One element.
    ///
    /// # Safety
    /// `at < len`, and no other task writes it now.
    #[inline(always)]
    pub(crate) unsafe fn get(self, at: usize) -> f32 {
        debug_assert!(at < self.len);
        // SAFETY: inside the buffer by contract.
        unsafe { *self.ptr.add(at) }
    }

    /// Sets one element.
    ///
    /// # Safety
    /// `at < len`, and no other task touches it now.
    #[inline(always)]
    pub(crate) unsafe fn set(self, at: usize, x: f32) {
        debug_assert!(at < self.len);
        // SAFETY: inside the buffer by contract.
        unsafe { *self.ptr.add(at) = x }
    }

    /// A part as a slice.
    ///
    /// # Safety
    /// `at + n <= len`, and no other task touches the part while the slice lives.
    #[inline(always)]
    pub(crate) unsafe fn part(self, at: usize, n: usize) -> &'a mut [f32] {
        debug_assert!(at + n <= self.len);
        // SAFETY: inside the buffer and unique by contract.
        unsafe { core::slice::from_raw_parts_mut(self.ptr.add(at), n) }
    }
}

/// A buffer on the stack, whose elements are written before they are read.
#[repr(align(64))]
pub(crate) struct Local<const N: usize>([MaybeUninit<f32>; N]);

impl<const N: usize> Local<N> {
    pub(crate) fn new() -> Self {
        Local([const { MaybeUninit::uninit() }; N])
    }

    pub(crate) fn flat(&mut self) -> Flat<'_> {
        Flat { ptr: self.0.as_mut_ptr().cast(), len: N, life: PhantomData }
    }
}

/// Reads n <= LANES elements of a slice from `at`; lanes past n are +0.0.
///
/// # Safety
/// `at + n <= x.len()`.
#[inline(always)]
pub(crate) unsafe fn load_at<S: Simd>(s: S, x: &[f32], at: usize, n: usize) -> S::F {
    debug_assert!(n <= S::LANES && at + n <= x.len());
    // SAFETY: the elements lie inside the slice by contract, and n <= LANES.
    unsafe {
        let p = x.as_ptr().add(at);
        if n == S::LANES { s.load_ptr(p) } else { s.load_first_ptr(p, n) }
    }
}

/// Something done to each vector of a run of elements.
pub(crate) trait Visit<S: Simd> {
    /// The n <= LANES elements from `at`; `lane` in 0..UNROLL tells which accumulator to use.
    ///
    /// # Safety
    /// The elements are inside every buffer of the visitor, and this task's own.
    unsafe fn visit(&mut self, s: S, at: usize, n: usize, lane: usize);
}

/// Independent accumulators, to hide the latency of an addition (4 cycles, 2 a cycle: 4 of 3 sums
/// leave room for the operands in 16 registers on AVX2).
pub(crate) const UNROLL: usize = 4;

/// Visits `start..start + len`: vectors four at a time, then one at a time, then the tail.
///
/// # Safety
/// As [`Visit::visit`], for the whole range.
#[inline(always)]
pub(crate) unsafe fn visit_run<S: Simd>(s: S, (start, len): (usize, usize), f: &mut impl Visit<S>) {
    let (end, mut at) = (start + len, start);
    // SAFETY: every visited range lies inside start..end, which the caller vouches for.
    unsafe {
        while end - at >= UNROLL * S::LANES {
            for lane in 0..UNROLL {
                f.visit(s, at + lane * S::LANES, S::LANES, lane);
            }
            at += UNROLL * S::LANES;
        }
        while end - at >= S::LANES {
            f.visit(s, at, S::LANES, 0);
            at += S::LANES;
        }
        if at < end {
            f.visit(s, at, end - at, 0);
        }
    }
}
