//! Batch and layer norm against the textbook formulas in f64.

mod support;

use proxtape_kernels::gemm::Activation;
use proxtape_kernels::norm::{
    Affine, Planes, batch_norm, batch_norm_inference_vjp, batch_norm_sums, batch_norm_vjp,
    batch_statistics, layer_norm, layer_norm_sums, layer_norm_vjp,
};
use proxtape_kernels::{Accumulate, Exec, Pool};
use support::{Canary, Guarded, Rng, assert_close, execs, isas};

const EPS: f32 = 1e-5;

/// [n, c, spatial]: single elements, every tail of a vector and of four vectors, small planes that
/// are summed as columns, several strips, several blocks.
fn shapes() -> Vec<Planes> {
    let mut shapes = vec![[1, 1, 1], [2, 1, 1], [1, 5, 1], [7, 3, 1], [300, 67, 1], [130, 16, 1]];
    shapes.extend([[3, 65, 4], [5, 33, 2], [2, 4, 9], [6, 7, 16], [2, 3, 17], [1, 2, 2049]]);
    shapes.extend([
        [3, 2, 49],
        [2, 1, 4100],
        [40, 2, 100],
        [1, 1, 5000],
        [2500, 2, 1],
        [3, 40, 289],
    ]);
    shapes.extend((1..=70).map(|spatial| [2, 2, spatial]));
    shapes.into_iter().map(|[n, c, spatial]| Planes { n, c, spatial }).collect()
}

/// Channel of each element.
fn channel(view: Planes, i: usize) -> usize {
    i / view.spatial % view.c
}

/// (mean, biased variance) of each channel.
fn statistics(view: Planes, x: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let m = (view.n * view.spatial) as f64;
    let (mut mean, mut variance) = (vec![0.0; view.c], vec![0.0; view.c]);
    for (i, &x) in x.iter().enumerate() {
        mean[channel(view, i)] += f64::from(x) / m;
    }
    for (i, &x) in x.iter().enumerate() {
        let c = channel(view, i);
        variance[c] += (f64::from(x) - mean[c]).powi(2) / m;
    }
    (mean, variance)
}

fn inv_std(variance: f32) -> f32 {
    (1.0 / (f64::from(variance) + f64::from(EPS)).sqrt()) as f32
}

/// Runs `f` under Store on NaN and under Add on known numbers; both give `want` (plus those).
#[track_caller]
fn check_accumulate(want: &[f64], rel: f64, mut f: impl FnMut(&mut [f32], Accumulate)) {
    let mut y = Canary::new(want.len(), 3);
    f(y.slice_mut(), Accumulate::Store);
    y.check();
    assert_close(y.slice(), want, rel);
    let stored = y.slice().to_vec();
    let mut y = Canary::new(want.len(), 1);
    y.slice_mut().iter_mut().enumerate().for_each(|(i, y)| *y = (i % 5) as f32);
    f(y.slice_mut(), Accumulate::Add);
    y.check();
    for (i, (&added, &stored)) in y.slice().iter().zip(&stored).enumerate() {
        assert_eq!(added, (i % 5) as f32 + stored, "Add at {i}");
    }
}

#[test]
fn batch_statistics_match_f64() {
    for exec in execs() {
        for (seed, view) in shapes().into_iter().enumerate() {
            let x = Rng::new(seed as u64).vec(view.len(), -1.0, 2.0);
            let (mut mean, mut variance) = (Canary::new(view.c, 1), Canary::new(view.c, 2));
            let out = (mean.slice_mut(), variance.slice_mut());
            batch_statistics(exec, view, Guarded::new(&x).slice(), out);
            mean.check();
            variance.check();
            let want = statistics(view, &x);
            assert_close(mean.slice(), &want.0, 2e-7);
            let scale = want.1.iter().fold(0.0, |m: f64, v| m.max(*v));
            for (got, want) in variance.slice().iter().zip(&want.1) {
                assert!((f64::from(*got) - want).abs() <= 3e-6 * scale + 1e-12, "{view:?}");
            }
        }
    }
}

