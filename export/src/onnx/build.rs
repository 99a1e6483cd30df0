//! From a graph to ONNX's operations.
//!
//! Constants have the names of the parameters, nodes those of the layers; what a node makes is
//! called `layer/y`. A layer may be called anything, also `input` or `fc/y`: no two things of a file have the
//! same name, since runtimes keep nodes, constants and values in one table. The ports and the parameters
//! have theirs first.

use super::nodes::{Attributes, Builder};
use super::{Attribute, INPUT, LOGITS, Model, PROBABILITIES, Port, Values};
use crate::activation;
use crate::kernels::Window;
use crate::names::Names;
use crate::pipeline::Pipeline;
use crate::window::window;
use proxtape::ParamId;
use proxtape::nn::{self, Layer, Network};

impl Model {
    /// A model called `name` that gives logits and probabilities, with some texts by their keys.
    pub fn new(pipeline: &Pipeline<'_>, name: &str, texts: Vec<(String, String)>) -> Model {
        let network = pipeline.network;
        let graph = network.graph();
        let port = |name: &str, value: usize| Port {
            name: name.to_owned(),
            dims: graph.shape(value).to_vec(),
        };
        let model = Model {
            name: name.to_owned(),
            inputs: vec![port(INPUT, 0)],
            outputs: vec![port(LOGITS, graph.output()), port(PROBABILITIES, graph.output())],
            texts,
            ..Model::default()
        };
        let parameters = graph.nodes().iter().flat_map(|node| node.parameters().ids());
        let parameters = parameters.map(|id| network.params().name(id));
        let names = Names::taken([INPUT, LOGITS, PROBABILITIES].into_iter().chain(parameters));
        let mut builder = Builder { model, names, layer: INPUT.to_owned() };
        let mut values = vec![builder.normalize(pipeline)];
        for node in graph.nodes() {
            // A layer may be called "", which no node may.
            let name = if node.name().is_empty() { INPUT } else { node.name() };
            builder.layer = name.to_owned();
            let inputs: Vec<&str> = node.inputs().iter().map(|&value| &*values[value]).collect();
            let y = builder.layer(network, node, &inputs, values.len());
            values.push(y);
        }
        builder.layer = "output".to_owned();
        builder.node("Identity", "logits", &[&values[graph.output()]], vec![]);
        builder.node("Softmax", "probabilities", &[LOGITS], vec![("axis", Attribute::Int(1))]);
        let mut model = builder.model;
        let [.., identity, softmax] = &mut model.nodes[..] else { unreachable!("both are there") };
        identity.output = LOGITS.to_owned();
        softmax.output = PROBABILITIES.to_owned();
        model
    }
}

impl Builder {
    fn parameter(&mut self, network: &Network, id: ParamId) -> String {
        let params = network.params();
        let values = Values::F32(params.value(id).to_vec());
        self.constant(params.name(id).to_owned(), &params.shape(id), values)
    }

    /// The normalisation, in the order of the engine, so that the bits are the same; what changes nothing
    /// is left out.
    fn normalize(&mut self, pipeline: &Pipeline<'_>) -> String {
        let (rank, mean) = (pipeline.network.input().rank(), pipeline.means());
        let (scale, std) = (pipeline.normalization.scale, &pipeline.normalization.std);
        let mut y = INPUT.to_owned();
        if scale != 1.0 {
            y = self.with(("Mul", "scaled"), &y, &[scale], rank);
        }
        if mean.iter().any(|&m| m != 0.0) {
            y = self.with(("Sub", "centred"), &y, &mean, rank);
        }
        if std.iter().any(|&s| s != 1.0) {
            y = self.with(("Div", "normalized"), &y, std, rank);
        }
        y
    }

    /// The nodes of a layer that makes the value of this number; the name of that value.
    fn layer(&mut self, network: &Network, node: &nn::Node, x: &[&str], value: usize) -> String {
        let graph = network.graph();
        let window = || window(node.layer(), graph.shape(node.inputs()[0]), graph.shape(value));
        // The values that it reads and its parameters, in ONNX's order as in ours.
        let parameters: Vec<String> =
            node.parameters().ids().map(|id| self.parameter(network, id)).collect();
        let operands: Vec<&str> =
            x.iter().copied().chain(parameters.iter().map(String::as_str)).collect();
        let float = |name, value| (name, Attribute::Float(value));
        match *node.layer() {
            Layer::Linear { .. } => {
                self.node("Gemm", "y", &operands, vec![("transB", Attribute::Int(1))])
            }
            Layer::Conv2d { dilation, groups, .. } => {
                let mut attributes = window_attributes(&window());
                attributes.push(("dilations", pair(dilation)));
                attributes.push(("group", Attribute::Int(groups as i64)));
                self.node("Conv", "y", &operands, attributes)
            }
            Layer::BatchNorm { eps, .. } => {
                self.node("BatchNormalization", "y", &operands, vec![float("epsilon", eps)])
            }
            Layer::LayerNorm { eps } => {
                let attributes = vec![("axis", Attribute::Int(-1)), float("epsilon", eps)];
                self.node("LayerNormalization", "y", &operands, attributes)
            }
            Layer::MaxPool { .. } => {
                self.node("MaxPool", "y", &operands, window_attributes(&window()))
            }
            Layer::AvgPool { .. } => {
                let mut attributes = window_attributes(&window());
                attributes.push(("count_include_pad", Attribute::Int(1)));
                self.node("AveragePool", "y", &operands, attributes)
            }
            Layer::GlobalAvgPool => {
                let means = self.node("GlobalAveragePool", "means", &operands, vec![]);
                self.flatten(&means)
            }
            Layer::Dropout { .. } => x[0].to_owned(),
            Layer::Flatten => self.flatten(x[0]),
            Layer::Select { ref indices } => {
                let values = Values::I64(indices.iter().map(|&i| i as i64).collect());
                let name = self.names.free(format!("{}/indices", self.layer));
                let indices = self.constant(name, &[indices.len()], values);
                self.node("Gather", "y", &[x[0], &indices], vec![("axis", Attribute::Int(1))])
            }
            Layer::Activation(activation) => activation::nodes(activation, self, x[0]),
            Layer::Residual { .. } => self.node("Add", "y", &operands, vec![]),
        }
    }

    fn flatten(&mut self, x: &str) -> String {
        self.node("Flatten", "y", &[x], vec![("axis", Attribute::Int(1))])
    }
}

fn pair(pair: [usize; 2]) -> Attribute {
    Attribute::Ints(pair.map(|n| n as i64).to_vec())
}

/// The attributes that convolutions and pools share; pads are those of the top, the left, the
/// bottom and the right.
fn window_attributes(window: &Window) -> Attributes {
    let [vertical, horizontal] = window.padding.map(|p| p as i64);
    vec![
        ("kernel_shape", pair(window.kernel)),
        ("strides", pair(window.stride)),
        ("pads", Attribute::Ints(vec![vertical, horizontal, vertical, horizontal])),
    ]
}
