//! Batch norm: statistics, values, gradients, and a ReLU behind it.

use super::*;

#[test]
fn batch_statistics_match_f64() {
    for exec in execs() {
        for (seed, view) in shapes().into_iter().enumerate() {
            let x = Rng::new(seed as u64).vec(view.len(), -1.0, 2.0);
            let (mut mean, mut variance) = (Canary::new(view.c, 1), Canary::new(view.c, 2));
            let (out, x_at_page) = ((mean.slice_mut(), variance.slice_mut()), Guarded::new(&x));
            batch_statistics(exec, view, x_at_page.slice(), out.0, out.1);
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
                batch_statistics(exec, view, &x, &mut got, &mut variance);
                let want = statistics(view, &x);
                assert_close(&got, &want.0, 1e-7);
                assert_close(&variance, &want.1, tolerance);

                let cols = view.len() / view.c;
                let (ones, zeros) = (vec![1.0; cols], vec![0.0; cols]);
                let (mut y, mut m, mut i) = (vec![0.0; cols], [0.0], [0.0]);
                let op = LayerNorm { x: &x[..cols], gamma: &ones, beta: &zeros, eps: 0.0 };
                layer_norm(exec, &op, &mut y, &mut m, &mut i);
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
            batch_statistics(exec, view, &x, &mut mean, &mut variance);
            assert_eq!(mean, [0.1; 2]);
            assert!(variance.iter().all(|v| (0.0..1e-15).contains(v)), "{variance:?}");
            x[view.spatial] = f32::NAN;
            batch_statistics(exec, view, &x, &mut mean, &mut variance);
            assert_eq!(mean[0], 0.1);
            assert!(mean[1].is_nan() && variance[1].is_nan());
        }
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
            let x = Guarded::new(&case.x);
            let (affine, activation) = (case.affine(), Activation::None);
            batch_norm(exec, &BatchNorm { view, x: x.slice(), affine, activation }, y.slice_mut());
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
            let (x, dy) = (Guarded::new(&case.x), Guarded::new(&case.dy));
            let (x, dy, affine) = (x.slice(), dy.slice(), case.affine());
            let op = BatchNormVjp { view, x, dy, affine, activation: Activation::None };
            let (mut dgamma, mut dbeta) = (Canary::new(view.c, 1), Canary::new(view.c, 2));
            batch_norm_sums(exec, &op, dgamma.slice_mut(), dbeta.slice_mut());
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
            let (dgamma, dbeta) = (dgamma.slice(), dbeta.slice());
            if tiny {
                let mut got = vec![f32::NAN; view.len()];
                batch_norm_vjp(exec, &op, dgamma, dbeta, &mut got, Accumulate::Store);
                for (got, want) in got.iter().zip(&dx) {
                    assert!((f64::from(*got) - want).abs() <= 1e-5 * scale, "{view:?}");
                }
            } else {
                check_accumulate(&dx, 1e-5, |y, acc| {
                    batch_norm_vjp(exec, &op, dgamma, dbeta, y, acc);
                });
            }
            let dx = case.each(|c, _, dy| coefficient(c) * dy);
            check_accumulate(&dx, 1e-6, |y, acc| {
                batch_norm_inference_vjp(exec, &op, y, acc);
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
            let affine = Affine { mean: &zeros, inv_std: &ones, gamma: &ones, beta: &[] };
            let activation = Activation::None;
            let op = BatchNormVjp { view, x: &x, dy: &dy, affine, activation };
            batch_norm_sums(exec, &op, &mut dgamma, &mut dbeta);
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
