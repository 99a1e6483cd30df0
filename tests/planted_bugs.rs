//! Gradcheck finds wrong gradients: each row plants one bug in an operation that is right without
//! it, and says how the check must notice.

use proxtape::gradcheck::{Fault, GradCheck, GradError, Input, Probe, Report};
use proxtape::{
    Accumulate, Exec, Forward, Isa, Primitive, Random, Shape, Tape, Var, Vjp, Workspace,
};

type ForwardFn = fn(Forward<'_>);
type VjpFn = fn(Vjp<'_>);
type Reference = fn(&[Vec<f64>]) -> Vec<f64>;

/// An operation made of two functions.
#[derive(Clone, Copy)]
struct Op {
    name: &'static str,
    forward: ForwardFn,
    vjp: VjpFn,
    workspace: Workspace,
}

impl Primitive for Op {
    fn name(&self) -> &'static str {
        self.name
    }
    fn workspace(&self, _: Exec) -> Workspace {
        self.workspace
    }
    fn forward(&self, cx: Forward<'_>) {
        (self.forward)(cx);
    }
    fn vjp(&self, cx: Vjp<'_>) {
        (self.vjp)(cx);
    }
}

/// How a check must notice the bug.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Caught {
    /// By differences of the function itself, in f32.
    Differences,
    /// By a second replay.
    Replay,
    /// By an input that is used twice.
    Accumulation,
    /// Only by the values of the reference.
    ReferenceValue,
    /// Only by differences of the reference.
    ReferenceDifferences,
}

struct Row {
    bug: &'static str,
    right: Op,
    wrong: Op,
    caught: Caught,
    shapes: Vec<Shape>,
    output: Shape,
    reference: Option<Reference>,
    /// Whether the last input is a view of the first.
    viewed: bool,
}

fn row(bug: &'static str, shapes: &[&[usize]], output: &[usize], f: (ForwardFn, VjpFn)) -> Row {
    let right = Op { name: bug, forward: f.0, vjp: f.1, workspace: Workspace::default() };
    Row {
        bug,
        right,
        wrong: right,
        caught: Caught::Differences,
        shapes: shapes.iter().map(|&dims| Shape::from(dims)).collect(),
        output: Shape::from(output),
        reference: None,
        viewed: false,
    }
}

impl Row {
    fn vjp(self, vjp: VjpFn) -> Row {
        Row { wrong: Op { vjp, ..self.wrong }, ..self }
    }
    fn forward(self, forward: ForwardFn) -> Row {
        Row { wrong: Op { forward, ..self.wrong }, ..self }
    }
    fn caught(self, caught: Caught) -> Row {
        Row { caught, ..self }
    }
    fn reference(self, reference: Reference) -> Row {
        Row { reference: Some(reference), ..self }
    }
    fn viewed(self) -> Row {
        Row { viewed: true, ..self }
    }
    fn workspace(mut self, workspace: Workspace) -> Row {
        (self.right.workspace, self.wrong.workspace) = (workspace, workspace);
        self
    }
}

/// Stores f(i) into each dx\[i\], or adds it.
fn put(dx: &mut [f32], accumulate: Accumulate, f: impl Fn(usize) -> f32) {
    for (i, dx) in dx.iter_mut().enumerate() {
        *dx = if accumulate == Accumulate::Store { f(i) } else { *dx + f(i) };
    }
}

fn each(y: &mut [f32], f: impl Fn(usize) -> f32) {
    put(y, Accumulate::Store, f);
}

const N: usize = 5;

/// y = A B with square matrices of N, so that a transposed one fits too.
fn product(a: impl Fn(usize, usize) -> f32, b: impl Fn(usize, usize) -> f32, at: usize) -> f32 {
    (0..N).map(|k| a(at / N, k) * b(k, at % N)).sum()
}

fn keep(seed: u64, len: usize) -> Vec<bool> {
    let mut random = Random::new(seed);
    (0..len).map(|_| random.next_u32() >> 31 == 1).collect()
}

