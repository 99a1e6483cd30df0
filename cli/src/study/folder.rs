//! The folder of a study.
//!
//! ```text
//! recipe.toml                 the recipe that all share, as resolved
//! compare.toml                the grid: methods, strengths, seeds (sweep.toml for a sweep)
//! cells/METHOD-LAMBDA-SEED/   the run folder of a training, as `train` leaves it; it is finished when
//!                             summary.json is there (or diverged.txt, with the reason)
//!                             compact.json, the object of `compact --json`
//! compare.json .md .csv       the tables
//! ```

use super::{Grid, Kind, Trial};
use crate::failure::Failure;
use crate::output::escape;
use crate::output::terminal::Terminal;
use crate::recipe::{self, Location, Recipe, is_same};
use crate::run::folder::RunFolder;
use crate::run::origin;
use crate::run::samples::{gone, read};
use crate::system::draft::write_text;
use crate::system::file;
use crate::system::file::{is_there, refused};
use core::fmt::Display;
use proxtape::data::Source;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder, with its recipe and its grid.
#[derive(Debug)]
pub(crate) struct Folder {
    /// One process at a time runs its trainings.
    folder: RunFolder,
    pub(crate) recipe: Recipe,
    pub(crate) grid: Grid,
}

impl Folder {
    /// A new folder; or one that holds the same recipe and grid, to go on with.
    pub(crate) fn start(out: Option<&Path>, recipe: Recipe, grid: Grid) -> Result<Folder, Failure> {
        let kind = grid.kind;
        grid.check().map_err(Failure::usage)?;
        if let Some(path) = out
            && is_there(&grid_of(path, kind))?
        {
            if !is_there(&recipe_of(path))? {
                let folder = RunFolder::lock(path)?;
                write_text(&folder.recipe(), &recipe.to_toml())?;
            }
            let mut saved = Folder::open(path, kind)?;
            saved.expect_data(grid.data_hash.as_deref())?;
            saved.grid.data_hash.clone_from(&grid.data_hash);
            // The same data may be named at another place, which is remembered.
            if is_same(&saved.recipe.to_toml(), &recipe.to_toml()) && saved.recipe != recipe {
                write_text(&recipe_of(path), &recipe.to_toml())?;
                saved.recipe = recipe.clone();
            }
            let pairs = [(recipe_of(path), saved.recipe.to_toml(), recipe.to_toml()), {
                (grid_of(path, kind), text(&saved.grid)?, text(&grid)?)
            }];
            for (file, saved, asked) in pairs {
                same(&file, &saved, &asked)?;
            }
            return Ok(saved);
        }
        let folder = RunFolder::create(out, &format!("{}-{}", recipe.name, kind.name()))?;
        // The grid first: with it, a process that is killed here leaves a folder to start again in.
        write_text(&grid_of(folder.path(), kind), &text(&grid)?)?;
        write_text(&folder.recipe(), &recipe.to_toml())?;
        Ok(Folder { folder, recipe, grid })
    }

    /// A folder that was started.
    pub(crate) fn open(path: &Path, kind: Kind) -> Result<Folder, Failure> {
        let file = grid_of(path, kind);
        if !is_there(&file)? {
            return Err(Failure::failed(format!(
                "{}: expected the folder of a {1} with {1}.toml and recipe.toml; found {2}",
                path.display(),
                kind.name(),
                if path.is_dir() { "a folder without them" } else { "no such folder" }
            )));
        }
        let folder = RunFolder::lock(path)?;
        let text = |file: &Path| {
            let expected = "a text of TOML that `proxtape` wrote there";
            file::text(file, file::RECIPE).map_err(|e| refused(file, expected, &e))
        };
        let failed = |what: &dyn Display| Failure::failed(format!("{}: {what}", file.display()));
        let grid: Grid = toml::from_str(&text(&file)?).map_err(|e| failed(&e.message()))?;
        if grid.kind != kind {
            let [expected, found] = [kind, grid.kind].map(Kind::name);
            return Err(failed(&format_args!("expected kind \"{expected}\", found \"{found}\"")));
        }
        grid.check().map_err(|what| failed(&what))?;
        let file = recipe_of(path);
        let recipe = recipe::parse(&file.display().to_string(), &text(&file)?)?;
        Ok(Folder { folder, recipe, grid })
    }

    /// A folder to go on with, and its data: where its recipe says, or at the given location, which
    /// is remembered.
    pub(crate) fn resume(
        path: &Path,
        kind: Kind,
        moved: Option<&Location>,
        terminal: Terminal,
    ) -> Result<(Folder, Arc<Source>), Failure> {
        let mut folder = Folder::open(path, kind)?;
        folder.recipe.data.move_to(moved);
        let data = &folder.recipe.data;
        let source = Arc::new(read(data).map_err(|e| gone(e, data))?);
        folder.expect_data(Some(&origin::hash(&source)))?;
        if folder.grid.data_hash.is_none() {
            terminal.say(format_args!(
                "note: {}: it keeps no hash of its data, so whether {} still holds it is not known",
                grid_of(path, kind).display(),
                folder.recipe.data.source
            ));
        }
        if moved.is_some() {
            write_text(&recipe_of(path), &folder.recipe.to_toml())?;
        }
        Ok((folder, source))
    }

    /// An error if the trainings of the folder are known to be of other data.
    fn expect_data(&self, found: Option<&str>) -> Result<(), Failure> {
        match (&self.grid.data_hash, found) {
            (Some(expected), Some(found)) if expected != found => {
                let source = self.recipe.data.source.to_string();
                let of = format!("{}, which was started with it", self.path().display());
                let hashes = [expected, found].map(origin::short);
                Err(origin::changed(&source, &of, [&hashes[0], &hashes[1]]))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Prints a note where another process could work in the folder, too.
    pub(crate) fn note_lock(&self, terminal: Terminal) {
        self.folder.note_lock(terminal);
    }

    /// The run folder of a training.
    pub(crate) fn trial(&self, trial: &Trial) -> PathBuf {
        self.path().join(Folder::run(trial))
    }

    /// The same, from this folder.
    pub(crate) fn run(trial: &Trial) -> String {
        format!("cells/{}", trial.name())
    }

    /// A table: `compare.md`.
    pub(crate) fn table(&self, ending: &str) -> PathBuf {
        self.path().join(format!("{}.{ending}", self.grid.kind.name()))
    }
}

fn recipe_of(path: &Path) -> PathBuf {
    path.join("recipe.toml")
}

fn grid_of(path: &Path, kind: Kind) -> PathBuf {
    path.join(format!("{}.toml", kind.name()))
}

fn text(grid: &Grid) -> Result<String, Failure> {
    toml::to_string(grid).map(|text| escape::toml(&text)).map_err(Failure::failed)
}

/// An error unless the new text is the saved one; it has the lines that differ.
pub(crate) fn same(file: &Path, saved: &str, asked: &str) -> Result<(), Failure> {
    if saved == asked {
        return Ok(());
    }
    let only = |a: &str, b: &str| {
        let lines = a.lines().filter(|line| !b.lines().any(|other| other == *line));
        let lines: Vec<_> = lines.collect();
        if lines.is_empty() { "nothing more".to_owned() } else { lines.join(", ") }
    };
    Err(Failure::failed(format!(
        "{}: expected what was started there ({}), found another ({}); go on with it as it is by \
         --resume, or name another folder",
        file.display(),
        only(saved, asked),
        only(asked, saved)
    )))
}
