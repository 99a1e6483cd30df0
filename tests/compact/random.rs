//! Random networks of every kind of layer with random zeros.

use crate::network::{Filled, activations, conv, pool};
use proxtape::Random;
use proxtape::nn::{Activation, Layer, Model, Named, WithBias};
use proxtape::{Kind, Params, Shape};

const NETWORKS: u64 = 1500;

fn pick<T>(random: &mut Random, items: impl IntoIterator<Item = T>) -> T {
    let mut items: Vec<T> = items.into_iter().collect();
    let at = random.below(items.len() as u32) as usize;
    items.swap_remove(at)
}

fn number(random: &mut Random, range: core::ops::RangeInclusive<usize>) -> usize {
    range.start() + random.below((range.end() - range.start() + 1) as u32) as usize
}

fn chance(random: &mut Random, of: u32) -> bool {
    random.below(of) == 0
}

fn activation(random: &mut Random) -> Layer {
    // ReLU in every second case, as in the networks that are trained.
    if chance(random, 2) { Activation::Relu.into() } else { pick(random, activations()) }
}

fn convolution(random: &mut Random, channels: usize) -> Layer {
    let [out, kh, kw] = [number(random, 1..=6), number(random, 1..=4), number(random, 1..=4)];
    let layer = conv(out, 1, number(random, 1..=2), 0);
    let padding = [number(random, 0..=2), number(random, 0..=2)];
    let apart = 1 + usize::from(chance(random, 4));
    let without = chance(random, 3);
    let grouped = chance(random, 8);
    match layer {
        Layer::Conv2d { out, stride, init, .. } => Layer::Conv2d {
            out: if grouped { channels } else { out },
            kernel: [kh, kw],
            stride,
            padding,
            dilation: [apart; 2],
            groups: if grouped { channels } else { 1 },
            bias: if without { WithBias::No } else { WithBias::Yes },
            init,
        },
        _ => unreachable!(),
    }
}

/// A block that keeps the shape, or changes the channels where its shortcut does.
fn residual(random: &mut Random, input: Shape) -> Layer {
    let image = input.rank() == 3;
    let direct = chance(random, 2);
    let out = if direct { input[0] } else { number(random, 1..=5) };
    let weight = |out, kernel| match image {
        true => conv(out, kernel, 1, kernel / 2),
        false => Layer::linear(out),
    };
    let mut body: Vec<Named> = vec![weight(number(random, 1..=5), 3).into()];
    if chance(random, 2) {
        body.push(Layer::batch_norm().into());
    }
    body.push(activation(random).into());
    body.push(weight(out, 3).into());
    if chance(random, 2) {
        body.push(Layer::batch_norm().into());
    }
    if chance(random, 4) {
        body.push(activation(random).into());
    }
    let shortcut = if direct { vec![] } else { vec![weight(out, 1).into()] };
    Layer::Residual { body, shortcut }
}

fn layer(random: &mut Random, input: Shape) -> Layer {
    if input.rank() == 1 {
        return match random.below(10) {
            0..4 => Layer::linear(number(random, 1..=7)),
            4..6 => activation(random),
            6 => Layer::batch_norm(),
            7 => Layer::Dropout { p: 0.5 },
            8 => residual(random, input),
            _ => Layer::LayerNorm { eps: 1e-2 },
        };
    }
    let kernel = number(random, 2..=3);
    let stride = number(random, 1..=2);
    match random.below(14) {
        0..5 => convolution(random, input[0]),
        5..7 => activation(random),
        7..9 => Layer::batch_norm(),
        9 => {
            let padding = number(random, 0..=1);
            pick(random, pool(kernel, stride, padding))
        }
        10 => residual(random, input),
        11 => Layer::Dropout { p: 0.5 },
        12 if chance(random, 3) => Layer::LayerNorm { eps: 1e-2 },
        12 => Layer::Select { indices: vec![input[0] - 1] },
        _ => pick(random, [Layer::Flatten, Layer::GlobalAvgPool]),
    }
}

