//! Sums against f64: every length, accuracy over long buffers, and the same bits at any number of
//! threads.

mod support;

use proxtape_kernels::{Accumulate, Exec, Isa, Pool, broadcast, reduce};
use support::{Canary, Guarded, Rng, assert_close, execs, isas};

/// Every tail length, and both sides of the borders of blocks and tasks.
fn sizes(isa: Isa) -> impl Iterator<Item = usize> {
    let borders = [1023, 1024, 1025, 2048, 4097, 65535, 65536, 65537, 200_003];
    (0..=4 * isa.lanes() + 3).chain(borders)
}

#[test]
fn sums_of_integers_are_exact_at_every_length_and_alignment() {
    let mut rng = Rng::new(1);
    let (x, y) = (rng.ints(200_100, -3, 3), rng.ints(200_100, -3, 3));
    for exec in execs() {
        for n in sizes(exec.isa()) {
            for offset in 0..3 {
                let (x, y) = (&x[offset..offset + n], &y[2 * offset..2 * offset + n]);
                let total = |f: fn(f32, f32) -> f32| -> f32 {
                    x.iter().zip(y).map(|(&x, &y)| f(x, y)).sum()
                };
                assert_eq!(reduce::sum(exec, x), total(|x, _| x), "{n} on {exec:?}");
                assert_eq!(reduce::dot(exec, x, y), total(|x, y| x * y), "{n} on {exec:?}");
                let squares = f64::from(total(|x, _| x * x));
                assert_eq!(reduce::sum_squares(exec, x), squares, "{n} on {exec:?}");
            }
        }
    }
}

#[test]
fn whole_sums_read_nothing_past_the_end() {
    for isa in isas() {
        let exec = Exec::new(isa);
        for n in 0..=4 * isa.lanes() + 3 {
            let x = Guarded::new(&vec![-1.0; n]);
            assert_eq!(reduce::sum(exec, x.slice()), -(n as f32));
            assert_eq!(reduce::dot(exec, x.slice(), x.slice()), n as f32);
            assert_eq!(reduce::max_abs(exec, x.slice()), if n == 0 { 0.0 } else { 1.0 });
            assert!(reduce::all_finite(exec, x.slice()));
        }
    }
}

#[test]
fn long_sums_stay_accurate() {
    // A plain f32 sum of these is off by 4e-3, relatively.
    let x = Rng::new(2).vec(2_000_000, 0.9, 1.1);
    let want: f64 = x.iter().map(|&x| f64::from(x)).sum();
    let squares: f64 = x.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    for isa in isas() {
        let exec = Exec::new(isa);
        assert_close(&[reduce::sum(exec, &x)], &[want], 1.5e-7);
        assert!((reduce::sum_squares(exec, &x) - squares).abs() < 1e-6 * squares);
        // One column, and ten: the sums over the rows are as long.
        for inner in [1, 10] {
            let (mut y, mut want) = (vec![f32::NAN; inner], vec![0.0; inner]);
            for (i, &x) in x.iter().enumerate() {
                want[i % inner] += 0.5 * f64::from(x);
            }
            let view = [1, x.len() / inner, inner];
            broadcast::sum_axis(exec, &x, view, 0.5, &mut y, Accumulate::Store);
            assert_close(&y, &want, 1.5e-7);
        }
    }
}

#[test]
fn max_abs_and_all_finite_see_every_element() {
    for exec in execs() {
        for n in sizes(exec.isa()).filter(|&n| n > 0) {
            let mut x = vec![0.5; n];
            for at in [0, n / 2, n - 1] {
                for (bad, size) in [(-7.0, 7.0), (f32::NEG_INFINITY, f32::INFINITY)] {
                    x[at] = bad;
                    assert_eq!(reduce::max_abs(exec, &x), size, "{at} of {n} on {exec:?}");
                    assert_eq!(reduce::all_finite(exec, &x), size == 7.0, "{at} of {n}");
                }
                x[at] = f32::NAN;
                assert!(!reduce::all_finite(exec, &x), "{at} of {n} on {exec:?}");
                let rest = if n == 1 { 0.0 } else { 0.5 };
                assert_eq!(reduce::max_abs(exec, &x), rest, "NaN is passed over");
                x[at] = 0.5;
            }
        }
        assert!(reduce::all_finite(exec, &[f32::MAX; 100]));
    }
}

