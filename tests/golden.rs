//! Golden cases from PyTorch and JAX in float64: the value and every vector-Jacobian product of
//! each operation, on every instruction set, sequential and parallel.

use proxtape::{Exec, Isa, Kind, NoGradients, Params, Pool, Shape, Tape, Var, ops};
use serde_json::Value;

struct Array {
    shape: Vec<usize>,
    data: Vec<f64>,
}

impl Array {
    fn new(json: &Value) -> Array {
        let list = |key: &str| json[key].as_array().unwrap_or_else(|| panic!("no {key} in {json}"));
        Array {
            shape: list("shape").iter().map(|d| d.as_u64().unwrap() as usize).collect(),
            data: list("data").iter().map(|x| x.as_f64().unwrap()).collect(),
        }
    }

    /// The data, which the oracle made exact in f32.
    fn exact(&self) -> Vec<f32> {
        let data: Vec<f32> = self.data.iter().map(|&x| x as f32).collect();
        // The parser may be off by one in the last place of the f64.
        let exact = |(&a, &b): (&f32, &f64)| (f64::from(a) - b).abs() <= 1e-15 * b.abs();
        assert!(data.iter().zip(&self.data).all(exact), "not exact in f32");
        data
    }
}

fn arrays(json: &Value) -> Vec<Array> {
    json.as_array().expect("a list of arrays").iter().map(Array::new).collect()
}

/// Records the operation of a case. An unknown one fails: no case may be passed over.
fn record(tape: &mut Tape, params: &mut Params, case: &Value, x: &[Var]) -> Var {
    let attrs = &case["attrs"];
    let number = |key: &str| attrs[key].as_f64().unwrap_or_else(|| panic!("no {key}")) as f32;
    let size = |key: &str| attrs[key].as_u64().unwrap_or_else(|| panic!("no {key}")) as usize;
    // One number for both axes, or one for each.
    let pair = |key: &str| match attrs[key].as_array() {
        Some(pair) => [0, 1].map(|i| pair[i].as_u64().unwrap() as usize),
        None => [size(key); 2],
    };
    let pool = || ops::PoolAttrs {
        kernel: pair("kernel"),
        stride: pair("stride"),
        padding: if attrs["padding"].is_null() { [0; 2] } else { pair("padding") },
    };
    match case["op"].as_str().expect("an op") {
        "add" | "add_row" => ops::add(tape, x[0], x[1]),
        "sub" => ops::sub(tape, x[0], x[1]),
        "mul" => ops::mul(tape, x[0], x[1]),
        "div" => ops::div(tape, x[0], x[1]),
        "neg" => ops::neg(tape, x[0]),
        "exp" => ops::exp(tape, x[0]),
        "log" => ops::log(tape, x[0]),
        "sqrt" => ops::sqrt(tape, x[0]),
        "tanh" => ops::tanh(tape, x[0]),
        "sigmoid" => ops::sigmoid(tape, x[0]),
        "relu" => ops::relu(tape, x[0]),
        "leaky_relu" => ops::leaky_relu(tape, x[0], number("slope")),
        "gelu" => match attrs["approximate"].as_str() {
            Some("tanh") => ops::gelu_tanh(tape, x[0]),
            Some("none") | None => ops::gelu(tape, x[0]),
            Some(other) => panic!("gelu approximated by {other}"),
        },
        "add_scalar" => ops::add_scalar(tape, x[0], number("c")),
        "mul_scalar" => ops::mul_scalar(tape, x[0], number("c")),
        "matmul" => ops::matmul(tape, x[0], x[1]),
        "linear" => ops::linear(tape, x[0], x[1], x.get(2).copied()),
        "conv2d" => {
            let attrs = ops::ConvAttrs {
                stride: pair("stride"),
                padding: pair("padding"),
                dilation: pair("dilation"),
                groups: size("groups"),
            };
            ops::conv2d(tape, x[0], x[1], x.get(2).copied(), attrs)
        }
        "max_pool2d" => ops::max_pool2d(tape, x[0], pool()),
        "avg_pool2d" => ops::avg_pool2d(tape, x[0], pool()),
        "global_avg_pool2d" => ops::global_avg_pool2d(tape, x[0]),
        "batch_norm2d" => {
            assert_eq!(attrs["training"], true);
            let attrs = statistics(tape, params, x[0], number("eps"));
            ops::batch_norm(tape, x[0], x[1], x[2], attrs)
        }
        "batch_norm_inference" => {
            let ids = statistics(tape, params, x[0], number("eps"));
            for (id, key) in [(ids.running_mean, "mean"), (ids.running_var, "var")] {
                let values = attrs[key].as_array().expect("a statistic");
                for (to, from) in params.value_mut(id).iter_mut().zip(values) {
                    *to = from.as_f64().unwrap() as f32;
                }
            }
            ops::batch_norm_inference(tape, x[0], x[1], x[2], ids)
        }
        "layer_norm" => ops::layer_norm(tape, x[0], x[1], x[2], number("eps")),
        "softmax" => ops::softmax(tape, x[0]),
        "log_softmax" => ops::log_softmax(tape, x[0]),
        "cross_entropy" => {
            let targets = attrs["targets"].as_array().expect("targets");
            let labels = tape.labels(targets.len());
            for (label, target) in tape.labels_mut(labels).iter_mut().zip(targets) {
                *label = target.as_u64().unwrap() as u32;
            }
            ops::cross_entropy(tape, x[0], labels)
        }
        "mse_loss" => ops::mse_loss(tape, x[0], x[1]),
        "sum" => ops::sum(tape, x[0]),
        "mean" => ops::mean(tape, x[0]),
        "sum_axis" => ops::sum_axis(tape, x[0], size("axis")),
        "mean_axis" => ops::mean_axis(tape, x[0], size("axis")),
        "reshape" => ops::reshape(tape, x[0], pair("shape")),
        "flatten" => ops::flatten(tape, x[0]),
        "transpose" => ops::transpose(tape, x[0]),
        "concat" => ops::concat(tape, x, size("axis")),
        "slice" => ops::slice(tape, x[0], size("axis"), size("start")..size("end")),
        unknown => panic!("no operation for the golden case \"{unknown}\""),
    }
}

