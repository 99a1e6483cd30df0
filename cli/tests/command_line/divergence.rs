//! Trainings whose loss or weights become no finite numbers.

use crate::compare::SMALL;
use crate::support::{Folder, RECIPE, assert_same_bits};
use serde_json::Value;
use std::fs;

#[test]
fn divergence_in_the_first_epoch_tells_of_no_good_epoch() {
    let folder = Folder::new("diverged-first");
    folder.write("small.toml", SMALL);
    let ran = folder.run("train small.toml --eta 1e30 --out run");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(!ran.err.contains("last good epoch"), "{}", ran.err);
    let told = "no epoch ended well, so run/model.safetensors has the weights of the start";
    assert!(ran.err.contains(told), "{}", ran.err);
    folder.done("report run");
    let page = fs::read_to_string(folder.path("run/report.html")).unwrap();
    assert!(page.contains("This training has diverged: the loss became"));
    assert!(!page.contains("not finished"), "to go on does not help");
}

/// The refit diverges, after two epochs.
#[test]
fn divergence_later_names_the_epoch_whose_model_is_kept() {
    let folder = Folder::new("diverged-later");
    let steep = "eta = 0.1\n[train.refit]\nshare = 0.5\neta = 1e30";
    folder.write("small.toml", &SMALL.replace("eta = 0.1", steep));
    let ran = folder.run("train small.toml --epochs 4 --out run");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let told = "the model of epoch 2, the last good one, is in run/model.safetensors";
    assert!(ran.err.contains(told), "{}", ran.err);
}

/// Nothing was saved but the weights of the start, and what is to be done is to change the recipe.
#[test]
fn run_that_diverged_before_its_first_save_goes_on_from_its_recipe() {
    let folder = Folder::new("diverged-resume");
    folder.write("small.toml", RECIPE);
    folder.done("train small.toml --out whole --quiet");
    folder.write("steep.toml", &RECIPE.replace("eta = 0.01", "eta = 1e30"));
    let first = folder.run("train steep.toml --out run");
    assert_eq!(first.code, 1, "{}", first.err);
    // As it is, it diverges again.
    let again = folder.run("train --resume run");
    assert_eq!(again.code, 1, "{}", again.err);
    assert_eq!(first.err.lines().last(), again.err.lines().last());
    assert!(again.err.contains("starts anew, from its recipe"), "{}", again.err);
    // With a smaller step size it trains.
    fs::copy(folder.path("whole/recipe.toml"), folder.path("run/recipe.toml")).unwrap();
    folder.done("train --resume run --quiet");
    let [a, b] = ["whole", "run"].map(|run| folder.checkpoint(&format!("{run}/state.safetensors")));
    assert_same_bits(&a, &b);
    assert!(!folder.path("run/diverged.txt").exists());
    // A state that is lost is another thing.
    fs::remove_file(folder.path("run/state.safetensors")).unwrap();
    assert_eq!(folder.run("train --resume run").code, 1);
}

/// Without it any accuracy would be within the tolerance, and the sparsest network the best.
#[test]
fn nothing_is_compared_with_a_network_that_has_diverged() {
    let folder = Folder::new("diverged-baseline");
    folder.write("small.toml", SMALL);
    let compare = "--families none,l1 --lambdas 1e-4,1e-1 --seeds 1 --threads 1 --out c";
    folder.done(&format!("compare small.toml {compare} --tolerance 100 --quiet"));
    let before = fs::read_to_string(folder.path("c/compare.md")).unwrap();
    assert!(before.contains("within 100 points") && before.contains("1e-1"), "{before}");
    let none = folder.path("c/cells/none-1");
    fs::remove_file(none.join("summary.json")).unwrap();
    fs::write(none.join("diverged.txt"), "the loss became NaN\nnone-1\n").unwrap();
    let json = folder.done("compare --resume c --json").json();
    assert_eq!(json["status"], "done");
    assert_eq!(json["tolerance"], Value::Null);
    assert_eq!(json["rows"][0]["lambda"], 1e-4, "{}", json["rows"]);
    let after = fs::read_to_string(folder.path("c/compare.md")).unwrap();
    assert!(after.contains("no tolerance applies") && !after.contains("within"), "{after}");
    assert!(!after.contains("good enough"), "{after}");
    // Of the compacted network, as the column beside it.
    let run = json["rows"][0]["macs_compact_nonzero"]["mean"].as_f64().unwrap();
    let text = fs::read_to_string(folder.path("c/cells/l1-1e-4-1/compact.json")).unwrap();
    let compact: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(compact["after"]["macs_nonzero"], run as u64);
}

#[test]
fn comparison_of_which_all_have_diverged_fails_with_its_table() {
    let folder = Folder::new("diverged-all");
    folder.write("small.toml", SMALL);
    for command in ["compare", "sweep"] {
        let families = if command == "compare" { "--families none,l1" } else { "" };
        let start = format!("{command} small.toml {families} --lambdas 1e-3 --seeds 1 --eta 1e30");
        for arguments in [
            format!("{start} --out {command} --json"),
            format!("{command} --resume {command} --json"),
        ] {
            let ran = folder.run(&arguments);
            assert_eq!(ran.code, 1, "{arguments}: {}", ran.err);
            assert!(ran.err.contains("trainings have diverged"), "{}", ran.err);
            assert!(ran.err.contains("lower the step size"), "{}", ran.err);
            assert_eq!(ran.json()["status"], "diverged");
            for ending in ["json", "md", "csv"] {
                assert!(folder.path(&format!("{command}/{command}.{ending}")).is_file());
            }
        }
    }
}