#[test]
fn statistics_stay_accurate_when_the_mean_dwarfs_the_deviation() {
    for exec in execs() {
        for view in [[64, 2, 1024], [4096, 3, 1], [512, 2, 16], [1, 1, 300_000]] {
            let view = Planes { n: view[0], c: view[1], spatial: view[2] };
            for (mean, tolerance) in [(1e3, 1e-6), (-1e5, 1e-6)] {
                let mut rng = Rng::new(5);
                // Six uniform numbers make a deviation of 1.
                let normal = |rng: &mut Rng| (0..12).map(|_| rng.uniform(-0.5, 0.5)).sum::<f32>();
                let x: Vec<f32> = (0..view.len()).map(|_| mean + normal(&mut rng)).collect();
                let (mut got, mut variance) = (vec![0.0; view.c], vec![0.0; view.c]);
                batch_statistics(exec, view, &x, (&mut got, &mut variance));
                let want = statistics(view, &x);
                assert_close(&got, &want.0, 1e-7);
                assert_close(&variance, &want.1, tolerance);

                let cols = view.len() / view.c;
                let (ones, zeros) = (vec![1.0; cols], vec![0.0; cols]);
                let (mut y, mut m, mut i) = (vec![0.0; cols], [0.0], [0.0]);
                let out = (&mut y[..], &mut m[..], &mut i[..]);
                layer_norm(exec, &x[..cols], cols, (&ones, &zeros), 0.0, out);
                let row = Planes { n: 1, c: 1, spatial: cols };
                let want = statistics(row, &x[..cols]);
                let want = [1.0 / want.1[0].sqrt()];
                assert_close(&i, &want, tolerance);
            }
        }
    }
}

#[test]
fn constant_channels_have_no_variance_and_nan_stays() {
    for exec in execs() {
        for view in [Planes { n: 50, c: 2, spatial: 1 }, Planes { n: 3, c: 2, spatial: 37 }] {
            let mut x = vec![0.1; view.len()];
            let (mut mean, mut variance) = ([f32::NAN; 2], [f32::NAN; 2]);
            batch_statistics(exec, view, &x, (&mut mean, &mut variance));
            assert_eq!(mean, [0.1; 2]);
            assert!(variance.iter().all(|v| (0.0..1e-15).contains(v)), "{variance:?}");
            x[view.spatial] = f32::NAN;
            batch_statistics(exec, view, &x, (&mut mean, &mut variance));
            assert_eq!(mean[0], 0.1);
            assert!(mean[1].is_nan() && variance[1].is_nan());
        }
    }
}

/// Random operands of one shape.
struct Case {
    view: Planes,
    x: Vec<f32>,
    dy: Vec<f32>,
    mean: Vec<f32>,
    inv_std: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

impl Case {
    fn new(view: Planes) -> Case {
        let mut rng = Rng::new((view.n * 1000 + view.c * 100 + view.spatial) as u64);
        let x = rng.vec(view.len(), -1.0, 3.0);
        let (mean, variance) = statistics(view, &x);
        Case {
            view,
            dy: rng.vec(view.len(), -1.0, 1.0),
            mean: mean.iter().map(|&m| m as f32).collect(),
            inv_std: variance.iter().map(|&v| inv_std(v as f32)).collect(),
            gamma: rng.vec(view.c, -2.0, 2.0),
            beta: rng.vec(view.c, -1.0, 1.0),
            x,
        }
    }

    fn affine(&self) -> Affine<'_> {
        let Case { mean, inv_std, gamma, beta, .. } = self;
        Affine { mean, inv_std, gamma, beta }
    }

    /// The batch norm, and a ReLU behind it or none.
    fn forward(&self, exec: Exec, activation: Activation) -> Vec<f32> {
        let mut y = vec![f32::NAN; self.view.len()];
        batch_norm(exec, self.view, &self.x, (&self.affine(), activation), &mut y);
        y
    }

    /// dgamma, dbeta, dx in training, dx in inference.
    fn gradients(&self, exec: Exec, dy: &[f32], activation: Activation) -> [Vec<f32>; 4] {
        let (view, operands) = (self.view, (&self.x[..], dy));
        let (mut dgamma, mut dbeta) = (vec![f32::NAN; view.c], vec![f32::NAN; view.c]);
        let (mut dx, mut constant) = (vec![f32::NAN; view.len()], vec![f32::NAN; view.len()]);
        let affine = self.affine();
        let affine = (&affine, activation);
        batch_norm_sums(exec, view, operands, affine, (&mut dgamma, &mut dbeta));
        let (sums, out) = ((&dgamma[..], &dbeta[..]), (&mut dx[..], Accumulate::Store));
        batch_norm_vjp(exec, view, operands, affine, sums, out);
        let out = (&mut constant[..], Accumulate::Store);
        batch_norm_inference_vjp(exec, view, operands, affine, out);
        [dgamma, dbeta, dx, constant]
    }

