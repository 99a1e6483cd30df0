//! The three convolutions against naive loops in f64: exact on integers, on every instruction set.

mod support;

use proxtape_kernels::conv::{Conv2d, ConvForward, ConvInputGradient, ConvWeightGradient};
use proxtape_kernels::{Accumulate, Activation, Convolution, Exec, Pool};
use support::{Canary, Guarded, Rng, assert_close, execs, isas};

/// Calls `f(y, x, w)` with the indices of every product.
fn products(s: &Conv2d, mut f: impl FnMut(usize, usize, usize)) {
    let (oh, ow) = (s.oh(), s.ow());
    let (cg, og) = (s.c / s.groups, s.oc / s.groups);
    for n in 0..s.n {
        for o in 0..s.oc {
            for (i, j) in (0..oh).flat_map(|i| (0..ow).map(move |j| (i, j))) {
                let y = ((n * s.oc + o) * oh + i) * ow + j;
                for c in 0..cg {
                    for (p, q) in (0..s.kh).flat_map(|p| (0..s.kw).map(move |q| (p, q))) {
                        let h = (i * s.stride[0] + p * s.dilation[0]).wrapping_sub(s.padding[0]);
                        let w = (j * s.stride[1] + q * s.dilation[1]).wrapping_sub(s.padding[1]);
                        if h < s.h && w < s.w {
                            let x = ((n * s.c + o / og * cg + c) * s.h + h) * s.w + w;
                            f(y, x, ((o * cg + c) * s.kh + p) * s.kw + q);
                        }
                    }
                }
            }
        }
    }
}

/// y, dx and dw in f64, without bias and activation.
fn oracle(s: &Conv2d, x: &[f32], w: &[f32], dy: &[f32]) -> [Vec<f64>; 3] {
    let mut y = vec![0.0; s.y_len()];
    let mut dx = vec![0.0; s.x_len()];
    let mut dw = vec![0.0; s.w_len()];
    products(s, |iy, ix, iw| {
        y[iy] += f64::from(x[ix]) * f64::from(w[iw]);
        dx[ix] += f64::from(dy[iy]) * f64::from(w[iw]);
        dw[iw] += f64::from(x[ix]) * f64::from(dy[iy]);
    });
    [y, dx, dw]
}

/// The operands of a shape.
struct Data {
    x: Vec<f32>,
    w: Vec<f32>,
    dy: Vec<f32>,
    bias: Vec<f32>,
}

impl Data {
    fn ints(s: &Conv2d, rng: &mut Rng) -> Data {
        Data {
            x: rng.ints(s.x_len(), -3, 3),
            w: rng.ints(s.w_len(), -3, 3),
            dy: rng.ints(s.y_len(), -3, 3),
            bias: rng.ints(s.oc, -20, 20),
        }
    }
}

/// The error of Winograd's algorithm, in parts of the layer's largest result.
const WINOGRAD: f64 = 4e-6;

/// Equal, or close where the shape runs Winograd's algorithm.
#[track_caller]
fn assert_same(what: &str, s: &Conv2d, exec: Exec, got: &[f32], want: impl Iterator<Item = f64>) {
    let want: Vec<f64> = want.collect();
    let scale = want.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let most = if s.is_winograd() { WINOGRAD * scale } else { 0.0 };
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (&got, want)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(got) - want).abs();
        assert!(error <= most, "{what} at {i}: {got}, not {want}; {s:?} {exec:?}");
    }
}

