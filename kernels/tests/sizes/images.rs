//! Images: convolution, pooling, batch normalisation.

use super::{Door, LONG, attempt, exec, lengths, numbers, times};
use proxtape_kernels::conv::{Conv2d, ConvForward, ConvInputGradient, ConvWeightGradient};
use proxtape_kernels::norm::{self, Affine, BatchNorm, BatchNormVjp, Planes};
use proxtape_kernels::pool::{Pool2d, global_average, global_average_vjp};
use proxtape_kernels::sparse::{SparseConv2d, SparseForward};
use proxtape_kernels::{Accumulate, Activation};

pub(crate) const DOORS: &[Door] = &[
    Door {
        functions: &[
            ("conv/shape.rs", &["oh", "ow", "x_len", "w_len", "y_len", "macs", "is_valid"]),
            ("conv/paths.rs", &["scratch_len", "is_winograd"]),
            ("conv.rs", &["forward", "input_gradient", "weight_gradient"]),
            ("sparse/conv.rs", &["serves", "new", "scratch_len", "forward"]),
        ],
        possible: &[1, 2, 3, 4, 2, 2, 1, 2, 1, 1, 0, 1, 1, 2],
        call: convolutions,
    },
    Door {
        functions: &[(
            "pool.rs",
            &[
                "oh",
                "ow",
                "x_len",
                "y_len",
                "is_indexable",
                "max",
                "max_vjp",
                "average",
                "average_vjp",
            ],
        )],
        possible: &[2, 3, 4, 2, 2, 1, 2, 1, 0],
        call: pools,
    },
    Door {
        functions: &[("pool/global.rs", &["global_average", "global_average_vjp"])],
        possible: &[3],
        call: global_averages,
    },
    Door {
        functions: &[
            ("norm.rs", &["len", "is_empty"]),
            (
                "norm/batch.rs",
                &[
                    "batch_statistics",
                    "batch_norm",
                    "batch_norm_sums",
                    "batch_norm_vjp",
                    "batch_norm_inference_vjp",
                ],
            ),
        ],
        possible: &[2, 3, 4],
        call: batch_norms,
    },
];

/// (side + 2 padding - dilation (taps - 1) - 1) / stride + 1, as it is and as it wraps.
fn outputs([side, taps, stride, padding, dilation]: [usize; 5]) -> (u128, usize) {
    let span = dilation.wrapping_mul(taps.wrapping_sub(1));
    let places = side.wrapping_add(2usize.wrapping_mul(padding)).wrapping_sub(span).wrapping_sub(1);
    let wraps = (places / stride.max(1)).wrapping_add(1);
    let wide = |x: usize| x as i128;
    let places = wide(side) + 2 * wide(padding) - wide(dilation).saturating_mul(wide(taps) - 1) - 1;
    let truth = if places < 0 { 0 } else { places as u128 / stride.max(1) as u128 + 1 };
    (truth, wraps)
}

