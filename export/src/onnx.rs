//! ONNX files: the part of the format that a network of this program needs.
//!
//! ```text
//! ModelProto     1 ir_version, 2 producer_name, 3 producer_version, 7 graph, 8 opset_import,
//!                14 metadata_props
//! GraphProto     1 node, 2 name, 5 initializer, 11 input, 12 output
//! NodeProto      1 input, 2 output, 3 name, 4 op_type, 5 attribute
//! AttributeProto 1 name, 2 f, 3 i, 8 ints, 20 type
//! TensorProto    1 dims, 2 data_type, 8 name, 9 raw_data (little-endian)
//! ```

mod build;
mod nodes;
mod read;
mod run;
mod wire;
mod write;

pub(crate) use nodes::Builder;
pub use run::run;

/// The operator set: the first that has all that is needed (LayerNormalization is of 17), so that
/// old runtimes load the files as well.
pub const OPSET: i64 = 17;

/// The version of the format that came with it.
pub const IR_VERSION: i64 = 8;

/// A message may not be longer.
pub const MAX_BYTES: usize = i32::MAX as usize;

/// Names of the input and of the two outputs.
pub(super) const INPUT: &str = "input";
pub(super) const LOGITS: &str = "logits";
pub(super) const PROBABILITIES: &str = "probabilities";

/// The contents of a file.
#[derive(Debug, Default, PartialEq)]
pub struct Model {
    pub(super) name: String,
    pub(super) nodes: Vec<Node>,
    pub(super) tensors: Vec<Tensor>,
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
    /// Texts by name.
    pub(super) texts: Vec<(String, String)>,
}

/// One operation.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) op: String,
    pub(super) inputs: Vec<String>,
    pub(super) output: String,
    pub(super) attributes: Vec<(String, Attribute)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attribute {
    Int(i64),
    Float(f32),
    Ints(Vec<i64>),
}

/// A constant.
#[derive(Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) dims: Vec<usize>,
    pub(super) values: Values,
}

#[derive(Debug, PartialEq)]
pub(super) enum Values {
    F32(Vec<f32>),
    I64(Vec<i64>),
}

/// An input or output: f32 of [N, dims...] for any N.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) dims: Vec<usize>,
}
