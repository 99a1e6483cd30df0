//! Layers without their zeros against a naive f64 oracle and the dense kernels, on every
//! instruction set.

mod support;

use arbtest::arbtest;
use proxtape_kernels::conv::{Conv2d, ConvForward};
use proxtape_kernels::sparse::{SparseConv2d, SparseForward, SparseLinear};
use proxtape_kernels::{Activation, Exec, Isa, Pool};
use support::{Canary, Guarded, Rng, assert_close, execs, isas};

/// Which weights are not zero.
#[derive(Clone, Copy, Debug)]
enum Pattern {
    Empty,
    Full,
    /// Of 1,000.
    Share(usize),
    /// Every second row is empty, and the others are more and more full.
    Uneven,
    /// The last column alone.
    Last,
}

const PATTERNS: [Pattern; 6] = [
    Pattern::Empty,
    Pattern::Full,
    Pattern::Share(30),
    Pattern::Share(400),
    Pattern::Uneven,
    Pattern::Last,
];

impl Pattern {
    fn cut(self, w: &mut [f32], cols: usize, rng: &mut Rng) {
        let rows = w.len().checked_div(cols).unwrap_or(0);
        for (i, w) in w.iter_mut().enumerate() {
            let (r, c) = (i / cols, i % cols);
            let kept = match self {
                Pattern::Empty => false,
                Pattern::Full => true,
                Pattern::Share(share) => rng.below(1000) < share,
                Pattern::Uneven => r % 2 == 1 && rng.below(rows) < r,
                Pattern::Last => c + 1 == cols,
            };
            if !kept {
                *w = if rng.below(2) == 0 { 0.0 } else { -0.0 };
            } else if *w == 0.0 {
                *w = 1.0;
            }
        }
    }
}

fn act(x: f64, activation: Activation) -> f64 {
    if activation == Activation::Relu { x.max(0.0) } else { x }
}

/// y = act(x W^T + bias) in f64.
fn linear(w: &[f32], [rows, cols]: [usize; 2], op: &SparseForward<'_>, n: usize) -> Vec<f64> {
    let mut y = Vec::new();
    for i in 0..n {
        for r in 0..rows {
            let dot: f64 =
                (0..cols).map(|c| f64::from(w[r * cols + c]) * f64::from(op.x[i * cols + c])).sum();
            y.push(act(dot + op.bias.map_or(0.0, |b| f64::from(b[r])), op.activation));
        }
    }
    y
}

/// The outputs, with canaries around y and the scratch, and x in front of a protected page.
fn run_linear(
    exec: Exec,
    sparse: &SparseLinear,
    rows: usize,
    op: &SparseForward<'_>,
    n: usize,
) -> Vec<f32> {
    let x = Guarded::new(op.x);
    let mut y = Canary::new(n * rows, 3);
    let mut scratch = Canary::new(sparse.scratch_len(n), 5);
    sparse.forward(
        exec,
        &SparseForward { x: x.slice(), ..*op },
        y.slice_mut(),
        scratch.slice_mut(),
    );
    y.check();
    scratch.check();
    y.slice().to_vec()
}

