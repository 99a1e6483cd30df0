//! From bytes to a model: no more of the format than [`write`](super::write) makes of it.

use super::wire::{Value, fields};
use super::{Attribute, Model, Node, Port, Tensor, Values};
use std::collections::HashSet;

impl Model {
    /// The model that the bytes hold; `None` where they are none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Model> {
        let mut model = Model::default();
        for (field, value) in fields(bytes)? {
            match field {
                7 => model.read_graph(value.bytes()?)?,
                14 => {
                    let mut texts = [String::new(), String::new()];
                    for (field, value) in fields(value.bytes()?)? {
                        let text = texts.get_mut(usize::try_from(field).ok()?.checked_sub(1)?)?;
                        *text = value.text()?.to_owned();
                    }
                    let [key, value] = texts;
                    model.texts.push((key, value));
                }
                _ => {}
            }
        }
        model.has_one_name_for_each().then_some(model)
    }

    /// Whether every value is made once, before it is read, and nothing shares a name: what the format
    /// asks for (single static assignment), and that no node is called as a port or a constant.
    fn has_one_name_for_each(&self) -> bool {
        let ports = self.inputs.iter().map(|port| &port.name);
        let first = ports.chain(self.tensors.iter().map(|tensor| &tensor.name));
        let (mut values, mut nodes) = (HashSet::new(), HashSet::new());
        first.into_iter().all(|name| values.insert(name) && nodes.insert(name))
            && self.nodes.iter().all(|node| {
                node.inputs.iter().all(|input| values.contains(input))
                    && values.insert(&node.output)
                    && nodes.insert(&node.name)
            })
            && self.outputs.iter().all(|port| values.contains(&port.name))
            && values.iter().chain(&nodes).all(|name| !name.is_empty())
    }

    fn read_graph(&mut self, bytes: &[u8]) -> Option<()> {
        for (field, value) in fields(bytes)? {
            match field {
                1 => self.nodes.push(node(value.bytes()?)?),
                2 => self.name = value.text()?.to_owned(),
                5 => self.tensors.push(tensor(value.bytes()?)?),
                11 => self.inputs.push(port(value.bytes()?)?),
                12 => self.outputs.push(port(value.bytes()?)?),
                _ => {}
            }
        }
        Some(())
    }
}

fn node(bytes: &[u8]) -> Option<Node> {
    let mut node = Node::default();
    for (field, value) in fields(bytes)? {
        match field {
            1 => node.inputs.push(value.text()?.to_owned()),
            2 => node.output = value.text()?.to_owned(),
            3 => node.name = value.text()?.to_owned(),
            4 => node.op = value.text()?.to_owned(),
            5 => node.attributes.push(attribute(value.bytes()?)?),
            _ => {}
        }
    }
    Some(node)
}

fn attribute(bytes: &[u8]) -> Option<(String, Attribute)> {
    let (mut name, mut attribute) = (String::new(), None);
    for (field, value) in fields(bytes)? {
        match (field, &mut attribute) {
            (1, _) => name = value.text()?.to_owned(),
            (2, _) => attribute = Some(Attribute::Float(value.float()?)),
            (3, _) => attribute = Some(Attribute::Int(value.int()?)),
            (8, Some(Attribute::Ints(ints))) => ints.extend(value.ints()?),
            (8, _) => attribute = Some(Attribute::Ints(value.ints()?)),
            _ => {}
        }
    }
    Some((name, attribute?))
}

fn tensor(bytes: &[u8]) -> Option<Tensor> {
    let (mut name, mut dims, mut kind, mut raw) = (String::new(), Vec::new(), 0, &[][..]);
    for (field, value) in fields(bytes)? {
        match field {
            1 => dims.extend(value.ints()?),
            2 => kind = value.int()?,
            8 => name = value.text()?.to_owned(),
            9 => raw = value.bytes()?,
            _ => {}
        }
    }
    let values = match kind {
        1 => Values::F32(each(raw).map(|x| x.map(f32::from_le_bytes)).collect::<Option<_>>()?),
        7 => Values::I64(each(raw).map(|n| n.map(i64::from_le_bytes)).collect::<Option<_>>()?),
        _ => return None,
    };
    Some(Tensor { name, dims: sizes(dims)?, values })
}

/// The bytes in groups of N, the last of which may be none.
fn each<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = Option<[u8; N]>> {
    bytes.chunks(N).map(|chunk| chunk.try_into().ok())
}

fn sizes(dims: Vec<i64>) -> Option<Vec<usize>> {
    dims.into_iter().map(|d| usize::try_from(d).ok()).collect()
}

fn port(bytes: &[u8]) -> Option<Port> {
    let mut port = Port::default();
    for (field, value) in fields(bytes)? {
        match field {
            1 => port.name = value.text()?.to_owned(),
            2 => {
                // TypeProto, its tensor_type, and the shape of that; the batch axis has no value.
                let shape = nested(nested(value, 1)?, 2)?;
                let mut dims = Vec::new();
                for (_, dim) in fields(shape.bytes()?)? {
                    let value = fields(dim.bytes()?)?.into_iter().find(|(field, _)| *field == 1);
                    dims.extend(value.and_then(|(_, value)| value.int()));
                }
                port.dims = sizes(dims)?;
            }
            _ => {}
        }
    }
    Some(port)
}

/// The first field of this number in a message.
fn nested(message: Value<'_>, number: u64) -> Option<Value<'_>> {
    let found = fields(message.bytes()?)?.into_iter().find(|(field, _)| *field == number);
    found.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From "x" over nodes (name, input, output) to "y", with a constant "c".
    fn read_back(nodes: &[[&str; 3]]) -> Option<Model> {
        let node = |&[name, input, output]: &[&str; 3]| Node {
            name: name.to_owned(),
            op: "Relu".to_owned(),
            inputs: vec![input.to_owned()],
            output: output.to_owned(),
            attributes: Vec::new(),
        };
        let port = |name: &str| Port { name: name.to_owned(), dims: vec![2] };
        let constant =
            Tensor { name: "c".to_owned(), dims: vec![1], values: Values::F32(vec![1.0]) };
        let model = Model {
            nodes: nodes.iter().map(node).collect(),
            tensors: vec![constant],
            inputs: vec![port("x")],
            outputs: vec![port("y")],
            ..Model::default()
        };
        Model::from_bytes(&model.to_bytes())
    }

    #[test]
    fn model_whose_names_clash_is_none() {
        assert!(read_back(&[["a", "x", "a/y"], ["b", "a/y", "y"]]).is_some());
        for (nodes, why) in [
            ([["a", "x", "x"], ["b", "x", "y"]], "a value called as the input"),
            ([["a", "x", "c"], ["b", "c", "y"]], "a value called as a constant"),
            ([["a", "x", "y"], ["b", "y", "y"]], "a value made twice"),
            ([["a", "x", "z"], ["a", "z", "y"]], "two nodes of a name"),
            ([["x", "x", "z"], ["b", "z", "y"]], "a node called as the input"),
            ([["c", "x", "z"], ["b", "z", "y"]], "a node called as a constant"),
            ([["a", "z", "y"], ["b", "x", "z"]], "a value read before it is made"),
            ([["a", "x", "z"], ["b", "z", "u"]], "an output that nothing makes"),
            ([["", "x", "z"], ["b", "z", "y"]], "a node without a name"),
        ] {
            assert!(read_back(&nodes).is_none(), "{why}");
        }
    }
}
