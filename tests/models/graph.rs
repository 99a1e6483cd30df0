//! The graph of a model: what whole networks are read from.

use super::*;
use proxtape::nn::{Activation, Node};
use std::collections::HashMap;

/// Names and inputs of the nodes, in their order.
fn nodes(model: &Model) -> Vec<(&str, &[usize])> {
    model.graph().nodes().iter().map(|node| (node.name(), node.inputs())).collect()
}

#[test]
fn a_block_is_its_two_ways_and_their_sum() {
    let block = Layer::Residual {
        body: vec![Layer::batch_norm().named("bn"), Activation::Relu.into()],
        shortcut: vec![Layer::conv2d(4, 1, 0).named("conv")],
    };
    let layers =
        [Layer::conv2d(4, 3, 1).named("first"), block.named("block"), Activation::Relu.named("r")];
    let (model, params) = build([2, 5, 5], layers).unwrap();
    let want: [(&str, &[usize]); 6] = [
        ("first", &[0]),
        ("block.bn", &[1]),
        ("block.1", &[2]),
        ("block.shortcut.conv", &[1]),
        ("block", &[3, 4]),
        ("r", &[5]),
    ];
    assert_eq!(nodes(&model), want);
    let graph = model.graph();
    assert_eq!(graph.output(), 6);
    let readers: Vec<usize> = (0..graph.values()).map(|value| graph.readers(value)).collect();
    assert_eq!(readers, [1, 2, 1, 1, 1, 1, 1], "both ways read the first convolution");
    // What two nodes read has no successor, nor has what a later node reads, nor the output.
    let successors: Vec<Option<&str>> =
        (0..6).map(|i| graph.successor(i).map(Node::name)).collect();
    assert_eq!(successors, [None, Some("block.1"), None, Some("block"), Some("r"), None]);
    let weight = params.find("block.shortcut.conv.weight");
    assert!(weight.is_some() && graph.nodes()[3].parameters().weight == weight);
}

/// The network is its input: whoever takes the output reads that.
#[test]
fn a_network_of_nothing_gives_its_sample() {
    let (model, _) = build([3], []).unwrap();
    let graph = model.graph();
    assert_eq!((graph.values(), graph.output(), graph.readers(0)), (1, 0, 1));
}

#[test]
fn every_parameter_belongs_to_the_node_of_its_name() {
    for name in zoo::NAMES {
        let side = if name == "digits-conv" { 8 } else { 32 };
        let channels = if matches!(name, "vgg-small" | "resnet20") { 3 } else { 1 };
        let (model, params) =
            build([channels, side, side], zoo::by_name(name, 10).unwrap()).unwrap();
        let mut owners = HashMap::new();
        for node in model.graph().nodes() {
            for id in node.parameters().ids() {
                let part = params.name(id).strip_prefix(node.name());
                assert!(part.is_some_and(|part| part.starts_with('.')), "{name}: {}", node.name());
                assert!(owners.insert(id, node.name()).is_none(), "{name}: {}", params.name(id));
            }
        }
        assert_eq!(owners.len(), params.ids().len(), "{name}");
    }
}
