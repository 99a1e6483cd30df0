//! A model on its way: its nodes and constants, each under a name of its own.

use super::{Attribute, Model, Node, Tensor, Values};
use crate::names::Names;

/// A model on its way.
pub(crate) struct Builder {
    pub(super) model: Model,
    pub(super) names: Names,
    /// The name that new nodes start with.
    pub(super) layer: String,
}

pub(super) type Attributes = Vec<(&'static str, Attribute)>;

impl Builder {
    /// A node that makes `layer/y`, or `layer/part` on the way to it.
    pub(crate) fn node(
        &mut self,
        op: &str,
        part: &str,
        inputs: &[&str],
        attributes: Attributes,
    ) -> String {
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
    pub(super) fn constant(&mut self, name: String, dims: &[usize], values: Values) -> String {
        self.model.tensors.push(Tensor { name: name.clone(), dims: dims.to_vec(), values });
        name
    }

    /// A node with a constant as second operand: one number, or one for each channel of `rank` axes.
    pub(crate) fn with(
        &mut self,
        (op, part): (&str, &str),
        x: &str,
        values: &[f32],
        rank: usize,
    ) -> String {
        let mut dims = vec![1; rank];
        match dims.first_mut() {
            Some(first) if values.len() > 1 => *first = values.len(),
            _ => dims.clear(),
        }
        let constant = self.names.free(format!("{}/{part}_constant", self.layer));
        let constant = self.constant(constant, &dims, Values::F32(values.to_vec()));
        self.node(op, part, &[x, &constant], vec![])
    }
}