/// Forward with and without bias and ReLU, both gradients stored and added, all exact; operands end
/// at protected pages, results lie between canaries.
fn check(s: &Conv2d, execs: &[Exec], rng: &mut Rng) {
    let data = Data::ints(s, rng);
    let [y, dx, dw] = oracle(s, &data.x, &data.w, &data.dy);
    let [gx, gw] = [&data.x, &data.w].map(|x| Guarded::new(x));
    let [gdy, gbias] = [&data.dy, &data.bias].map(|x| Guarded::new(x));
    let (x, w, dy, bias) = (gx.slice(), gw.slice(), gdy.slice(), gbias.slice());
    for &exec in execs {
        let mut scratch = Canary::new(s.scratch_len(exec.isa()), rng.below(16));
        let mut run = |len: usize, old: Option<f32>, f: &dyn Fn(&mut [f32], &mut [f32])| {
            let mut out = Canary::new(len, rng.below(16));
            if let Some(old) = old {
                out.slice_mut().fill(old);
            }
            f(out.slice_mut(), scratch.slice_mut());
            out.check();
            scratch.check();
            out.slice().to_vec()
        };
        let plain = ConvForward { x, w, bias: None, activation: Activation::None };
        let got = run(s.y_len(), None, &|y, t| s.forward(exec, &plain, y, t));
        assert_same("y", s, exec, &got, y.iter().copied());
        let full = ConvForward { bias: Some(bias), activation: Activation::Relu, ..plain };
        let got = run(s.y_len(), None, &|y, t| s.forward(exec, &full, y, t));
        let area = s.oh() * s.ow();
        let want = y.iter().enumerate().map(|(i, y)| {
            let bias = f64::from(bias[i / area % s.oc]);
            (y + bias).max(0.0)
        });
        assert_same("relu(y + bias)", s, exec, &got, want);
        for (acc, old) in [(Accumulate::Store, None), (Accumulate::Add, Some(7.0))] {
            let offset = f64::from(old.unwrap_or(0.0));
            let got = run(s.x_len(), old, &|dx, t| {
                s.input_gradient(exec, &ConvInputGradient { w, dy }, dx, acc, t)
            });
            assert_same("dx", s, exec, &got, dx.iter().map(|x| x + offset));
            let got = run(s.w_len(), old, &|dw, t| {
                s.weight_gradient(exec, &ConvWeightGradient { x, dy }, dw, acc, t)
            });
            assert_same("dw", s, exec, &got, dw.iter().map(|x| x + offset));
        }
    }
}

fn shape([n, c, h, w]: [usize; 4], [oc, kh, kw]: [usize; 3]) -> Conv2d {
    Conv2d { n, c, h, w, oc, kh, kw, ..Conv2d::default() }
}

#[test]
fn conv_is_exact_on_the_shapes_of_networks() {
    let rng = &mut Rng::new(1);
    let padded = |s: Conv2d, p: usize| Conv2d { padding: [p, p], ..s };
    for s in [
        shape([3, 1, 28, 28], [20, 5, 5]),
        shape([3, 20, 12, 12], [50, 5, 5]),
        padded(shape([2, 3, 32, 32], [64, 3, 3]), 1),
        padded(shape([3, 64, 16, 16], [24, 3, 3]), 1),
        padded(shape([17, 40, 8, 8], [30, 3, 3]), 1),
        padded(shape([9, 70, 2, 2], [110, 3, 3]), 1),
        Conv2d { stride: [2, 2], ..padded(shape([5, 16, 32, 32], [32, 3, 3]), 1) },
        Conv2d { stride: [2, 2], ..shape([5, 16, 32, 32], [32, 1, 1]) },
        shape([3, 33, 9, 9], [17, 1, 1]),
        padded(shape([1, 3, 57, 70], [5, 7, 7]), 3),
        // First layers: several images in a block, several blocks in a chunk, several blocks of rows.
        padded(shape([40, 3, 16, 16], [9, 3, 3]), 1),
        shape([36, 1, 66, 66], [8, 3, 3]),
        padded(shape([2, 3, 130, 96], [6, 3, 3]), 1),
    ] {
        check(&s, &execs(), rng);
    }
}

#[test]
fn conv_is_exact_on_degenerate_shapes() {
    let rng = &mut Rng::new(2);
    for s in [
        shape([0, 3, 5, 5], [4, 3, 3]),
        shape([1, 1, 1, 1], [1, 1, 1]),
        shape([2, 5, 1, 1], [7, 1, 1]),
        shape([2, 3, 6, 5], [4, 6, 5]),
        shape([1, 2, 1, 40], [3, 1, 9]),
        shape([1, 2, 40, 1], [3, 9, 1]),
        shape([1, 1, 3, 700], [2, 2, 3]),
        shape([1, 2, 20, 20], [2, 18, 17]),
        Conv2d { stride: [3, 5], ..shape([2, 3, 11, 17], [4, 2, 3]) },
        Conv2d { stride: [4, 4], ..shape([2, 3, 3, 3], [4, 1, 1]) },
        Conv2d { dilation: [2, 3], ..shape([2, 3, 11, 17], [4, 3, 3]) },
        Conv2d { dilation: [2, 4], stride: [4, 2], ..shape([2, 2, 19, 21], [3, 3, 4]) },
        Conv2d { dilation: [6, 4], stride: [4, 6], ..shape([1, 2, 23, 29], [3, 3, 4]) },
        Conv2d { padding: [4, 5], ..shape([2, 2, 2, 3], [3, 3, 3]) },
        Conv2d { padding: [4, 5], stride: [3, 2], ..shape([2, 2, 2, 3], [3, 3, 3]) },
        Conv2d { groups: 12, padding: [1, 1], ..shape([2, 12, 9, 9], [12, 3, 3]) },
        Conv2d { groups: 4, ..shape([2, 12, 9, 9], [20, 3, 3]) },
        Conv2d { groups: 3, stride: [2, 1], ..shape([20, 6, 5, 4], [9, 2, 2]) },
    ] {
        check(&s, &execs(), rng);
    }
}

