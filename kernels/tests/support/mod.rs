//! What the kernel tests share: every instruction set, canaries, guard pages, a generator.
#![allow(dead_code, missing_docs, unreachable_pub)] // each test file includes it and uses a part

pub mod own;

use proxtape_kernels::{Exec, Isa};

/// Every instruction set of this CPU. CI names those that must be there (`PROXTAPE_EXPECT_ISA`).
pub fn isas() -> Vec<Isa> {
    let isas: Vec<Isa> = Isa::available().collect();
    if let Ok(expected) = std::env::var("PROXTAPE_EXPECT_ISA") {
        for name in expected.split_whitespace() {
            assert!(isas.iter().any(|i| i.name() == name), "{name} is expected on this machine");
        }
    }
    isas
}

/// Every instruction set, on the calling thread and cut into tasks.
pub fn execs() -> Vec<Exec> {
    isas().into_iter().flat_map(|isa| [Exec::new(isa), Exec::new(isa).parallel()]).collect()
}

/// A small deterministic generator (SplitMix64).
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
    pub fn uniform(&mut self, lo: f32, hi: f32) -> f32 {
        lo + (hi - lo) * ((self.bits() >> 40) as f32 / (1 << 24) as f32)
    }
    pub fn vec(&mut self, n: usize, lo: f32, hi: f32) -> Vec<f32> {
        (0..n).map(|_| self.uniform(lo, hi)).collect()
    }
    /// Integers in lo..=hi: their sums and products are exact in f32, so equality is too.
    pub fn ints(&mut self, n: usize, lo: i32, hi: i32) -> Vec<f32> {
        (0..n).map(|_| (lo + self.below((hi - lo + 1) as usize) as i32) as f32).collect()
    }
}

/// A slice at a chosen misalignment, filled with NaN, between canaries.
pub struct Canary {
    data: Vec<f32>,
    start: usize,
    len: usize,
}

const CANARY: u32 = 0x7fc0_bad0;
const MARGIN: usize = 64;

impl Canary {
    pub fn new(len: usize, offset: usize) -> Canary {
        let mut data = vec![f32::from_bits(CANARY); len + offset + 2 * MARGIN];
        let start = MARGIN + offset;
        data[start..start + len].fill(f32::NAN);
        Canary { data, start, len }
    }
    pub fn slice_mut(&mut self) -> &mut [f32] {
        &mut self.data[self.start..self.start + self.len]
    }
    pub fn slice(&self) -> &[f32] {
        &self.data[self.start..self.start + self.len]
    }
    /// Fails if anything outside the slice was written.
    #[track_caller]
    pub fn check(&self) {
        let (end, is_canary) = (self.start + self.len, |x: &f32| x.to_bits() == CANARY);
        assert!(self.data[..self.start].iter().all(is_canary), "written before the slice");
        assert!(self.data[end..].iter().all(is_canary), "written past the slice");
    }
}

/// A copy of a slice that ends right before a page without access: a read past the end faults.
pub struct Guarded {
    pages: region::Allocation,
    start: usize,
    len: usize,
}

impl Guarded {
    pub fn new(x: &[f32]) -> Guarded {
        let page = region::page::size();
        let bytes = std::mem::size_of_val(x);
        let body = bytes.next_multiple_of(page);
        let mut pages = region::alloc(body + page, region::Protection::READ_WRITE).unwrap();
        let start = body - bytes;
        // SAFETY: the copy ends at body, inside the fresh allocation, and f32 wants 4-byte
        // alignment, which body - 4 * len has.
        unsafe {
            let base = pages.as_mut_ptr::<u8>();
            std::ptr::copy_nonoverlapping(x.as_ptr().cast(), base.add(start), bytes);
            region::protect(base.add(body), page, region::Protection::NONE).unwrap();
        }
        Guarded { pages, start, len: x.len() }
    }
    pub fn slice(&self) -> &[f32] {
        // SAFETY: `len` initialised f32 lie at `start`, and the pages live as long as self.
        unsafe {
            std::slice::from_raw_parts(self.pages.as_ptr::<u8>().add(self.start).cast(), self.len)
        }
    }
    pub fn slice_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and the borrow is unique.
        unsafe {
            let base = self.pages.as_mut_ptr::<u8>();
            std::slice::from_raw_parts_mut(base.add(self.start).cast(), self.len)
        }
    }
}

/// max|got - want| <= rel * max|want|, and no NaN.
#[track_caller]
pub fn assert_close(got: &[f32], want: &[f64], rel: f64) {
    assert_eq!(got.len(), want.len(), "lengths");
    let scale = want.iter().fold(f64::MIN_POSITIVE, |m, x| m.max(x.abs()));
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(g) - w).abs();
        assert!(error <= rel * scale, "at {i}: got {g}, want {w}, error {:.1e}", error / scale);
    }
}
