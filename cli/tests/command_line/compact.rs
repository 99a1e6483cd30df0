//! `compact` on what `train` wrote.

use crate::support::{Folder, RECIPE};
use proxtape::checkpoint;
use serde_json::Value;
use std::fs;

/// A strong penalty: most groups are zero after a few epochs.
const TRAIN: &str = "train digits --epochs 8 --lambda 2e-2 --threads 1 --out run --json";

fn files(folder: &Folder) -> Vec<String> {
    let names = fs::read_dir(folder.path("run")).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn digits_become_smaller_and_decide_the_same() {
    let folder = Folder::new("compact");
    let trained = folder.done(TRAIN).json();
    let json = folder.done("compact run --json").json();
    let number = |value: &Value| value.as_f64().unwrap();
    let proof = &json["proof"];
    assert_eq!(proof["part"], "test");
    assert_eq!(proof["samples"], trained["test_samples"]);
    assert!(number(&proof["difference"]) <= 1e-5 && number(&proof["scale"]) > 0.0, "{proof}");
    assert!(number(&proof["sparse_difference"]) <= 1e-5, "{proof}");
    assert_eq!(proof["decisions_changed"], 0);
    assert_eq!(proof["sparse_decisions_changed"], 0);
    let (before, after) = (&json["before"], &json["after"]);
    for (key, was) in
        [("weights", "weights"), ("weights_nonzero", "weights_kept"), ("macs", "macs")]
    {
        assert_eq!(before[key], trained[was], "{key}");
    }
    assert_eq!(before["macs_nonzero"], trained["macs_nonzero"]);
    for key in ["bytes", "weights", "macs"] {
        let (before, after) = (number(&before[key]), number(&after[key]));
        assert!(after < 0.5 * before, "{key}: {after} of {before}");
    }
    let batches: Vec<_> = json["latency"].as_array().unwrap().iter().collect();
    assert_eq!([&batches[0]["batch"], &batches[1]["batch"]], [1, 128]);
    for key in ["before_seconds", "after_seconds", "sparse_seconds"] {
        assert!(batches.iter().all(|l| number(&l[key]) > 0.0), "{key}: {batches:?}");
    }
    assert!(batches.iter().all(|l| l["sparse_layers"].is_array()), "{batches:?}");

    let wants = [
        "metrics.jsonl",
        "model-compact.safetensors",
        "model.safetensors",
        "recipe.toml",
        "state.safetensors",
        "summary.json",
    ];
    assert_eq!(files(&folder), wants);
    let size = fs::metadata(folder.path("run/model-compact.safetensors")).unwrap().len();
    assert_eq!(after["bytes"], size);

    let evaluated = folder.done("eval run/model-compact.safetensors --json").json();
    assert_eq!(evaluated["test_accuracy"], trained["test_accuracy"]);
    let [a, b] = [&evaluated["test_loss"], &trained["test_loss"]].map(number);
    assert!((a - b).abs() <= 1e-4 * b, "{a} and {b}");
    let inspected = folder.done("inspect run/model-compact.safetensors --json").json();
    assert_eq!(inspected["model"]["weights"], after["weights"]);
    let layers = json["layers"].as_array().unwrap();
    for (layer, count) in layers.iter().zip(inspected["model"]["layers"].as_array().unwrap()) {
        assert_eq!((&layer["name"], &layer["after"]), (&count["name"], &count["shape"]));
    }
    let recipe = inspected["metadata"]["recipe"].as_str().unwrap();
    assert!(recipe.contains("kind = \"select\""), "fc1 reads only some features: {recipe}");

    let text = folder.done("compact run/model.safetensors").out;
    for part in [
        "conv2",
        "32x16x3x3",
        "MACs a sample",
        "latency of 128",
        "without zeros",
        "decisions changed",
    ] {
        assert!(text.contains(part), "{part} should be in {text}");
    }
    // What is compact already stays as it is.
    let again = folder.done("compact run/model-compact.safetensors --json").json();
    assert_eq!(again["before"]["weights"], again["after"]["weights"]);
}

#[test]
fn batch_norm_and_dropout_go_along() {
    let folder = Folder::new("compact-small");
    folder.write("small.toml", RECIPE);
    folder.done("train small.toml --epochs 1 --out run --quiet");
    let mut file = folder.checkpoint("run/model.safetensors");
    for (name, _, values) in &mut file.tensors {
        match name.as_str() {
            "conv.weight" => values[9..18].fill(0.0),
            // Channel 3 is flattened to the last 16 features.
            "fc.weight" => values.chunks_mut(64).for_each(|row| row[48..].fill(0.0)),
            _ => {}
        }
    }
    checkpoint::write(&folder.path("run/model.safetensors"), &file).unwrap();
    let json = folder.done("compact run --json").json();
    assert_eq!(json["layers"][0]["after"], serde_json::json!([2, 1, 3, 3]));
    assert_eq!(json["layers"][1]["after"], serde_json::json!([10, 32]));
}

/// The dense network loses its signal between two constants of 1e8; the compacted one does not, so
/// the two differ, and that must not pass.
#[test]
fn outputs_that_differ_fail_and_leave_no_file() {
    let folder = Folder::new("compact-differs");
    folder.write(
        "small.toml",
        r#"
[data]
source = "digits"
[model]
layer = [
    { kind = "flatten" },
    { kind = "linear", name = "fc1", out = 8 },
    { kind = "relu" },
    { kind = "linear", name = "fc2", out = 10 },
]
[train]
epochs = 1
"#,
    );
    folder.done("train small.toml --out run --quiet");
    let before = files(&folder);
    folder.done("compact run");
    let mut file = folder.checkpoint("run/model.safetensors");
    for (name, _, values) in &mut file.tensors {
        match name.as_str() {
            "fc1.weight" => values[..2 * 64].fill(0.0),
            "fc1.bias" => values[..2].fill(1e8),
            "fc2.weight" => values.chunks_mut(8).for_each(|row| (row[0], row[1]) = (1.0, -1.0)),
            _ => {}
        }
    }
    checkpoint::write(&folder.path("run/model.safetensors"), &file).unwrap();
    let ran = folder.run("compact run --json");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for part in ["run/model.safetensors", "1e-5", "decisions changed", "no file is kept"] {
        assert!(ran.err.contains(part), "{part} should be in {}", ran.err);
    }
    assert_eq!(files(&folder), before, "not even the file of the run before");
}

#[test]
fn folder_without_a_model_is_an_error() {
    let folder = Folder::new("compact-nothing");
    let ran = folder.run("compact nowhere");
    assert!(ran.code == 1 && ran.err.contains("nowhere"), "{}", ran.err);
}
