//! From a model to bytes.

use super::wire::Message;
use super::{Attribute, IR_VERSION, Model, Node, OPSET, Port, Tensor, Values};

/// `AttributeProto.type` and `TensorProto.data_type`.
const FLOAT: i64 = 1;
const INT: i64 = 2;
const INTS: i64 = 7;
const INT64: i64 = 7;

/// What the batch axis is called.
const BATCH: &str = "N";

impl Model {
    /// The bytes of a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let graph = Message::new()
            .messages(1, self.nodes.iter().map(node))
            .bytes(2, &self.name)
            .messages(5, self.tensors.iter().map(tensor))
            .messages(11, self.inputs.iter().map(port))
            .messages(12, self.outputs.iter().map(port));
        let text = |(key, value): &(String, String)| Message::new().bytes(1, key).bytes(2, value);
        Message::new()
            .int(1, IR_VERSION)
            .bytes(2, "proxtape")
            .bytes(3, env!("CARGO_PKG_VERSION"))
            .message(7, graph)
            .message(8, Message::new().int(2, OPSET))
            .messages(14, self.texts.iter().map(text))
            .finish()
    }
}

fn node(node: &Node) -> Message {
    let message = node.inputs.iter().fold(Message::new(), |all, name| all.bytes(1, name));
    message
        .bytes(2, &node.output)
        .bytes(3, &node.name)
        .bytes(4, &node.op)
        .messages(5, node.attributes.iter().map(attribute))
}

fn attribute((name, value): &(String, Attribute)) -> Message {
    let message = Message::new().bytes(1, name);
    match value {
        Attribute::Float(x) => message.float(2, *x).int(20, FLOAT),
        Attribute::Int(n) => message.int(3, *n).int(20, INT),
        // One by one, as in the format's schema (proto2 packs nothing by itself).
        Attribute::Ints(ints) => ints.iter().fold(message, |all, &n| all.int(8, n)).int(20, INTS),
    }
}

fn tensor(tensor: &Tensor) -> Message {
    let dims = tensor.dims.iter().fold(Message::new(), |all, &d| all.int(1, d as i64));
    let (kind, bytes): (i64, Vec<u8>) = match &tensor.values {
        Values::F32(values) => (FLOAT, values.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Values::I64(values) => (INT64, values.iter().flat_map(|n| n.to_le_bytes()).collect()),
    };
    dims.int(2, kind).bytes(8, &tensor.name).bytes(9, bytes)
}

/// ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; its elem_type 1, shape 2; a dimension
/// has a value 1 or a name 2.
fn port(port: &Port) -> Message {
    let batch = Message::new().bytes(2, BATCH);
    let dims = port.dims.iter().map(|&d| Message::new().int(1, d as i64));
    let shape = Message::new().messages(1, [batch].into_iter().chain(dims));
    let kind = Message::new().message(1, Message::new().int(1, FLOAT).message(2, shape));
    Message::new().bytes(1, &port.name).message(2, kind)
}
