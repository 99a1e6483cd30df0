//! From a graph to ONNX's operations.
//!
//! Constants have the names of the parameters, nodes those of the layers; what a node makes is
//! called `layer/y`. A layer may be called anything, also `input` or `fc/y`: no two things of a file have the
//! same name, since runtimes keep nodes, constants and values in one table. The ports and the parameters
//! have theirs first.

use super::{Attribute, INPUT, LOGITS, Model, Node, PROBABILITIES, Port, Tensor, Values};
use crate::export::graph::{self, Graph, Kind};
use crate::export::kernels::Window;
use crate::export::names::Names;
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

impl Model {
    /// A model that gives logits and probabilities.
    pub(crate) fn of(graph: &Graph<'_>, name: &str, texts: Vec<(String, String)>) -> Model {
        let port = |name: &str, value: usize| Port {
            name: name.to_owned(),
            dims: graph.shapes[value].to_vec(),
        };
        let model = Model {
            name: name.to_owned(),
            inputs: vec![port(INPUT, 0)],
            outputs: vec![port(LOGITS, graph.output), port(PROBABILITIES, graph.output)],
            texts,
            ..Model::default()
        };
        let parameters: Vec<String> =
            graph.ops.iter().flat_map(|op| parameters(&op.kind)).collect();
        let ports = [INPUT, LOGITS, PROBABILITIES].into_iter();
        let names = Names::taken(ports.chain(parameters.iter().map(String::as_str)));
        let values = vec![INPUT.to_owned()];
        let mut builder = Builder { model, values, names, layer: String::new() };
        for (i, op) in graph.ops.iter().enumerate() {
            builder.layer = if op.name.is_empty() { INPUT.to_owned() } else { op.name.clone() };
            let x = builder.values[op.input].clone();
            let rank = graph.shapes[op.input].rank();
            let y = builder.op(&op.kind, x, rank);
            debug_assert_eq!(builder.values.len(), i + 1);
            builder.values.push(y);
        }
        builder.layer = "output".to_owned();
        let logits = builder.values[graph.output].clone();
        builder.node("Identity", "logits", &[&logits], vec![]);
        builder.node("Softmax", "probabilities", &[LOGITS], vec![("axis", Attribute::Int(1))]);
        let mut model = builder.model;
        let [.., identity, softmax] = &mut model.nodes[..] else { unreachable!("both are there") };
        identity.output = LOGITS.to_owned();
        softmax.output = PROBABILITIES.to_owned();
        model
    }
}

/// The names of an operation's parameters.
fn parameters(kind: &Kind<'_>) -> Vec<String> {
    let tensors = match kind {
        Kind::Linear { w, b } | Kind::Conv { w, b, .. } => [w].into_iter().chain(b).collect(),
        Kind::BatchNorm { parts, .. } => parts.iter().collect(),
        Kind::LayerNorm { parts, .. } => parts.iter().collect(),
        _ => Vec::new(),
    };
    tensors.into_iter().map(|tensor| tensor.name.clone()).collect()
}

struct Builder {
    model: Model,
    /// Names of the graph's values.
    values: Vec<String>,
    names: Names,
    /// The name that new nodes start with.
    layer: String,
}

