//! Softmax over the last axis, and losses.

use super::case::{Case, Draw};
use proxtape::ops;

const ROWS: &[&[usize]] =
    &[&[1], &[9], &[3, 1], &[2, 10], &[5, 7], &[2, 3, 17], &[1, 33], &[4, 100], &[3, 2, 2, 16]];
const LOGITS: &[[usize; 2]] = &[[1, 2], [3, 10], [7, 5], [5, 17], [2, 100], [33, 3], [1, 1]];

pub(crate) fn cases() -> Vec<Case> {
    let mut draw = Draw::new(4);
    let mut cases = Vec::new();
    for &dims in ROWS {
        let cols = dims[dims.len() - 1];
        cases.push(Case::new(
            "softmax",
            vec![draw.range(dims, -3.0..3.0)],
            |t, x| ops::softmax(t, x[0]),
            move |x| x[0].chunks(cols).flat_map(log_softmax).map(f64::exp).collect(),
        ));
        cases.push(Case::new(
            "log_softmax",
            vec![draw.range(dims, -3.0..3.0)],
            |t, x| ops::log_softmax(t, x[0]),
            move |x| x[0].chunks(cols).flat_map(log_softmax).collect(),
        ));
        cases.push(Case::new(
            "mse_loss",
            draw.inputs(&[dims, dims]),
            |t, x| ops::mse_loss(t, x[0], x[1]),
            |x| {
                let squares = x[0].iter().zip(&x[1]).map(|(a, b)| (a - b) * (a - b));
                vec![squares.sum::<f64>() / x[0].len() as f64]
            },
        ));
    }
    for &[n, classes] in LOGITS {
        let labels: Vec<u32> = (0..n).map(|i| (i * 7 + 1) as u32 % classes as u32).collect();
        let want = labels.clone();
        cases.push(Case::new(
            "cross_entropy",
            vec![draw.range(&[n, classes], -3.0..3.0)],
            move |t, x| {
                let handle = t.labels(n);
                t.labels_mut(handle).copy_from_slice(&labels);
                ops::cross_entropy(t, x[0], handle)
            },
            move |x| {
                let rows = x[0].chunks(classes).zip(&want);
                let losses = rows.map(|(row, &label)| -log_softmax(row)[label as usize]);
                vec![losses.sum::<f64>() / n as f64]
            },
        ));
    }
    cases
}

fn log_softmax(x: &[f64]) -> Vec<f64> {
    // Less the largest, so that a single column gives an exact zero.
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = x.iter().map(|x| (x - largest).exp()).sum::<f64>().ln();
    x.iter().map(|x| x - largest - log_sum).collect()
}