/// The numbers of one training in the folder of another.
#[test]
fn files_of_another_training_are_refused() {
    let folder = Folder::new("foreign-cells");
    folder.write("small.toml", SMALL);
    folder.done("compare small.toml --families none,l1 --lambdas 1e-2 --seeds 1 --out cmp --quiet");
    let [none, l1] = ["cmp/cells/none-1", "cmp/cells/l1-1e-2-1"].map(|cell| folder.path(cell));
    let own = fs::read(none.join("compact.json")).unwrap();
    fs::copy(l1.join("compact.json"), none.join("compact.json")).unwrap();
    let ran = folder.run("compare --resume cmp");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let told = "none-1/compact.json: \"model\": expected none-1, found l1-1e-2-1";
    assert!(ran.err.contains(told), "{}", ran.err);
    // Of the same training in another comparison.
    folder.done(
        "compare small.toml --families none,l1 --lambdas 1e-2 --seeds 1 --epochs 1 --model lenet300 --out other --quiet",
    );
    fs::copy(folder.path("other/cells/none-1/compact.json"), none.join("compact.json")).unwrap();
    let ran = folder.run("compare --resume cmp");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.err.contains("none-1/compact.json: \"weights\" before: expected 1184"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("remove the file"), "{}", ran.err);
    // What is to be done is enough.
    fs::remove_file(none.join("compact.json")).unwrap();
    folder.done("compare --resume cmp --quiet");
    fs::write(none.join("compact.json"), own).unwrap();
    folder.done("compare --resume cmp --quiet");

    // The model of another one, before it is compacted.
    fs::remove_file(none.join("compact.json")).unwrap();
    fs::copy(l1.join("model.safetensors"), none.join("model.safetensors")).unwrap();
    let ran = folder.run("compare --resume cmp");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("none-1/model.safetensors: expected the network of"), "{}", ran.err);
    // What is to be done is enough.
    fs::remove_dir_all(&none).unwrap();
    folder.done("compare --resume cmp --quiet");
}

#[test]
fn divergence_of_another_training_is_refused() {
    let folder = Folder::new("foreign-divergence");
    folder.write("small.toml", SMALL);
    let flags = "--families none,l1 --lambdas 1e-3 --seeds 1 --eta 1e30 --out cmp --quiet";
    folder.run(&format!("compare small.toml {flags}"));
    let [none, l1] = ["cmp/cells/none-1", "cmp/cells/l1-1e-3-1"].map(|cell| folder.path(cell));
    fs::copy(l1.join("diverged.txt"), none.join("diverged.txt")).unwrap();
    let ran = folder.run("compare --resume cmp");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let told = "none-1/diverged.txt: line 2: expected none-1, found l1-1e-3-1";
    assert!(ran.err.contains(told), "{}", ran.err);
}

/// Its refit diverges after two epochs, and no state is there: a resume that starts anew would overwrite the
/// model that the error has promised.
#[test]
fn model_of_a_good_epoch_is_not_begun_over() {
    let folder = Folder::new("diverged-kept");
    let steep = "eta = 0.1\n[train.refit]\nshare = 0.5\neta = 1e30";
    folder.write("small.toml", &SMALL.replace("eta = 0.1", steep));
    assert_eq!(folder.run("train small.toml --epochs 4 --out run").code, 1);
    let _ = fs::remove_file(folder.path("run/state.safetensors"));
    let model = fs::read(folder.path("run/model.safetensors")).unwrap();
    // Whatever else is lost or invented.
    for lost in ["state.safetensors", "metrics.jsonl", "diverged.txt"] {
        let _ = fs::remove_file(folder.path(&format!("run/{lost}")));
        let ran = folder.run("train --resume run");
        assert_eq!(ran.code, 1, "{lost}: {}", ran.err);
        let told =
            "run/state.safetensors: expected the state of the run beside what it has reached";
        assert!(ran.err.contains(told), "{lost}: {}", ran.err);
        assert!(ran.err.contains("--out FOLDER"), "{}", ran.err);
        assert_eq!(fs::read(folder.path("run/model.safetensors")).unwrap(), model, "{lost}");
    }
    folder.write("run/diverged.txt", "the loss became NaN\nrun\n");
    assert_eq!(folder.run("train --resume run").code, 1);
    assert_eq!(fs::read(folder.path("run/model.safetensors")).unwrap(), model);
}

/// A run that starts from a file of weights has the same rule.
#[test]
fn run_from_weights_that_diverged_at_once_goes_on_from_them() {
    let folder = Folder::new("diverged-weights");
    folder.write("small.toml", SMALL);
    folder.done("train small.toml --epochs 1 --out first --quiet");
    let ran = folder.run("train small.toml --weights first/model.safetensors --eta 1e30 --out run");
    assert!(ran.err.contains("no epoch ended well"), "{}", ran.err);
    let again = folder.run("train --resume run");
    assert!(again.err.contains("starts anew, from its recipe"), "{}", again.err);
}

#[test]
fn report_does_not_tell_the_divergence_of_another_training() {
    let folder = Folder::new("diverged-foreign");
    folder.write("small.toml", SMALL);
    folder.done("train small.toml --out run --quiet");
    for (name, told) in [
        ("other", "run/diverged.txt: line 2: expected run, found other"),
        ("run", "run/diverged.txt: the training came to its end"),
    ] {
        folder.write("run/diverged.txt", &format!("the loss became NaN\n{name}\n"));
        let ran = folder.done("report run");
        assert!(ran.err.contains(told), "{}", ran.err);
        let page = fs::read_to_string(folder.path("run/report.html")).unwrap();
        assert!(!page.contains("has diverged"), "{name}");
    }
}
