//! Runs the program in a folder of its own.

use proxtape::checkpoint::{self, Checkpoint};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder that is removed with its content at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("proxtape-cli-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The program with these arguments, to run in the folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_proxtape"));
        command.args(arguments.split_whitespace()).current_dir(&self.0).env_remove("PROXTAPE_ISA");
        command
    }

    /// Runs the program.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Runs the program, which must succeed.
    pub(crate) fn done(&self, arguments: &str) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "`{arguments}` (-1 is a signal): {}", ran.err);
        ran
    }

    pub(crate) fn checkpoint(&self, name: &str) -> Checkpoint {
        checkpoint::read(&self.path(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the program printed, and how it ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let err = text(output.stderr);
        assert!(!err.contains("panicked"), "{err}");
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err }
    }

    /// The object at the end of stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.out.lines().last().unwrap_or_default()).unwrap()
    }
}

/// The interpreter that `PROXTAPE_PYTHON` names, which must have these packages; without a name
/// `python3`, or why it is of no use.
pub(crate) fn python(packages: &[&str]) -> Result<String, String> {
    let named = std::env::var("PROXTAPE_PYTHON");
    let python = named.clone().unwrap_or_else(|_| "python3".to_owned());
    let import = format!("import {}", packages.join(", "));
    let why = match Command::new(&python).args(["-c", &import]).output() {
        Ok(output) if output.status.success() => return Ok(python),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            text.lines().last().unwrap_or("no reason given").to_owned()
        }
        Err(error) => error.to_string(),
    };
    assert!(named.is_err(), "PROXTAPE_PYTHON={python} cannot be used: {why}");
    Err(format!("{python}: {why}; name an interpreter with the packages by PROXTAPE_PYTHON"))
}

/// Says that a test did not run, straight to the stream: the harness shows no print of a test that
/// passes.
pub(crate) fn skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

/// The same tensors, bit by bit.
pub(crate) fn assert_same_bits(a: &Checkpoint, b: &Checkpoint) {
    assert_eq!(a.tensors.len(), b.tensors.len());
    for ((name, shape, x), (other, other_shape, y)) in a.tensors.iter().zip(&b.tensors) {
        assert_eq!((name, shape), (other, other_shape));
        let same = x.iter().zip(y).all(|(x, y)| x.to_bits() == y.to_bits());
        assert!(same, "tensor {name} differs");
    }
}

/// The lines of a run's metrics without their times.
pub(crate) fn metrics(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        assert!(line.as_object_mut().unwrap().remove("seconds").unwrap().is_f64());
        line
    };
    text.lines().map(line).collect()
}

/// Everything that is random or has a state: dropout, augmentation, batch norm, momentum, groups.
pub(crate) const RECIPE: &str = r#"
[data]
source = "digits"

[[model.layer]]
kind = "conv2d"
name = "conv"
out = 4
kernel = 3
padding = 1
[[model.layer]]
kind = "batch-norm"
name = "bn"
[[model.layer]]
kind = "relu"
[[model.layer]]
kind = "max-pool"
kernel = 2
[[model.layer]]
kind = "flatten"
[[model.layer]]
kind = "dropout"
p = 0.2
[[model.layer]]
kind = "linear"
name = "fc"
out = 10

[train]
epochs = 3
batch = 64
accumulate = 2
patience = 10
keep = "best"
seed = 7
augment = { shift = 1 }
optimizer = { kind = "adam" }
schedule = { eta = 0.01, kind = "cosine" }

[penalty]
family = "l11-l12"
lambda = 1e-3
"#;
