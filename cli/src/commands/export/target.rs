//! The file that an export is written to.

use crate::args::target::{Format, Target};
use crate::failure::Failure;
use crate::system::file::{is_there, refused};
use proxtape_export::rust;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The file, for the model of this path.
pub(super) fn path(target: &Target, model: &Path) -> Result<PathBuf, Failure> {
    let beside = || match target.format {
        // The model itself has the name already.
        Format::Safetensors => {
            let mut name = model.file_stem().unwrap_or_default().to_owned();
            name.push("-export.safetensors");
            model.with_file_name(name)
        }
        Format::Onnx => model.with_extension("onnx"),
        Format::Rust => model.with_extension("rs"),
    };
    let path = target.file.clone().unwrap_or_else(beside);
    let same = |a: &Path, b: &Path| Some(a.canonicalize().ok()? == b.canonicalize().ok()?);
    if same(&path, model) == Some(true) {
        let path = path.display();
        return Err(Failure::failed(format!("{path}: is the model itself; name another file")));
    }
    let run = ["model.safetensors", "model-compact.safetensors", "state.safetensors"];
    let own = path.file_name().is_some_and(|name| run.iter().any(|own| name == *own));
    if own && is_there(&path.with_file_name("recipe.toml"))? {
        return Err(Failure::failed(format!(
            "{}: expected a file that no run keeps, found one that the run in this folder goes on \
             from; name another file",
            path.display()
        )));
    }
    // Somebody's program would be gone.
    if target.format == Format::Rust && is_there(&path)? && !is_ours(&path)? {
        return Err(Failure::failed(format!(
            "{}: expected no file, or one that `proxtape export` wrote; found another; name a \
             new one",
            path.display()
        )));
    }
    Ok(path)
}

/// Whether a file begins as `export` begins one; a pipe or a folder does not.
fn is_ours(path: &Path) -> Result<bool, Failure> {
    let failed = |e| refused(path, "no file, or one that `proxtape export` wrote", &e);
    let mut start = Vec::new();
    if path.metadata().map_err(failed)?.is_file() {
        let file = File::open(path).map_err(failed)?;
        file.take(rust::MARK.len() as u64).read_to_end(&mut start).map_err(failed)?;
    }
    Ok(start == rust::MARK.as_bytes())
}
