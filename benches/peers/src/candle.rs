//! Training steps of candle: forward, backward and a step of plain SGD.

use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::{
    Conv2d, Conv2dConfig, Linear, Optimizer, SGD, VarBuilder, VarMap, conv2d, linear, loss,
};
use proxtape_workloads::step::Network;
use proxtape_workloads::stopwatch::{Contestant, contestant};

/// A step of one of the networks, where it is here.
pub(crate) fn step(network: &Network) -> Option<Contestant<'static>> {
    let variables = VarMap::new();
    let builder = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let model = match network.name {
        "lenet300" => Chain::new(builder, &[], &[784, 300, 100, 10], 1),
        "lenet5" => Chain::new(builder, &[(1, 20, 5, 0), (20, 50, 5, 0)], &[800, 500, 10], 1),
        "vgg-small" => {
            let filters = [3, 32, 32, 64, 64, 128, 128];
            let convolutions: Vec<_> = filters.windows(2).map(|f| (f[0], f[1], 3, 1)).collect();
            Chain::new(builder, &convolutions, &[2048, 10], 2)
        }
        _ => return None,
    };
    let ([c, h, w], batch) = (network.input, network.batch);
    let prepared = || -> Result<_> {
        let x = Tensor::randn(0f32, 1.0, (batch, c, h, w), &Device::Cpu)?;
        let labels = Tensor::zeros(batch, DType::U32, &Device::Cpu)?;
        Ok((model?, x, labels, SGD::new(variables.all_vars(), 0.01)?))
    };
    let (model, x, labels, mut optimizer) = prepared().expect("the shapes fit");
    Some(contestant(move || {
        let logits = model.forward(&x);
        let stepped = logits
            .and_then(|logits| optimizer.backward_step(&loss::cross_entropy(&logits, &labels)?));
        stepped.expect("candle trains");
    }))
}

/// As in `burn.rs`.
struct Chain {
    convolutions: Vec<Conv2d>,
    each: usize,
    linear: Vec<Linear>,
}

impl Chain {
    fn new(
        builder: VarBuilder<'_>,
        convolutions: &[(usize, usize, usize, usize)],
        widths: &[usize],
        each: usize,
    ) -> Result<Chain> {
        let conv = |(i, &(inputs, outputs, k, padding))| {
            let config = Conv2dConfig { padding, ..Conv2dConfig::default() };
            conv2d(inputs, outputs, k, config, builder.pp(format!("conv{i}")))
        };
        let convolutions = convolutions.iter().enumerate().map(conv).collect::<Result<_>>()?;
        let layer =
            |(i, w): (usize, &[usize])| linear(w[0], w[1], builder.pp(format!("linear{i}")));
        let linear = widths.windows(2).enumerate().map(layer).collect::<Result<_>>()?;
        Ok(Chain { convolutions, each, linear })
    }
}

impl Module for Chain {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for (i, conv) in self.convolutions.iter().enumerate() {
            x = conv.forward(&x)?;
            if self.each > 1 {
                x = x.relu()?;
            }
            if (i + 1) % self.each == 0 {
                x = x.max_pool2d(2)?;
            }
        }
        x = x.flatten_from(1)?;
        for (i, linear) in self.linear.iter().enumerate() {
            x = linear.forward(&x)?;
            if i + 1 < self.linear.len() {
                x = x.relu()?;
            }
        }
        Ok(x)
    }
}
