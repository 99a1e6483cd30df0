//! The elementary functions against f64, over every binade and sign, on every instruction set.

mod support;

use proxtape_kernels::map::{Map, map};
use proxtape_kernels::{Accumulate, Exec, Isa, Simd, math};
use support::{Rng, isas};

type Run = fn(Isa, &[f32], &mut [f32]);

/// One function: how to run it, the truth, where its bound holds, and the bound in ulp. The bounds
/// are those of the docs: the largest error in a sweep of 2^16 mantissas, rounded up.
struct Case {
    name: &'static str,
    run: Run,
    truth: fn(f64) -> f64,
    domain: [f32; 2],
    ulp: f64,
}

macro_rules! cases {
    ($($name:ident, $truth:expr, $domain:expr, $ulp:expr;)*) => {
        vec![$(Case { name: stringify!($name), truth: $truth, domain: $domain, ulp: $ulp, run: {
            #[derive(Clone, Copy)]
            struct F;
            impl Map<1> for F {
                #[inline(always)]
                fn eval<S: Simd>(self, s: S, [x]: [S::F; 1]) -> S::F {
                    math::$name(s, x)
                }
            }
            |isa, x, y| map(Exec::new(isa), F, [x], y, Accumulate::Store)
        } },)*]
    };
}

const ALL: [f32; 2] = [f32::NEG_INFINITY, f32::INFINITY];

