//! `export` on what `train` and `compact` wrote: each file is used by those that it is for.

use crate::support::{Folder, python, skipped};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// 1,797 real images, as IDX.
const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/digits-images-idx3-ubyte");

/// Every kind of layer.
const EVERY_LAYER: &str = r#"
[data]
source = "digits"

[model]
layer = [
    { kind = "conv2d", name = "conv1", out = 8, kernel = [3, 5], padding = [1, 2], bias = false },
    { kind = "batch-norm", name = "bn1" },
    { kind = "relu" },
    { kind = "residual", name = "block", body = [
        { kind = "conv2d", out = 8, kernel = 3, padding = 2, dilation = 2, groups = 2 },
        { kind = "batch-norm" },
        { kind = "gelu" },
        { kind = "conv2d", out = 12, kernel = 3, padding = 1, stride = [1, 2] },
    ], shortcut = [
        { kind = "conv2d", out = 12, kernel = 1, stride = [1, 2] },
        { kind = "batch-norm" },
    ] },
    { kind = "residual", name = "same", body = [
        { kind = "batch-norm" },
        { kind = "leaky-relu", slope = 0.1 },
        { kind = "layer-norm" },
    ] },
    { kind = "residual", name = "before", shortcut = [{ kind = "gelu-tanh" }] },
    { kind = "max-pool", name = "pool1", kernel = 3, stride = 2, padding = 1 },
    { kind = "avg-pool", name = "pool2", kernel = [3, 2], stride = 1, padding = [1, 0] },
    { kind = "select", indices = [0, 1, 2, 5, 6, 7, 10, 11] },
    { kind = "residual", name = "wide", body = [
        { kind = "global-avg-pool" },
        { kind = "linear", out = 32, bias = false },
    ], shortcut = [{ kind = "flatten" }] },
    { kind = "batch-norm", name = "bn2" },
    { kind = "tanh" },
    { kind = "dropout", p = 0.1 },
    { kind = "linear", name = "fc1", out = 24 },
    { kind = "layer-norm", name = "ln" },
    { kind = "sigmoid" },
    { kind = "linear", name = "1 \"odd\" näme", out = 10 },
]

[train]
epochs = 6
seed = 3
"#;

/// A small network under a strong penalty: most weights become zero.
const SPARSE: &str = r#"
[data]
source = "digits"

[model]
layer = [
    { kind = "conv2d", name = "conv1", out = 16, kernel = 3, padding = 1 },
    { kind = "relu" },
    { kind = "conv2d", name = "conv2", out = 32, kernel = 3, padding = 1 },
    { kind = "relu" },
    { kind = "max-pool", kernel = 2 },
    { kind = "flatten" },
    { kind = "linear", name = "fc1", out = 64 },
    { kind = "relu" },
    { kind = "linear", name = "fc2", out = 10 },
]

[train]
epochs = 8
optimizer = { kind = "momentum" }
schedule = { kind = "cosine", eta = 0.04, warmup = 1 }

[penalty]
family = "l11-l12"
lambda = 2e-2
grouping = "input"
conv_grouping = "output"
"#;

/// A folder with a model of every kind of layer, one with many zeros, and the same compacted.
fn models(name: &str) -> (Folder, [String; 3]) {
    let folder = Folder::new(name);
    folder.write("every.toml", EVERY_LAYER);
    folder.done("train every.toml --out every --quiet");
    folder.write("sparse.toml", SPARSE);
    folder.done("train sparse.toml --out sparse --quiet");
    folder.done("compact sparse --quiet");
    let models = ["every/model", "sparse/model", "sparse/model-compact"];
    (folder, models.map(|model| [model, ".safetensors"].concat()))
}

/// The logits of the model for every image.
fn logits(folder: &Folder, model: &str) -> Vec<Vec<f64>> {
    let json = folder.done(&format!("predict {model} {IMAGES} --json")).json();
    let predictions = json["predictions"].as_array().unwrap().iter();
    let row = |p: &Value| p["logits"].as_array().unwrap().iter().map(number).collect();
    predictions.map(row).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Exports, and looks at what the command says of it.
fn export(folder: &Folder, model: &str, to: &str) -> Value {
    let json = folder.done(&format!("export {model} --to {to} --json")).json();
    let proof = &json["proof"];
    assert_eq!((&proof["part"], &proof["samples"]), (&"test".into(), &359.into()), "{json}");
    assert!(number(&proof["difference"]) <= 1e-5 && number(&proof["scale"]) > 0.1, "{proof}");
    assert_eq!(proof["decisions_changed"], 0);
    let bytes = fs::metadata(folder.path(json["file"].as_str().unwrap())).unwrap().len();
    assert_eq!(json["bytes"], bytes);
    assert_eq!((&json["input"], &json["classes"]), (&serde_json::json!([1, 8, 8]), &10.into()));
    assert_eq!(json["range"], "pixels from 0 to 16");
    json
}

/// Within 1e-5 of the largest output, and the same decisions.
fn assert_close(ours: &[Vec<f64>], theirs: &[Vec<f64>]) {
    assert_eq!(ours.len(), 1797);
    assert_eq!(ours.len(), theirs.len());
    let scale = ours.iter().flatten().fold(0.0_f64, |m, x| m.max(x.abs()));
    let largest = |row: &[f64]| (0..row.len()).fold(0, |b, i| if row[i] > row[b] { i } else { b });
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert_eq!(a.len(), b.len());
        assert_eq!(largest(a), largest(b), "image {i}");
        let close = a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5 * scale);
        assert!(close, "image {i}: {a:?} and {b:?} of {scale}");
    }
}

