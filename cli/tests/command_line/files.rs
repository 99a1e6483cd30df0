//! `eval` and `inspect` on what `train` wrote, and data from files.

use crate::support::{Folder, RECIPE, Ran};
use proxtape::checkpoint::{self, Checkpoint};
use std::fmt::Write;
use std::process::{Command, Stdio};

#[test]
fn eval_tells_the_numbers_of_train() {
    let folder = Folder::new("eval");
    folder.write("small.toml", RECIPE);
    let trained = folder.done("train small.toml --epochs 1 --out run --json").json();
    for arguments in
        ["eval run", "eval run/model.safetensors --threads 1", "eval run --data digits"]
    {
        let json = folder.done(&format!("{arguments} --json")).json();
        for key in
            ["test_accuracy", "test_loss", "test_samples", "validation_accuracy", "validation_loss"]
        {
            assert_eq!(json[key], trained[key], "{arguments}: {key}");
        }
    }
    let text = folder.done("eval run").out;
    assert!(text.contains("% right, loss"), "{text}");
}

#[test]
fn inspect_lists_tensors_groups_and_the_recipe() {
    let folder = Folder::new("inspect");
    folder.write("small.toml", RECIPE);
    let trained = folder.done("train small.toml --epochs 1 --out run --json").json();
    let json = folder.done("inspect run --json").json();
    let names: Vec<_> =
        json["tensors"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    let wants = [
        "conv.weight",
        "conv.bias",
        "bn.weight",
        "bn.bias",
        "bn.running_mean",
        "bn.running_var",
        "fc.weight",
        "fc.bias",
    ];
    assert_eq!(names, wants);
    assert_eq!(json["tensors"][0]["shape"], serde_json::json!([4, 1, 3, 3]));
    for key in ["weights", "weights_kept", "groups", "groups_kept", "macs", "macs_nonzero"] {
        assert_eq!(json["model"][key], trained[key], "{key}");
    }
    assert_eq!(json["bytes"], trained["bytes"]);
    assert!(json["metadata"]["recipe"].as_str().unwrap().contains("[[model.layer]]"));
    let text = folder.done("inspect run/model.safetensors").out;
    for part in ["conv.weight", "4x1x3x3", "zero groups", "recipe:", "normalization:"] {
        assert!(text.contains(part), "{part} should be in {text}");
    }
    // The state of a training is a file like any other.
    assert!(folder.done("inspect run/state.safetensors").out.contains("optimizer.m"));
}

#[test]
fn file_from_elsewhere_can_be_inspected_but_not_evaluated() {
    let folder = Folder::new("foreign");
    let mut file = Checkpoint::default();
    file.put("fc.weight", [2, 3], &[1.0, 0.0, 0.0, 0.0, 0.0, -2.0]);
    checkpoint::write(&folder.path("theirs.safetensors"), &file).unwrap();
    let json = folder.done("inspect theirs.safetensors --json").json();
    let tensor = &json["tensors"][0];
    let counts = [&tensor["nonzero"], &tensor["outputs_kept"], &tensor["inputs_kept"]];
    assert_eq!(counts, [2, 2, 2]);
    assert!(json["model"].is_null());
    let ran = folder.run("eval theirs.safetensors");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("no metadata \"recipe\""), "{}", ran.err);
}

#[test]
fn table_trains_and_another_with_other_classes_is_refused() {
    let folder = Folder::new("table");
    let table = |kinds: [&str; 2]| {
        let mut text = "kind,x,y\n".to_owned();
        for i in 0..200 {
            let side = i % 2;
            let x = 2.0 * side as f32 - 1.0 + 0.001 * i as f32;
            writeln!(text, "{},{x},{}", kinds[side], i % 7).unwrap();
        }
        text
    };
    folder.write("two.csv", &table(["cat", "dog"]));
    folder.write("other.csv", &table(["cat", "emu"]));
    folder.write("same.csv", &table(["cat", "dog"]));
    let flags = "--model lenet300 --grouping input --epochs 5 --batch 16 --eta 0.01 --lambda 1e-4";
    let data = "--data csv:two.csv --label kind --out run";
    let json = folder.done(&format!("train {data} {flags} --json")).json();
    assert_eq!(json["test_accuracy"], 1.0);
    let json = folder.done("eval run --data csv:same.csv --json").json();
    // The same contents: the samples of the test, and no others.
    assert_eq!((&json["test_samples"], &json["test_accuracy"]), (&40.into(), &1.0.into()));
    let ran = folder.run("eval run --data csv:other.csv");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("\"dog\""), "{}", ran.err);
    let ran = folder.run("eval run --data digits");
    assert!(ran.code == 1 && ran.err.contains("[1, 8, 8]"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn closed_pipe_is_no_panic() {
    let folder = Folder::new("pipe");
    folder.write("small.toml", RECIPE);
    folder.done("train small.toml --epochs 1 --out run --quiet");
    for arguments in ["inspect run", "inspect run --json", "--help"] {
        let mut child = folder
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{arguments}: {}", ran.err);
    }
    // And with stderr closed as well.
    let program = env!("CARGO_BIN_EXE_proxtape");
    let script = format!("'{program}' train small.toml --epochs 1 --json 2>&- | true");
    let status = Command::new("sh").args(["-c", &script]).current_dir(folder.path(".")).status();
    assert!(status.unwrap().success());
}

#[cfg(unix)]
#[test]
fn limit_of_file_sizes_is_as_a_full_disk() {
    let folder = Folder::new("file-limit");
    folder.write("small.toml", RECIPE);
    let program = env!("CARGO_BIN_EXE_proxtape");
    let script = format!("ulimit -f 8; exec '{program}' train small.toml --epochs 1 --out run");
    let mut command = Command::new("sh");
    let ran =
        Ran::of(command.args(["-c", &script]).current_dir(folder.path(".")).output().unwrap());
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("run/state.safetensors"), "{}", ran.err);
    let names = std::fs::read_dir(folder.path("run")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != ".lock").collect();
    names.sort();
    assert_eq!(names, ["metrics.jsonl", "recipe.toml"], "no temporary file");
}
