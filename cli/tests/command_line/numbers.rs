//! Numbers that a network cannot work with, and convolutions without Winograd's algorithm.

use crate::support::{Folder, assert_same_bits};
use std::fs;

/// A network whose second convolution has channels enough for Winograd's algorithm.
const CONVOLUTIONS: &str = r#"
[data]
source = "digits"
[[model.layer]]
kind = "conv2d"
name = "conv1"
out = 16
kernel = 3
padding = 1
[[model.layer]]
kind = "conv2d"
name = "conv2"
out = 16
kernel = 3
padding = 1
[[model.layer]]
kind = "flatten"
[[model.layer]]
kind = "linear"
name = "fc"
out = 10
[train]
epochs = 1
batch = 128
"#;

#[test]
fn exact_convolutions_are_kept_by_the_run() {
    let folder = Folder::new("exact");
    folder.write("net.toml", CONVOLUTIONS);
    folder.done("train net.toml --out fast --quiet");
    folder.done("train net.toml --exact-conv --out exact --quiet");
    let ran = folder.run("train net.toml --exact-conv --out parts --stop-after 3 --quiet");
    assert_eq!(ran.code, 130, "{}", ran.err);
    folder.done("train --resume parts --quiet");
    let model = |run: &str| folder.checkpoint(&format!("{run}/model.safetensors"));
    assert_same_bits(&model("exact"), &model("parts"));
    assert_ne!(model("exact").tensors[0].2, model("fast").tensors[0].2, "another way to round");
    let recipe =
        |run: &str| fs::read_to_string(folder.path(&format!("{run}/recipe.toml"))).unwrap();
    assert!(recipe("exact").contains("exact_conv = true"));
    assert!(!recipe("fast").contains("exact_conv"), "a recipe without it stays as it was");

    let loss = |arguments: &str| {
        folder.done(&format!("eval {arguments} --json")).json()["test_loss"].as_f64().unwrap()
    };
    let [fast, exact] = [loss("fast"), loss("fast --exact-conv")];
    assert!((fast - exact).abs() < 1e-4 * fast, "{fast} {exact}");
    for command in ["compact fast", "export fast --to onnx"] {
        folder.done(&format!("{command} --exact-conv --quiet"));
    }
}

#[test]
fn loss_that_is_no_number_is_an_error() {
    let folder = Folder::new("no-number");
    folder.done("train digits --epochs 1 --out run --quiet");
    let path = folder.path("run/model.safetensors");
    let whole = folder.checkpoint("run/model.safetensors");
    // Finite weights, whose outputs are not.
    let mut large = whole.clone();
    large.tensors.iter_mut().for_each(|(.., values)| values.iter_mut().for_each(|x| *x *= 1e30));
    proxtape::checkpoint::write(&path, &large).unwrap();
    for command in ["eval run --json", "eval run", "compact run --json"] {
        let ran = folder.run(command);
        assert_eq!((ran.code, &*ran.out), (1, ""), "{command}: {}", ran.err);
        assert!(ran.err.contains("finite"), "{command}: {}", ran.err);
    }
    for (value, told) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let mut spoilt = whole.clone();
        let name = spoilt.tensors[0].0.clone();
        spoilt.tensors[0].2[7] = value;
        proxtape::checkpoint::write(&path, &spoilt).unwrap();
        for command in ["eval run", "compact run", "train digits --weights run/model.safetensors"] {
            let ran = folder.run(command);
            assert_eq!(ran.code, 1, "{command}: {}", ran.err);
            let parts = [&name, &format!("{told} at index 7"), "model.safetensors"];
            assert!(parts.iter().all(|part| ran.err.contains(part)), "{command}: {}", ran.err);
        }
    }
    // Scaling that would turn every output to NaN.
    let mut scaled = whole.clone();
    let text = scaled.texts["normalization"].replacen("\"scale\":", "\"scale\":1e300,\"was\":", 1);
    scaled.texts.insert("normalization".to_owned(), text);
    proxtape::checkpoint::write(&path, &scaled).unwrap();
    let ran = folder.run("eval run");
    assert!(ran.code == 1 && ran.err.contains("normalization"), "{}", ran.err);
}

#[test]
fn tensors_of_integers_are_told_by_their_type() {
    let folder = Folder::new("integers");
    let header = r#"{"bn.count":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 8]].concat();
    fs::write(folder.path("x.safetensors"), bytes).unwrap();
    let ran = folder.done("inspect x.safetensors");
    assert!(ran.out.contains("bn.count: I64, passed over\n"), "{}", ran.out);
    let json = folder.done("inspect x.safetensors --json").json();
    assert_eq!(json["passed_over"]["bn.count"], "I64");
}
