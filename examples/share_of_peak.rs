//! GEMM at 512^3 as a share of this machine's FMA peak, both measured in one run on one thread.
//!
//! The peak is what a loop reaches that keeps every operand in registers. The runs are interleaved
//! and the medians compared, since machines are noisy. Run it with `--release`.

use proxtape::kernels::gemm::{Gemm, MatMut, MatRef, gemm, scratch_len};
use proxtape::kernels::{Buffer, Kernel, Simd};
use proxtape::{Exec, Isa};
use std::hint::black_box;
use std::time::Instant;

const N: usize = 512;
const ROUNDS: usize = 15;

/// Chains of FMAs, with two operands in 16 registers: one more would go through memory, and the peak
/// would read far too low. Two FMA units with a latency of four want eight; without FMA, a
/// multiplication and an addition take seven cycles on two units each, and want fourteen.
struct Peak;

const CHAINS: usize = 14;
const STEPS: usize = 200_000;

impl Kernel for Peak {
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

/// GFLOP/s of one run.
fn rate(flops: usize, run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    flops as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn main() {
    let a: Vec<f32> = (0..N * N).map(|i| (i % 17) as f32 * 0.01).collect();
    let b: Vec<f32> = (0..N * N).map(|i| (i % 13) as f32 * 0.01).collect();
    println!(
        "instruction set  FMA peak    A B  A^T B  A B^T  A^T B^T   (GFLOP/s, share of the peak)"
    );
    for isa in Isa::available() {
        let exec = Exec::new(isa);
        let mut c = Buffer::zeroed(N * N);
        let mut scratch = Buffer::zeroed(scratch_len(isa, N, N, N));
        let plain = |x| MatRef::row_major(x, N, N);
        let forms = [
            (plain(&a), plain(&b)),
            (plain(&a).t(), plain(&b)),
            (plain(&a), plain(&b).t()),
            (plain(&a).t(), plain(&b).t()),
        ];
        let mut peaks = Vec::new();
        let mut rates = [const { Vec::new() }; 4];
        for _ in 0..ROUNDS {
            let flops = 2 * CHAINS * STEPS * isa.lanes();
            peaks.push(rate(flops, || {
                black_box(isa.run(Peak));
            }));
            for (rates, (a, b)) in rates.iter_mut().zip(forms) {
                rates.push(rate(2 * N * N * N, || {
                    gemm(exec, &Gemm::new(a, b), MatMut::row_major(&mut c, N, N), &mut scratch);
                }));
            }
        }
        let peak = median(peaks);
        print!("{:15}  {peak:8.1}", isa.name());
        for rates in rates {
            let rate = median(rates);
            assert!(rate > 0.0);
            print!("  {rate:.0} {:.0} %", 100.0 * rate / peak);
        }
        println!();
    }
}