fn convolutions(sizes: &[usize]) {
    let &[n, c, h, w, oc, kh, kw, sh, sw, ph, pw, dh, dw, groups] = sizes else { unreachable!() };
    let (stride, padding, dilation) = ([sh, sw], [ph, pw], [dh, dw]);
    let conv = Conv2d { n, c, h, w, oc, kh, kw, stride, padding, dilation, groups };
    let depth = c.checked_div(groups).unwrap_or(0);
    let (oh, wrapped_oh) = outputs([h, kh, sh, ph, dh]);
    let (ow, wrapped_ow) = outputs([w, kw, sw, pw, dw]);
    let small = |x: u128| usize::try_from(x).unwrap_or(usize::MAX);
    let x = times(&[n, c, h, w]);
    let weights = times(&[oc, depth, kh, kw]);
    let y = times(&[n, oc]).saturating_mul(oh).saturating_mul(ow);
    attempt(&conv, |&got| got as u128 == oh, || conv.oh());
    attempt(&conv, |&got| got as u128 == ow, || conv.ow());
    attempt(&conv, |&got| got as u128 == x, || conv.x_len());
    attempt(&conv, |&got| got as u128 == weights, || conv.w_len());
    attempt(&conv, |&got| got as u128 == y, || conv.y_len());
    attempt(
        &conv,
        |&got| u128::from(got) == y.saturating_mul(times(&[depth, kh, kw])),
        || conv.macs(),
    );
    attempt(&conv, |_| true, || conv.is_winograd());
    attempt(&conv, |_| conv.is_valid(), || conv.scratch_len(exec().isa()));
    let exact = |lens: [usize; 3]| lens.map(|len| len as u128) == [x, weights, y];
    // All as they are, and all as they wrap.
    let xs = lengths(&[n, c, h, w]);
    let ws = lengths(&[oc, depth, kh, kw]);
    let mut ys = lengths(&[n, oc, wrapped_oh, wrapped_ow]);
    ys.extend(lengths(&[n, oc, small(oh), small(ow)]));
    let lists = [xs, ws, ys].map(|list| [list[0], list[list.len() - 1]]);
    for i in 0..8 {
        let lens = [0, 1, 2].map(|k| lists[k][i >> k & 1]);
        let [x, w, y] = lens.map(numbers);
        let op = ConvForward { x: &x, w: &w, bias: None, activation: Activation::None };
        let mut scratch = vec![0.0; 1 << 16];
        let right = |out: &Vec<f32>| exact(lens) && *out == naive(&conv, &x, &w);
        attempt(&(conv, lens), right, || {
            let mut out = y.clone();
            conv.forward(exec(), &op, &mut out, &mut scratch);
            out
        });
        let mut dx = x.clone();
        attempt(
            &(conv, lens),
            |()| exact(lens),
            || {
                let op = ConvInputGradient { w: &w, dy: &y };
                conv.input_gradient(exec(), &op, &mut dx, Accumulate::Store, &mut scratch)
            },
        );
        let mut dw = w.clone();
        attempt(
            &(conv, lens),
            |()| exact(lens),
            || {
                let op = ConvWeightGradient { x: &x, dy: &y };
                conv.weight_gradient(exec(), &op, &mut dw, Accumulate::Add, &mut scratch)
            },
        );
        attempt(&(conv, lens), right, || {
            assert!(SparseConv2d::serves(&conv), "sparse: no kernel");
            let sparse = SparseConv2d::new(exec().isa(), conv, &w);
            let mut scratch = vec![0.0; sparse.scratch_len().min(1 << 16)];
            let op = SparseForward { x: &x, bias: None, activation: Activation::None };
            let mut out = y.clone();
            sparse.forward(exec(), &op, &mut out, &mut scratch);
            out
        });
    }
}

/// y, element by element.
fn naive(conv: &Conv2d, x: &[f32], w: &[f32]) -> Vec<f32> {
    let (oh, ow, depth) = (conv.oh(), conv.ow(), conv.c / conv.groups);
    let mut y = vec![0.0; conv.n * conv.oc * oh * ow];
    for (at, y) in y.iter_mut().enumerate() {
        let (j, i, o, n) = (at % ow, at / ow % oh, at / ow / oh % conv.oc, at / ow / oh / conv.oc);
        let first = o / (conv.oc / conv.groups) * depth;
        for (tap, w) in
            w[o * depth * conv.kh * conv.kw..][..depth * conv.kh * conv.kw].iter().enumerate()
        {
            let place = |axis: usize, out: usize, tap: usize| {
                let wide = |x: usize| x as i128;
                let from = wide(out) * wide(conv.stride[axis]) - wide(conv.padding[axis]);
                let at = from + wide(tap) * wide(conv.dilation[axis]);
                usize::try_from(at).ok().filter(|&at| at < [conv.h, conv.w][axis])
            };
            let (p, q) = (place(0, i, tap / conv.kw % conv.kh), place(1, j, tap % conv.kw));
            if let (Some(p), Some(q)) = (p, q) {
                let c = first + tap / conv.kw / conv.kh;
                *y += w * x[((n * conv.c + c) * conv.h + p) * conv.w + q];
            }
        }
    }
    y
}

