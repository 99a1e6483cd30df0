//! Pooling against naive loops over every window.

mod support;

use proxtape_kernels::pool::{Pool2d, global_average, global_average_vjp};
use proxtape_kernels::{Accumulate, Exec, Pool};
use support::{Canary, Guarded, Rng, assert_close, execs, isas};

fn shape(planes: usize, [h, w]: [usize; 2], sides: [usize; 6]) -> Pool2d {
    let [kh, kw, sh, sw, ph, pw] = sides;
    Pool2d { planes, h, w, kernel: [kh, kw], stride: [sh, sw], padding: [ph, pw] }
}

/// Every kind of window on planes of every width up to three vectors and more.
fn shapes() -> Vec<Pool2d> {
    let windows = [
        [2, 2, 2, 2, 0, 0],
        [3, 3, 2, 2, 1, 1],
        [3, 3, 1, 1, 1, 1],
        [2, 2, 1, 1, 0, 0],
        [2, 3, 3, 2, 1, 0],
        [3, 2, 1, 4, 0, 1],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 2, 2, 0, 0],
        [3, 3, 3, 3, 0, 0],
        [5, 4, 2, 1, 2, 2],
        [4, 4, 4, 4, 2, 2],
    ];
    let mut shapes = Vec::new();
    for window in windows {
        for w in 1..=70 {
            shapes.push(shape(1 + w % 3, [1 + w % 7, w], window));
        }
        shapes.push(shape(3, [40, 135], window));
    }
    shapes.push(shape(470, [6, 8], windows[0]));
    shapes.push(shape(0, [4, 4], windows[0]));
    shapes.push(shape(2, [0, 4], windows[0]));
    shapes.push(shape(2, [4, 0], windows[4]));
    shapes.push(shape(7, [7, 7], [7, 7, 7, 7, 0, 0]));
    shapes
}

/// The positions of a window inside its plane, with the output's number.
fn windows(p: &Pool2d) -> Vec<(usize, Vec<usize>)> {
    let (oh, ow) = (p.oh(), p.ow());
    let mut windows = Vec::new();
    for out in 0..p.y_len() {
        let (i, j) = (out / ow % oh, out % ow);
        let mut window = Vec::new();
        for ky in 0..p.kernel[0] {
            for kx in 0..p.kernel[1] {
                let y = (i * p.stride[0] + ky).checked_sub(p.padding[0]);
                let x = (j * p.stride[1] + kx).checked_sub(p.padding[1]);
                if let (Some(y), Some(x)) = (y, x)
                    && y < p.h
                    && x < p.w
                {
                    window.push(y * p.w + x);
                }
            }
        }
        windows.push((out / (oh * ow), window));
    }
    windows
}

fn naive_max(p: &Pool2d, x: &[f32]) -> (Vec<f32>, Vec<u32>) {
    windows(p)
        .into_iter()
        .map(|(plane, window)| {
            let x = &x[plane * p.h * p.w..];
            let mut best = window[0];
            for &at in &window[1..] {
                if x[at] > x[best] || x[at].is_nan() {
                    best = at;
                }
            }
            (x[best], best as u32)
        })
        .unzip()
}

/// Small integers, so that ties abound, and now and then a special value.
fn input(p: &Pool2d, seed: u64, special: bool) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    let mut x = rng.ints(p.x_len(), -3, 3);
    let values = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, -0.0];
    if special {
        for x in &mut x {
            if rng.below(6) == 0 {
                *x = values[rng.below(4)];
            }
        }
    }
    x
}

/// Store on NaN gives `want`, Add adds it; integers, so equality is exact.
#[track_caller]
fn check_accumulate(want: &[f64], rel: f64, f: impl Fn(&mut [f32], Accumulate)) {
    let mut y = Canary::new(want.len(), 1);
    f(y.slice_mut(), Accumulate::Store);
    y.check();
    assert_close(y.slice(), want, rel);
    let mut y = Canary::new(want.len(), 2);
    y.slice_mut().iter_mut().enumerate().for_each(|(i, y)| *y = (i % 7) as f32);
    f(y.slice_mut(), Accumulate::Add);
    y.check();
    let want: Vec<f64> = want.iter().enumerate().map(|(i, w)| (i % 7) as f64 + w).collect();
    assert_close(y.slice(), &want, rel);
}