    /// f(channel, xhat, dy) of each element.
    fn each(&self, f: impl Fn(usize, f64, f64) -> f64) -> Vec<f64> {
        (0..self.view.len())
            .map(|i| {
                let c = channel(self.view, i);
                let centred = f64::from(self.x[i]) - f64::from(self.mean[c]);
                f(c, centred * f64::from(self.inv_std[c]), f64::from(self.dy[i]))
            })
            .collect()
    }

    /// (dgamma, dbeta)
    fn sums(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut dgamma, mut dbeta) = (vec![0.0; self.view.c], vec![0.0; self.view.c]);
        for (i, term) in self.each(|_, xhat, dy| xhat * dy).into_iter().enumerate() {
            dgamma[channel(self.view, i)] += term;
            dbeta[channel(self.view, i)] += f64::from(self.dy[i]);
        }
        (dgamma, dbeta)
    }
}

#[test]
fn batch_norm_matches_f64() {
    for exec in execs() {
        for view in shapes() {
            let case = Case::new(view);
            let (gamma, beta) = (&case.gamma, &case.beta);
            let want = case.each(|c, xhat, _| f64::from(gamma[c]) * xhat + f64::from(beta[c]));
            let mut y = Canary::new(view.len(), 1);
            let affine = (&case.affine(), Activation::None);
            batch_norm(exec, view, Guarded::new(&case.x).slice(), affine, y.slice_mut());
            y.check();
            assert_close(y.slice(), &want, 1e-6);
        }
    }
}

#[test]
fn a_relu_behind_is_the_same_as_one_apart() {
    for exec in execs() {
        for view in shapes() {
            let case = Case::new(view);
            let mut y = case.forward(exec, Activation::None);
            let mut dz = case.dy.clone();
            for (y, dz) in y.iter_mut().zip(&mut dz) {
                if *y <= 0.0 {
                    (*y, *dz) = (0.0, 0.0);
                }
            }
            assert_eq!(case.forward(exec, Activation::Relu), y, "{view:?}");
            let want = case.gradients(exec, &dz, Activation::None);
            let got = case.gradients(exec, &case.dy, Activation::Relu);
            assert!(got == want, "{view:?}");
        }
    }
}

#[test]
fn a_relu_behind_keeps_a_nan() {
    for exec in execs() {
        let mut case = Case::new(Planes { n: 3, c: 2, spatial: 9 });
        case.x[0] = f32::NAN;
        assert!(case.forward(exec, Activation::Relu)[0].is_nan());
    }
}

