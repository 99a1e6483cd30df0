//! GEMM: the best of matrixmultiply, gemm, PyTorch and NumPy beside ours.

use crate::Match;
use crate::reading::{Goal, Limit, Reading, Unit};
use proxtape_workloads::Call;
use proxtape_workloads::gemm::{FORMS, Form, SHAPES, TRANSPOSED_SHAPES, flops, name, product_as};
use proxtape_workloads::limits;
use proxtape_workloads::stopwatch::contestant;
use std::time::Duration;

const ROUNDS: usize = 7;
const SLICE: Duration = Duration::from_millis(30);

/// How many times as fast as the best peer: level, within the 2 % of a measurement, and clearly
/// ahead on the product that no peer has a path for, the classifier's.
fn goal(shape: [usize; 3]) -> Goal {
    Goal::Times(if shape == [128, 10, 100] { 1.2 } else { 0.98 })
}

/// One form: on all shapes where it is the plain one, else on a few.
pub(crate) fn compare_all(all: &Match, code: &str) {
    let form = FORMS.into_iter().find(|form| form.code == code).expect("nn, nt, tn or tt");
    let shapes = if form.code == "nn" { &SHAPES[..] } else { &TRANSPOSED_SHAPES[..] };
    for &shape in shapes {
        let (peak, cost) = limits::fma(all.exec(), all.threads);
        let [peak, times @ ..] = times(all, shape, form, peak);
        let [ours, matrixmultiply, gemm, torch, numpy] = times;
        let flops = flops(shape);
        all.print(&Reading {
            case: name(shape),
            what: form.name,
            unit: Unit::Micros,
            ours,
            peers: &[
                ("matrixmultiply", matrixmultiply),
                ("gemm", gemm),
                ("PyTorch", torch),
                ("NumPy", numpy),
            ],
            goal: Some(goal(shape)),
            limit: Some(Limit { flops, least: peak * flops / cost.flops }),
        });
    }
}

/// The FMA peak, ours, matrixmultiply, gemm, PyTorch, NumPy.
fn times(all: &Match, shape: [usize; 3], form: Form, peak: Call) -> [f64; 6] {
    let [m, n, k] = shape;
    let a: Vec<f32> = (0..m * k).map(|i| (i % 17) as f32 * 0.01).collect();
    let b: Vec<f32> = (0..k * n).map(|i| (i % 13) as f32 * 0.01).collect();
    let (mut c, mut d) = (vec![0f32; m * n], vec![0f32; m * n]);
    let parallelism = match all.threads {
        1 => gemm::Parallelism::None,
        threads => gemm::Parallelism::Rayon(threads),
    };
    let [[row_a, col_a], [row_b, col_b]] = form.strides(shape).map(|s| s.map(|s| s as isize));
    let row_c = n as isize;
    let (pa, pb) = (a.as_ptr(), b.as_ptr());
    all.compare(
        ROUNDS,
        SLICE,
        [
            all.ours(peak),
            all.ours(product_as(all.exec(), shape, form).call),
            // SAFETY: a, b and c have m k, k n and m n elements, dense as the strides say, and
            // live longer than the contestants; nobody else touches c.
            contestant(|| unsafe {
                matrixmultiply::sgemm(
                    m,
                    k,
                    n,
                    1.0,
                    pa,
                    row_a,
                    col_a,
                    pb,
                    row_b,
                    col_b,
                    0.0,
                    c.as_mut_ptr(),
                    row_c,
                    1,
                );
            }),
            // SAFETY: as above, with d; the strides are of columns, then rows.
            contestant(|| unsafe {
                gemm::gemm(
                    m,
                    n,
                    k,
                    d.as_mut_ptr(),
                    1,
                    row_c,
                    false,
                    pa,
                    col_a,
                    row_a,
                    pb,
                    col_b,
                    row_b,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    parallelism,
                );
            }),
            all.torch(format!("gemm torch {} {m} {n} {k}", form.code)),
            all.torch(format!("gemm numpy {} {m} {n} {k}", form.code)),
        ],
    )
}
