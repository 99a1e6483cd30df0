//! Training steps of burn on its flex backend: forward, backward and a step of SGD with momentum.

use ::burn::nn::conv::{Conv2d, Conv2dConfig};
use ::burn::nn::loss::CrossEntropyLossConfig;
use ::burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use ::burn::nn::{Linear, LinearConfig, PaddingConfig2d, Relu};
use ::burn::optim::momentum::MomentumConfig;
use ::burn::optim::{GradientsParams, SgdConfig};
use ::burn::prelude::*;
use ::burn::tensor::Distribution;
use proxtape_workloads::step::Network;
use proxtape_workloads::stopwatch::{Contestant, contestant};

/// A step of one of the networks, where it is here.
pub(crate) fn step(network: &Network) -> Option<Contestant<'static>> {
    let device = Device::flex().autodiff();
    let model = match network.name {
        "lenet300" => Chain::lenet300(&device),
        "lenet5" => Chain::lenet5(&device),
        "vgg-small" => Chain::vgg_small(&device),
        _ => return None,
    };
    let ([c, h, w], batch) = (network.input, network.batch);
    let x = Tensor::<4>::random([batch, c, h, w], Distribution::Default, &device);
    let labels = Tensor::<1, Int>::zeros([batch], &device);
    let momentum = MomentumConfig { momentum: 0.9, dampening: 0.0, nesterov: false };
    let mut optimizer = SgdConfig::new().with_momentum(Some(momentum)).init();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let mut model = Some(model);
    Some(contestant(move || {
        let before = model.take().expect("a step leaves a model");
        let value = loss.forward(before.forward(x.clone()), labels.clone());
        let gradients = GradientsParams::from_grads(value.backward(), &before);
        model = Some(optimizer.step(0.01, before, gradients));
    }))
}

/// Convolutions, then linear layers with a ReLU between them.
#[derive(Module, Debug)]
struct Chain {
    convolutions: Vec<Conv2d>,
    pool: MaxPool2d,
    /// A pool stands behind every so many convolutions, and a ReLU behind each if there are more.
    each: usize,
    linear: Vec<Linear>,
    relu: Relu,
}

impl Chain {
    fn lenet300(device: &Device) -> Chain {
        Chain::new(device, &[], &[784, 300, 100, 10], 1)
    }

    fn lenet5(device: &Device) -> Chain {
        Chain::new(device, &[(1, 20, 5, 0), (20, 50, 5, 0)], &[800, 500, 10], 1)
    }

    fn vgg_small(device: &Device) -> Chain {
        let filters = [3, 32, 32, 64, 64, 128, 128];
        let convolutions: Vec<_> = filters.windows(2).map(|f| (f[0], f[1], 3, 1)).collect();
        Chain::new(device, &convolutions, &[2048, 10], 2)
    }

    /// Convolutions of (inputs, outputs, kernel, padding), and the widths of the linear layers.
    fn new(
        device: &Device,
        convolutions: &[(usize, usize, usize, usize)],
        widths: &[usize],
        each: usize,
    ) -> Chain {
        let conv = |&(inputs, outputs, k, p): &(usize, usize, usize, usize)| {
            let config = Conv2dConfig::new([inputs, outputs], [k, k]);
            config.with_padding(PaddingConfig2d::Explicit(p, p, p, p)).init(device)
        };
        Chain {
            convolutions: convolutions.iter().map(conv).collect(),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            each,
            linear: widths.windows(2).map(|w| LinearConfig::new(w[0], w[1]).init(device)).collect(),
            relu: Relu::new(),
        }
    }

    fn forward(&self, mut x: Tensor<4>) -> Tensor<2> {
        for (i, conv) in self.convolutions.iter().enumerate() {
            x = conv.forward(x);
            if self.each > 1 {
                x = self.relu.forward(x);
            }
            if (i + 1) % self.each == 0 {
                x = self.pool.forward(x);
            }
        }
        let mut x = x.flatten::<2>(1, 3);
        for (i, linear) in self.linear.iter().enumerate() {
            x = linear.forward(x);
            if i + 1 < self.linear.len() {
                x = self.relu.forward(x);
            }
        }
        x
    }
}