/// Runs max into canaries; `u32` has no NaN, so its canary is a number.
fn run_max(exec: Exec, p: &Pool2d, x: &[f32]) -> (Vec<f32>, Vec<u32>) {
    let mut y = Canary::new(p.y_len(), 1);
    let mut index = vec![u32::MAX; p.y_len() + 40];
    p.max(exec, Guarded::new(x).slice(), y.slice_mut(), &mut index[20..20 + p.y_len()]);
    y.check();
    assert!(index[..20].iter().chain(&index[20 + p.y_len()..]).all(|&i| i == u32::MAX));
    (y.slice().to_vec(), index[20..20 + p.y_len()].to_vec())
}

#[test]
fn max_takes_the_first_of_equals_and_any_nan() {
    for exec in execs() {
        for (seed, p) in shapes().into_iter().enumerate() {
            for special in [false, true] {
                let x = input(&p, seed as u64, special);
                let (want, at) = naive_max(&p, &x);
                let (y, index) = run_max(exec, &p, &x);
                assert_eq!(index, at, "{p:?} on {}", exec.isa().name());
                let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
                assert_eq!(bits(&y), bits(&want), "{p:?}");
            }
        }
    }
}

/// A window may be far wider than the plane, as long as a lane can hold its last offset.
#[test]
fn max_finds_its_place_in_the_widest_windows() {
    for exec in execs() {
        for p in [
            shape(1, [1, 10], [1, 1 << 23, 1, 1, 0, 1 << 22]),
            shape(1, [2, 10], [3, (1 << 23) - 20, 1, 1, 1, (1 << 22) - 10]),
        ] {
            let mut x = vec![0.0; p.x_len()];
            x[7] = 1.0;
            let (y, index) = run_max(exec, &p, &x);
            assert!(y.len() >= 10 && y.iter().all(|&y| y == 1.0), "{y:?}");
            assert!(index.iter().all(|&i| i == 7), "{index:?}");
            for wider in [Pool2d { kernel: [p.kernel[0], p.kernel[1] + 1], ..p }, {
                let [kh, kw] = p.kernel;
                Pool2d { kernel: [kh, 2 * kw], padding: [p.padding[0], kw], ..p }
            }] {
                assert!(p.is_indexable() && !wider.is_indexable(), "{wider:?}");
                let n = wider.y_len();
                let result = std::panic::catch_unwind(|| {
                    wider.max(exec, &x, &mut vec![0.0; n], &mut vec![0; n]);
                });
                let text = result.unwrap_err();
                let text = text.downcast_ref::<String>().unwrap();
                assert!(text.contains("max: ") && text.contains("2^23"), "{text}");
            }
        }
    }
}

#[test]
fn max_vjp_adds_up_and_zeroes_the_rest() {
    for exec in execs() {
        for (seed, p) in shapes().into_iter().enumerate() {
            let x = input(&p, seed as u64, false);
            let (_, index) = naive_max(&p, &x);
            let dy = Rng::new(1).ints(p.y_len(), -8, 8);
            let mut want = vec![0.0; p.x_len()];
            for (i, dy) in dy.iter().enumerate() {
                let plane = i / (p.oh() * p.ow());
                want[plane * p.h * p.w + index[i] as usize] += f64::from(*dy);
            }
            check_accumulate(&want, 0.0, |dx, acc| p.max_vjp(exec, &dy, &index, dx, acc));
        }
    }
}

#[test]
fn average_counts_the_padding() {
    for exec in execs() {
        for (seed, p) in shapes().into_iter().enumerate() {
            let x = Rng::new(seed as u64).vec(p.x_len(), -1.0, 1.0);
            let taps = (p.kernel[0] * p.kernel[1]) as f64;
            let want: Vec<f64> = windows(&p)
                .iter()
                .map(|(plane, window)| {
                    let x = &x[plane * p.h * p.w..];
                    window.iter().map(|&at| f64::from(x[at])).sum::<f64>() / taps
                })
                .collect();
            let mut y = Canary::new(p.y_len(), 3);
            p.average(exec, Guarded::new(&x).slice(), y.slice_mut());
            y.check();
            assert_close(y.slice(), &want, 1e-6);
        }
    }
}