#[test]
fn sum_axis_and_channel_sums_match_a_naive_sum() {
    let views = [
        [1, 1, 1],
        [3, 0, 5],
        [0, 3, 5],
        [4, 10, 1],
        [3, 5000, 1],
        [2, 70_000, 1],
        [2, 7, 3],
        [128, 10, 1],
        [1, 128, 10],
        [1, 300, 133],
        [3, 129, 260],
        [40, 3, 1000],
        [5, 2, 8],
        [6, 5, 49],
        [2, 3, 9000],
    ];
    let mut rng = Rng::new(5);
    for view in views {
        let [outer, axis, inner] = view;
        let x = rng.ints(outer * axis * inner, -4, 4);
        let (mut along, mut channels) = (vec![0.0; outer * inner], vec![0.0; axis]);
        for (at, &x) in x.iter().enumerate() {
            along[at / (axis * inner) * inner + at % inner] += 0.5 * x;
            channels[at / inner % axis] += x;
        }
        for exec in execs() {
            let mut y = Canary::new(along.len(), 1);
            broadcast::sum_axis(exec, &x, view, 0.5, y.slice_mut(), Accumulate::Store);
            y.check();
            assert_eq!(y.slice(), along, "{view:?} on {exec:?}");
            broadcast::sum_axis(exec, &x, view, -1.0, y.slice_mut(), Accumulate::Add);
            y.check();
            let want: Vec<f32> = along.iter().map(|y| y - 2.0 * y).collect();
            assert_eq!(y.slice(), want, "{view:?} on {exec:?}");
            let mut y = Canary::new(axis, 2);
            broadcast::channel_sums(exec, &x, view, y.slice_mut());
            y.check();
            assert_eq!(y.slice(), channels, "{view:?} on {exec:?}");
        }
    }
}

#[test]
fn sums_of_infinities_are_infinite() {
    for isa in isas() {
        let (exec, mut y) = (Exec::new(isa), [f32::NAN; 20]);
        let x = vec![f32::INFINITY; 300 * 20];
        assert_eq!(reduce::sum(exec, &x), f32::INFINITY);
        broadcast::sum_axis(exec, &x, [1, 300, 20], 1.0, &mut y, Accumulate::Store);
        assert_eq!(y, [f32::INFINITY; 20]);
    }
}

#[test]
fn sums_have_the_same_bits_at_any_number_of_threads() {
    let x = Rng::new(6).vec(400_003, -1.0, 1.0);
    for isa in isas() {
        let run = |exec: Exec| -> Vec<u64> {
            let mut bits = vec![reduce::sum_squares(exec, &x).to_bits()];
            bits.push(u64::from(reduce::sum(exec, &x).to_bits()));
            bits.push(u64::from(reduce::dot(exec, &x[1..], &x[..400_002]).to_bits()));
            for view in [[1, 400, 1000], [400, 1000, 1], [4, 100, 1000], [2, 200_000, 1]] {
                let mut y = vec![f32::NAN; view[0] * view[2]];
                let x = &x[..400_000];
                broadcast::sum_axis(exec, x, view, 0.3, &mut y, Accumulate::Store);
                bits.extend(y.iter().map(|y| u64::from(y.to_bits())));
                let mut y = vec![f32::NAN; view[1]];
                broadcast::channel_sums(exec, x, view, &mut y);
                bits.extend(y.iter().map(|y| u64::from(y.to_bits())));
            }
            bits
        };
        let want = run(Exec::new(isa));
        for threads in [1, 2, 4] {
            let pool = Pool::new(threads).unwrap();
            assert!(pool.install(|| run(pool.exec(isa))) == want, "{threads} on {}", isa.name());
        }
    }
}

#[test]
#[should_panic(expected = "sum_axis: x has 5 elements, 1 x 2 x 3 needs 6")]
fn sum_axis_names_the_wrong_length() {
    let exec = Exec::new(Isa::detect());
    broadcast::sum_axis(exec, &[0.0; 5], [1, 2, 3], 1.0, &mut [0.0; 3], Accumulate::Store);
}
