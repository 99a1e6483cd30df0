//! Sums, means, and what only moves values: views, transposes, parts.

use super::case::{Case, Draw, indices, offset};
use proxtape::ops;
use std::ops::Range;

const SHAPES: &[&[usize]] = &[&[1], &[9], &[3, 5], &[2, 17, 3], &[2, 3, 4, 5], &[1, 130]];
const CONCATS: &[(&[&[usize]], usize)] = &[
    (&[&[3]], 0),
    (&[&[2], &[5]], 0),
    (&[&[2, 3], &[4, 3], &[1, 3]], 0),
    (&[&[2, 3], &[2, 1], &[2, 18]], 1),
    (&[&[2, 3, 5], &[2, 4, 5]], 1),
    (&[&[2, 3, 5], &[2, 3, 2]], 2),
    (&[&[2, 0], &[2, 3]], 1),
];
const SLICES: &[(&[usize], usize, Range<usize>)] = &[
    (&[7], 0, 0..7),
    (&[7], 0, 2..5),
    (&[4, 5], 0, 1..3),
    (&[4, 5], 1, 4..5),
    (&[2, 6, 3], 1, 0..2),
    (&[2, 3, 37], 2, 3..36),
    (&[3, 4], 1, 2..2),
    (&[3, 5], 0, 2..2),
    (&[3, 5], 1, 0..5),
];

const SELECTS: &[(&[usize], usize, &[usize])] = &[
    (&[7], 0, &[0, 1, 2, 3, 4, 5, 6]),
    (&[7], 0, &[6]),
    (&[4, 5], 0, &[1, 3]),
    (&[4, 5], 1, &[0, 2, 4]),
    (&[2, 6, 3], 1, &[1, 2, 5]),
    (&[3, 4], 1, &[]),
    (&[3, 5], 0, &[]),
];

/// One axis of x is summed.
fn sum_axis(dims: &[usize], axis: usize, x: &[f64]) -> Vec<f64> {
    let mut out = dims.to_vec();
    out[axis] = 1;
    let mut y = vec![0.0; out.iter().product()];
    for (mut index, x) in indices(dims).into_iter().zip(x) {
        index[axis] = 0;
        y[offset(&out, &index)] += x;
    }
    y
}

/// The elements whose index along an axis lies in a range.
fn slice(dims: &[usize], axis: usize, range: &Range<usize>, x: &[f64]) -> Vec<f64> {
    let inside = indices(dims).into_iter().zip(x).filter(|(index, _)| range.contains(&index[axis]));
    inside.map(|(_, &x)| x).collect()
}

/// The elements whose index along an axis is one of a list.
fn select(dims: &[usize], axis: usize, list: &[usize], x: &[f64]) -> Vec<f64> {
    let inside = indices(dims).into_iter().zip(x).filter(|(index, _)| list.contains(&index[axis]));
    inside.map(|(_, &x)| x).collect()
}

/// For each element of the output along an axis, the part that it comes from.
fn concat(parts: &[&[usize]], axis: usize, x: &[Vec<f64>]) -> Vec<f64> {
    let mut out = parts[0].to_vec();
    out[axis] = parts.iter().map(|dims| dims[axis]).sum();
    let value = |mut index: Vec<usize>| {
        let mut part = 0;
        while index[axis] >= parts[part][axis] {
            index[axis] -= parts[part][axis];
            part += 1;
        }
        x[part][offset(parts[part], &index)]
    };
    indices(&out).into_iter().map(value).collect()
}

fn reductions(draw: &mut Draw) -> Vec<Case> {
    // Of one sign: a sum that cancels is not good to 1e-5 of itself.
    let mut cases = Vec::new();
    for &dims in SHAPES {
        let total = |x: &[Vec<f64>]| vec![x[0].iter().sum()];
        cases.push(Case::new(
            "sum",
            vec![draw.range(dims, 0.5..2.0)],
            |t, x| ops::sum(t, x[0]),
            total,
        ));
        let mean = |x: &[Vec<f64>]| vec![x[0].iter().sum::<f64>() / x[0].len() as f64];
        cases.push(Case::new(
            "mean",
            vec![draw.range(dims, 0.5..2.0)],
            |t, x| ops::mean(t, x[0]),
            mean,
        ));
        for axis in 0..dims.len() {
            let sum = move |x: &[Vec<f64>]| sum_axis(dims, axis, &x[0]);
            let mean = move |x: &[Vec<f64>]| {
                sum_axis(dims, axis, &x[0]).iter().map(|y| y / dims[axis] as f64).collect()
            };
            let [a, b] = [draw.range(dims, 0.5..2.0), draw.range(dims, 0.5..2.0)];
            let record = move |t: &mut _, x: &[_]| ops::sum_axis(t, x[0], axis);
            cases.push(Case::new("sum_axis", vec![a], record, sum).note(axis));
            let record = move |t: &mut _, x: &[_]| ops::mean_axis(t, x[0], axis);
            cases.push(Case::new("mean_axis", vec![b], record, mean).note(axis));
        }
    }
    cases
}