fn pools(sizes: &[usize]) {
    let &[planes, h, w, kh, kw, sh, sw, ph, pw] = sizes else { unreachable!() };
    let pool = Pool2d { planes, h, w, kernel: [kh, kw], stride: [sh, sw], padding: [ph, pw] };
    let (oh, wrapped_oh) = outputs([h, kh, sh, ph, 1]);
    let (ow, wrapped_ow) = outputs([w, kw, sw, pw, 1]);
    let (oh, ow) = (if h == 0 { 0 } else { oh }, if w == 0 { 0 } else { ow });
    let small = |x: u128| usize::try_from(x).unwrap_or(usize::MAX);
    let (x, y) = (times(&[planes, h, w]), times(&[planes]).saturating_mul(oh).saturating_mul(ow));
    attempt(&pool, |&got| got as u128 == oh, || pool.oh());
    attempt(&pool, |&got| got as u128 == ow, || pool.ow());
    attempt(&pool, |&got| got as u128 == x, || pool.x_len());
    attempt(&pool, |&got| got as u128 == y, || pool.y_len());
    let last = times(&[kh.max(1) - 1, w]) + kw as u128;
    let fits = last <= 1 << 23 && times(&[h, w]) < 1 << 32;
    attempt(&pool, |&got| got == fits, || pool.is_indexable());
    let exact = |lens: [usize; 2]| lens.map(|len| len as u128) == [x, y];
    let mut ys = lengths(&[planes, wrapped_oh, wrapped_ow]);
    ys.extend(lengths(&[planes, small(oh), small(ow)]));
    let lists = [lengths(&[planes, h, w]), ys].map(|list| [list[0], list[list.len() - 1]]);
    for i in 0..4 {
        let lens = [0, 1].map(|k| lists[k][i >> k & 1]);
        let [x, y] = lens.map(numbers);
        let index = vec![0; y.len()];
        attempt(
            &(pool, lens),
            |()| exact(lens),
            || pool.max(exec(), &x, &mut y.clone(), &mut index.clone()),
        );
        attempt(
            &(pool, lens),
            |()| exact(lens),
            || pool.max_vjp(exec(), &y, &index, &mut x.clone(), Accumulate::Store),
        );
        let right = |out: &Vec<f32>| exact(lens) && *out == naive_average(&pool, &x);
        attempt(&(pool, lens), right, || {
            let mut out = y.clone();
            pool.average(exec(), &x, &mut out);
            out
        });
        attempt(
            &(pool, lens),
            |()| exact(lens),
            || pool.average_vjp(exec(), &y, &mut x.clone(), Accumulate::Add),
        );
    }
}

/// The sum over each window, which small integers make exact, over its elements.
fn naive_average(pool: &Pool2d, x: &[f32]) -> Vec<f32> {
    let (oh, ow, [kh, kw]) = (pool.oh(), pool.ow(), pool.kernel);
    let inside = |axis: usize, out: usize| {
        let first = out as i128 * pool.stride[axis] as i128 - pool.padding[axis] as i128;
        let end = (first + pool.kernel[axis] as i128).min([pool.h, pool.w][axis] as i128);
        first.max(0) as usize..end.max(0) as usize
    };
    (0..pool.planes * oh * ow)
        .map(|at| {
            let plane = &x[at / ow / oh * pool.h * pool.w..];
            let rows = inside(0, at / ow % oh);
            let sum = rows
                .flat_map(|i| inside(1, at % ow).map(move |j| plane[i * pool.w + j]))
                .sum::<f32>();
            sum / (kh as f64 * kw as f64) as f32
        })
        .collect()
}

fn global_averages(sizes: &[usize]) {
    let &[area] = sizes else { unreachable!() };
    for planes in [0, 1, 3] {
        for len in lengths(&[planes, area]) {
            let right = times(&[planes, area]) == len as u128;
            attempt(
                &(planes, area, len),
                |()| right,
                || global_average(exec(), &numbers(len), area, &mut numbers(planes)),
            );
            attempt(
                &(planes, area, len),
                |()| right,
                || {
                    let (dy, mut dx) = (numbers(planes), numbers(len));
                    global_average_vjp(exec(), &dy, area, &mut dx, Accumulate::Store)
                },
            );
        }
    }
}

fn batch_norms(sizes: &[usize]) {
    let &[n, c, spatial] = sizes else { unreachable!() };
    let view = Planes { n, c, spatial };
    attempt(&view, |&len| times(sizes) == len as u128, || view.len());
    attempt(&view, |&empty| (times(sizes) == 0) == empty, || view.is_empty());
    let channels = if c <= LONG { c } else { 1 };
    let [a, b] = [numbers(channels), numbers(channels)];
    let affine = Affine { mean: &a, inv_std: &b, gamma: &a, beta: &b };
    for len in lengths(sizes) {
        let right = |_: &()| times(sizes) == len as u128 && channels == c;
        let (x, dy) = (numbers(len), numbers(len));
        let what = (view, len);
        attempt(&what, right, || {
            norm::batch_statistics(exec(), view, &x, &mut a.clone(), &mut b.clone())
        });
        for activation in [Activation::None, Activation::Relu] {
            let op = BatchNorm { view, x: &x, affine, activation };
            attempt(&what, right, || norm::batch_norm(exec(), &op, &mut dy.clone()));
            let op = BatchNormVjp { view, x: &x, dy: &dy, affine, activation };
            attempt(&what, right, || {
                norm::batch_norm_sums(exec(), &op, &mut a.clone(), &mut b.clone())
            });
            attempt(&what, right, || {
                norm::batch_norm_vjp(exec(), &op, &a, &b, &mut dy.clone(), Accumulate::Store)
            });
            attempt(&what, right, || {
                norm::batch_norm_inference_vjp(exec(), &op, &mut dy.clone(), Accumulate::Add)
            });
        }
    }
}