#[test]
fn batch_norm_vjp_matches_the_textbook() {
    for exec in execs() {
        for view in shapes() {
            let case = Case::new(view);
            let operands = (Guarded::new(&case.x), Guarded::new(&case.dy));
            let operands = (operands.0.slice(), operands.1.slice());
            let (mut dgamma, mut dbeta) = (Canary::new(view.c, 1), Canary::new(view.c, 2));
            let out = (dgamma.slice_mut(), dbeta.slice_mut());
            let affine = case.affine();
            let affine = (&affine, Activation::None);
            batch_norm_sums(exec, view, operands, affine, out);
            dgamma.check();
            dbeta.check();
            let want = case.sums();
            // The sums cancel, so their error is measured against the sums of magnitudes.
            let m = (view.n * view.spatial) as f64;
            for (got, want) in [(dgamma.slice(), &want.0), (dbeta.slice(), &want.1)] {
                for (got, want) in got.iter().zip(want) {
                    let error = (f64::from(*got) - want).abs();
                    assert!(error <= 1e-6 * m, "{view:?}: {got} {want}");
                }
            }
            let coefficient = |c: usize| f64::from(case.gamma[c]) * f64::from(case.inv_std[c]);
            let dx = case
                .each(|c, xhat, dy| coefficient(c) * (dy - want.1[c] / m - xhat * want.0[c] / m));
            let scale = (0..view.c).fold(0.0, |m: f64, c| m.max(coefficient(c).abs()));
            // With one or two elements in a channel the exact gradient is 0 or almost.
            let tiny = dx.iter().all(|dx| dx.abs() < 1e-2 * scale);
            let sums = (dgamma.slice(), dbeta.slice());
            if tiny {
                let mut got = vec![f32::NAN; view.len()];
                let out = (&mut got[..], Accumulate::Store);
                batch_norm_vjp(exec, view, operands, affine, sums, out);
                for (got, want) in got.iter().zip(&dx) {
                    assert!((f64::from(*got) - want).abs() <= 1e-5 * scale, "{view:?}");
                }
            } else {
                check_accumulate(&dx, 1e-5, |y, acc| {
                    batch_norm_vjp(exec, view, operands, affine, sums, (y, acc));
                });
            }
            let dx = case.each(|c, _, dy| coefficient(c) * dy);
            check_accumulate(&dx, 1e-6, |y, acc| {
                batch_norm_inference_vjp(exec, view, operands, affine, (y, acc));
            });
        }
    }
}

#[test]
fn batch_norm_vjp_is_the_derivative_of_the_forward_pass() {
    // f(x) = sum(dy * batch_norm(x)) by central differences in f64, statistics included.
    let view = Planes { n: 3, c: 2, spatial: 5 };
    let case = Case::new(view);
    let f = |x: &[f64]| {
        let m = (view.n * view.spatial) as f64;
        let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
        x.iter().enumerate().for_each(|(i, x)| mean[channel(view, i)] += x / m);
        for (i, x) in x.iter().enumerate() {
            variance[channel(view, i)] += (x - mean[channel(view, i)]).powi(2) / m;
        }
        x.iter().enumerate().fold(0.0, |sum, (i, x)| {
            let c = channel(view, i);
            let xhat = (x - mean[c]) / (variance[c] + f64::from(EPS)).sqrt();
            sum + f64::from(case.dy[i]) * xhat * f64::from(case.gamma[c])
        })
    };
    let mut x: Vec<f64> = case.x.iter().map(|&x| f64::from(x)).collect();
    let h = 1e-5;
    let want: Vec<f64> = (0..x.len())
        .map(|i| {
            let old = x[i];
            x[i] = old + h;
            let up = f(&x);
            x[i] = old - h;
            let down = f(&x);
            x[i] = old;
            (up - down) / (2.0 * h)
        })
        .collect();
    for exec in execs() {
        let [_, _, dx, _] = case.gradients(exec, &case.dy, Activation::None);
        assert_close(&dx, &want, 1e-5);
    }
}

#[test]
fn sums_of_many_elements_are_as_accurate_as_of_few() {
    // All terms have one sign: an f32 sum of 400,000 of them would be off by 1e-5 and more.
    for exec in execs() {
        for [n, c, spatial] in [[400_000, 1, 1], [100_000, 2, 4], [1, 1, 400_000], [8000, 1, 50]] {
            let view = Planes { n, c, spatial };
            let mut rng = Rng::new(3);
            let (x, dy) = (rng.vec(view.len(), 0.9, 1.1), rng.vec(view.len(), 0.9, 1.1));
            let (mut dgamma, mut dbeta) = (vec![0.0; c], vec![0.0; c]);
            let (zeros, ones) = (vec![0.0; c], vec![1.0; c]);
            let out = (&mut dgamma[..], &mut dbeta[..]);
            let affine = Affine { mean: &zeros, inv_std: &ones, gamma: &ones, beta: &[] };
            batch_norm_sums(exec, view, (&x, &dy), (&affine, Activation::None), out);
            let (mut products, mut sums) = (vec![0.0; c], vec![0.0; c]);
            for (i, (&x, &dy)) in x.iter().zip(&dy).enumerate() {
                products[channel(view, i)] += f64::from(x) * f64::from(dy);
                sums[channel(view, i)] += f64::from(dy);
            }
            assert_close(&dgamma, &products, 4e-7);
            assert_close(&dbeta, &sums, 4e-7);
        }
    }
}