/// Layers that fit each other.
fn layers(random: &mut Random) -> (Shape, Vec<Named>) {
    let side = number(random, 3..=8);
    let input = match random.below(3) {
        0 => Shape::from([number(random, 1..=12)]),
        _ => [number(random, 1..=4), side, number(random, 3..=8)].into(),
    };
    let mut layers: Vec<Named> = Vec::new();
    let shape = |layers: &[Named]| {
        Model::new(&mut Params::new(), input, layers, &mut Random::new(0)).map(|m| m.output())
    };
    for _ in 0..number(random, 2..=9) {
        let now = shape(&layers).unwrap();
        layers.push(layer(random, now).into());
        if shape(&layers).is_err() {
            layers.pop();
        }
    }
    if shape(&layers).unwrap().rank() > 1 {
        layers.push(Layer::Flatten.into());
    }
    if !chance(random, 4) {
        layers.push(Layer::linear(4).into());
    }
    (input, layers)
}

/// Zeroes rows, columns, positions, whole weights and single numbers.
fn add_zeros(network: &mut Filled, random: &mut Random) {
    let ids: Vec<_> = network.params().ids().collect();
    for id in ids {
        let shape = network.params().shape(id);
        let kind = network.params().kind(id);
        let values = network.params_mut().value_mut(id);
        if kind == Kind::Weight {
            let [out, inputs, area] = shape.around(1);
            let [kh, kw] = if shape.rank() == 4 { [shape[2], shape[3]] } else { [1, 1] };
            let gone = |n: usize, random: &mut Random| -> Vec<bool> {
                let often = pick(random, [1, 2, 4]);
                (0..n).map(|_| random.below(6) < often).collect()
            };
            let (rows, columns) = (gone(out, random), gone(inputs, random));
            let edge = |n: usize, random: &mut Random| match n {
                1 => [false; 2],
                _ => [chance(random, 3), chance(random, 3)],
            };
            let (vertical, horizontal) = (edge(kh, random), edge(kw, random));
            let all = chance(random, 15);
            for (at, w) in values.iter_mut().enumerate() {
                let (k, o, i) = (at % area, at / area / inputs, at / area % inputs);
                let (r, c) = (k / kw, k % kw);
                let outer = (r == 0 && vertical[0])
                    || (r + 1 == kh && vertical[1])
                    || (c == 0 && horizontal[0])
                    || (c + 1 == kw && horizontal[1]);
                if all || rows[o] || columns[i] || outer || chance(random, 5) {
                    *w = 0.0;
                }
            }
        } else if kind != Kind::Running {
            values.iter_mut().filter(|_| chance(random, 4)).for_each(|x| *x = 0.0);
        }
    }
}

fn network(seed: u64) -> Filled {
    let mut random = Random::new(seed);
    let (input, layers) = layers(&mut random);
    let mut network = Filled::new(input, layers, &mut random);
    add_zeros(&mut network, &mut random);
    network
}

fn elements(params: &Params) -> usize {
    params.ids().map(|id| params.shape(id).len()).sum()
}

fn count(layers: &[Named], is: fn(&Layer) -> bool) -> usize {
    layers.iter().filter(|named| is(&named.layer)).count()
}

#[test]
fn outputs_stay_the_same() {
    let [mut before, mut after, mut selects, mut blocks] = [0; 4];
    for seed in 0..NETWORKS {
        let network = network(seed);
        let small = std::panic::catch_unwind(|| network.checked())
            .unwrap_or_else(|_| panic!("seed {seed}: {:#?}", network.layers()));
        before += elements(network.params());
        after += elements(small.network.params());
        let is_select = |layer: &Layer| matches!(layer, Layer::Select { .. });
        let is_block = |layer: &Layer| matches!(layer, Layer::Residual { .. });
        selects += count(small.network.layers(), is_select);
        blocks += count(network.layers(), is_block) - count(small.network.layers(), is_block);
    }
    // Else the test would look at networks where there is nothing to do.
    assert!(2 * after < before, "{after} of {before} values are left");
    assert!(selects > 100 && blocks > 20, "{selects} selections are new, {blocks} blocks left");
}

#[test]
fn what_is_compact_stays_as_it_is() {
    for seed in 0..NETWORKS / 4 {
        let network = network(seed);
        let once = network.compact();
        let twice = once.network.compact().unwrap();
        assert_eq!(
            twice.network.layers(),
            once.network.layers(),
            "seed {seed}: {:#?}",
            network.layers()
        );
        for id in once.network.params().ids() {
            assert_eq!(
                twice.network.params().value(id),
                once.network.params().value(id),
                "seed {seed}"
            );
        }
    }
}