/// (mean, 1 / std) without an epsilon.
fn moments(x: &[f32]) -> (f32, f32) {
    let n = x.len() as f32;
    let mean = x.iter().sum::<f32>() / n;
    (mean, 1.0 / (x.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / n).sqrt())
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn arithmetic() -> Vec<Row> {
    let sub: ForwardFn = |cx| each(cx.y, |i| cx.x.get(0)[i] - cx.x.get(1)[i]);
    let sub_vjp: VjpFn = |cx| {
        let sign = [1.0, -1.0][cx.input];
        put(cx.dx, cx.accumulate, |i| sign * cx.dy[i]);
    };
    let square: ForwardFn = |cx| each(cx.y, |i| cx.x.get(0)[i].powi(2));
    let square_vjp: VjpFn = |cx| put(cx.dx, cx.accumulate, |i| 2.0 * cx.x.get(0)[i] * cx.dy[i]);
    let mul: ForwardFn = |cx| each(cx.y, |i| cx.x.get(0)[i] * cx.x.get(1)[i]);
    let mul_vjp: VjpFn = |cx| put(cx.dx, cx.accumulate, |i| cx.x.get(1 - cx.input)[i] * cx.dy[i]);
    let log: ForwardFn = |cx| each(cx.y, |i| (1.5 + cx.x.get(0)[i]).ln());
    let log_vjp: VjpFn = |cx| put(cx.dx, cx.accumulate, |i| cx.dy[i] / (1.5 + cx.x.get(0)[i]));
    let relu: ForwardFn = |cx| each(cx.y, |i| cx.x.get(0)[i].max(0.0));
    let relu_vjp: VjpFn =
        |cx| put(cx.dx, cx.accumulate, |i| if cx.x.get(0)[i] > 0.0 { cx.dy[i] } else { 0.0 });
    vec![
        row("sign: y = a - b adds to both", &[&[7], &[7]], &[7], (sub, sub_vjp))
            .vjp(|cx| put(cx.dx, cx.accumulate, |i| cx.dy[i])),
        row("factor: the 2 of x^2 is forgotten", &[&[7]], &[7], (square, square_vjp))
            .vjp(|cx| put(cx.dx, cx.accumulate, |i| cx.x.get(0)[i] * cx.dy[i])),
        row("wrong input: each factor gets its own value", &[&[7], &[7]], &[7], (mul, mul_vjp))
            .vjp(|cx| put(cx.dx, cx.accumulate, |i| cx.x.get(cx.input)[i] * cx.dy[i])),
        row("cotangent taken for 1", &[&[7]], &[7], (square, square_vjp))
            .vjp(|cx| put(cx.dx, cx.accumulate, |i| 2.0 * cx.x.get(0)[i])),
        row("output used for the input", &[&[7]], &[7], (log, log_vjp))
            .vjp(|cx| put(cx.dx, cx.accumulate, |i| cx.dy[i] / (1.5 + cx.y[i]))),
        row("relu masked by the cotangent", &[&[40]], &[40], (relu, relu_vjp))
            .vjp(|cx| put(cx.dx, cx.accumulate, |i| cx.dy[i].max(0.0))),
        row("detached view: the second use counts as a constant", &[&[7]], &[7], (mul, mul_vjp))
            .viewed()
            .vjp(|cx| {
                let share = [1.0, 0.0][cx.input];
                put(cx.dx, cx.accumulate, |i| share * cx.x.get(1 - cx.input)[i] * cx.dy[i]);
            }),
        row("Add treated as Store", &[&[7]], &[7], (square, square_vjp))
            .vjp(|cx| each(cx.dx, |i| 2.0 * cx.x.get(0)[i] * cx.dy[i]))
            .caught(Caught::Accumulation),
        row("Store treated as Add", &[&[7]], &[7], (square, square_vjp))
            .vjp(|cx| put(cx.dx, Accumulate::Add, |i| 2.0 * cx.x.get(0)[i] * cx.dy[i]))
            .caught(Caught::Replay),
        row("Add covers the first half", &[&[8]], &[8], (square, square_vjp))
            .vjp(|cx| {
                let len = if cx.accumulate == Accumulate::Add { 4 } else { 8 };
                put(&mut cx.dx[..len], cx.accumulate, |i| 2.0 * cx.x.get(0)[i] * cx.dy[i]);
            })
            .caught(Caught::Accumulation),
        row("a factor that is off by 2e-4", &[&[7]], &[7], (square, square_vjp))
            .vjp(|cx| put(cx.dx, cx.accumulate, |i| 2.0004 * cx.x.get(0)[i] * cx.dy[i]))
            .reference(|x| x[0].iter().map(|x| x * x).collect())
            .caught(Caught::ReferenceDifferences),
        row("another function with its own right gradient", &[&[7]], &[7], (square, square_vjp))
            .forward(|cx| each(cx.y, |i| cx.x.get(0)[i].powi(2) + 0.01))
            .reference(|x| x[0].iter().map(|x| x * x).collect())
            .caught(Caught::ReferenceValue),
    ]
}

fn tensors() -> Vec<Row> {
    let matmul: ForwardFn = |cx| {
        let (a, b) = (cx.x.get(0), cx.x.get(1));
        each(cx.y, |at| product(|i, k| a[i * N + k], |k, j| b[k * N + j], at));
    };
    let matmul_vjp: VjpFn = |cx| {
        let (a, b, dy) = (cx.x.get(0), cx.x.get(1), cx.dy);
        put(cx.dx, cx.accumulate, |at| match cx.input {
            0 => product(|i, k| dy[i * N + k], |k, j| b[j * N + k], at),
            _ => product(|i, k| a[k * N + i], |k, j| dy[k * N + j], at),
        });
    };
    let bias: ForwardFn = |cx| each(cx.y, |i| cx.x.get(0)[i] + cx.x.get(1)[i % 4]);
    let bias_vjp: VjpFn = |cx| {
        put(cx.dx, cx.accumulate, |i| match cx.input {
            0 => cx.dy[i],
            _ => (0..3).map(|row| cx.dy[row * 4 + i]).sum(),
        });
    };
    let mean: ForwardFn = |cx| cx.y[0] = cx.x.get(0).iter().sum::<f32>() / 6.0;
    let mean_vjp: VjpFn = |cx| put(cx.dx, cx.accumulate, |_| cx.dy[0] / 6.0);
    let slice: ForwardFn = |cx| cx.y.copy_from_slice(&cx.x.get(0)[3..7]);
    let slice_vjp: VjpFn = |cx| {
        put(cx.dx, cx.accumulate, |i| if (3..7).contains(&i) { cx.dy[i - 3] } else { 0.0 });
    };
    // A filter of 3 over 9 elements with padding 1 and stride 2.
    let conv: ForwardFn = |cx| {
        let (x, w) = (cx.x.get(0), cx.x.get(1));
        let tap = |i: usize, k: usize| (2 * i + k).checked_sub(1).and_then(|at| x.get(at));
        each(cx.y, |i| (0..3).filter_map(|k| Some(w[k] * tap(i, k)?)).sum());
    };
    let conv_vjp: VjpFn = |cx| conv_vjp_with_padding(cx, 1);
    let max: ForwardFn = |cx| {
        let x = cx.x.get(0);
        for (i, y) in cx.y.iter_mut().enumerate() {
            let at = (3 * i..3 * i + 3).max_by(|&a, &b| x[a].total_cmp(&x[b])).unwrap();
            (*y, cx.saved[i]) = (x[at], at as u32);
        }
    };
    let max_vjp: VjpFn = |cx| {
        put(cx.dx, cx.accumulate, |i| match cx.saved[i / 3] == i as u32 {
            true => cx.dy[i / 3],
            false => 0.0,
        });
    };
    vec![
        row("transposition: dA = dY B", &[&[N, N], &[N, N]], &[N, N], (matmul, matmul_vjp)).vjp(
            |cx| {
                let (a, b, dy) = (cx.x.get(0), cx.x.get(1), cx.dy);
                put(cx.dx, cx.accumulate, |at| match cx.input {
                    0 => product(|i, k| dy[i * N + k], |k, j| b[k * N + j], at),
                    _ => product(|i, k| a[k * N + i], |k, j| dy[k * N + j], at),
                });
            },
        ),
        row(
            "the sum over a broadcast axis is missing",
            &[&[3, 4], &[4]],
            &[3, 4],
            (bias, bias_vjp),
        )
        .vjp(|cx| put(cx.dx, cx.accumulate, |i| cx.dy[i])),
        row("1/N of a mean is forgotten", &[&[6]], &[], (mean, mean_vjp))
            .vjp(|cx| put(cx.dx, cx.accumulate, |_| cx.dy[0])),
        row("off by one: the slice starts at 4", &[&[10]], &[4], (slice, slice_vjp)).vjp(|cx| {
            put(cx.dx, cx.accumulate, |i| if (4..8).contains(&i) { cx.dy[i - 4] } else { 0.0 });
        }),
        row("Store leaves out what a slice does not read", &[&[10]], &[4], (slice, slice_vjp))
            .vjp(|cx| put(&mut cx.dx[3..7], cx.accumulate, |i| cx.dy[i]))
            .caught(Caught::Replay),
        row("padding is forgotten on the way back", &[&[9], &[3]], &[5], (conv, conv_vjp))
            .vjp(|cx| conv_vjp_with_padding(cx, 0)),
        row("the gradient of a maximum goes to the first", &[&[9]], &[3], (max, max_vjp))
            .workspace(Workspace { saved: 3, ..Workspace::default() })
            .vjp(|cx| {
                put(cx.dx, cx.accumulate, |i| if i % 3 == 0 { cx.dy[i / 3] } else { 0.0 });
            }),
    ]
}

fn conv_vjp_with_padding(cx: Vjp<'_>, padding: usize) {
    let (x, w, dy) = (cx.x.get(0), cx.x.get(1), cx.dy);
    // y[i] reads x[at] with w[k] where at = 2 i + k - padding.
    let pairs = |at: usize, k: usize, i: usize| 2 * i + k == at + padding;
    put(cx.dx, cx.accumulate, |e| {
        let taps = (0..5).flat_map(|i| (0..3).map(move |k| (i, k)));
        let taps = taps.flat_map(|(i, k)| (0..9).map(move |at| (i, k, at)));
        let products =
            taps.filter(|&(i, k, at)| pairs(at, k, i)).map(|(i, k, at)| match cx.input {
                0 if at == e => w[k] * dy[i],
                1 if k == e => x[at] * dy[i],
                _ => 0.0,
            });
        products.sum()
    });
}

fn statistics() -> Vec<Row> {
    let softmax: ForwardFn = |cx| {
        let sum: f32 = cx.x.get(0).iter().map(|x| x.exp()).sum();
        each(cx.y, |i| cx.x.get(0)[i].exp() / sum);
    };
    let softmax_vjp: VjpFn = |cx| {
        let dot: f32 = cx.y.iter().zip(cx.dy).map(|(y, dy)| y * dy).sum();
        put(cx.dx, cx.accumulate, |i| cx.y[i] * (cx.dy[i] - dot));
    };
    let standardise: ForwardFn = |cx| {
        let (mean, inv_std) = moments(cx.x.get(0));
        each(cx.y, |i| (cx.x.get(0)[i] - mean) * inv_std);
    };
    let standardise_vjp: VjpFn = |cx| {
        let (_, inv_std) = moments(cx.x.get(0));
        let n = cx.y.len() as f32;
        let sum: f32 = cx.dy.iter().sum();
        let dot: f32 = cx.y.iter().zip(cx.dy).map(|(y, dy)| y * dy).sum();
        put(cx.dx, cx.accumulate, |i| inv_std * (cx.dy[i] - sum / n - cx.y[i] * dot / n));
    };
    let dropout: ForwardFn = |cx| {
        cx.saved.fill_with(|| cx.random.next_u32() >> 31);
        each(cx.y, |i| 2.0 * cx.saved[i] as f32 * cx.x.get(0)[i]);
    };
    let dropout_vjp: VjpFn =
        |cx| put(cx.dx, cx.accumulate, |i| 2.0 * cx.saved[i] as f32 * cx.dy[i]);
    let gate: ForwardFn = |cx| {
        let (x, aux) = (cx.x.get(0), cx.aux);
        each(aux, |i| sigmoid(x[i]));
        each(cx.y, |i| x[i] * aux[i]);
    };
    let gate_vjp: VjpFn = |cx| {
        let (x, gate) = (cx.x.get(0), cx.aux);
        put(cx.dx, cx.accumulate, |i| cx.dy[i] * gate[i] * (1.0 + x[i] * (1.0 - gate[i])));
    };
    let kept = Workspace { aux: 7, ..Workspace::default() };
    vec![
        row("missing term: softmax without -<y, dy>", &[&[6]], &[6], (softmax, softmax_vjp))
            .vjp(|cx| put(cx.dx, cx.accumulate, |i| cx.y[i] * cx.dy[i])),
        row("the deviation counts as a constant", &[&[8]], &[8], (standardise, standardise_vjp))
            .vjp(|cx| {
                let (_, inv_std) = moments(cx.x.get(0));
                let mean = cx.dy.iter().sum::<f32>() / cx.dy.len() as f32;
                put(cx.dx, cx.accumulate, |i| inv_std * (cx.dy[i] - mean));
            }),
        row("1/N of the statistics is 1/(N-1)", &[&[8]], &[8], (standardise, standardise_vjp)).vjp(
            |cx| {
                let (_, inv_std) = moments(cx.x.get(0));
                let n = cx.y.len() as f32 - 1.0;
                let sum: f32 = cx.dy.iter().sum();
                let dot: f32 = cx.y.iter().zip(cx.dy).map(|(y, dy)| y * dy).sum();
                put(cx.dx, cx.accumulate, |i| inv_std * (cx.dy[i] - sum / n - cx.y[i] * dot / n));
            },
        ),
        row("the dropout mask is drawn again in vjp", &[&[30]], &[30], (dropout, dropout_vjp))
            .workspace(Workspace { saved: 30, ..Workspace::default() })
            .vjp(|cx| {
                let mask = keep(99, 30);
                put(cx.dx, cx.accumulate, |i| if mask[i] { 2.0 * cx.dy[i] } else { 0.0 });
            }),
        row("stale buffer: the gate of the first replay stays", &[&[7]], &[7], (gate, gate_vjp))
            .workspace(kept)
            .forward(|cx| {
                let (x, aux) = (cx.x.get(0), cx.aux);
                if aux[0] == 0.0 {
                    each(aux, |i| sigmoid(x[i]));
                }
                each(cx.y, |i| x[i] * sigmoid(x[i]));
            })
            .caught(Caught::Replay),
        row("forward adds to what the output held", &[&[7]], &[7], (gate, gate_vjp))
            .workspace(kept)
            .forward(|cx| {
                let (x, aux) = (cx.x.get(0), cx.aux);
                each(aux, |i| sigmoid(x[i]));
                cx.y.iter_mut().enumerate().for_each(|(i, y)| *y += x[i] * aux[i]);
            })
            .caught(Caught::Replay),
        row("vjp reads what forward left in scratch", &[&[7]], &[7], (gate, gate_vjp))
            .workspace(Workspace { aux: 7, scratch: 7, ..Workspace::default() })
            .forward(|cx| {
                let (x, aux) = (cx.x.get(0), cx.aux);
                each(aux, |i| sigmoid(x[i]));
                each(cx.y, |i| x[i] * aux[i]);
                cx.scratch.copy_from_slice(aux);
            })
            .vjp(|cx| {
                let x = cx.x.get(0);
                let gate = &cx.scratch;
                put(cx.dx, cx.accumulate, |i| cx.dy[i] * gate[i] * (1.0 + x[i] * (1.0 - gate[i])));
            })
            .caught(Caught::Replay),
    ]
}

/// Runs the f32 entry, and the reference entry if the row has a reference.
fn check(row: &Row, op: Op, probe: Probe, isa: Isa) -> [Result<Report, GradError>; 2] {
    let mut random = Random::new(11);
    let inputs: Vec<Input> =
        row.shapes.iter().map(|&shape| Input::uniform(shape, -1.0..1.0, &mut random)).collect();
    let record = |tape: &mut Tape, x: &[Var]| {
        let mut x = x.to_vec();
        if row.viewed {
            let view = tape.view(x[0], [1, row.shapes[0].len()]);
            x.push(tape.view(view, row.shapes[0]));
        }
        tape.record(op, &x, row.output)
    };
    let check = GradCheck::new(Exec::new(isa)).probe(probe);
    let single = check.run(record, &inputs);
    let double = match row.reference {
        Some(reference) => check.run_against(record, reference, &inputs),
        None => single,
    };
    [single, double]
}

#[test]
fn every_planted_bug_is_caught_and_its_right_version_passes() {
    let rows: Vec<Row> = [arithmetic(), tensors(), statistics()].into_iter().flatten().collect();
    assert!(rows.len() >= 12);
    for probe in [Probe::Directions(8), Probe::Coordinates, Probe::Jacobian] {
        for row in &rows {
            let isa = Isa::detect();
            for result in check(row, row.right, probe, isa) {
                let report = result.unwrap_or_else(|e| panic!("{probe:?}, right: {e}"));
                assert_eq!(report.skipped, 0, "{}: {probe:?}", row.bug);
            }
            let [single, double] = check(row, row.wrong, probe, isa);
            let only_reference =
                matches!(row.caught, Caught::ReferenceValue | Caught::ReferenceDifferences);
            assert_eq!(single.is_ok(), only_reference, "{}: {probe:?}: {single:?}", row.bug);
            let fault = double.expect_err(row.bug).fault;
            let as_told = match row.caught {
                Caught::Differences | Caught::ReferenceDifferences => {
                    matches!(fault, Fault::Gradient { .. })
                }
                Caught::Replay => matches!(fault, Fault::Replay { .. }),
                Caught::Accumulation => matches!(fault, Fault::Accumulate { .. }),
                Caught::ReferenceValue => matches!(fault, Fault::Value { .. }),
            };
            assert!(as_told, "{}: {probe:?}: {fault:?} instead of {:?}", row.bug, row.caught);
        }
    }
}

#[test]
fn an_error_says_what_where_and_how_much() {
    let row = &arithmetic()[0];
    let wrong = Op { name: "sub", ..row.wrong };
    let [error, _] = check(row, wrong, Probe::Jacobian, Isa::detect());
    let message = error.unwrap_err().to_string();
    let parts =
        ["sub: input 1, output 0, coordinate 0: got 1", "e0, want -", "by differences (tol"];
    assert!(parts.iter().all(|part| message.contains(part)), "{message}");
}