#[test]
fn conv_is_exact_on_random_shapes() {
    let rng = &mut Rng::new(3);
    let mut done = 0;
    while done < 120 {
        let groups = 1 + rng.below(3);
        let s = Conv2d {
            n: 1 + rng.below(4),
            c: groups * (1 + rng.below(6)),
            h: 1 + rng.below(18),
            w: 1 + rng.below(18),
            oc: groups * (1 + rng.below(20)),
            kh: 1 + rng.below(5),
            kw: 1 + rng.below(5),
            stride: [1 + rng.below(3), 1 + rng.below(3)],
            padding: [rng.below(4), rng.below(4)],
            dilation: [1 + rng.below(3), 1 + rng.below(3)],
            groups,
        };
        let fits = |axis: usize, size: usize, taps: usize| {
            s.dilation[axis] * (taps - 1) < size + 2 * s.padding[axis]
        };
        if fits(0, s.h, s.kh) && fits(1, s.w, s.kw) {
            check(&s, &execs(), rng);
            done += 1;
        }
    }
}

#[test]
fn conv_rounds_no_worse_than_its_depth() {
    let rng = &mut Rng::new(4);
    let s = Conv2d { padding: [1, 1], dilation: [2, 1], ..shape([6, 40, 10, 10], [50, 3, 3]) };
    assert!(!s.is_winograd());
    check_rounding(&s, rng, 1e-6);
}

#[test]
fn conv_by_winograd_rounds_as_it_says() {
    let rng = &mut Rng::new(6);
    for (size, taps) in [([6, 40, 10, 10], 3), ([2, 128, 16, 16], 3), ([6, 40, 12, 12], 5)] {
        let s = Conv2d { padding: [1, 1], ..shape(size, [50, taps, taps]) };
        assert!(s.is_winograd());
        check_rounding(&s, rng, WINOGRAD);
    }
}

/// Forward and both gradients of random operands, whose errors are at most `most`.
fn check_rounding(s: &Conv2d, rng: &mut Rng, most: f64) {
    let (x, w) = (rng.vec(s.x_len(), -1.0, 1.0), rng.vec(s.w_len(), -1.0, 1.0));
    let dy = rng.vec(s.y_len(), -1.0, 1.0);
    let [y, dx, dw] = oracle(s, &x, &w, &dy);
    for exec in execs() {
        let mut scratch = vec![f32::NAN; s.scratch_len(exec.isa())];
        let mut got = vec![f32::NAN; s.y_len()];
        let op = ConvForward { x: &x, w: &w, bias: None, activation: Activation::None };
        s.forward(exec, &op, &mut got, &mut scratch);
        assert_close(&got, &y, most);
        let mut got = vec![f32::NAN; s.x_len()];
        s.input_gradient(
            exec,
            &ConvInputGradient { w: &w, dy: &dy },
            &mut got,
            Accumulate::Store,
            &mut scratch,
        );
        assert_close(&got, &dx, most);
        let mut got = vec![f32::NAN; s.w_len()];
        s.weight_gradient(
            exec,
            &ConvWeightGradient { x: &x, dy: &dy },
            &mut got,
            Accumulate::Store,
            &mut scratch,
        );
        assert_close(&got, &dw, most);
    }
}

/// Shapes that run Winograd's algorithm: whole images a task, rows of tiles a task, both sizes of taps.
fn winograd_shapes() -> Vec<Conv2d> {
    let shapes = [([5, 12, 9, 10], 3), ([2, 40, 37, 33], 3), ([4, 20, 12, 11], 5)];
    let padded = |(size, taps)| Conv2d { padding: [1, 1], ..shape(size, [24, taps, taps]) };
    shapes.map(padded).into_iter().inspect(|s| assert!(s.is_winograd())).collect()
}

