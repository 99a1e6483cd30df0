//! Batch norm, in training and in inference, with a ReLU and without, and layer norm: x, gamma and
//! beta.

use super::case::{Case, Draw};
use proxtape::ops::{self, BatchNormAttrs};
use proxtape::{Kind, Params, Tape, Var};

const BATCHES: &[&[usize]] = &[
    &[3, 1],
    &[5, 4],
    &[7, 17],
    &[2, 3, 5],
    &[1, 2, 9],
    &[2, 3, 5, 7],
    &[3, 5, 1, 1],
    &[4, 2, 8, 8],
    &[6, 12, 9, 11],
];
const LAYERS: &[&[usize]] = &[&[5], &[3, 2], &[4, 7], &[2, 3, 16], &[3, 33], &[7, 100], &[20, 130]];
const EPS: f32 = 1e-2;

pub(crate) fn cases() -> Vec<Case> {
    let mut draw = Draw::new(5);
    let mut cases = Vec::new();
    for &dims in BATCHES {
        let (c, spatial) = (dims[1], dims[2..].iter().product::<usize>());
        let mut params = Params::new();
        let running_mean = params.add("mean", Kind::Running, [c]);
        let running_var = params.add("var", Kind::Running, [c]);
        params.value_mut(running_mean).copy_from_slice(draw.input(&[c]).values());
        params.value_mut(running_var).copy_from_slice(draw.range(&[c], 0.3..2.0).values());
        let [mean, var] = [running_mean, running_var]
            .map(|id| params.value(id).iter().map(|&v| f64::from(v)).collect::<Vec<f64>>());
        let attrs = BatchNormAttrs { running_mean, running_var, momentum: 0.1, eps: EPS };
        let channel = move |i: usize| i / spatial % c;
        let trained = move |x: &[Vec<f64>]| {
            let moments: Vec<[f64; 2]> = (0..c)
                .map(|c| {
                    let all = x[0].iter().enumerate();
                    moments(all.filter(|&(i, _)| channel(i) == c).map(|(_, &x)| x))
                })
                .collect();
            normalised(&x[0], |i| moments[channel(i)], |i| affine(x, channel(i)))
        };
        let inferred = move |x: &[Vec<f64>]| {
            let statistic = |i| [mean[channel(i)], var[channel(i)]];
            normalised(&x[0], statistic, |i| affine(x, channel(i)))
        };
        let mut case = |name, record: Record, reference: Reference| {
            let inputs = draw.inputs(&[dims, &[c], &[c]]);
            let record = move |t: &mut Tape, x: &[Var]| record(t, x[0], x[1], x[2], attrs);
            cases.push(Case::new(name, inputs, record, reference).params(params.clone()));
        };
        case("batch_norm", ops::batch_norm, Box::new(trained));
        case("batch_norm_inference", ops::batch_norm_inference, Box::new(inferred.clone()));
        // The steps of single precision carry one of many elements over the kink of a ReLU.
        if c * spatial <= 16 {
            let reference = Box::new(move |x: &[Vec<f64>]| relu(trained(x)));
            case("batch_norm_relu", ops::batch_norm_relu, reference);
            let reference = Box::new(move |x: &[Vec<f64>]| relu(inferred(x)));
            case("batch_norm_inference_relu", ops::batch_norm_inference_relu, reference);
        }
    }
    for &dims in LAYERS {
        let cols = dims[dims.len() - 1];
        cases.push(Case::new(
            "layer_norm",
            draw.inputs(&[dims, &[cols], &[cols]]),
            |t, x| ops::layer_norm(t, x[0], x[1], x[2], EPS),
            move |x| {
                let rows: Vec<[f64; 2]> =
                    x[0].chunks(cols).map(|row| moments(row.iter().copied())).collect();
                normalised(&x[0], |i| rows[i / cols], |i| affine(x, i % cols))
            },
        ));
    }
    cases
}

type Record = fn(&mut Tape, Var, Var, Var, BatchNormAttrs) -> Var;
type Reference = Box<dyn Fn(&[Vec<f64>]) -> Vec<f64> + Send + Sync>;

fn relu(y: Vec<f64>) -> Vec<f64> {
    y.into_iter().map(|y| y.max(0.0)).collect()
}

/// (gamma, beta)
fn affine(x: &[Vec<f64>], i: usize) -> [f64; 2] {
    [x[1][i], x[2][i]]
}

/// (mean, biased variance)
fn moments(x: impl Iterator<Item = f64>) -> [f64; 2] {
    let x: Vec<f64> = x.collect();
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    [mean, x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / x.len() as f64]
}

fn normalised(
    x: &[f64],
    moments: impl Fn(usize) -> [f64; 2],
    affine: impl Fn(usize) -> [f64; 2],
) -> Vec<f64> {
    let each = |(i, x): (usize, &f64)| {
        let ([mean, variance], [gamma, beta]) = (moments(i), affine(i));
        gamma * (x - mean) / (variance + f64::from(EPS)).sqrt() + beta
    };
    x.iter().enumerate().map(each).collect()
}
