//! The weights that a training starts from: a state_dict of PyTorch, known by a hash of its file.
//!
//! ```text
//! weights_hash = XXH3 (128 bits, in hex) over the bytes of the file
//! ```
//!
//! The recipe keeps it beside the path from when it is resolved, and with the recipe a run, its state, its
//! model and a comparison do. So a run that was never saved, and the trainings of a comparison that are
//! still to come, start from the same weights or not at all.

use crate::failure::Failure;
use crate::output::terminal::Terminal;
use crate::recipe::{Model, at_home};
use crate::run::origin::short;
use crate::system::file;
use crate::system::file::refused;
use proxtape::{Params, checkpoint};
use std::io::Read;
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// Names the weights of a recipe, if it has some, by a path that does not depend on the working folder,
/// and by their hash.
pub(crate) fn resolve(model: &mut Model) -> Result<(), Failure> {
    let Some(path) = model.weights.take() else { return Ok(()) };
    let path = at_home(path);
    let path = std::path::absolute(&path).unwrap_or(path);
    model.weights_hash = Some(expect(&path, model.weights_hash.as_deref())?);
    model.weights = Some(path);
    Ok(())
}

/// Loads the weights that a recipe names.
pub(crate) fn load(
    path: &Path,
    model: &Model,
    params: &mut Params,
    terminal: Terminal,
) -> Result<(), Failure> {
    let expected = model.weights_hash.as_deref();
    expect(path, expected)?;
    if expected.is_none() {
        terminal.say(format_args!(
            "note: {}: the recipe keeps no hash of its weights, so whether they are still the same is \
             not known",
            path.display()
        ));
    }
    let loaded = checkpoint::load_state_dict(path, params)?;
    note_vanished(path, &loaded.vanished, terminal);
    Ok(())
}

/// Prints the tensors of a file with values that became 0, and their number.
pub(crate) fn note_vanished(path: &Path, tensors: &[(String, usize)], terminal: Terminal) {
    for (name, n) in tensors {
        terminal.say(format_args!(
            "note: {}: tensor {name:?}: {n} of its values are too small for a normal f32 (1.2e-38), and \
             are taken as 0",
            path.display()
        ));
    }
}

/// The hash of a file, which must be this, where one is known.
fn expect(path: &Path, expected: Option<&str>) -> Result<String, Failure> {
    let found = hash(path).map_err(|e| refused(path, "a safetensors file", &e))?;
    match expected {
        Some(expected) if expected != found => Err(Failure::failed(format!(
            "{}: expected the weights that the recipe was started with ({}), found others ({}): they \
             have changed since; put the old file back, or start anew with these by --weights",
            path.display(),
            short(expected),
            short(&found)
        ))),
        _ => Ok(found),
    }
}

fn hash(path: &Path) -> std::io::Result<String> {
    let (mut file, _) = file::open(path)?;
    let mut hash = Xxh3::new();
    let mut bytes = vec![0; 1 << 16];
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(format!("{:032x}", hash.digest128())),
            n => hash.update(&bytes[..n]),
        }
    }
}
