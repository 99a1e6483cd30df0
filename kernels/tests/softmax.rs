//! Softmax and cross entropy against f64: every row length, extreme logits, and every destination.

mod support;

use proxtape_kernels::softmax::{self, SoftmaxVjp};
use proxtape_kernels::{Accumulate, Exec, Isa, Pool};
use support::{Canary, Guarded, Rng, assert_close, execs, isas};

/// Every tail length, and both sides of a block.
fn widths(isa: Isa) -> impl Iterator<Item = usize> {
    (1..=4 * isa.lanes() + 3).chain([1000, 4095, 4096, 4097, 9001])
}

/// log softmax of one row in f64.
fn log_softmax(x: &[f32]) -> Vec<f64> {
    let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let hit = x.iter().position(|&x| x == max).unwrap();
    let rest: f64 =
        (0..x.len()).filter(|&i| i != hit).map(|i| (f64::from(x[i]) - f64::from(max)).exp()).sum();
    x.iter().map(|&x| f64::from(x) - f64::from(max) - rest.ln_1p()).collect()
}

fn per_row(x: &[f32], cols: usize, f: impl Fn(&[f32]) -> Vec<f64>) -> Vec<f64> {
    x.chunks(cols).flat_map(f).collect()
}

fn exp(x: Vec<f64>) -> Vec<f64> {
    x.into_iter().map(f64::exp).collect()
}

#[test]
fn rows_of_every_length_match_f64() {
    let mut rng = Rng::new(21);
    for exec in execs() {
        for cols in widths(exec.isa()) {
            let rows = if cols < 100 { 7 } else { 2 };
            let x = Guarded::new(&rng.vec(rows * cols, -9.0, 9.0));
            let x = x.slice();
            let want = per_row(x, cols, log_softmax);
            let mut y = Canary::new(x.len(), 1);
            softmax::softmax(exec, x, cols, y.slice_mut());
            y.check();
            assert_close(y.slice(), &exp(want.clone()), 6e-7);
            let mut y = Canary::new(x.len(), 2);
            softmax::log_softmax(exec, x, cols, y.slice_mut());
            y.check();
            assert_close(y.slice(), &want, 2e-7);
        }
    }
}

#[test]
fn gradients_match_f64() {
    let mut rng = Rng::new(22);
    for exec in execs() {
        for cols in widths(exec.isa()) {
            let rows = if cols < 100 { 5 } else { 2 };
            let (x, dy) =
                (rng.vec(rows * cols, -3.0, 3.0), Guarded::new(&rng.vec(rows * cols, -1.0, 1.0)));
            let dy = dy.slice();
            let mut y = vec![f32::NAN; x.len()];
            type Vjp = fn(Exec, &SoftmaxVjp<'_>, &mut [f32], Accumulate);
            for log in [false, true] {
                let log_y = per_row(&x, cols, log_softmax);
                if log {
                    softmax::log_softmax(exec, &x, cols, &mut y);
                } else {
                    softmax::softmax(exec, &x, cols, &mut y);
                }
                let mut want = vec![0.0; x.len()];
                for r in (0..x.len()).step_by(cols) {
                    let weight = |i: usize| if log { 1.0 } else { log_y[i].exp() };
                    let dot: f64 = (r..r + cols).map(|i| weight(i) * f64::from(dy[i])).sum();
                    for i in r..r + cols {
                        let p = log_y[i].exp();
                        let dy = f64::from(dy[i]);
                        want[i] = if log { dy - p * dot } else { p * (dy - dot) };
                    }
                }
                let vjp: Vjp = if log { softmax::log_softmax_vjp } else { softmax::softmax_vjp };
                let mut dx = Canary::new(x.len(), 1);
                let op = SoftmaxVjp { y: &y, dy, cols };
                vjp(exec, &op, dx.slice_mut(), Accumulate::Store);
                dx.check();
                assert_close(dx.slice(), &want, 2e-6);
                vjp(exec, &op, dx.slice_mut(), Accumulate::Add);
                dx.check();
                let twice: Vec<f64> = want.iter().map(|w| 2.0 * w).collect();
                assert_close(dx.slice(), &twice, 2e-6);
            }
        }
    }
}

#[test]
fn cross_entropy_and_its_gradient_match_f64() {
    let mut rng = Rng::new(23);
    for exec in execs() {
        for (rows, cols) in [(1, 1), (1, 2), (128, 10), (7, 17), (3, 1000), (1000, 33), (2, 9001)] {
            let x = rng.vec(rows * cols, -20.0, 20.0);
            let targets: Vec<u32> = (0..rows).map(|_| rng.below(cols) as u32).collect();
            let log_p = per_row(&x, cols, log_softmax);
            let hit = |r: usize| r * cols + targets[r] as usize;
            let want = -(0..rows).map(|r| log_p[hit(r)]).sum::<f64>() / rows as f64;
            let mut p = Canary::new(x.len(), 1);
            let loss = softmax::cross_entropy(exec, &x, &targets, cols, p.slice_mut());
            p.check();
            assert!((f64::from(loss) - want).abs() <= 2e-7 * want, "{loss}, not {want}");
            assert_close(p.slice(), &exp(log_p.clone()), 6e-7);
            let mut want: Vec<f64> = log_p.iter().map(|l| 3.0 * l.exp() / rows as f64).collect();
            (0..rows).for_each(|r| want[hit(r)] -= 3.0 / rows as f64);
            // p - 1 has the error of p, so the error counts relative to the weight of a row.
            let close = |got: &[f32], want: &[f64]| {
                for (&got, want) in got.iter().zip(want) {
                    let error = (f64::from(got) - want).abs() * rows as f64 / 3.0;
                    assert!(error < 5e-7, "{got}, not {want}, on {exec:?}");
                }
            };
            let mut dx = Canary::new(x.len(), 2);
            let (p, t) = (p.slice(), &targets);
            softmax::cross_entropy_vjp(exec, p, t, 3.0, dx.slice_mut(), Accumulate::Store);
            dx.check();
            close(dx.slice(), &want);
            softmax::cross_entropy_vjp(exec, p, t, 3.0, dx.slice_mut(), Accumulate::Add);
            dx.check();
            let twice: Vec<f64> = want.iter().map(|w| 2.0 * w).collect();
            close(dx.slice(), &twice);
        }
    }
}

#[test]
fn large_logits_and_tiny_losses_keep_their_accuracy() {
    for isa in isas() {
        let exec = Exec::new(isa);
        // The loss is ln(1 + 9 e^-30), 8.4e-13, which 1 + rest would lose.
        for (high, low) in [(0.0, -30.0), (30.0, 0.0), (1e6, 1e6 - 30.0), (-1e6, -1e6 - 30.0)] {
            let mut x = [low; 10];
            x[4] = high;
            let mut p = [f32::NAN; 10];
            let loss = f64::from(softmax::cross_entropy(exec, &x, &[4], 10, &mut p));
            let want = (9.0 * (-30f64).exp()).ln_1p();
            assert!((loss - want).abs() < 1e-6 * want, "{loss}, not {want}");
            let mut y = [f32::NAN; 10];
            softmax::log_softmax(exec, &x, 10, &mut y);
            assert!((f64::from(-y[4]) - want).abs() < 1e-6 * want);
            // The wrong class costs the whole distance.
            let loss = softmax::cross_entropy(exec, &x, &[5], 10, &mut p);
            assert_eq!(loss, 30.0);
        }
        let mut p = [f32::NAN; 3];
        let loss = softmax::cross_entropy(exec, &[3e38, -3e38, 0.0], &[0], 3, &mut p);
        assert_eq!((loss, p), (0.0, [1.0, 0.0, 0.0]));
        // Equal logits: the maximum is there more than once.
        let loss = softmax::cross_entropy(exec, &[7.0; 100], &[50], 100, &mut [0.0; 100]);
        assert!((f64::from(loss) - 100f64.ln()).abs() < 6e-7);
    }
}

#[test]
fn infinite_and_nan_logits_show() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for isa in isas() {
        let exec = Exec::new(isa);
        let run = |x: &[f32]| {
            let mut y = vec![9.0; x.len()];
            softmax::softmax(exec, x, x.len(), &mut y);
            y
        };
        // A masked class has probability zero.
        assert_eq!(run(&[1.0, -inf, 1.0]), [0.5, 0.0, 0.5]);
        for n in [3, 20, 40] {
            for at in [0, n / 2, n - 1] {
                for bad in [nan, inf] {
                    let mut x = vec![1.0; n];
                    x[at] = bad;
                    assert!(run(&x).iter().all(|y| y.is_nan()), "{bad} at {at} of {n}");
                }
            }
            assert!(run(&vec![-inf; n]).iter().all(|y| y.is_nan()));
        }
    }
}