/// [rows, cols]
fn matrices() -> Vec<[usize; 2]> {
    let mut shapes = vec![[1, 1], [5, 1], [1, 300], [1, 4500], [400, 97], [2100, 3], [1500, 70]];
    shapes.extend((1..=70).map(|cols| [3, cols]));
    shapes
}

#[test]
fn layer_norm_and_its_gradients_match_f64() {
    for exec in execs() {
        for [rows, cols] in matrices() {
            // A row is a channel of one image.
            let case = Case::new(Planes { n: 1, c: rows, spatial: cols });
            let mut rng = Rng::new(9);
            let (gamma, beta) = (rng.vec(cols, -2.0, 2.0), rng.vec(cols, -1.0, 1.0));
            let (x, dy) = (Guarded::new(&case.x), Guarded::new(&case.dy));
            let (mut y, mut mean) = (Canary::new(rows * cols, 1), Canary::new(rows, 2));
            let mut inv_std = Canary::new(rows, 3);
            let scale = (Guarded::new(&gamma), Guarded::new(&beta));
            let out = (y.slice_mut(), mean.slice_mut(), inv_std.slice_mut());
            let (x, dy, scale) = (x.slice(), dy.slice(), (scale.0.slice(), scale.1.slice()));
            layer_norm(exec, x, cols, scale, EPS, out);
            y.check();
            mean.check();
            inv_std.check();
            let f64s = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
            assert_close(mean.slice(), &f64s(&case.mean), 2e-7);
            assert_close(inv_std.slice(), &f64s(&case.inv_std), 2e-6);
            let (wide, shift) = (f64s(&gamma), f64s(&beta));
            let xhat = case.each(|_, xhat, _| xhat);
            let want: Vec<f64> =
                (0..rows * cols).map(|i| wide[i % cols] * xhat[i] + shift[i % cols]).collect();
            assert_close(y.slice(), &want, 2e-6);

            // g = gamma * dy; the sums of a row, then dx.
            let g: Vec<f64> = (0..rows * cols).map(|i| wide[i % cols] * f64::from(dy[i])).collect();
            let row_mean = |i: usize, f: &dyn Fn(usize) -> f64| {
                let row = i / cols * cols;
                (row..row + cols).map(f).sum::<f64>() / cols as f64
            };
            let dx: Vec<f64> = (0..rows * cols)
                .map(|i| {
                    let (level, slope) = (row_mean(i, &|k| g[k]), row_mean(i, &|k| g[k] * xhat[k]));
                    f64::from(case.inv_std[i / cols]) * (g[i] - level - xhat[i] * slope)
                })
                .collect();
            let affine =
                Affine { mean: &case.mean, inv_std: &case.inv_std, gamma: scale.0, beta: &[] };
            if cols > 2 {
                check_accumulate(&dx, 1e-5, |dx, acc| {
                    layer_norm_vjp(exec, (x, dy), &affine, (dx, acc));
                });
            }
            let column = |f: &dyn Fn(usize) -> f64| -> Vec<f64> {
                (0..cols).map(|c| (0..rows).map(|r| f(r * cols + c)).sum()).collect()
            };
            let dgamma = column(&|i| f64::from(dy[i]) * xhat[i]);
            let dbeta = column(&|i| f64::from(dy[i]));
            let at = (&case.mean[..], &case.inv_std[..]);
            let rel = if rows == 1 { 1e-6 } else { 1e-5 };
            let mut other = vec![0.0; cols];
            check_accumulate(&dgamma, rel, |y, acc| {
                layer_norm_sums(exec, (x, dy), at, (y, &mut other), acc);
            });
            check_accumulate(&dbeta, rel, |y, acc| {
                layer_norm_sums(exec, (x, dy), at, (&mut other, y), acc);
            });
        }
    }
}

