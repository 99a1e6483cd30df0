//! Layer norm, its gradients and their sums.

use super::*;

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
            let (x, dy) = (x.slice(), dy.slice());
            let op = LayerNorm { x, gamma: scale.0.slice(), beta: scale.1.slice(), eps: EPS };
            layer_norm(exec, &op, y.slice_mut(), mean.slice_mut(), inv_std.slice_mut());
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
            let (mean, inv_std) = (&case.mean, &case.inv_std);
            let affine = Affine { mean, inv_std, gamma: op.gamma, beta: &[] };
            let op = LayerNormVjp { x, dy, affine };
            if cols > 2 {
                check_accumulate(&dx, 1e-5, |dx, acc| {
                    layer_norm_vjp(exec, &op, dx, acc);
                });
            }
            let column = |f: &dyn Fn(usize) -> f64| -> Vec<f64> {
                (0..cols).map(|c| (0..rows).map(|r| f(r * cols + c)).sum()).collect()
            };
            let dgamma = column(&|i| f64::from(dy[i]) * xhat[i]);
            let dbeta = column(&|i| f64::from(dy[i]));
            let rel = if rows == 1 { 1e-6 } else { 1e-5 };
            let mut other = vec![0.0; cols];
            check_accumulate(&dgamma, rel, |y, acc| {
                layer_norm_sums(exec, &op, y, &mut other, acc);
            });
            check_accumulate(&dbeta, rel, |y, acc| {
                layer_norm_sums(exec, &op, &mut other, y, acc);
            });
        }
    }
}