fn moves(draw: &mut Draw) -> Vec<Case> {
    let mut cases = Vec::new();
    for [rows, cols] in [[1, 1], [1, 7], [3, 5], [17, 9], [33, 16], [40, 65]] {
        cases.push(Case::new(
            "transpose",
            draw.inputs(&[&[rows, cols]]),
            |t, x| ops::transpose(t, x[0]),
            move |x| (0..rows * cols).map(|at| x[0][at % rows * cols + at / rows]).collect(),
        ));
    }
    for &(parts, axis) in CONCATS {
        let reference = move |x: &[Vec<f64>]| concat(parts, axis, x);
        let record = move |t: &mut _, x: &[_]| ops::concat(t, x, axis);
        cases.push(Case::new("concat", draw.inputs(parts), record, reference).note(axis));
    }
    let twice = |x: &[Vec<f64>]| [x[0].clone(), x[0].clone()].concat();
    let record = |t: &mut _, x: &[_]| ops::concat(t, &[x[0], x[0]], 0);
    cases.push(Case::new("concat", draw.inputs(&[&[2, 3]]), record, twice).note("with itself"));
    for (dims, axis, range) in SLICES.iter().cloned() {
        let of = range.clone();
        let reference = move |x: &[Vec<f64>]| slice(dims, axis, &of, &x[0]);
        let of = range.clone();
        let record = move |t: &mut _, x: &[_]| ops::slice(t, x[0], axis, of.clone());
        cases.push(Case::new("slice", draw.inputs(&[dims]), record, reference).note((axis, range)));
    }
    for &(dims, axis, list) in SELECTS {
        let reference = move |x: &[Vec<f64>]| select(dims, axis, list, &x[0]);
        let record = move |t: &mut _, x: &[_]| ops::select(t, x[0], axis, list);
        cases.push(Case::new("select", draw.inputs(&[dims]), record, reference).note((axis, list)));
    }
    cases
}

/// Views: alone, behind an operation, before one, and beside what they look at.
fn views(draw: &mut Draw) -> Vec<Case> {
    let same = |x: &[Vec<f64>]| x[0].clone();
    let exp = |x: &[Vec<f64>]| x[0].iter().map(|x| x.exp()).collect();
    let square = |x: &[Vec<f64>]| x[0].iter().map(|x| x * x).collect();
    let mut x = || draw.inputs(&[&[2, 3, 5]]);
    vec![
        Case::new("reshape", x(), |t, x| ops::reshape(t, x[0], [5, 6]), same),
        Case::new("flatten", x(), |t, x| ops::flatten(t, x[0]), same),
        Case::new(
            "reshape",
            x(),
            |t, x| {
                let y = ops::exp(t, x[0]);
                ops::reshape(t, y, [30])
            },
            exp,
        )
        .note("of an output"),
        Case::new(
            "flatten",
            x(),
            |t, x| {
                let flat = ops::flatten(t, x[0]);
                let y = ops::exp(t, flat);
                ops::reshape(t, y, [3, 2, 5])
            },
            exp,
        )
        .note("before an operation"),
        Case::new(
            "reshape",
            x(),
            |t, x| {
                let a = ops::reshape(t, x[0], [30]);
                let b = ops::reshape(t, a, [2, 3, 5]);
                ops::mul(t, x[0], b)
            },
            square,
        )
        .note("times its root"),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let mut draw = Draw::new(6);
    [reductions(&mut draw), moves(&mut draw), views(&mut draw)].into_iter().flatten().collect()
}
