//! The limits of the machine: how fast it multiplies and adds, and how fast it moves memory.

use crate::{Call, Workload, filled};
use proxtape::Exec;
use proxtape::kernels::map::{self, MapInPlace};
use proxtape::kernels::{Kernel, Simd};
use std::hint::black_box;

/// What no implementation of a workload can be faster than.
#[derive(Debug)]
pub enum Limit {
    /// The roofline (S. Williams, A. Waterman, D. Patterson, CACM 52(4), 2009): the longer of
    /// computing at the FMA peak and moving the operands as fast as a plain pass moves as many.
    Roofline(Cost),
    /// Another workload: the least that would have to be done in any case.
    Other(Box<Workload>),
}

/// What a workload must compute and move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Multiplications and additions.
    pub flops: f64,
    /// Elements read and written, each as often as the algorithm must.
    pub moved: usize,
    /// Elements of all operands together: where they lie, in a cache or in memory, decides how
    /// fast they can be moved.
    pub held: usize,
}

impl Cost {
    /// Each of `held` elements is read or written once.
    pub(crate) fn once(flops: f64, held: usize) -> Limit {
        Limit::Roofline(Cost { flops, moved: held, held })
    }
}

/// Chains of FMAs, with two operands in 16 registers: one more would go through memory, and the
/// peak would read far too low. Two FMA units with a latency of four want eight; without FMA, a
/// multiplication and an addition take seven cycles on two units each, and want fourteen.
struct Chains;

const CHAINS: usize = 14;
/// Some 50 us at 4 GHz: long beside the start of a task, short beside a time slice.
const STEPS: usize = 30_000;

impl Kernel for Chains {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let (a, b) = (s.splat(black_box(0.999)), s.splat(black_box(1e-3)));
        let mut x = [s.splat(1.0); CHAINS];
        for _ in 0..STEPS {
            for x in &mut x {
                *x = s.mul_add(*x, a, b);
            }
        }
        x.into_iter().map(|x| s.sum(x)).sum()
    }
}

/// The FMA peak: a loop that keeps every operand in registers, on each of `threads` threads of the
/// pool that it is called in; and its cost.
pub fn fma(exec: Exec, threads: usize) -> (Call, Cost) {
    let isa = exec.isa();
    // Eight tasks a thread: none of them then waits long for the last.
    let tasks = if threads > 1 { 8 * threads } else { 1 };
    let flops = (2 * CHAINS * STEPS * isa.lanes() * tasks) as f64;
    let call = move || {
        exec.each(tasks, |_| {
            black_box(isa.run(Chains));
        });
    };
    (Box::new(call), Cost { flops, moved: 0, held: 0 })
}

/// y = y + a x.
#[derive(Clone, Copy)]
struct Axpy;

impl MapInPlace<1> for Axpy {
    #[inline(always)]
    fn eval<S: Simd>(self, s: S, y: S::F, [x]: [S::F; 1]) -> S::F {
        s.mul_add(x, s.splat(1e-6), y)
    }
}

/// The bandwidth on `held` elements: a plain pass y = y + a x, two reads and a write for every two
/// of them; and its cost.
pub fn stream(exec: Exec, held: usize) -> (Call, Cost) {
    let n = held.div_ceil(2).max(1);
    let (x, mut y) = (filled(n), filled(n));
    let call = move || map::update(exec, Axpy, &mut y, [&x]);
    (Box::new(call), Cost { flops: 2.0 * n as f64, moved: 3 * n, held: 2 * n })
}
