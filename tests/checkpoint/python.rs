//! Files go both ways between this crate and the package `safetensors` of Python.
//!
//! `PROXTAPE_PYTHON` names the interpreter, which must then have the packages; without it the test
//! takes `python3`, and is skipped where that is missing or has not.

use super::state_dict::{model, values};
use super::{Folder, awkward, bits};
use proxtape::checkpoint;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// The interpreter, or why there is none.
fn python() -> Result<String, String> {
    let named = std::env::var("PROXTAPE_PYTHON");
    let python = named.clone().unwrap_or_else(|_| "python3".to_owned());
    let probe = Command::new(&python).args(["-c", "import numpy, safetensors.numpy"]).output();
    let why = match probe {
        Ok(output) if output.status.success() => return Ok(python),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            text.lines().last().unwrap_or("no reason given").to_owned()
        }
        Err(error) => error.to_string(),
    };
    assert!(named.is_err(), "PROXTAPE_PYTHON={python} cannot be used: {why}");
    Err(format!("{python}: {why}; pip install safetensors numpy, and name it by PROXTAPE_PYTHON"))
}

#[test]
fn python_reads_ours_and_we_read_python() {
    let python = match python() {
        Ok(python) => python,
        // Straight to the stream: the harness shows no print of a test that passes.
        Err(why) => {
            let _ =
                writeln!(std::io::stderr(), "SKIPPED python_reads_ours_and_we_read_python: {why}");
            return;
        }
    };
    let folder = Folder::new("python");
    let ours = awkward();
    checkpoint::write(&folder.path("ours.safetensors"), &ours).unwrap();
    let tensors = bits(&ours).into_iter();
    let tensors: Vec<_> = tensors
        .map(|(name, shape, bits)| json!({"name": name, "shape": shape.dims(), "bits": bits}))
        .collect();
    let told = json!({"tensors": tensors, "texts": ours.texts});
    fs::write(folder.path("ours.json"), told.to_string()).unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoint/peer.py");
    let output = Command::new(python).arg(script).arg(&folder.0).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the script failed:\n{said}");

    let theirs = checkpoint::read(&folder.path("theirs.safetensors")).unwrap();
    let told = fs::read_to_string(folder.path("theirs.json")).unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    let tensors = told["tensors"].as_array().unwrap();
    assert_eq!(tensors.len(), theirs.tensors.len());
    for tensor in tensors {
        let (shape, values) = theirs.get(tensor["name"].as_str().unwrap()).unwrap();
        assert_eq!(json!(shape.dims()), tensor["shape"], "{}", tensor["name"]);
        let bits: Vec<u32> = values.iter().map(|x| x.to_bits()).collect();
        assert!(json!(bits) == tensor["bits"], "{} has other values", tensor["name"]);
    }
    assert_eq!(json!(theirs.texts), told["texts"]);

    let mut params = model();
    let path = folder.path("state_dict.safetensors");
    let loaded = checkpoint::load_state_dict(&path, &mut params).unwrap();
    assert_eq!((loaded.tensors, loaded.ignored, &*loaded.prefix), (3, 1, "module."));
    assert_eq!(values(&params), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
}