/// Everything this module computes, as bits.
fn all_bits(exec: Exec, view: Planes) -> Vec<u32> {
    let case = Case::new(view);
    let (len, c) = (view.len(), view.c);
    let mut bits = Vec::new();
    let mut keep = |x: &[f32]| bits.extend(x.iter().map(|x| x.to_bits()));
    let (mut a, mut b, mut y) = (vec![0.0; c], vec![0.0; c], vec![0.0; len]);
    let operands = (&case.x[..], &case.dy[..]);
    batch_statistics(exec, view, &case.x, (&mut a, &mut b));
    keep(&a);
    keep(&b);
    for activation in [Activation::None, Activation::Relu] {
        keep(&case.forward(exec, activation));
        case.gradients(exec, &case.dy, activation).iter().for_each(|of| keep(of));
    }
    // The same memory as rows of C * spatial.
    let (rows, cols) = (view.n, view.c * view.spatial);
    let (gamma, beta) = (vec![0.7; cols], vec![0.1; cols]);
    let (mut mean, mut inv_std) = (vec![0.0; rows], vec![0.0; rows]);
    layer_norm(exec, &case.x, cols, (&gamma, &beta), EPS, (&mut y, &mut mean, &mut inv_std));
    keep(&y);
    keep(&inv_std);
    let affine = Affine { mean: &mean, inv_std: &inv_std, gamma: &gamma, beta: &beta };
    layer_norm_vjp(exec, operands, &affine, (&mut y, Accumulate::Store));
    keep(&y);
    let (mut dgamma, mut dbeta) = (vec![0.0; cols], vec![0.0; cols]);
    let out = (&mut dgamma[..], &mut dbeta[..]);
    layer_norm_sums(exec, operands, (&mean, &inv_std), out, Accumulate::Store);
    keep(&dgamma);
    keep(&dbeta);
    bits
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let pools = [1, 2, 4].map(|threads| Pool::new(threads).unwrap());
    for isa in isas() {
        for [n, c, spatial] in [[64, 7, 100], [5000, 20, 1], [300, 40, 4], [8, 3, 5000]] {
            let view = Planes { n, c, spatial };
            let want = all_bits(Exec::new(isa), view);
            for pool in &pools {
                let got = pool.install(|| all_bits(pool.exec(isa), view));
                assert!(got == want, "{view:?} on {pool:?}, {}", isa.name());
            }
        }
    }
}

#[test]
fn empty_shapes_are_fine() {
    for exec in execs() {
        for (n, spatial) in [(0, 4), (3, 0), (0, 1)] {
            let view = Planes { n, c: 2, spatial };
            let (mut a, mut b) = ([f32::NAN; 2], [f32::NAN; 2]);
            batch_statistics(exec, view, &[], (&mut a, &mut b));
            assert_eq!((a, b), ([0.0; 2], [0.0; 2]));
            let at = [1.0; 2];
            let affine = Affine { mean: &at, inv_std: &at, gamma: &at, beta: &at };
            let affine = (&affine, Activation::Relu);
            batch_norm(exec, view, &[], affine, &mut []);
            (a, b) = ([f32::NAN; 2], [f32::NAN; 2]);
            batch_norm_sums(exec, view, (&[], &[]), affine, (&mut a, &mut b));
            assert_eq!((a, b), ([0.0; 2], [0.0; 2]));
            let out = (&mut [][..], Accumulate::Store);
            batch_norm_vjp(exec, view, (&[], &[]), affine, (&a, &b), out);
        }
        let none = Planes { n: 3, c: 0, spatial: 5 };
        batch_statistics(exec, none, &[], (&mut [], &mut []));
        layer_norm(exec, &[], 3, (&[1.0; 3], &[0.0; 3]), EPS, (&mut [], &mut [], &mut []));
        let (mut dgamma, mut dbeta) = ([f32::NAN; 3], [f32::NAN; 3]);
        let out = (&mut dgamma[..], &mut dbeta[..]);
        layer_norm_sums(exec, (&[], &[]), (&[], &[]), out, Accumulate::Store);
        assert_eq!((dgamma, dbeta), ([0.0; 3], [0.0; 3]));
    }
}

#[test]
#[should_panic(expected = "batch_norm: gamma has 1 elements, the shape needs 2")]
fn a_wrong_length_names_the_argument() {
    let view = Planes { n: 1, c: 2, spatial: 1 };
    let affine = Affine { mean: &[0.0; 2], inv_std: &[0.0; 2], gamma: &[0.0], beta: &[0.0; 2] };
    batch_norm(execs()[0], view, &[0.0; 2], (&affine, Activation::None), &mut [0.0; 2]);
}