#[test]
fn no_rows_are_no_work() {
    let exec = Exec::new(Isa::detect());
    softmax::softmax(exec, &[], 3, &mut []);
    assert_eq!(softmax::cross_entropy(exec, &[], &[], 3, &mut []), 0.0);
    softmax::cross_entropy_vjp(exec, &[], &[], 1.0, &mut [], Accumulate::Store);
}

#[test]
fn losses_have_the_same_bits_at_any_number_of_threads() {
    let mut rng = Rng::new(24);
    let (rows, cols) = (5003, 13);
    let x = rng.vec(rows * cols, -5.0, 5.0);
    let targets: Vec<u32> = (0..rows).map(|_| rng.below(cols) as u32).collect();
    for isa in isas() {
        let run = |exec: Exec| {
            let mut y = vec![f32::NAN; x.len()];
            let loss = softmax::cross_entropy(exec, &x, &targets, cols, &mut y);
            let mut dx = vec![f32::NAN; x.len()];
            softmax::cross_entropy_vjp(exec, &y, &targets, 1.0, &mut dx, Accumulate::Store);
            let op = SoftmaxVjp { y: &y, dy: &x, cols };
            softmax::softmax_vjp(exec, &op, &mut dx, Accumulate::Add);
            softmax::log_softmax(exec, &x, cols, &mut y);
            let op = SoftmaxVjp { y: &y, dy: &x, cols };
            softmax::log_softmax_vjp(exec, &op, &mut dx, Accumulate::Add);
            y.extend(dx);
            y.push(loss);
            y.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let want = run(Exec::new(isa));
        for threads in [1, 2, 4] {
            let pool = Pool::new(threads).unwrap();
            assert!(pool.install(|| run(pool.exec(isa))) == want, "{threads} on {}", isa.name());
        }
    }
}

#[test]
#[should_panic(expected = "cross_entropy: target 3 of row 1 is not below 3 columns")]
fn cross_entropy_names_the_target_out_of_range() {
    softmax::cross_entropy(Exec::new(Isa::detect()), &[0.0; 6], &[0, 3], 3, &mut [0.0; 6]);
}

#[test]
#[should_panic(expected = "softmax: x has 7 elements, rows of 3 do not divide it")]
fn softmax_names_the_wrong_length() {
    softmax::softmax(Exec::new(Isa::detect()), &[0.0; 7], 3, &mut [0.0; 7]);
}