#[test]
fn exact_convolution_keeps_an_outlier_to_itself() {
    let rng = &mut Rng::new(8);
    for s in winograd_shapes() {
        let w = rng.vec(s.w_len(), -1.0, 1.0);
        let mut x = rng.vec(s.x_len(), -0.01, 0.01);
        x[s.w * s.h / 2 + s.w / 2] = 1e4;
        let dy = rng.vec(s.y_len(), -1.0, 1.0);
        let [y, dx, dw] = oracle(&s, &x, &w, &dy);
        // What an output is made of: the error of a sum is a share of it.
        let [x_size, w_size, dy_size] =
            [&x, &w, &dy].map(|x| x.iter().map(|x| x.abs()).collect::<Vec<_>>());
        let sizes = oracle(&s, &x_size, &w_size, &dy_size);
        for exec in execs() {
            let exec = exec.with_convolution(Convolution::Exact);
            let mut scratch = vec![f32::NAN; s.scratch_len(exec.isa())];
            let mut got = [y.len(), dx.len(), dw.len()].map(|len| vec![f32::NAN; len]);
            let op = ConvForward { x: &x, w: &w, bias: None, activation: Activation::None };
            s.forward(exec, &op, &mut got[0], &mut scratch);
            s.input_gradient(
                exec,
                &ConvInputGradient { w: &w, dy: &dy },
                &mut got[1],
                Accumulate::Store,
                &mut scratch,
            );
            s.weight_gradient(
                exec,
                &ConvWeightGradient { x: &x, dy: &dy },
                &mut got[2],
                Accumulate::Store,
                &mut scratch,
            );
            for ((got, want), size) in got.iter().zip([&y, &dx, &dw]).zip(&sizes) {
                for ((&got, want), size) in got.iter().zip(want).zip(size) {
                    let error = (f64::from(got) - want).abs();
                    assert!(error <= 3e-6 * size, "{got}, not {want}; {s:?} {exec:?}");
                }
            }
        }
    }
}

/// The bound that `Conv2d::is_winograd` tells.
#[test]
fn winograd_rounds_by_the_largest_input_around() {
    let rng = &mut Rng::new(9);
    for s in winograd_shapes() {
        let w = rng.vec(s.w_len(), -1.0, 1.0);
        let mut x = rng.vec(s.x_len(), -0.01, 0.01);
        x[s.w * s.h / 2 + s.w / 2] = 1e4;
        let [y, ..] = oracle(&s, &x, &w, &vec![0.0; s.y_len()]);
        let filter = s.w_len() / s.oc;
        for exec in execs() {
            let mut got = vec![f32::NAN; s.y_len()];
            let mut scratch = vec![f32::NAN; s.scratch_len(exec.isa())];
            let op = ConvForward { x: &x, w: &w, bias: None, activation: Activation::None };
            s.forward(exec, &op, &mut got, &mut scratch);
            for (i, (&got, want)) in got.iter().zip(y.iter()).enumerate() {
                let o = i / (s.oh() * s.ow()) % s.oc;
                let sum: f64 = w[o * filter..][..filter].iter().map(|w| f64::from(w.abs())).sum();
                let error = (f64::from(got) - want).abs();
                assert!(error <= 2e-6 * sum * 1e4, "{got}, not {want}; {s:?} {exec:?}");
            }
        }
    }
}

#[test]
fn what_is_not_finite_reaches_the_outputs_that_see_it_only() {
    let rng = &mut Rng::new(10);
    for s in winograd_shapes() {
        let w = rng.vec(s.w_len(), 0.1, 1.0);
        let x = rng.vec(s.x_len(), -1.0, 1.0);
        let bias = rng.vec(s.oc, -1.0, 1.0);
        let mut finite = vec![f32::NAN; s.y_len()];
        for (bad, activation) in [
            (f32::NAN, Activation::None),
            (f32::NAN, Activation::Relu),
            (f32::INFINITY, Activation::None),
            (f32::NEG_INFINITY, Activation::Relu),
            // Finite sums of what overflows in a transform.
            (2e38, Activation::None),
        ] {
            let mut spoilt = x.clone();
            let image = rng.below(s.n);
            let at = if bad.is_normal() { s.w + 1 } else { rng.below(s.x_len() / s.n) };
            let hit = image * s.x_len() / s.n + at;
            spoilt[hit] = bad;
            let mut sees = vec![false; s.y_len()];
            products(&s, |iy, ix, _| sees[iy] |= ix == hit);
            let mut want = vec![f32::NAN; s.y_len()];
            for exec in execs() {
                let exact = exec.with_convolution(Convolution::Exact);
                let mut scratch = Canary::new(s.scratch_len(exec.isa()), 3);
                let op = ConvForward { x: &x, w: &w, bias: Some(&bias), activation };
                s.forward(exec, &op, &mut finite, scratch.slice_mut());
                let op = ConvForward { x: &spoilt, ..op };
                let one = s.y_len() / s.n;
                let alone = Conv2d { n: 1, ..s };
                let x = &spoilt[image * s.x_len() / s.n..][..alone.x_len()];
                want.copy_from_slice(&finite);
                let y = &mut want[image * one..][..one];
                alone.forward(exact, &ConvForward { x, ..op }, y, scratch.slice_mut());
                let mut got = Canary::new(s.y_len(), 5);
                s.forward(exec, &op, got.slice_mut(), scratch.slice_mut());
                got.check();
                scratch.check();
                for (i, (got, want)) in got.slice().iter().zip(&want).enumerate() {
                    assert_eq!(got.to_bits(), want.to_bits(), "{bad} at {i}: {got} {want}; {s:?}");
                    assert!(sees[i] || got.is_finite(), "{bad} reached {i}: {s:?}");
                }
            }
            if bad.is_nan() {
                assert!(want.iter().zip(&sees).all(|(y, &sees)| y.is_nan() == sees));
            }
        }
    }
}

