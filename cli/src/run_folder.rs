//! A run: one folder that nothing else writes to.

use crate::failure::Failure;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Where runs go unless told.
const RUNS: &str = "runs";

/// The folder of a run, and the files in it.
#[derive(Clone, Debug)]
pub(crate) struct RunFolder(PathBuf);

impl RunFolder {
    /// A new folder: `out`, which must be new or empty, or the first free `runs/NAME-N`.
    pub(crate) fn create(out: Option<&Path>, name: &str) -> Result<RunFolder, Failure> {
        match out {
            Some(folder) => RunFolder::claim(folder),
            None => {
                let failed = |e| refused(Path::new(RUNS), "a folder for runs", &e);
                fs::create_dir_all(RUNS).map_err(failed)?;
                let mut n = 1u64;
                loop {
                    let folder = Path::new(RUNS).join(format!("{name}-{n}"));
                    // Two runs that start at once cannot both make the folder.
                    match fs::create_dir(&folder) {
                        Ok(()) => return Ok(RunFolder(folder)),
                        Err(e) if e.kind() == ErrorKind::AlreadyExists => n += 1,
                        Err(e) => return Err(refused(&folder, "a folder for the run", &e)),
                    }
                }
            }
        }
    }

    fn claim(folder: &Path) -> Result<RunFolder, Failure> {
        let failed = |e| refused(folder, "a folder for the run", &e);
        fs::create_dir_all(folder).map_err(failed)?;
        if fs::read_dir(folder).map_err(failed)?.next().is_some() {
            return Err(Failure::failed(format!(
                "{}: expected a new or empty folder, found files; name another, or go on with a \
                 run by --resume {}",
                folder.display(),
                folder.display()
            )));
        }
        Ok(RunFolder(folder.to_path_buf()))
    }

    /// The folder of a run that was saved.
    pub(crate) fn open(folder: &Path) -> Result<RunFolder, Failure> {
        let run = RunFolder(folder.to_path_buf());
        match run.recipe().is_file() && run.state().is_file() {
            true => Ok(run),
            false => Err(Failure::failed(format!(
                "{}: expected the folder of a run with recipe.toml and state.safetensors; found {}",
                folder.display(),
                if folder.is_dir() { "a folder without them" } else { "no such folder" }
            ))),
        }
    }

    /// A folder that may lack files.
    pub(crate) fn at(folder: &Path) -> RunFolder {
        RunFolder(folder.to_path_buf())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn recipe(&self) -> PathBuf {
        self.0.join("recipe.toml")
    }

    pub(crate) fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    pub(crate) fn model(&self) -> PathBuf {
        model_of(&self.0)
    }

    /// The object of `train --json`, from when the training is done.
    pub(crate) fn summary(&self) -> PathBuf {
        self.0.join("summary.json")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.0.join("state.safetensors")
    }
}

/// The model file in a folder.
fn model_of(folder: &Path) -> PathBuf {
    folder.join("model.safetensors")
}

/// The model file that a run folder or a file names.
pub(crate) fn model_path(run_or_file: &Path) -> PathBuf {
    match run_or_file.is_dir() {
        true => model_of(run_or_file),
        false => run_or_file.to_path_buf(),
    }
}

/// Reads a text file that the program wrote.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|e| refused(path, "a text file", &e))
}

/// Writes a text file, at once or not at all.
pub(crate) fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|e| {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
        refused(path, "to write the file", &e)
    })
}

pub(crate) fn refused(path: &Path, expected: &str, error: &io::Error) -> Failure {
    Failure::failed(format!("{}: expected {expected}, found: {error}", path.display()))
}
