//! Smooth functions pass, kinks are met elsewhere, and nothing hides behind them.

use super::*;
use crate::tape::{Forward, Primitive, Vjp};
use proxtape_kernels::{Accumulate, Isa};

type Function = fn(f32) -> f32;

/// y = f(x) element by element, with a derivative of its own.
struct Elementwise(Function, Function);

impl Primitive for Elementwise {
    fn name(&self) -> &'static str {
        "elementwise"
    }
    fn forward(&self, cx: Forward<'_>) {
        cx.y.iter_mut().zip(cx.x.get(0)).for_each(|(y, &x)| *y = (self.0)(x));
    }
    fn vjp(&self, cx: Vjp<'_>) {
        for ((dx, &x), dy) in cx.dx.iter_mut().zip(cx.x.get(0)).zip(cx.dy) {
            let product = (self.1)(x) * dy;
            *dx = if cx.accumulate == Accumulate::Store { product } else { *dx + product };
        }
    }
}

fn run(probe: Probe, x: &Input, [f, df]: [Function; 2]) -> Result<Report, GradError> {
    let check = GradCheck::new(Exec::new(Isa::detect())).probe(probe);
    let shape = x.shape();
    check.run(|tape, x| tape.record(Elementwise(f, df), x, shape), std::slice::from_ref(x))
}

fn uniform(len: usize) -> Input {
    Input::uniform([len], -1.0..1.0, &mut Random::new(3))
}

const PROBES: [Probe; 3] = [Probe::Directions(8), Probe::Coordinates, Probe::Jacobian];
const STEP: Function = |x| if x > 0.0 { 1.0 } else { 0.0 };
const RELU: Function = |x| x.max(0.0);

#[test]
fn smooth_functions_pass_without_a_skip() {
    let functions: [[Function; 2]; 5] = [
        [|x| -3.0 * x, |_| -3.0],
        [|x| x * x * x, |x| 3.0 * x * x],
        [f32::exp, f32::exp],
        [|x| (3.0 * x).sin(), |x| 3.0 * (3.0 * x).cos()],
        [|_| 7.0, |_| 0.0],
    ];
    for probe in PROBES {
        for (i, f) in functions.into_iter().enumerate() {
            let report = run(probe, &uniform(23), f).unwrap();
            assert_eq!(report.skipped, 0, "{i} {probe:?}");
            assert!(report.worst < 0.7, "{i} {probe:?}: {report:?}");
        }
    }
}

#[test]
fn kinks_are_met_elsewhere() {
    // Many elements are at the kink or closer to it than a step.
    let near: Vec<f32> = (0..50).map(|i| (i % 5 - 2) as f32 * 1e-3).collect();
    for probe in PROBES {
        for x in [
            Input::new([50], near.clone()),
            uniform(1000 / if probe == Probe::Jacobian { 20 } else { 1 }),
        ] {
            let report = run(probe, &x, [RELU, STEP]).unwrap();
            assert!(report.skipped * 4 <= report.compared, "{probe:?}: {report:?}");
        }
    }
}

#[test]
fn kinks_do_not_hide_a_wrong_gradient() {
    for probe in PROBES {
        let error = run(probe, &uniform(40), [RELU, |x| STEP(x) * 1.01]).unwrap_err();
        assert!(matches!(error.fault, Fault::Gradient { input: 0, .. }), "{probe:?}: {error}");
    }
}

#[test]
fn a_function_with_kinks_everywhere_fails() {
    let jagged: [Function; 2] = [|x| (x * 1000.0).fract().abs(), |x| (x * 5e3).round()];
    for probe in PROBES {
        for f in jagged {
            let error = run(probe, &uniform(12), [f, |_| 0.0]).unwrap_err();
            let in_differences = |f| matches!(f, Fault::Skipped { .. } | Fault::Gradient { .. });
            assert!(in_differences(error.fault), "{probe:?}: {error}");
        }
    }
}

#[test]
fn values_that_are_not_finite_fail() {
    for probe in PROBES {
        let negative = Input::new([3], [-1.0, -2.0, -3.0]);
        let error = run(probe, &negative, [f32::ln, |x| 1.0 / x]).unwrap_err();
        assert!(matches!(error.fault, Fault::Skipped { .. }), "{probe:?}: {error}");
        let error = run(probe, &uniform(5), [|x| x, |_| f32::NAN]).unwrap_err();
        assert!(matches!(error.fault, Fault::Gradient { .. }), "{probe:?}: {error}");
    }
}

#[test]
fn empty_inputs_and_unused_inputs_pass() {
    let check = GradCheck::new(Exec::new(Isa::detect()));
    let inputs = [uniform(3), uniform(4), Input::new([0], [])];
    let record =
        |tape: &mut Tape, x: &[Var]| tape.record(Elementwise(|x| x * x, |x| 2.0 * x), &x[..1], [3]);
    let report = check.run(record, &inputs).unwrap();
    assert_eq!(report.compared, 2 * 16, "an unused input has a gradient of zeros");
    let identity = check.run(|_, x| x[1], &inputs).unwrap();
    assert_eq!(identity.skipped, 0);
}

#[test]
fn reference_entry_compares_values_and_lengths() {
    let check = GradCheck::new(Exec::new(Isa::detect())).probe(Probe::Coordinates);
    let record =
        |tape: &mut Tape, x: &[Var]| tape.record(Elementwise(|x| x * x, |x| 2.0 * x), x, [3]);
    let inputs = [uniform(3)];
    let wrong = |x: &[Vec<f64>]| x[0].iter().map(|x| x * x + 1e-4).collect();
    let error = check.run_against(record, wrong, &inputs).unwrap_err();
    assert!(matches!(error.fault, Fault::Value { output: 0, .. }), "{error}");
    let error = check.run_against(record, |_| vec![0.0], &inputs).unwrap_err();
    assert_eq!(error.fault, Fault::Length { got: 3, want: 1 });
    let right = |x: &[Vec<f64>]| x[0].iter().map(|x| x * x).collect();
    assert_eq!(check.run_against(record, right, &inputs).unwrap().compared, 6);
}

#[test]
fn an_error_at_a_coordinate_tells_the_partial_derivative() {
    let x = Input::new([2], [100.0, 0.01]);
    let wrong: [Function; 2] = [|x| 3.0 * x, |x| if x == 0.01 { 2.0 } else { 3.0 }];
    for probe in [Probe::Coordinates, Probe::Jacobian] {
        let error = run(probe, &x, wrong).unwrap_err();
        let Fault::Gradient { at, got, want, .. } = error.fault else { panic!("{error}") };
        let coordinate = match at {
            At::Coordinate(i) | At::Entry { coordinate: i, .. } => i,
            At::Direction(_) => panic!("{error}"),
        };
        assert_eq!(coordinate, 1, "{error}");
        // 2 c and 3 c with a cotangent c of 0.5 to 1.5 in size.
        assert!((want / got - 1.5).abs() < 0.01, "{error}");
        assert!((0.9..3.1).contains(&got.abs()), "{error}");
    }
}
