//! Matrix products and linear layers.

use super::case::{Case, Draw};
use proxtape::ops;

const PRODUCTS: &[[usize; 3]] = &[
    [1, 1, 1],
    [2, 3, 5],
    [1, 17, 9],
    [7, 1, 4],
    [5, 9, 1],
    [16, 16, 16],
    [13, 7, 19],
    [33, 5, 17],
    [70, 130, 45],
    // Of depth 0.
    [3, 9, 0],
];

pub(crate) fn cases() -> Vec<Case> {
    let mut draw = Draw::new(2);
    let mut cases = Vec::new();
    for &[m, n, k] in PRODUCTS {
        cases.push(Case::new(
            "matmul",
            draw.inputs(&[&[m, k], &[k, n]]),
            |t, x| ops::matmul(t, x[0], x[1]),
            move |x| product([m, n, k], |i, p| x[0][i * k + p], |p, j| x[1][p * n + j]),
        ));
        cases.push(Case::new(
            "linear",
            draw.inputs(&[&[m, k], &[n, k]]),
            |t, x| ops::linear(t, x[0], x[1], None),
            move |x| product([m, n, k], |i, p| x[0][i * k + p], |p, j| x[1][j * k + p]),
        ));
        cases.push(Case::new(
            "linear",
            draw.inputs(&[&[m, k], &[n, k], &[n]]),
            |t, x| ops::linear(t, x[0], x[1], Some(x[2])),
            move |x| {
                let y = product([m, n, k], |i, p| x[0][i * k + p], |p, j| x[1][j * k + p]);
                y.iter().enumerate().map(|(at, y)| y + x[2][at % n]).collect()
            },
        ));
    }
    // A A^T-like: one matrix on both sides.
    cases.push(
        Case::new(
            "matmul",
            draw.inputs(&[&[6, 6]]),
            |t, x| ops::matmul(t, x[0], x[0]),
            |x| product([6, 6, 6], |i, p| x[0][i * 6 + p], |p, j| x[0][p * 6 + j]),
        )
        .note("with itself"),
    );
    cases
}

/// C[i, j] = sum over p < k of a(i, p) b(p, j), row-major.
fn product(
    [m, n, k]: [usize; 3],
    a: impl Fn(usize, usize) -> f64,
    b: impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    (0..m * n).map(|at| (0..k).map(|p| a(at / n, p) * b(p, at % n)).sum()).collect()
}