#[test]
fn safetensors_are_the_model_under_another_name() {
    let (folder, models) = models("export-safetensors");
    for model in &models {
        export(&folder, model, "safetensors");
        let written = model.replace(".safetensors", "-export.safetensors");
        assert_eq!(logits(&folder, model), logits(&folder, &written));
        assert_eq!(fs::read(folder.path(model)).unwrap(), fs::read(folder.path(&written)).unwrap());
    }
}

/// The compiler takes the file without `std` and without a warning, and the program that it makes
/// gives the outputs of the model.
#[test]
fn rust_source_compiles_without_std_and_gives_the_outputs() {
    let (folder, models) = models("export-rust");
    folder.write(
        "main.rs",
        r#"
mod network;
use network::{CLASSES, INPUT, Scratch};

fn main() {
    let file = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let mut scratch = Scratch::new();
    for image in file[16..].chunks_exact(INPUT) {
        let mut input = [0.0; INPUT];
        input.iter_mut().zip(image).for_each(|(x, &pixel)| *x = f32::from(pixel));
        let mut output = [0.0; CLASSES];
        network::infer(&input, &mut output, &mut scratch);
        let (class, probability) = network::classify(&input, &mut scratch);
        let powers: Vec<f64> = output.iter().map(|&x| f64::from(x).exp()).collect();
        let wants = powers[class] / powers.iter().sum::<f64>();
        assert!(output.iter().all(|&x| x <= output[class]));
        assert!((f64::from(probability) - wants).abs() < 1e-6, "{probability} and {wants}");
        println!("{output:?}");
    }
}
"#,
    );
    folder.write("lib.rs", "#![no_std]\n#![forbid(unsafe_code)]\npub mod network;\n");
    for model in &models {
        let json = export(&folder, model, "rust");
        assert!(number(&json["scratch_bytes"]) > 0.0);
        let sparse = json["sparse"].as_array().unwrap();
        assert_eq!(sparse.is_empty(), model.starts_with("every"), "{sparse:?}");
        if model.starts_with("sparse/model.") {
            assert!(["conv2", "fc1"].iter().all(|name| sparse.contains(&(*name).into())));
        }
        let file = folder.path(json["file"].as_str().unwrap());
        fs::rename(file, folder.path("network.rs")).unwrap();
        for (edition, arguments) in [
            ("2024", ["--crate-type", "lib", "--emit", "metadata", "lib.rs"]),
            ("2021", ["-O", "-D", "unsafe_code", "--emit=link", "main.rs"]),
        ] {
            let mut rustc = Command::new(std::env::var("RUSTC").unwrap_or("rustc".into()));
            let rustc = rustc.args(["-D", "warnings", "--edition", edition]).args(arguments);
            let output = rustc.current_dir(folder.path(".")).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{model}: {said}");
        }
        let output = Command::new(folder.path("main")).arg(IMAGES).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let theirs: Vec<Vec<f64>> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_close(&logits(&folder, model), &theirs);
    }
}

/// PyPI's onnx and onnxruntime read the ONNX file, its safetensors and NumPy the other one.
#[test]
fn python_gets_the_outputs_from_both_files() {
    let name = "python_gets_the_outputs_from_both_files";
    let python = match python(&["numpy", "onnx", "onnxruntime", "safetensors", "tomllib"]) {
        Ok(python) => python,
        Err(why) => return skipped(name, &why),
    };
    let (folder, models) = models("export-python");
    for model in &models {
        for format in ["onnx", "safetensors"] {
            let json = export(&folder, model, format);
            let written = json["file"].as_str().unwrap();
            let wants = if format == "onnx" { 17.into() } else { Value::Null };
            assert_eq!(json["opset"], wants);
            let logits = serde_json::json!(logits(&folder, model));
            folder.write("logits.json", &logits.to_string());
            let script =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/export_peer.py");
            let output = Command::new(&python)
                .arg(script)
                .args([folder.path(written), IMAGES.into(), folder.path("logits.json")])
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{written}:\n{said}");
        }
    }
}