#[test]
fn linear_is_exact_on_integers_for_every_pattern_and_tail() {
    let rng = &mut Rng::new(1);
    for exec in execs() {
        let lanes = exec.isa().lanes();
        let shapes = [
            [0, 5],
            [5, 0],
            [1, 1],
            [3, 2],
            [10, 100],
            [lanes - 1, lanes + 1],
            [lanes, 2 * lanes],
            [2 * lanes + 1, lanes - 1],
            [70, 300],
        ];
        for shape in shapes {
            let [rows, cols] = shape;
            for (i, pattern) in PATTERNS.into_iter().enumerate() {
                let mut w = rng.ints(rows * cols, -3, 3);
                pattern.cut(&mut w, cols, rng);
                let bias = rng.ints(rows, -9, 9);
                for laid_out_for in [1, 32] {
                    let sparse = SparseLinear::new(exec.isa(), &w, shape, laid_out_for);
                    assert_eq!(sparse.kept(), w.iter().filter(|&&w| w != 0.0).count());
                    for n in [0, 1, 2, 3, 4, 7, lanes, lanes + 1, 4 * lanes - 1, 4 * lanes + 3] {
                        let x = rng.ints(n * cols, -3, 3);
                        let op = SparseForward {
                            x: &x,
                            bias: [None, Some(&bias[..])][(n + i) % 2],
                            activation: [Activation::None, Activation::Relu][(n + i) / 2 % 2],
                        };
                        let got = run_linear(exec, &sparse, rows, &op, n);
                        for (i, (got, want)) in
                            got.iter().zip(linear(&w, shape, &op, n)).enumerate()
                        {
                            assert!(
                                f64::from(*got) == want,
                                "{exec:?} {shape:?} {pattern:?} for {laid_out_for}, {n} samples, \
                                 at {i}: {got} is not {want}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn linear_is_the_dense_layer_on_any_pattern() {
    arbtest(|u| {
        let rng = &mut Rng::new(u.arbitrary()?);
        let [rows, cols, n] =
            [u.int_in_range(1..=90)?, u.int_in_range(1..=400)?, u.int_in_range(1..=70)?];
        let mut w = rng.vec(rows * cols, -1.0, 1.0);
        Pattern::Share(u.int_in_range(0..=1000)?).cut(&mut w, cols, rng);
        let (x, bias) = (rng.vec(n * cols, -1.0, 1.0), rng.vec(rows, -1.0, 1.0));
        let activation = *u.choose(&[Activation::None, Activation::Relu])?;
        let op = SparseForward { x: &x, bias: Some(&bias), activation };
        // In f64, each with the sum of its magnitudes: the sums cancel, and errors do not.
        let want: Vec<[f64; 2]> = (0..n * rows)
            .map(|i| {
                let (x, row) = (&x[i / rows * cols..][..cols], i % rows);
                let terms = x.iter().zip(&w[row * cols..]);
                let bias = f64::from(bias[row]);
                let [y, size] = terms.fold([bias, bias.abs()], |[y, size], (&x, &w)| {
                    let term = f64::from(x) * f64::from(w);
                    [y + term, size + term.abs()]
                });
                [if activation == Activation::Relu { y.max(0.0) } else { y }, size]
            })
            .collect();
        for isa in isas() {
            for laid_out_for in [1, n] {
                let sparse = SparseLinear::new(isa, &w, [rows, cols], laid_out_for);
                let got = run_linear(Exec::new(isa), &sparse, rows, &op, n);
                for (&got, &[want, size]) in got.iter().zip(&want) {
                    assert!((f64::from(got) - want).abs() <= 1e-6 * size, "{got} and {want}");
                }
            }
        }
        Ok(())
    });
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let rng = &mut Rng::new(3);
    let shape = [300, 784];
    let mut w = rng.vec(300 * 784, -1.0, 1.0);
    Pattern::Share(100).cut(&mut w, 784, rng);
    let conv = Conv2d { n: 9, c: 8, h: 20, w: 19, oc: 30, kh: 5, kw: 5, ..Conv2d::default() };
    let mut filters = rng.vec(conv.w_len(), -1.0, 1.0);
    Pattern::Share(300).cut(&mut filters, 200, rng);
    let images = rng.vec(conv.x_len(), -1.0, 1.0);
    for isa in isas() {
        let sparse = SparseConv2d::new(isa, conv, &filters);
        let run = |exec: Exec| {
            let mut all = Vec::new();
            for n in [1, 40, 300] {
                let x: Vec<f32> = images.iter().copied().cycle().take(n * 784).collect();
                let op = SparseForward { x: &x, bias: None, activation: Activation::None };
                let sparse = SparseLinear::new(isa, &w, shape, n);
                all.push(bits(&run_linear(exec, &sparse, 300, &op, n)));
            }
            all.push(bits(&run_conv(exec, &sparse, &conv, &images, None, Activation::None)));
            all
        };
        let alone = run(Exec::new(isa));
        for threads in [2, 4] {
            let pool = Pool::new(threads).unwrap();
            assert_eq!(alone, pool.install(|| run(pool.exec(isa))), "{isa:?}, {threads} threads");
        }
    }
}

fn run_conv(
    exec: Exec,
    sparse: &SparseConv2d,
    shape: &Conv2d,
    x: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
) -> Vec<f32> {
    let x = Guarded::new(x);
    let mut y = Canary::new(shape.y_len(), 1);
    let mut scratch = Canary::new(sparse.scratch_len(), 7);
    let op = SparseForward { x: x.slice(), bias, activation };
    sparse.forward(exec, &op, y.slice_mut(), scratch.slice_mut());
    y.check();
    scratch.check();
    y.slice().to_vec()
}

const CONVS: [Conv2d; 7] = [
    Conv2d { n: 1, c: 1, h: 1, w: 1, oc: 1, kh: 1, kw: 1, ..CONV },
    Conv2d { n: 2, c: 3, h: 7, w: 9, oc: 5, kh: 3, kw: 3, padding: [1, 1], ..CONV },
    Conv2d { n: 3, c: 20, h: 12, w: 12, oc: 7, kh: 5, kw: 5, ..CONV },
    Conv2d { n: 2, c: 4, h: 11, w: 6, oc: 6, kh: 2, kw: 3, padding: [0, 2], groups: 2, ..CONV },
    Conv2d {
        n: 1,
        c: 2,
        h: 14,
        w: 33,
        oc: 3,
        kh: 3,
        kw: 2,
        dilation: [3, 2],
        padding: [2, 1],
        ..CONV
    },
    Conv2d { n: 2, c: 6, h: 4, w: 4, oc: 9, kh: 1, kw: 1, ..CONV },
    Conv2d { n: 2, c: 2, h: 30, w: 40, oc: 2, kh: 3, kw: 3, padding: [3, 4], ..CONV },
];

const CONV: Conv2d = Conv2d {
    n: 1,
    c: 1,
    h: 1,
    w: 1,
    oc: 1,
    kh: 1,
    kw: 1,
    stride: [1; 2],
    padding: [0; 2],
    dilation: [1; 2],
    groups: 1,
};

#[test]
fn convolution_is_the_dense_one_for_every_pattern() {
    let rng = &mut Rng::new(4);
    for exec in execs() {
        for shape in CONVS {
            let depth = shape.w_len() / shape.oc;
            for (i, pattern) in PATTERNS.into_iter().enumerate() {
                // The direct kernels are exact on integers, Winograd's is not.
                let mut w = rng.vec(shape.w_len(), -1.0, 1.0);
                pattern.cut(&mut w, depth, rng);
                let (x, bias) = (rng.vec(shape.x_len(), -1.0, 1.0), rng.vec(shape.oc, -1.0, 1.0));
                let bias = [None, Some(&bias[..])][i % 2];
                let activation = [Activation::None, Activation::Relu][i / 2 % 2];
                let sparse = SparseConv2d::new(exec.isa(), shape, &w);
                let got = run_conv(exec, &sparse, &shape, &x, bias, activation);
                assert_close(&got, &convolution(&shape, &w, &x, bias, activation), 1e-6);
                let op = ConvForward { x: &x, w: &w, bias, activation };
                let mut y = vec![f32::NAN; shape.y_len()];
                let mut scratch = vec![0.0; shape.scratch_len(exec.isa())];
                shape.forward(exec, &op, &mut y, &mut scratch);
                let y: Vec<f64> = y.into_iter().map(f64::from).collect();
                assert_close(&got, &y, 4e-6);
            }
        }
    }
}

/// y = act(x * w + bias) in f64.
fn convolution(
    s: &Conv2d,
    w: &[f32],
    x: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
) -> Vec<f64> {
    let (oh, ow, depth) = (s.oh(), s.ow(), s.c / s.groups);
    let mut y = Vec::new();
    for i in 0..s.y_len() {
        let (n, o, p, q) = (i / (s.oc * oh * ow), i / (oh * ow) % s.oc, i / ow % oh, i % ow);
        let mut sum = bias.map_or(0.0, |b| f64::from(b[o]));
        for t in 0..depth * s.kh * s.kw {
            let (c, a, b) = (t / (s.kh * s.kw), t / s.kw % s.kh, t % s.kw);
            let row = (p + a * s.dilation[0]).wrapping_sub(s.padding[0]);
            let col = (q + b * s.dilation[1]).wrapping_sub(s.padding[1]);
            if row < s.h && col < s.w {
                let c = o / (s.oc / s.groups) * depth + c;
                let x = x[((n * s.c + c) * s.h + row) * s.w + col];
                sum += f64::from(w[o * depth * s.kh * s.kw + t]) * f64::from(x);
            }
        }
        y.push(act(sum, activation));
    }
    y
}

#[test]
fn strides_are_not_served() {
    assert!(!SparseConv2d::serves(&Conv2d { h: 8, w: 8, stride: [2, 1], ..CONV }));
    assert!(SparseConv2d::serves(&Conv2d { h: 8, w: 8, ..CONV }));
}

#[test]
#[should_panic(expected = "w has 5 elements, not 6")]
fn length_of_the_weights_is_checked() {
    SparseLinear::new(Isa::detect(), &[1.0; 5], [2, 3], 1);
}

#[test]
#[should_panic(expected = "x has 2 elements, not 3")]
fn length_of_the_input_is_checked() {
    let w = SparseLinear::new(Isa::detect(), &[1.0; 6], [2, 3], 1);
    let op = SparseForward { x: &[1.0; 2], bias: None, activation: Activation::None };
    w.forward(Exec::new(Isa::detect()), &op, &mut [0.0; 2], &mut vec![0.0; w.scratch_len(1)]);
}
