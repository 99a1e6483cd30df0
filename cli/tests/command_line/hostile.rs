//! Files whose numbers ask for more than they hold: each is refused by an error, within a minute (a
//! watchdog, not a measure) and 1 GiB of address space.
#![cfg(unix)]

use crate::support::{Folder, Ran};
use proxtape::checkpoint::{self, Checkpoint};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

impl Folder {
    /// Runs the program in little memory; it must end in an error that tells these words.
    fn refuses(&self, arguments: &str, tells: &str) {
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -v 1048576; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_proxtape")])
            .args(arguments.split_whitespace())
            .current_dir(self.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if start.elapsed() > Duration::from_secs(60) {
                child.kill().unwrap();
                panic!("`{arguments}` does not end");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert!([1, 2].contains(&ran.code), "`{arguments}` ({}): {}", ran.code, ran.err);
        assert!(ran.err.contains(tells), "`{arguments}` should tell {tells}: {}", ran.err);
    }

    fn fifo(&self, name: &str) {
        let _ = fs::remove_file(self.path(name));
        assert!(Command::new("mkfifo").arg(self.path(name)).status().unwrap().success());
    }

    /// A model file of a digits recipe with these layers.
    fn model(&self, layers: &str, tensors: &[(&str, &[usize])], texts: &[(&str, &str)]) {
        let mut file = Checkpoint::default();
        for &(name, shape) in tensors {
            file.put(name, shape, &vec![0.5; shape.iter().product()]);
        }
        file.note("recipe", format!("name = \"h\"\n[data]\n[model]\nlayer = [{layers}]\n"));
        file.note("classes", 10);
        file.note("input", "[1,8,8]");
        file.note("normalization", r#"{"scale":0.0625,"mean":[0.0],"std":[1.0]}"#);
        file.note("class_names", "[]");
        for (name, text) in texts {
            file.note(name, text);
        }
        fs::create_dir_all(self.path("run")).unwrap();
        checkpoint::write(&self.path("run/model.safetensors"), &file).unwrap();
    }

    /// Every command that reads a model refuses it in these words.
    fn every_command_refuses(&self, tells: &str) {
        for command in [
            "inspect run",
            "eval run --threads 2",
            "compact run --threads 2",
            "export run --to onnx --threads 2",
            "export run --to rust --threads 2",
            "predict run x.png --threads 2",
            "report run --threads 2",
        ] {
            self.refuses(command, tells);
        }
    }
}

const LINEAR: &str = "{ kind = \"flatten\" }, { kind = \"linear\", name = \"fc\", out = 10 }";
const TENSORS: [(&str, &[usize]); 2] = [("fc.weight", &[10, 64]), ("fc.bias", &[10])];

#[test]
fn claims_of_a_model_are_checked_by_every_command() {
    let folder = Folder::new("hostile-models");
    // 4 GiB on the word of a few bytes.
    let layers =
        format!("{{ kind = \"flatten\" }}, {{ kind = \"linear\", out = 16000000 }}, {LINEAR}");
    folder.model(&layers, &[], &[]);
    folder.every_command_refuses("there is no tensor \"1.weight\"");
    folder.model(&LINEAR.replace("10", "5"), &[("fc.weight", &[5, 64]), ("fc.bias", &[5])], &[]);
    folder.every_command_refuses("10 classes");
    folder.model(
        "{ kind = \"conv2d\", name = \"c\", out = 10, kernel = 3 }",
        &[("c.weight", &[10, 1, 3, 3]), ("c.bias", &[10])],
        &[],
    );
    folder.every_command_refuses("outputs [10, 6, 6]");
    let image = "{ kind = \"conv2d\", name = \"c\", out = 1, kernel = 1, padding = 16000 }, \
                 { kind = \"flatten\" }, { kind = \"select\", indices = [0, 1] }";
    folder.model(image, &[("c.weight", &[1, 1, 1, 1]), ("c.bias", &[1])], &[("classes", "2")]);
    folder.every_command_refuses("a batch of 128 samples");
    for (name, text, tells) in [
        ("classes", "0", "1 to 65536 classes"),
        ("classes", "1000000000", "1 to 65536 classes"),
        ("classes", "18446744073709551615", "1 to 65536 classes"),
        ("classes", "20000", "20000 classes"),
        ("class_names", r#"["a","b"]"#, "2 names"),
        ("input", "[]", "1 to 5 extents"),
        ("input", "[1,8,0]", "1 to 1073741824 elements"),
        ("input", "[1,4294967296,4294967296]", "1 to 1073741824 elements"),
        ("input", "[1,8,9]", "[10, 64]"),
        ("normalization", r#"{"scale":0.0,"mean":[0.0],"std":[1.0]}"#, "above 0"),
        ("normalization", r#"{"scale":1.0,"mean":[0.0],"std":[0.0]}"#, "above 0"),
        ("normalization", r#"{"scale":1e-45,"mean":[0.0],"std":[1.0]}"#, "normal numbers"),
        ("normalization", r#"{"scale":1.0,"mean":[0.0],"std":[1e-45]}"#, "normal numbers"),
        ("normalization", r#"{"scale":-1.0,"mean":[0.0],"std":[1.0]}"#, "above 0"),
        ("normalization", r#"{"scale":1.0,"mean":[0.0],"std":[1e39]}"#, "normalization"),
        ("normalization", r#"{"scale":1.0,"mean":[0.0,0.0],"std":[1.0]}"#, "1 channels"),
        ("normalization", r#"{"scale":1.0,"mean":[],"std":[]}"#, "1 channels"),
    ] {
        folder.model(LINEAR, &TENSORS, &[(name, text)]);
        folder.every_command_refuses(tells);
    }
    let long = "#".repeat(5 << 20);
    folder.model(LINEAR, &TENSORS, &[("recipe", &long)]);
    folder.every_command_refuses("at most 4194304 bytes");
    // A file that holds what it claims is a model.
    folder.model(LINEAR, &TENSORS, &[]);
    folder.done("inspect run");
}

#[test]
fn recipes_ask_for_no_more_than_there_is() {
    let folder = Folder::new("hostile-recipes");
    let flat = "{ kind = \"flatten\" }";
    let linear = "{ kind = \"linear\", out = 10 }";
    let pool = "{ kind = \"global-avg-pool\" }";
    let deep = 10_000;
    let huge = 1u64 << 40;
    for (layers, train, tells) in [
        (
            format!(
                "{{ kind = \"conv2d\", out = 1, kernel = 2, stride = {huge}, padding = {huge}, dilation = {huge} }}, {flat}, {linear}"
            ),
            "",
            "from 1 to 65535",
        ),
        (
            format!(
                "{{ kind = \"max-pool\", kernel = {}, stride = 1, padding = {} }}, {flat}, {linear}",
                i64::MAX,
                i64::MAX / 2
            ),
            "",
            "from 1 to 65535",
        ),
        (
            format!("{flat}, {{ kind = \"linear\", out = 1000000000 }}, {linear}"),
            "",
            "1073741824 elements",
        ),
        (format!("{flat}, {{ kind = \"linear\", out = 15000000 }}, {linear}"), "", "MiB"),
        (
            format!("{flat}, {{ kind = \"linear\", out = 1000000 }}, {linear}"),
            "",
            "the training takes",
        ),
        (
            format!(
                "{{ kind = \"conv2d\", out = 64, kernel = 1, padding = 500 }}, {pool}, {linear}"
            ),
            "",
            "the training takes",
        ),
        (format!("{flat}, {linear}"), "batch = 1000000000", "training samples"),
        (format!("{flat}, {linear}"), "accumulate = 1152921504606846976", "training samples"),
        (
            format!("{flat}, {linear}"),
            "augment = { shift = 9223372036854775807 }",
            "below 8 pixels",
        ),
        (
            format!("{flat}, {linear}"),
            "schedule = { kind = \"step\", every = 1e-38, factor = 1e38 }",
            "rises",
        ),
        (format!("{flat}, {{ kind = \"linear\", out = 5 }}"), "", "10 classes"),
        ("{ kind = \"conv2d\", out = 10, kernel = 3 }".to_owned(), "", "10 classes"),
        (format!("{flat}, {linear}{}", format!(", {linear}").repeat(40_000)), "", "at most 4096"),
        (
            format!(
                "{flat}, {}{}",
                "{ kind = \"residual\", body = [".repeat(deep),
                "]}".repeat(deep)
            ),
            "",
            "line 3",
        ),
        (
            format!(
                "{flat}, {{ kind = \"linear\", name = \"good.a\", out = 10 }}, {{ kind = \"linear\", name = \"a\", out = 10 }}"
            ),
            "",
            "good.a.weight",
        ),
        (
            format!("{flat}, {{ kind = \"select\", indices = [9999999999] }}, {linear}"),
            "",
            "below 64",
        ),
    ] {
        folder.write(
            "r.toml",
            &format!("name = \"h\"\n[model]\nlayer = [{layers}]\n[train]\n{train}\n"),
        );
        folder.refuses("train r.toml --out run --threads 2", tells);
        assert!(!folder.path("run").exists(), "a training that cannot start leaves no folder");
    }
    for key in ["[[model.layer", "[a", "a"] {
        let close = if key.starts_with("[[") {
            "]]"
        } else if key == "a" {
            " = 1"
        } else {
            "]"
        };
        folder.write("r.toml", &format!("{key}{}{close}\n", ".body".repeat(100_000)));
        folder.refuses("train r.toml --out run", "r.toml");
    }
    let file = fs::File::create(folder.path("r.toml")).unwrap();
    file.set_len(100 << 20).unwrap();
    folder.refuses("train r.toml", "104857600 bytes");
}

#[test]
fn only_regular_files_are_read() {
    let folder = Folder::new("hostile-files");
    folder.fifo("pipe");
    folder.fifo("pipe.toml");
    folder.model(LINEAR, &TENSORS, &[]);
    for (arguments, tells) in [
        ("train pipe.toml", "a device or a pipe"),
        ("train /dev/zero", "a device or a pipe"),
        ("compare pipe.toml", "a device or a pipe"),
        ("train . --out new", "a folder"),
        ("train --weights pipe --out new", "no regular file"),
        ("train --weights /dev/zero --out new", "no regular file"),
        ("train --data csv:pipe --out new", "a device or a pipe"),
        ("inspect pipe", "no regular file"),
        ("eval /dev/zero", "no regular file"),
        ("predict run pipe", "a device or a pipe"),
        ("predict run /dev/zero", "a device or a pipe"),
    ] {
        folder.refuses(arguments, tells);
    }
    assert!(!folder.path("new").exists());
}

#[test]
fn files_of_a_run_are_regular_and_their_numbers_possible() {
    let folder = Folder::new("hostile-run");
    assert_eq!(folder.run("train --epochs 3 --stop-after 5 --out run --threads 2").code, 130);
    let state = folder.checkpoint("run/state.safetensors");
    for (name, text, tells) in [
        ("optimizer.steps", "18446744073709551615", "\"optimizer.steps\""),
        ("epoch", "4294967295", "past the end"),
        ("run.certificates", "[]", "\"run.certificates\""),
        ("run.seconds", "none", "\"run.seconds\""),
    ] {
        let mut changed = state.clone();
        changed.note(name, text);
        checkpoint::write(&folder.path("run/state.safetensors"), &changed).unwrap();
        folder.refuses("train --resume run --threads 2", tells);
    }
    let mut changed = state.clone();
    changed.note("run.seconds", "1e19");
    changed.note("run.seen", u64::MAX);
    checkpoint::write(&folder.path("run/state.safetensors"), &changed).unwrap();
    folder.done("train --resume run --threads 2");
    folder.fifo("run/metrics.jsonl");
    folder.refuses("report run --threads 2", "a device or a pipe");
}

#[test]
fn list_of_trainings_is_held_to_the_limits_of_the_flags() {
    let folder = Folder::new("hostile-grid");
    fs::create_dir(folder.path("c")).unwrap();
    folder.write("c/recipe.toml", "name = \"h\"\n[model]\nzoo = \"digits-conv\"\n");
    for kind in ["compare", "sweep"] {
        let good = ["families = [\"l1\"]", "points = 2", "seeds = [1]"];
        for (line, tells) in [
            ("points = 0", "1 to 1000"),
            ("points = 100000000", "1 to 1000"),
            ("points = 9223372036854775807", "1 to 1000"),
            ("lambdas = []", "1 to 1000"),
            ("lambdas = [nan]", "above 0"),
            ("lambdas = [inf]", "above 0"),
            ("lambdas = [-1.0]", "above 0"),
            ("lambdas = [1e-4, 1e-3, 1e-4]", "found 1e-4 again"),
            ("seeds = []", "1 to 1000"),
            ("seeds = [2, 1, 1]", "found 1 again"),
            ("families = []", "families"),
            ("families = [\"l1\", \"l1\"]", "each once"),
            ("tolerance = nan", "0 to 100"),
            ("keep = 2.0", "up to 1"),
        ] {
            let key = line.split(' ').next().unwrap();
            let others = good.iter().filter(|other| !other.starts_with(key));
            let lines: Vec<&str> = others.copied().chain([line]).collect();
            let text = format!("kind = \"{kind}\"\n{}\n", lines.join("\n"));
            folder.write(&format!("c/{kind}.toml"), &text);
            folder.refuses(&format!("{kind} --resume c --threads 2"), tells);
        }
        let seeds: Vec<String> = (0..1000).map(|n: u32| n.to_string()).collect();
        let seeds = seeds.join(", ");
        let text =
            format!("kind = \"{kind}\"\nfamilies = [\"l1\"]\npoints = 1000\nseeds = [{seeds}]\n");
        folder.write(&format!("c/{kind}.toml"), &text);
        folder.refuses(&format!("{kind} --resume c --threads 2"), "at most 100000");
        folder.fifo(&format!("c/{kind}.toml"));
        folder.refuses(&format!("{kind} --resume c --threads 2"), "no regular file");
    }
}