fn statistics(tape: &Tape, params: &mut Params, x: Var, eps: f32) -> ops::BatchNormAttrs {
    let channels = [tape.shape(x)[1]];
    ops::BatchNormAttrs {
        running_mean: params.add("mean", Kind::Running, channels),
        running_var: params.add("var", Kind::Running, channels),
        momentum: 0.1,
        eps,
    }
}

/// max|got - want| <= 1e-5 max|want|, and no NaN.
fn assert_close(what: &str, got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{what}: lengths");
    let scale = want.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(got) - want).abs();
        assert!(error <= 1e-5 * scale, "{what}[{i}]: got {got}, want {want}");
    }
}

fn check(case: &Value, exec: Exec) {
    let name = format!("{} {} on {exec:?}", case["op"], case["attrs"]);
    let (inputs, grads) = (arrays(&case["inputs"]), arrays(&case["grads"]));
    let (output, cotangent) = (Array::new(&case["output"]), Array::new(&case["cotangent"]));
    assert_eq!(inputs.len(), grads.len(), "{name}: a gradient for each input");
    let (mut tape, mut params) = (Tape::new(exec), Params::new());
    let x: Vec<Var> = inputs.iter().map(|x| tape.variable(Shape::from(&x.shape[..]))).collect();
    let y = record(&mut tape, &mut params, case, &x);
    assert_eq!(tape.shape(y).dims(), output.shape, "{name}");
    for (&x, input) in x.iter().zip(&inputs) {
        tape.set(x, &input.exact());
    }
    tape.forward(&mut params);
    assert_close(&name, tape.value(y), &output.data);
    tape.backward_from(&mut params, y, &cotangent.exact(), &mut NoGradients);
    for (i, (&x, grad)) in x.iter().zip(&grads).enumerate() {
        assert_close(&format!("{name}, gradient {i}"), tape.gradient(x), &grad.data);
    }
}

fn check_all(json: &str, count: usize) {
    let json: Value = serde_json::from_str(json).unwrap();
    let cases = json["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), count, "cases");
    let pool = Pool::new(2).unwrap();
    for isa in Isa::available() {
        for case in cases {
            check(case, Exec::new(isa));
            pool.install(|| check(case, pool.exec(isa)));
        }
    }
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    check_all(include_str!("oracles/ops.json"), 45);
}

/// Made by `oracles/ops_jax.py`.
#[test]
fn values_and_gradients_are_those_of_jax() {
    check_all(include_str!("oracles/ops-jax.json"), 63);
}

#[test]
#[should_panic(expected = "no operation for the golden case \"conv7d\"")]
fn an_unknown_case_fails() {
    let case = serde_json::json!({
        "op": "conv7d", "attrs": {}, "inputs": [], "grads": [],
        "output": {"shape": [], "data": [0.0]}, "cotangent": {"shape": [], "data": [1.0]},
    });
    check(&case, Exec::new(Isa::detect()));
}