fn cases() -> Vec<Case> {
    cases! {
        exp, f64::exp, ALL, 1.1;
        expm1, f64::exp_m1, ALL, 1.7;
        ln, f64::ln, ALL, 0.9;
        log1p, f64::ln_1p, ALL, 1.5;
        tanh, f64::tanh, ALL, 2.6;
        sigmoid, sigmoid, ALL, 2.4;
        erf, erf, ALL, 2.0;
        gelu, gelu, [-1.0, f32::INFINITY], 2.3;
        gelu, gelu, [-7.0, f32::INFINITY], 100.0;
        gelu_tanh, gelu_tanh, [-1.0, f32::INFINITY], 2.8;
        gelu_tanh, gelu_tanh, [-8.0, f32::INFINITY], 120.0;
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// erfc(t) for t >= 0: a series with positive terms, then a continued fraction.
fn erfc(t: f64) -> f64 {
    let e = (-t * t).exp() / std::f64::consts::PI.sqrt();
    if t < 2.5 {
        let (mut term, mut sum, mut k) = (2.0 * t, 2.0 * t, 1.0);
        while term > 1e-18 * sum {
            term *= 2.0 * t * t / (2.0 * k + 1.0);
            sum += term;
            k += 1.0;
        }
        1.0 - e * sum
    } else {
        e / (1..=60).rev().fold(t, |d, k| t + 0.5 * f64::from(k) / d)
    }
}

fn erf(x: f64) -> f64 {
    let t = x.abs();
    if t < 0.1 {
        // The first terms suffice: t^13 / 9360 < 2e-17.
        let c = [1.0, -1.0 / 3.0, 0.1, -1.0 / 42.0, 1.0 / 216.0, -1.0 / 1320.0];
        let p = c.iter().rev().fold(0.0, |p, c| p * t * t + c);
        return x * p * std::f64::consts::FRAC_2_SQRT_PI;
    }
    (1.0 - erfc(t)).copysign(x)
}

fn gelu(x: f64) -> f64 {
    let z = x * std::f64::consts::FRAC_1_SQRT_2;
    x * 0.5 * if z < 0.0 { erfc(-z) } else { 1.0 + erf(z) }
}

fn gelu_tanh(x: f64) -> f64 {
    x * sigmoid(2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x))
}

/// The error in units in the last place of the truth; NaN where one of them alone is NaN.
fn ulps(got: f32, want: f64) -> f64 {
    if want.is_nan() || got.is_nan() {
        return if want.is_nan() && got.is_nan() { 0.0 } else { f64::NAN };
    }
    if got.is_infinite() && got == want as f32 {
        return 0.0;
    }
    if want.abs() < f64::from(f32::MIN_POSITIVE) {
        // A denormal result may be flushed, but not be anything else.
        return if got == 0.0 { 0.0 } else { (f64::from(got) - want).abs() / ulp(want) };
    }
    (f64::from(got) - want).abs() / ulp(want)
}

fn ulp(want: f64) -> f64 {
    let exponent = (want.abs().to_bits() >> 52) as i32 - 1023;
    2f64.powi(exponent.clamp(-126, 127) - 23)
}

/// 2^12 mantissas of every binade and sign, and every number around the places where a form ends.
fn arguments() -> Vec<f32> {
    let mut rng = Rng::new(7);
    let mut x = Vec::new();
    for head in 0..1u32 << 21 {
        x.push(f32::from_bits(head << 11 | (rng.bits() as u32 & 0x7ff)));
    }
    let edges = [
        0.0,
        0.346_573_6,
        0.414_213_6,
        0.5,
        std::f32::consts::FRAC_1_SQRT_2,
        0.92,
        1.0,
        1.039_720_8,
        1.301_1,
        std::f32::consts::SQRT_2,
        2.0,
        3.919,
        5.0,
        7.071,
        9.01,
        17.33,
        43.668,
        87.336_54,
        88.029,
        88.376,
        88.722_84,
        6.7108864e7,
        f32::MIN_POSITIVE,
        f32::MAX,
    ];
    for edge in edges {
        let mid = f32::to_bits(edge);
        for bits in mid.saturating_sub(2000)..=(mid + 2000).min(f32::INFINITY.to_bits()) {
            x.extend([f32::from_bits(bits), -f32::from_bits(bits)]);
        }
    }
    x
}

/// The largest error over the domain, and where it is.
fn largest(got: &[f32], want: &[f64], x: &[f32], [lo, hi]: [f32; 2]) -> (f64, f32) {
    let mut worst = (0.0, 0.0);
    for ((&x, &got), &want) in x.iter().zip(got).zip(want) {
        if x < lo || x > hi {
            continue;
        }
        let error = ulps(got, want);
        assert!(!error.is_nan(), "f({x:e}) gives {got}, not {want}");
        if error > worst.0 {
            worst = (error, x);
        }
    }
    worst
}

#[test]
fn errors_stay_below_what_the_docs_say() {
    let x = arguments();
    let mut got = vec![f32::NAN; x.len()];
    for case in cases() {
        let want: Vec<f64> = x.iter().map(|&x| (case.truth)(f64::from(x))).collect();
        for isa in isas() {
            (case.run)(isa, &x, &mut got);
            let (error, at) = largest(&got, &want, &x, case.domain);
            println!("{:10} {:9} {error:.3} ulp at {at:e}", case.name, isa.name());
            assert!(error <= case.ulp, "{} on {}: {error} ulp at {at:e}", case.name, isa.name());
        }
    }
}

#[test]
fn measure_tells_one_ulp_from_two() {
    let x: Vec<f32> = arguments().into_iter().filter(|x| x.abs() < 80.0).collect();
    let want: Vec<f64> = x.iter().map(|&x| f64::from(x).exp()).collect();
    let down = |n: u32| -> Vec<f32> {
        want.iter().map(|&w| f32::from_bits((w as f32).to_bits() - n)).collect()
    };
    for (n, range) in [(0, 0.49..0.51), (1, 1.4..1.51), (2, 2.4..2.51)] {
        let (error, _) = largest(&down(n), &want, &x, ALL);
        assert!(range.contains(&error), "{n} steps off measure {error} ulp");
    }
    assert!(ulps(1.0, f64::NAN).is_nan() && ulps(f32::NAN, 1.0).is_nan());
    assert!(ulps(f32::INFINITY, 3.0e38) > 1e3 && ulps(3.0e38, f64::INFINITY) > 1e3);
}

#[test]
fn special_values_are_exact() {
    let inf = f32::INFINITY;
    let nan = f32::NAN;
    let table: &[(&str, &[[f32; 2]])] = &[
        ("exp", &[[0.0, 1.0], [-0.0, 1.0], [inf, inf], [-inf, 0.0], [89.0, inf], [-90.0, 0.0]]),
        (
            "expm1",
            &[[0.0, 0.0], [-0.0, -0.0], [inf, inf], [-inf, -1.0], [89.0, inf], [-90.0, -1.0]],
        ),
        ("expm1", &[[1e-40, 1e-40], [-1e-40, -1e-40]]),
        ("ln", &[[0.0, -inf], [-0.0, -inf], [1.0, 0.0], [inf, inf], [-inf, nan], [-1.0, nan]]),
        ("ln", &[[-1e-40, nan]]),
        ("log1p", &[[0.0, 0.0], [-0.0, -0.0], [-1.0, -inf], [inf, inf], [-inf, nan], [-1.5, nan]]),
        ("log1p", &[[1e-40, 1e-40], [-1e-40, -1e-40]]),
        (
            "tanh",
            &[[0.0, 0.0], [-0.0, -0.0], [inf, 1.0], [-inf, -1.0], [10.0, 1.0], [1e-40, 1e-40]],
        ),
        (
            "sigmoid",
            &[[0.0, 0.5], [-0.0, 0.5], [inf, 1.0], [-inf, 0.0], [-100.0, 0.0], [20.0, 1.0]],
        ),
        ("erf", &[[0.0, 0.0], [-0.0, -0.0], [inf, 1.0], [-inf, -1.0], [4.0, 1.0], [-1e30, -1.0]]),
        ("gelu", &[[0.0, 0.0], [-0.0, -0.0], [inf, inf], [-inf, -0.0], [9.0, 9.0], [-9.0, -0.0]]),
        ("gelu_tanh", &[[0.0, 0.0], [-0.0, -0.0], [inf, inf], [-inf, -0.0], [-1e30, -0.0]]),
    ];
    let cases = cases();
    for (name, rows) in table {
        let case = cases.iter().find(|c| c.name == *name).unwrap();
        for isa in isas() {
            for &[x, want] in rows.iter().chain(&[[nan, nan]]) {
                // In the middle of a vector and in a tail.
                let mut got = [9.0; 19];
                (case.run)(isa, &[x; 19], &mut got);
                for got in got {
                    let same = got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan());
                    assert!(same, "{}: {name}({x}) gives {got}, not {want}", isa.name());
                }
            }
        }
    }
}

#[test]
fn gelu_is_small_where_its_relative_error_is_not_bounded() {
    let x: Vec<f32> =
        arguments().into_iter().filter(|&x| x < -7.0 && x > f32::NEG_INFINITY).collect();
    let mut got = vec![f32::NAN; x.len()];
    for case in cases().iter().filter(|c| c.name.starts_with("gelu")) {
        for isa in isas() {
            (case.run)(isa, &x, &mut got);
            for (&x, &got) in x.iter().zip(&got) {
                let error = (f64::from(got) - (case.truth)(f64::from(x))).abs();
                assert!(error <= 1e-11, "{}({x}) gives {got}", case.name);
            }
        }
    }
}
