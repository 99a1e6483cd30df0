//! Valid files of the program's own making, from its own commands on tiny networks.
//!
//! Numbers that depend on the clock are fixed, so that runs of one seed read the same inputs.

use crate::note::folder;
use proxtape::checkpoint;
use serde_json::Value;
use std::fs;
use std::io::{self, Error};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The first argument with which this binary is the program itself.
pub(crate) const PROGRAM: &str = "proxtape";

const IMAGES: &str = include_str!("seeds/images.toml");
const TABLE: &str = include_str!("seeds/table.toml");
/// A table whose classes follow from its first column.
const ROWS: &str = include_str!("seeds/table.csv");

/// The commands, in the folder of the seeds.
const COMMANDS: [&[&str]; 5] = [
    &["train", "images.toml", "--out", "images"],
    &["train", "table.toml", "--out", "table"],
    &["compact", "images"],
    &["export", "images", "--to", "images.onnx"],
    &[
        "compare",
        "table.toml",
        "--families",
        "l1,magnitude",
        "--grid",
        "2",
        "--seeds",
        "1",
        "--out",
        "compare",
    ],
];

fn place() -> PathBuf {
    folder().join("seeds")
}

/// Makes all files anew.
pub(crate) fn make() -> io::Result<()> {
    let folder = place();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for (name, text) in [("images.toml", IMAGES), ("table.toml", TABLE), ("table.csv", ROWS)] {
        fs::write(folder.join(name), text)?;
    }
    let program = std::env::current_exe()?;
    for words in COMMANDS {
        let mut command = Command::new(&program);
        command.arg(PROGRAM).args(words).args(["--threads", "1"]).current_dir(&folder);
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(Error::other(format!("{}: {errors}", words.join(" "))));
        }
    }
    for file in ["images/state.safetensors", "table/state.safetensors"] {
        settle_state(&folder.join(file)).map_err(Error::other)?;
    }
    for file in ["images/summary.json", "table/summary.json", "compare/compare.json"] {
        settle_lines(&folder.join(file))?;
    }
    settle_lines(&folder.join("images/metrics.jsonl"))
}

/// A file of [`make`].
pub(crate) fn file(name: &str) -> Vec<u8> {
    let path = place().join(name);
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Sets the times in a state.
fn settle_state(path: &Path) -> Result<(), checkpoint::FileError> {
    let mut state = checkpoint::read(path)?;
    let times = state.texts.iter_mut().filter(|(key, _)| is_time(key));
    times.for_each(|(_, value)| *value = "0.5".to_owned());
    checkpoint::write(path, &state)
}

/// Sets the times in lines of JSON.
fn settle_lines(path: &Path) -> io::Result<()> {
    let mut text = String::new();
    for line in fs::read_to_string(path)?.lines() {
        let mut value: Value = serde_json::from_str(line)?;
        settle(&mut value, false);
        text.push_str(&format!("{value}\n"));
    }
    fs::write(path, text)
}

fn settle(value: &mut Value, in_time: bool) {
    match value {
        Value::Number(_) if in_time => *value = Value::from(0.5),
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, in_time)),
        Value::Object(members) => {
            members.iter_mut().for_each(|(key, value)| settle(value, in_time || is_time(key)));
        }
        _ => {}
    }
}

fn is_time(key: &str) -> bool {
    key.contains("second") || key.contains("latency")
}
