//! Paths as people spell them.

use crate::compare::SMALL;
use crate::support::{Folder, Ran};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

const COMPARE: &str = "compare small.toml --families none,l1 --lambdas 1e-3 --seeds 1 --epochs 1 \
                       --threads 1 --quiet --stop-after 14";

/// The folder of a comparison, stopped in its first training, and that training's.
fn stopped(name: &str) -> (Folder, PathBuf) {
    let folder = Folder::new(name);
    folder.write("small.toml", SMALL);
    assert_eq!(folder.run(&format!("{COMPARE} --out cmp")).code, 130);
    let cell = fs::read_dir(folder.path("cmp/cells")).unwrap().next().unwrap().unwrap();
    let cell = PathBuf::from("cmp/cells").join(cell.file_name());
    (folder, cell)
}

#[test]
fn comparison_knows_its_training_however_its_path_was_spelt() {
    let (folder, cell) = stopped("spelling");
    let place = folder.path(cell.to_str().unwrap());
    let cell = cell.to_str().unwrap();
    symlink(&place, folder.path("link")).unwrap();
    let same = format!("{cell}/../{}/.//", place.file_name().unwrap().to_str().unwrap());
    for spelling in [cell, &format!("{cell}/"), &same, "link", "link/"] {
        // Finished already, it is concluded again.
        let json = folder.done(&format!("train --resume {spelling} --quiet --json")).json();
        let run = json["run"].as_str().unwrap();
        assert!(place.ends_with(run.rsplit('/').next().unwrap()), "{spelling}: {run}");
        folder.done("compare --resume cmp --quiet --budget 0s");
    }
    let mut command = folder.command("train --resume . --quiet");
    let ran = Ran::of(command.current_dir(&place).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    folder.done("compare --resume cmp --quiet --threads 1");
}

#[test]
fn training_of_a_comparison_may_lie_behind_a_link() {
    let (folder, cell) = stopped("cell-link");
    let place = folder.path(cell.to_str().unwrap());
    fs::rename(&place, folder.path("elsewhere")).unwrap();
    symlink(folder.path("elsewhere"), &place).unwrap();
    folder.done("compare --resume cmp --quiet --threads 1");
    folder.done("compare --resume cmp --quiet --threads 1");
    // Another's summary is still refused.
    let summary = fs::read_to_string(folder.path("elsewhere/summary.json")).unwrap();
    assert!(summary.contains("/elsewhere\""), "{summary}");
    folder.write("elsewhere/summary.json", &summary.replace("/elsewhere\"", "/l1-1e-2-1\""));
    let ran = folder.run("compare --resume cmp --quiet");
    assert!(ran.code == 1 && ran.err.contains("the file of another training"), "{}", ran.err);
}

#[test]
fn argument_that_is_no_text_is_named() {
    let folder = Folder::new("no-text");
    let word = std::ffi::OsStr::from_bytes(b"csv:d\xff/p.csv");
    for (arguments, place) in [("train --data", "--data"), ("train", "train")] {
        let ran = Ran::of(folder.command(arguments).arg(word).output().unwrap());
        assert_eq!(ran.code, 2, "{}", ran.err);
        for part in ["csv:d\\xFF/p.csv", place, "UTF-8", "rename"] {
            assert!(ran.err.contains(part), "{part} should be in {}", ran.err);
        }
    }
}

#[test]
fn training_that_diverged_is_known_however_its_path_was_spelt() {
    let folder = Folder::new("spelling-diverged");
    folder.write("small.toml", SMALL);
    let flags = "--families l1 --lambdas 1e-3 --seeds 1 --epochs 1 --eta 1e30 --threads 1 --quiet";
    assert_eq!(folder.run(&format!("compare small.toml {flags} --out cmp")).code, 1);
    let place = folder.path("cmp/cells/l1-1e-3-1");
    let mut command = folder.command("train --resume . --quiet");
    assert_eq!(command.current_dir(&place).output().unwrap().status.code(), Some(1));
    let ran = folder.run("compare --resume cmp --quiet");
    assert!(!ran.err.contains("another training"), "{}", ran.err);
}
