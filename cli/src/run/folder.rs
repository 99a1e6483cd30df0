//! A run: one folder that one process at a time trains in. The commands that read a model and write
//! their own files beside it (`compact`, `export`, `report`) need no lock: files are whole whenever
//! they have their names.

mod lock;

use crate::failure::Failure;
use crate::output::shell;
use crate::output::terminal::Terminal;
use crate::run::model_file::Trained;
use crate::system::file::{is_there, refused};
use crate::system::final_note;
use lock::Lock;
use proxtape::checkpoint::is_temporary;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of runs that are given none.
const RUNS: &str = "runs";

/// The folder of a run, and the files in it.
#[derive(Clone, Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    /// Of one that is worked in.
    lock: Option<Arc<Lock>>,
}

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
                        Ok(()) => return RunFolder::lock(&folder),
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
        // First the lock: of two processes that find the folder empty, one goes on.
        let run = RunFolder::lock(folder)?;
        let mut is_empty = true;
        for entry in fs::read_dir(folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            is_empty &= name == lock::NAME || is_temporary(&name);
        }
        if !is_empty {
            return Err(Failure::failed(format!(
                "{}: expected a new or empty folder, found files; name another, or go on with a \
                 run by --resume {}",
                folder.display(),
                shell::word(folder)
            )));
        }
        Ok(run)
    }

    /// The folder of a run that was begun, to go on in.
    pub(crate) fn open(folder: &Path) -> Result<RunFolder, Failure> {
        if !is_there(&RunFolder::at(folder).recipe())? {
            return Err(Failure::failed(format!(
                "{}: expected the folder of a run with recipe.toml and state.safetensors; found {}",
                folder.display(),
                if folder.is_dir() { "a folder without them" } else { "no such folder" }
            )));
        }
        let run = RunFolder::lock(folder)?;
        // To start anew would overwrite the model. Without a state that is right where it is still the one of
        // the start, as it is where the training diverged before an epoch ended well. Lines of metrics alone
        // may be those of a process that was killed before it had saved anything.
        if !is_there(&run.state())? && (is_there(&run.summary())? || run.is_trained()?) {
            return Err(Failure::failed(format!(
                "{}: expected the state of the run beside what it has reached, found none; put it back, \
                 or train into another folder by `proxtape train {} --out FOLDER`",
                run.state().display(),
                shell::word(&run.recipe())
            )));
        }
        Ok(run)
    }

    /// Whether its model is another than that of the start.
    fn is_trained(&self) -> Result<bool, Failure> {
        let model = self.model();
        Ok(is_there(&model)? && !Trained::read(&model)?.is_at_the_start()?)
    }

    /// A folder, once no other process works in it.
    pub(crate) fn lock(folder: &Path) -> Result<RunFolder, Failure> {
        let lock = Some(Arc::new(Lock::take(folder)?));
        final_note::about(folder);
        Ok(RunFolder { path: folder.to_path_buf(), lock })
    }

    /// Prints a note where another process could work in the folder, too.
    pub(crate) fn note_lock(&self, terminal: Terminal) {
        if let Some(e) = self.lock.as_ref().and_then(|lock| lock.missing.as_ref()) {
            terminal.say(format_args!(
                "note: {}: the file system has no locks ({e}); see that no other process works there",
                self.path.display()
            ));
        }
    }

    /// A folder that may lack files.
    pub(crate) fn at(folder: &Path) -> RunFolder {
        RunFolder { path: folder.to_path_buf(), lock: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the run: its path, which ends with the folder's own name however it was spelt, by `.`,
    /// `..`, a slash at the end, or a link.
    pub(crate) fn named(&self) -> PathBuf {
        let own = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let given: PathBuf = self.path.components().collect();
        if given.file_name() == own.file_name() { given } else { own }
    }

    pub(crate) fn recipe(&self) -> PathBuf {
        self.path.join("recipe.toml")
    }

    pub(crate) fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    pub(crate) fn model(&self) -> PathBuf {
        model_of(&self.path)
    }

    /// The object of `train --json`, from when the training is done.
    pub(crate) fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// Why there is no summary, where the training has diverged.
    pub(crate) fn diverged(&self) -> PathBuf {
        self.path.join("diverged.txt")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path.join("state.safetensors")
    }
}

/// The model file in a folder.
fn model_of(folder: &Path) -> PathBuf {
    folder.join("model.safetensors")
}

/// The model file that a run folder or a file names.
pub(crate) fn model_path(run_or_file: &Path) -> Result<PathBuf, Failure> {
    if run_or_file.is_dir() {
        return Ok(model_of(run_or_file));
    }
    match is_there(run_or_file)? {
        true => Ok(run_or_file.to_path_buf()),
        false => Err(Failure::failed(format!(
            "{}: expected a run folder or a model file, found nothing of this name",
            run_or_file.display()
        ))),
    }
}

/// An error unless a file in a run folder is of that run. The folder may have moved, or lie behind a link, so
/// its own name counts: that of a trial has the method, the strength and the seed.
pub(crate) fn expect_own(
    path: &Path,
    place: &str,
    found: &str,
    folder: &Path,
) -> Result<(), Failure> {
    let behind = fs::canonicalize(folder).ok();
    let is_own = |folder: &Path| folder.file_name() == Some(OsStr::new(found));
    match is_own(folder) || behind.is_some_and(|folder| is_own(&folder)) {
        true => Ok(()),
        false => Err(Failure::failed(format!(
            "{}: {place}: expected {}, found {found}: the file of another training, or the folder \
             had this name; put its own back, or remove the file, and what it tells will be found out again",
            path.display(),
            folder.file_name().unwrap_or_default().display()
        ))),
    }
}