#[test]
fn conv_by_winograd_is_right_on_random_shapes() {
    let rng = &mut Rng::new(7);
    let mut done = [0; 2];
    while done.iter().any(|&n| n < 12) {
        let five = rng.below(2);
        let taps = 3 + 2 * five;
        let s = Conv2d {
            n: 1 + rng.below(9),
            c: 12 + rng.below(30),
            h: taps + rng.below(20),
            w: taps + rng.below(40),
            oc: 12 + rng.below(40),
            kh: taps,
            kw: taps,
            padding: [rng.below(taps), rng.below(taps)],
            ..Conv2d::default()
        };
        if s.is_winograd() && s.macs() < 4 << 20 && done[five] < 12 {
            check(&s, &execs(), rng);
            done[five] += 1;
        }
    }
}

#[test]
fn conv_gives_the_same_bits_at_any_number_of_threads() {
    let rng = &mut Rng::new(5);
    for s in [
        Conv2d { padding: [1, 1], ..shape([9, 20, 14, 14], [40, 3, 3]) },
        Conv2d { padding: [2, 1], ..shape([9, 20, 14, 14], [40, 5, 5]) },
        Conv2d { padding: [1, 1], ..shape([9, 10, 14, 14], [40, 3, 3]) },
        Conv2d { padding: [1, 1], ..shape([10, 130, 2, 2], [300, 3, 3]) },
        Conv2d { padding: [1, 1], stride: [2, 2], ..shape([5, 16, 33, 31], [32, 3, 3]) },
        Conv2d { padding: [1, 1], groups: 32, ..shape([6, 32, 40, 40], [32, 3, 3]) },
    ] {
        let (x, w) = (rng.vec(s.x_len(), -1.0, 1.0), rng.vec(s.w_len(), -1.0, 1.0));
        let dy = rng.vec(s.y_len(), -1.0, 1.0);
        for isa in isas() {
            let run = |exec: Exec| {
                let mut scratch = vec![f32::NAN; s.scratch_len(isa)];
                let mut y = vec![f32::NAN; s.y_len()];
                let op = ConvForward { x: &x, w: &w, bias: None, activation: Activation::Relu };
                s.forward(exec, &op, &mut y, &mut scratch);
                let mut dx = vec![f32::NAN; s.x_len()];
                s.input_gradient(
                    exec,
                    &ConvInputGradient { w: &w, dy: &dy },
                    &mut dx,
                    Accumulate::Store,
                    &mut scratch,
                );
                let mut dw = vec![f32::NAN; s.w_len()];
                s.weight_gradient(
                    exec,
                    &ConvWeightGradient { x: &x, dy: &dy },
                    &mut dw,
                    Accumulate::Store,
                    &mut scratch,
                );
                [y, dx, dw]
            };
            let want = run(Exec::new(isa));
            for threads in [1, 2, 4] {
                let pool = Pool::new(threads).unwrap();
                let got = pool.install(|| run(Exec::new(isa).parallel()));
                assert!(got == want, "{} {s:?}: {threads} threads", isa.name());
            }
        }
    }
}

#[test]
#[should_panic(expected = "conv: x has 3 elements, this shape needs 16")]
fn conv_names_a_slice_that_does_not_fit() {
    let s = shape([1, 1, 4, 4], [1, 3, 3]);
    let op = ConvForward { x: &[0.0; 3], w: &[0.0; 9], bias: None, activation: Activation::None };
    s.forward(Exec::new(isas()[0]), &op, &mut [0.0; 4], &mut []);
}

#[test]
#[should_panic(expected = "conv: the kernel must fit into the padded image")]
fn conv_names_a_kernel_that_does_not_fit() {
    shape([1, 1, 4, 4], [1, 5, 3]).scratch_len(isas()[0]);
}