type Attributes = Vec<(&'static str, Attribute)>;

impl Builder {
    /// A node that makes `layer/y`, or `layer/part` on the way to it.
    fn node(&mut self, op: &str, part: &str, inputs: &[&str], attributes: Attributes) -> String {
        let output = self.names.free(format!("{}/{part}", self.layer));
        let name = match part {
            "y" => self.names.free(self.layer.clone()),
            _ => output.clone(),
        };
        self.model.nodes.push(Node {
            name,
            op: op.to_owned(),
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: output.clone(),
            attributes: attributes.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
        });
        output
    }

    /// A constant of a name that no other has.
    fn constant(&mut self, name: String, dims: &[usize], values: Values) -> String {
        self.model.tensors.push(Tensor { name: name.clone(), dims: dims.to_vec(), values });
        name
    }

    fn parameter(&mut self, tensor: &graph::Tensor<'_>) -> String {
        let values = Values::F32(tensor.values.to_vec());
        self.constant(tensor.name.clone(), &tensor.shape, values)
    }

    /// A node with a constant as second operand: one number, or one for each channel of `rank` axes.
    fn with(&mut self, (op, part): (&str, &str), x: &str, values: &[f32], rank: usize) -> String {
        let mut dims = vec![1; rank];
        match dims.first_mut() {
            Some(first) if values.len() > 1 => *first = values.len(),
            _ => dims.clear(),
        }
        let constant = self.names.free(format!("{}/{part}_constant", self.layer));
        let constant = self.constant(constant, &dims, Values::F32(values.to_vec()));
        self.node(op, part, &[x, &constant], vec![])
    }

    /// The name of the value that the operation makes.
    fn op(&mut self, kind: &Kind<'_>, x: String, rank: usize) -> String {
        match kind {
            // The order of the engine, so that the bits are the same; what changes nothing is left out.
            Kind::Normalize { scale, mean, std } => {
                let mut y = x;
                if *scale != 1.0 {
                    y = self.with(("Mul", "scaled"), &y, &[*scale], rank);
                }
                if mean.iter().any(|&m| m != 0.0) {
                    y = self.with(("Sub", "centred"), &y, mean, rank);
                }
                if std.iter().any(|&s| s != 1.0) {
                    y = self.with(("Div", "normalized"), &y, std, rank);
                }
                y
            }
            Kind::Linear { w, b } => {
                let mut inputs = vec![x, self.parameter(w)];
                inputs.extend(b.as_ref().map(|b| self.parameter(b)));
                let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
                self.node("Gemm", "y", &inputs, vec![("transB", Attribute::Int(1))])
            }
            Kind::Conv { w, b, window } => {
                let mut inputs = vec![x, self.parameter(w)];
                inputs.extend(b.as_ref().map(|b| self.parameter(b)));
                let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
                let mut attributes = window_attributes(window);
                attributes.push(("dilations", pair(window.dilation)));
                attributes.push(("group", Attribute::Int(window.groups as i64)));
                self.node("Conv", "y", &inputs, attributes)
            }
            Kind::BatchNorm { parts, eps } => {
                let [gamma, beta, mean, var] = parts.each_ref().map(|part| self.parameter(part));
                let inputs = [&x, &gamma, &beta, &mean, &var].map(String::as_str);
                let epsilon = vec![("epsilon", Attribute::Float(*eps))];
                self.node("BatchNormalization", "y", &inputs, epsilon)
            }
            Kind::LayerNorm { parts, eps } => {
                let [gamma, beta] = parts.each_ref().map(|part| self.parameter(part));
                let attributes =
                    vec![("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(*eps))];
                self.node("LayerNormalization", "y", &[&x, &gamma, &beta], attributes)
            }
            Kind::MaxPool(window) => self.node("MaxPool", "y", &[&x], window_attributes(window)),
            Kind::AvgPool(window) => {
                let mut attributes = window_attributes(window);
                attributes.push(("count_include_pad", Attribute::Int(1)));
                self.node("AveragePool", "y", &[&x], attributes)
            }
            Kind::GlobalAvgPool => {
                let means = self.node("GlobalAveragePool", "means", &[&x], vec![]);
                self.flatten(&means)
            }
            Kind::Flatten => self.flatten(&x),
            Kind::Select { indices } => {
                let values = Values::I64(indices.iter().map(|&i| i as i64).collect());
                let name = self.names.free(format!("{}/indices", self.layer));
                let indices = self.constant(name, &[indices.len()], values);
                self.node("Gather", "y", &[&x, &indices], vec![("axis", Attribute::Int(1))])
            }
            Kind::Relu => self.node("Relu", "y", &[&x], vec![]),
            Kind::LeakyRelu { slope } => {
                self.node("LeakyRelu", "y", &[&x], vec![("alpha", Attribute::Float(*slope))])
            }
            Kind::Tanh => self.node("Tanh", "y", &[&x], vec![]),
            Kind::Sigmoid => self.node("Sigmoid", "y", &[&x], vec![]),
            Kind::Gelu => self.gelu(&x),
            Kind::GeluTanh => self.gelu_tanh(&x),
            Kind::Add { other } => {
                let other = self.values[*other].clone();
                self.node("Add", "y", &[&x, &other], vec![])
            }
        }
    }

    fn flatten(&mut self, x: &str) -> String {
        self.node("Flatten", "y", &[x], vec![("axis", Attribute::Int(1))])
    }

    /// x (1 + erf(x / sqrt 2)) / 2: an operation of its own came with operator set 20 only.
    fn gelu(&mut self, x: &str) -> String {
        let z = self.with(("Mul", "z"), x, &[FRAC_1_SQRT_2], 0);
        let erf = self.node("Erf", "erf", &[&z], vec![]);
        self.half_of_one_plus(x, &erf)
    }

    /// x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.
    fn gelu_tanh(&mut self, x: &str) -> String {
        let square = self.node("Mul", "square", &[x, x], vec![]);
        let linear = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
        let cubic = self.with(("Mul", "cubic"), &square, &[linear * 0.044_715], 0);
        let factor = self.with(("Add", "factor"), &cubic, &[linear], 0);
        let u = self.node("Mul", "u", &[x, &factor], vec![]);
        let tanh = self.node("Tanh", "tanh", &[&u], vec![]);
        self.half_of_one_plus(x, &tanh)
    }

    /// x (1 + t) / 2.
    fn half_of_one_plus(&mut self, x: &str, t: &str) -> String {
        let sum = self.with(("Add", "sum"), t, &[1.0], 0);
        let twice = self.node("Mul", "twice", &[x, &sum], vec![]);
        self.with(("Mul", "y"), &twice, &[0.5], 0)
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