#[test]
fn names_and_refusals() {
    let folder = Folder::new("export-names");
    folder.write("every.toml", EVERY_LAYER);
    folder.done("train every.toml --epochs 1 --out run --quiet");
    folder.write("mine.rs", "fn main() {}\n");
    folder.write("folder.onnx.txt", "");
    for (to, tells) in [
        ("tflite", "safetensors, onnx or rust"),
        ("model.bin", "safetensors, onnx or rust"),
        ("folder.onnx.txt", "safetensors, onnx or rust"),
    ] {
        let ran = folder.run(&format!("export run --to {to}"));
        assert!(ran.code == 2 && ran.err.contains(tells), "{to}: {}", ran.err);
    }
    for (to, tells) in [
        ("run/model.safetensors", "the model itself"),
        ("run/../run/model.safetensors", "the model itself"),
        ("mine.rs", "mine.rs: expected no file, or one that `proxtape export` wrote"),
        ("nowhere/model.onnx", "nowhere"),
    ] {
        let ran = folder.run(&format!("export run --to {to}"));
        assert!(ran.code == 1 && ran.err.contains(tells), "{to}: {}", ran.err);
        assert_eq!(ran.out, "");
    }
    assert_eq!(fs::read_to_string(folder.path("mine.rs")).unwrap(), "fn main() {}\n");
    // What the command wrote, it may write again.
    for _ in 0..2 {
        let text = folder.done("export run --to mine2.rs").out;
        for part in ["mine2.rs", "[1, 8, 8], pixels from 0 to 16", "bytes to work in", "359 test"] {
            assert!(text.contains(part), "{part} should be in {text}");
        }
    }
    let left: Vec<_> = fs::read_dir(folder.path(".")).unwrap().map(|e| e.unwrap()).collect();
    assert!(left.iter().all(|e| !e.file_name().to_str().unwrap().contains("tmp")), "{left:?}");
}

/// A model may be exported where its data is not.
#[test]
fn random_samples_prove_where_the_data_is_missing() {
    let folder = Folder::new("export-no-data");
    // One class is called d"o\g, as CSV tells it.
    let row = |i: usize| format!("{},{i},{}\n", ["cat", r#""d""o\g""#][i % 2], i % 7);
    folder.write("two.csv", &("kind,x,y\n".to_owned() + &(0..60).map(row).collect::<String>()));
    let data = "--data csv:two.csv --label kind --model lenet300 --grouping input";
    folder.done(&format!("train {data} --epochs 2 --batch 8 --out run --quiet"));
    fs::remove_file(folder.path("two.csv")).unwrap();
    for format in ["safetensors", "onnx", "rust"] {
        let json = folder.done(&format!("export run --to {format} --json")).json();
        assert_eq!(
            (&json["proof"]["part"], &json["proof"]["samples"]),
            (&"random".into(), &1000.into())
        );
        assert_eq!(json["range"], "numbers as in the table that it was trained on");
    }
    let text = fs::read_to_string(folder.path("run/model.rs")).unwrap();
    assert!(text.contains(r#"CLASS_NAMES: [&str; CLASSES] = ["cat", "d\"o\\g"]"#), "{text}");
    assert!(text.contains(r#"COLUMNS: [&str; INPUT] = ["x", "y"]"#), "{text}");
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    let folder = Folder::new("export-nan");
    folder.done("train digits --epochs 1 --out run --quiet");
    let mut file = folder.checkpoint("run/model.safetensors");
    let (name, _, values) = &mut file.tensors[0];
    values[3] = f32::NAN;
    let name = name.clone();
    proxtape::checkpoint::write(&folder.path("run/model.safetensors"), &file).unwrap();
    for format in ["safetensors", "onnx", "rust"] {
        let ran = folder.run(&format!("export run --to {format}"));
        assert!(ran.code == 1 && ran.err.contains(&name) && ran.err.contains("NaN"), "{}", ran.err);
    }
    let files = fs::read_dir(folder.path("run")).unwrap().count();
    assert_eq!(files, 5, "recipe, metrics, summary, model, state");
}

#[test]
fn tensors_that_the_network_does_not_have_are_left_out() {
    let folder = Folder::new("export-unknown");
    folder.done("train digits --epochs 1 --out run --quiet");
    let mut file = folder.checkpoint("run/model.safetensors");
    let own = file.tensors.clone();
    file.put("old\u{1b}.weight", [2], &[f32::NAN, 1.0]);
    file.put("more", [1], &[1.0]);
    proxtape::checkpoint::write(&folder.path("run/model.safetensors"), &file).unwrap();
    let ran = folder.done("export run --to safetensors");
    assert!(ran.err.contains("left out: \"old\\u{1b}.weight\", \"more\""), "{}", ran.err);
    assert_eq!(folder.checkpoint("run/model-export.safetensors").tensors, own);
}