#[test]
fn average_vjp_adds_up_and_zeroes_the_rest() {
    for exec in execs() {
        for (seed, p) in shapes().into_iter().enumerate() {
            let dy = Rng::new(seed as u64).vec(p.y_len(), -1.0, 1.0);
            let taps = (p.kernel[0] * p.kernel[1]) as f64;
            let mut want = vec![0.0; p.x_len()];
            for ((plane, window), dy) in windows(&p).iter().zip(&dy) {
                for at in window {
                    want[plane * p.h * p.w + at] += f64::from(*dy) / taps;
                }
            }
            let dy = Guarded::new(&dy);
            check_accumulate(&want, 1e-6, |dx, acc| p.average_vjp(exec, dy.slice(), dx, acc));
        }
    }
}

#[test]
fn global_average_matches_f64_and_its_error_does_not_grow() {
    for exec in execs() {
        let mut sizes: Vec<[usize; 2]> = (1..70).map(|area| [3, area]).collect();
        sizes.extend([[0, 5], [300, 49], [2, 1 << 20], [40_000, 1]]);
        for [planes, area] in sizes {
            let x = Rng::new(area as u64).vec(planes * area, 0.9, 1.1);
            let want: Vec<f64> = x
                .chunks(area)
                .map(|x| x.iter().map(|&x| f64::from(x)).sum::<f64>() / area as f64)
                .collect();
            let mut y = Canary::new(planes, 1);
            global_average(exec, Guarded::new(&x).slice(), area, y.slice_mut());
            y.check();
            assert_close(y.slice(), &want, 5e-7);
            let dy = &x[..planes];
            let want: Vec<f64> =
                (0..planes * area).map(|i| f64::from(dy[i / area]) / area as f64).collect();
            check_accumulate(&want, 1e-6, |dx, acc| global_average_vjp(exec, dy, area, dx, acc));
        }
        let mut y = [0.0];
        global_average(exec, &[], 0, &mut y);
        assert!(y[0].is_nan());
        global_average_vjp(exec, &[1.0], 0, &mut [], Accumulate::Store);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let pools = [1, 2, 4].map(|threads| Pool::new(threads).unwrap());
    for isa in isas() {
        for (planes, size, sides) in [
            (50, [40, 41], [2, 2, 2, 2, 0, 0]),
            (1000, [10, 8], [2, 2, 2, 2, 0, 0]),
            (50, [40, 41], [3, 3, 2, 2, 1, 1]),
            (50, [40, 41], [3, 3, 1, 1, 1, 1]),
        ] {
            let p = shape(planes, size, sides);
            let mut rng = Rng::new(2);
            let (x, dy) = (rng.vec(p.x_len(), -1.0, 1.0), rng.vec(p.y_len(), -1.0, 1.0));
            let bits = |exec: Exec| {
                let (mut y, mut index) = (vec![0.0; p.y_len()], vec![0; p.y_len()]);
                let (mut dx, mut means) = (vec![0.0; p.x_len()], vec![0.0; p.planes]);
                p.max(exec, &x, &mut y, &mut index);
                p.max_vjp(exec, &dy, &index, &mut dx, Accumulate::Store);
                let mut all = [y.clone(), dx.clone()].concat();
                p.average(exec, &x, &mut y);
                p.average_vjp(exec, &dy, &mut dx, Accumulate::Add);
                global_average(exec, &x, p.h * p.w, &mut means);
                all.extend([y, dx, means].concat());
                (index, all.iter().map(|x| x.to_bits()).collect::<Vec<u32>>())
            };
            let want = bits(Exec::new(isa));
            for pool in &pools {
                assert!(pool.install(|| bits(pool.exec(isa))) == want, "{pool:?}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "max: index has 3 elements, the shape needs 4")]
fn a_wrong_length_names_the_argument() {
    let p = shape(1, [4, 4], [2, 2, 2, 2, 0, 0]);
    p.max(execs()[0], &[0.0; 16], &mut [0.0; 4], &mut [0; 3]);
}

#[test]
#[should_panic(expected = "max_vjp: index 16 in a plane of 16 elements")]
fn an_index_outside_the_plane_is_refused() {
    let p = shape(1, [4, 4], [2, 2, 2, 2, 0, 0]);
    p.max_vjp(execs()[0], &[0.0; 4], &[16; 4], &mut [0.0; 16], Accumulate::Store);
}

#[test]
#[should_panic(expected = "exceeds half the kernel")]
fn padding_beyond_half_a_kernel_is_refused() {
    shape(1, [4, 4], [2, 2, 2, 2, 2, 0]).average(execs()[0], &[0.0; 16], &mut [0.0; 8]);
}
