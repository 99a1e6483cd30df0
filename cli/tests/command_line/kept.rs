//! What a run has kept is not overwritten, nor believed where it does not fit.

use crate::support::{Folder, RECIPE};
use std::fs;

fn trained(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("r.toml", RECIPE);
    folder.done("train r.toml --epochs 3 --out run");
    folder
}

#[test]
fn export_leaves_the_files_that_a_run_goes_on_from() {
    let folder = trained("kept-export");
    folder.done("train r.toml --epochs 1 --seed 2 --out other");
    for file in ["run/state.safetensors", "other/model.safetensors", "other/state.safetensors"] {
        let before = fs::read(folder.path(file)).unwrap();
        let ran = folder.run(&format!("export run --to {file}"));
        assert_eq!(ran.code, 1, "{file}: {}", ran.err);
        assert!(ran.err.contains(file) && ran.err.contains("name another file"), "{}", ran.err);
        assert_eq!(fs::read(folder.path(file)).unwrap(), before, "{file}");
    }
}

#[test]
fn run_that_lost_its_state_keeps_its_model() {
    let folder = trained("kept-model");
    let before = fs::read(folder.path("run/model.safetensors")).unwrap();
    fs::remove_file(folder.path("run/state.safetensors")).unwrap();
    let ran = folder.run("train --resume run");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("state.safetensors"), "{}", ran.err);
    assert_eq!(fs::read(folder.path("run/model.safetensors")).unwrap(), before);
}

#[test]
fn folder_of_many_trainings_is_no_run() {
    let folder = trained("kept-many");
    for command in ["compare", "sweep"] {
        folder.write(&format!("run/{command}.toml"), "");
        let ran = folder.run("train --resume run");
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.err.contains(&format!("proxtape {command} --resume run")), "{}", ran.err);
        fs::remove_file(folder.path(&format!("run/{command}.toml"))).unwrap();
    }
}

#[test]
fn lines_of_metrics_are_those_of_one_run_in_order() {
    let folder = trained("kept-metrics");
    let file = folder.path("run/metrics.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let first = text.lines().next().unwrap();
    let begun = format!("{text}{{\"epo");
    for (lines, tells) in [
        (format!("{text}{first}\n"), "line 4"),
        (text.replacen("\"accuracy\":", "\"accuracy\":1e308, \"x\":", 1), "line 1"),
        (format!("{text}[]"), "the last line"),
        ("[[[[[".to_owned(), "the last line"),
    ] {
        fs::write(&file, &lines).unwrap();
        for command in ["report run", "train --resume run"] {
            let ran = folder.run(command);
            assert_eq!(ran.code, 1, "`{command}` of {lines}: {}", ran.err);
            assert!(ran.err.contains("metrics.jsonl") && ran.err.contains(tells), "{}", ran.err);
            assert_eq!(fs::read_to_string(&file).unwrap(), lines);
        }
    }
    // One that a killed process has left unfinished is as good as none.
    fs::write(&file, begun).unwrap();
    folder.done("report run");
}

#[cfg(unix)]
#[test]
fn lock_that_is_a_link_leaves_what_it_points_to() {
    let folder = Folder::new("kept-link");
    folder.write("r.toml", RECIPE);
    folder.write("precious", "mine");
    fs::create_dir(folder.path("run")).unwrap();
    std::os::unix::fs::symlink(folder.path("precious"), folder.path("run/.lock")).unwrap();
    let ran = folder.run("train r.toml --epochs 1 --out run");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(fs::read_to_string(folder.path("precious")).unwrap(), "mine");
}

#[cfg(unix)]
#[test]
fn folder_whose_name_is_no_text_goes_on() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new("kept-name");
    folder.write("r.toml", RECIPE);
    let out = std::ffi::OsStr::from_bytes(b"\xff run");
    let ended = |arguments: &str, flag: &str| {
        folder.command(arguments).arg(flag).arg(out).output().unwrap().status.code()
    };
    assert_eq!(ended("train r.toml --epochs 2 --stop-after 5", "--out"), Some(130));
    assert_eq!(ended("train", "--resume"), Some(0));
}
