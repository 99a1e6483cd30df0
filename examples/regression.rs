//! The tape by hand: gradient descent finds the plane y = w x + b that 64 points lie on.

use proxtape::optim::{Optimizer, Rule};
use proxtape::{Exec, Gradients, Isa, Kind, Params, Random, Tape, ops};

fn main() {
    // Points xs: [64, 3] and their heights ys: [64, 1].
    let mut random = Random::new(1);
    let xs: Vec<f32> = (0..64 * 3).map(|_| random.uniform_in(-1.0, 1.0)).collect();
    let ys: Vec<f32> = xs.chunks_exact(3).map(|x| x[0] - 2.0 * x[1] + 0.5 * x[2] + 3.0).collect();

    // What is to be found, zeros at first.
    let mut params = Params::new();
    let weight = params.add("weight", Kind::Weight, [1, 3]);
    let bias = params.add("bias", Kind::Bias, [1]);

    // Record once: this checks the shapes and computes nothing.
    let exec = Exec::new(Isa::detect());
    let mut tape = Tape::new(exec);
    let (x, y) = (tape.input([64, 3]), tape.input([64, 1]));
    let (w, b) = (tape.param(&params, weight), tape.param(&params, bias));
    let guess = ops::linear(&mut tape, x, w, Some(b)); // x w^T + b: [64, 1]
    let loss = ops::mse_loss(&mut tape, guess, y); // a scalar
    tape.set(x, &xs);
    tape.set(y, &ys);

    // Replay many times: forwards, backwards, a step against the gradient.
    let mut gradients = Gradients::new(&params);
    let mut optimizer = Optimizer::new(exec, &params, Rule::Momentum { beta: 0.9 }, &[]);
    for step in 0..=200 {
        tape.forward(&mut params);
        if step % 50 == 0 {
            println!("step {step:3}: loss {:.1e}", tape.value(loss)[0]);
        }
        gradients.clear();
        tape.backward(&mut params, loss, &mut gradients);
        optimizer.step(&mut params, &mut gradients, 0.1);
    }

    let (w, b) = (params.value(weight), params.value(bias)[0]);
    println!("w = {w:.3?}, b = {b:.3}");
    for (found, plane) in [(w[0], 1.0), (w[1], -2.0), (w[2], 0.5), (b, 3.0)] {
        assert!((found - plane).abs() < 1e-3, "{found} should be {plane}");
    }
}
