//! A small network that uses most operations: replay, threads and inference leave its bits alone.

use crate::{bits, numbers, set, tape};
use proxtape::ops::{self, BatchNormAttrs, ConvAttrs, PoolAttrs};
use proxtape::{Exec, Gradients, Isa, Kind, Labels, ParamId, Params, Pool, Tape, Var};

/// Parameters of a small network that uses most operations.
struct Net {
    filter: ParamId,
    filter_bias: ParamId,
    gamma: ParamId,
    beta: ParamId,
    attrs: BatchNormAttrs,
    weight: ParamId,
    bias: ParamId,
}

impl Net {
    fn new(params: &mut Params) -> Net {
        let channels = 8;
        let net = Net {
            filter: params.add("filter", Kind::Weight, [channels, 2, 3, 3]),
            filter_bias: params.add("filter_bias", Kind::Bias, [channels]),
            gamma: params.add("gamma", Kind::Norm, [channels]),
            beta: params.add("beta", Kind::Norm, [channels]),
            attrs: BatchNormAttrs {
                running_mean: params.add("mean", Kind::Running, [channels]),
                running_var: params.add("var", Kind::Running, [channels]),
                momentum: 0.1,
                eps: 1e-5,
            },
            weight: params.add("weight", Kind::Weight, [10, 4 * channels]),
            bias: params.add("bias", Kind::Bias, [10]),
        };
        for id in params.ids() {
            let values = numbers(params.shape(id).len(), 100 + id.index() as u32);
            params.value_mut(id).copy_from_slice(&values);
        }
        params.value_mut(net.attrs.running_var).fill(0.5);
        net
    }

    /// x: [N, 2, 8, 8] gives logits: [N, 10] and the loss.
    fn record(&self, tape: &mut Tape, params: &Params, x: Var, labels: Labels) -> [Var; 2] {
        let p = |tape: &mut Tape, id| tape.param(params, id);
        let (w, b) = (p(tape, self.filter), p(tape, self.filter_bias));
        let attrs = ConvAttrs { padding: [1, 1], ..ConvAttrs::default() };
        let y = ops::conv2d(tape, x, w, Some(b), attrs);
        let (gamma, beta) = (p(tape, self.gamma), p(tape, self.beta));
        let y = ops::batch_norm_inference(tape, y, gamma, beta, self.attrs);
        let y = ops::relu(tape, y);
        let pool = PoolAttrs { kernel: [2, 2], stride: [2, 2], padding: [0, 0] };
        let y = ops::max_pool2d(tape, y, pool);
        let half = ops::mul_scalar(tape, y, 0.5);
        let y = ops::add(tape, y, half);
        let y = ops::avg_pool2d(tape, y, pool);
        let y = ops::flatten(tape, y);
        let (w, b) = (p(tape, self.weight), p(tape, self.bias));
        let logits = ops::linear(tape, y, w, Some(b));
        [logits, ops::cross_entropy(tape, logits, labels)]
    }
}

const BATCH: usize = 6;

/// A tape with the network and its input set.
fn network(mut tape: Tape, net: &Net, params: &Params) -> (Tape, Var, [Var; 2]) {
    let (x, labels) = (tape.variable([BATCH, 2, 8, 8]), tape.labels(BATCH));
    let outputs = net.record(&mut tape, params, x, labels);
    set(&mut tape, x, 1);
    tape.labels_mut(labels).copy_from_slice(&[0, 9, 3, 3, 1, 7]);
    (tape, x, outputs)
}

/// Loss and gradients of one pass.
fn pass(tape: &mut Tape, params: &mut Params, [_, loss]: [Var; 2], x: Var) -> Vec<Vec<u32>> {
    let mut grads = Gradients::new(params);
    tape.forward(params);
    tape.backward(params, loss, &mut grads);
    let mut all = vec![bits(tape.value(loss)), bits(tape.gradient(x))];
    all.extend(params.ids().filter_map(|id| grads.get(id)).map(bits));
    assert_eq!(all.len(), 8, "loss, input and six parameters");
    all
}

#[test]
fn a_replay_gives_the_bits_of_a_new_recording() {
    let mut params = Params::new();
    let net = Net::new(&mut params);
    let (mut replayed, x, y) = network(tape(), &net, &params);
    set(&mut replayed, x, 99);
    pass(&mut replayed, &mut params, y, x);
    set(&mut replayed, x, 1);
    let again = pass(&mut replayed, &mut params, y, x);
    let (mut fresh, x, y) = network(tape(), &net, &params);
    assert_eq!(again, pass(&mut fresh, &mut params, y, x));
    // The same after `clear`, in buffers that are full of old values.
    replayed.clear();
    let (mut cleared, x, y) = network(replayed, &net, &params);
    assert_eq!(again, pass(&mut cleared, &mut params, y, x));
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let mut params = Params::new();
    let net = Net::new(&mut params);
    for isa in Isa::available() {
        let run = |exec: Exec, params: &mut Params| {
            let (mut tape, x, y) = network(Tape::new(exec), &net, params);
            pass(&mut tape, params, y, x)
        };
        let alone = run(Exec::new(isa), &mut params);
        for threads in [2, 3] {
            let pool = Pool::new(threads).unwrap();
            let together = pool.install(|| run(pool.exec(isa), &mut params));
            assert_eq!(alone, together, "{isa:?} on {threads} threads");
        }
    }
}

#[test]
fn inference_gives_the_bits_of_training() {
    let mut params = Params::new();
    let net = Net::new(&mut params);
    let (mut training, _, [logits, loss]) = network(tape(), &net, &params);
    training.forward(&mut params);
    let exec = training.exec();
    let (mut inference, _, outputs) = network(Tape::inference(exec), &net, &params);
    inference.keep(outputs[0]);
    inference.forward(&mut params);
    for (there, here) in [logits, loss].into_iter().zip(outputs) {
        assert_eq!(bits(training.value(there)), bits(inference.value(here)));
    }
    assert!(inference.memory() < training.memory());
}
