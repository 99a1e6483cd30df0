//! `train` from the beginning to the end.

use crate::compare::SMALL;
use crate::support::{Folder, RECIPE, assert_same_bits, metrics};
use std::fs;

#[test]
fn default_training_fills_a_run_folder_and_prints_its_object() {
    let folder = Folder::new("default");
    let ran = folder.done("train --epochs 2 --threads 1 --json");
    assert_eq!(ran.out.lines().count(), 1, "stdout is for the object alone: {}", ran.out);
    let json = ran.json();
    for key in [
        "test_accuracy",
        "test_loss",
        "weights",
        "weights_kept",
        "groups",
        "groups_kept",
        "macs",
        "macs_nonzero",
        "train_seconds",
        "samples_per_second",
        "threads",
        "bytes",
        "seed",
    ] {
        assert!(json[key].as_f64().is_some_and(f64::is_finite), "{key}: {}", json[key]);
    }
    let accuracy = json["test_accuracy"].as_f64().unwrap();
    assert!((0.5..=1.0).contains(&accuracy), "two epochs give {accuracy}");
    assert_eq!(json["weights"], 16 * 9 + 32 * 16 * 9 + 64 * 512 + 10 * 64);
    assert_eq!(json["macs"], 64 * (16 * 9 + 32 * 16 * 9) + 64 * 512 + 10 * 64);
    assert_eq!((&json["run"], &json["threads"]), (&"runs/digits-1".into(), &1.into()));
    assert!(json["isa"].is_string());
    let layers = json["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 4);
    let sum: u64 = layers.iter().map(|l| l["weights_kept"].as_u64().unwrap()).sum();
    assert_eq!(json["weights_kept"], sum);
    // An exact prox: tau solves its equation up to rounding.
    assert!(layers.iter().all(|l| l["prox_residual"].as_f64().unwrap() < 1e-4), "{layers:?}");
    assert!(layers.iter().all(|l| l["stationarity"].as_f64().is_some()), "{layers:?}");

    for line in ["zero groups", "prox residual", "weights kept", "MACs", "test"] {
        assert!(ran.err.contains(line), "{line} should be in {}", ran.err);
    }
    assert!(!ran.err.contains('\x1b'), "no colours where there is no terminal");
    let run = folder.path("runs/digits-1");
    let lines = metrics(&run);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["epoch"], 2);
    assert_eq!(lines[1]["weights_kept"], json["weights_kept"]);
    let mut files: Vec<_> = fs::read_dir(&run)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let wants =
        ["metrics.jsonl", "model.safetensors", "recipe.toml", "state.safetensors", "summary.json"];
    assert_eq!(files, wants);
    let summary = fs::read_to_string(run.join("summary.json")).unwrap();
    assert_eq!(summary, ran.out, "the object is part of the run");
}

#[test]
fn resolved_recipe_trains_to_the_same_bits_in_a_new_folder() {
    let folder = Folder::new("resolved");
    folder.write("small.toml", RECIPE);
    folder.done("train small.toml --epochs 1 --lambda 2e-3 --seed 3 --quiet");
    folder.done("train runs/small-1/recipe.toml");
    // The recipe keeps its name, and no run is written over.
    let [a, b] = [1, 2].map(|n| folder.checkpoint(&format!("runs/small-{n}/model.safetensors")));
    assert_same_bits(&a, &b);
    assert_eq!(a.texts, b.texts);
    let recipe = fs::read_to_string(folder.path("runs/small-1/recipe.toml")).unwrap();
    assert_eq!(a.texts["recipe"], recipe);
    assert!(recipe.contains("lambda = 0.002\n") && recipe.contains("seed = 3\n"), "{recipe}");
}

#[test]
fn stages_take_their_shares_and_certificates_come_before_the_refit() {
    let folder = Folder::new("stages");
    let flags = "--epochs 6 --lambda 3e-3 --settle 0.34 --refit 0.34 --seed 2 --json";
    let json = folder.done(&format!("train {flags}")).json();
    let lines = metrics(&folder.path("runs/digits-1"));
    let stages: Vec<_> = lines.iter().map(|line| line["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["shrink", "shrink", "settle", "settle", "refit", "refit"]);
    let kept: Vec<_> = lines.iter().map(|l| l["weights_kept"].as_u64().unwrap()).collect();
    assert!(kept[3] < 38160 && kept[3..].iter().all(|&n| n == kept[3]), "{kept:?}");
    assert_eq!(json["refit"], true);
    for layer in json["layers"].as_array().unwrap() {
        assert!(layer["prox_residual"].as_f64().unwrap() < 1e-4, "{layer}");
        assert!(layer["stationarity"].as_f64().unwrap() >= 0.0, "{layer}");
    }
    // They are part of the state of a run that is interrupted in its refit.
    let ran = folder.command(&format!("train {flags} --stop-after 140")).output().unwrap();
    assert_eq!(ran.status.code(), Some(130));
    let resumed = folder.done("train --resume runs/digits-2 --json").json();
    assert_eq!(resumed["layers"], json["layers"]);
}

#[test]
fn pruned_training_keeps_the_share_that_it_is_told() {
    let folder = Folder::new("prune");
    let flags = "--regularizer none --prune 5% --epochs 4 --refit 0.25 --json --quiet";
    let json = folder.done(&format!("train {flags}")).json();
    assert_eq!(json["weights_kept"], 1908, "5 % of 38,160");
    let kept: Vec<_> = metrics(&folder.path("runs/digits-1"))
        .iter()
        .map(|line| line["weights_kept"].as_u64().unwrap())
        .collect();
    assert_eq!(kept, [38160, 38160, 38160, 1908]);
    let recipe = fs::read_to_string(folder.path("runs/digits-1/recipe.toml")).unwrap();
    assert!(recipe.contains("[train.prune]\nkeep = 0.05\n"), "{recipe}");
}

#[test]
fn target_is_met_and_lambda_is_told() {
    let folder = Folder::new("target");
    let flags = "--keep 10% --epochs 10 --settle 0.3 --refit 0.2";
    let ran = folder.done(&format!("train {flags} --json"));
    let json = ran.json();
    let kept = json["weights_kept"].as_f64().unwrap() / 38160.0;
    assert!((0.095..=0.105).contains(&kept), "{kept}");
    assert_eq!((&json["target"]["of"], &json["target"]["kept"]), (&"weights".into(), &kept.into()));
    for told in ["10.00 % wanted", "  lambda "] {
        assert!(ran.err.contains(told), "{}", ran.err);
    }
    let lines = metrics(&folder.path("runs/digits-1"));
    assert_eq!((&lines[7]["lambda"], lines[8]["lambda"].as_f64()), (&json["lambda"], Some(0.0)));
    assert_ne!(lines[0]["lambda"], lines[7]["lambda"]);
    // Interrupted where it steers and where it settles.
    folder.run(&format!("train {flags} --stop-after 100 --quiet"));
    folder.run("train --resume runs/digits-2 --stop-after 97 --quiet");
    let resumed = folder.done("train --resume runs/digits-2 --json --quiet").json();
    assert_eq!(resumed["layers"], json["layers"]);
    assert_eq!(metrics(&folder.path("runs/digits-2")), lines);
}

#[test]
fn penalty_rises_as_its_schedule_says() {
    let folder = Folder::new("ramp");
    let rises = "[penalty.schedule]\nwarmup = 0.34\nramp = 0.6\nkind = \"cubic\"\n";
    folder.write("small.toml", &format!("{RECIPE}{rises}"));
    folder.done("train small.toml --out run --quiet");
    let lines = metrics(&folder.path("run"));
    let lambdas: Vec<_> = lines.iter().map(|line| line["lambda"].as_f64().unwrap()).collect();
    assert!(lambdas[0] == 0.0 && lambdas[1] > 0.0 && lambdas[1] < lambdas[2], "{lambdas:?}");
    let recipe = fs::read_to_string(folder.path("run/recipe.toml")).unwrap();
    assert!(recipe.contains(rises), "{recipe}");
}

#[test]
fn numbers_of_the_penalty_that_no_layer_uses_are_noted() {
    let folder = Folder::new("unused");
    let recipe = |penalty: &str| {
        folder.write(
            "net.toml",
            &format!("[model]\nzoo = \"digits-conv\"\n[train]\nepochs = 1\n{penalty}"),
        );
    };
    let notes = |arguments: &str| {
        let ran = folder.done(&format!("train net.toml {arguments}"));
        let notes = ran.err.lines().filter(|line| line.contains("not used"));
        notes.map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    recipe("[penalty]\nfamily = \"l1\"\nlambda = 1e-4\na = 2\ngamma = 4\nmu = 0.3\n");
    assert_eq!(
        notes("--out a"),
        "note: [penalty] mu, a, gamma: not used, since the family takes no such number"
    );
    // Of the run's own recipe, too; a number that is as usual is written into each.
    let saved = fs::read_to_string(folder.path("a/recipe.toml")).unwrap();
    folder.write("net.toml", &saved.replace("a = 2.0\n", "").replace("gamma = 4.0\n", ""));
    assert!(notes("--out b").starts_with("note: [penalty] mu: "));
    assert_eq!(notes("--out c --regularizer l11-l12"), "");
    recipe("[penalty]\nlambda = 1e-4\ngamma = 4\n");
    assert!(notes("--out d").starts_with("note: [penalty] lambda, gamma: "));
    recipe(
        "[penalty]\nlambda = 1e-4\ngamma = 4\n[[penalty.layer]]\nlayer = \"conv1\"\nfamily = \"mcp\"\n",
    );
    assert_eq!(notes("--out e"), "");
}

#[test]
fn number_of_threads_does_not_change_a_bit() {
    let folder = Folder::new("threads");
    for threads in [1, 2] {
        let arguments =
            format!("--epochs 1 --threads {threads} --out run-{threads} --json --quiet");
        let ran = folder.done(&format!("train {arguments}"));
        assert_eq!(ran.json()["threads"], threads);
        assert_eq!(ran.err, "", "quiet");
    }
    let [a, b] = [1, 2].map(|n| folder.checkpoint(&format!("run-{n}/model.safetensors")));
    assert_same_bits(&a, &b);
}

#[test]
fn weights_of_another_run_are_where_a_training_starts() {
    let folder = Folder::new("weights");
    folder.done("train --epochs 1 --quiet");
    let weights = "--weights runs/digits-1/model.safetensors";
    // So small a step changes nothing but zeros, and those hardly.
    folder.done(&format!("train --epochs 1 --eta 1e-30 --lambda 0 {weights} --quiet"));
    let [a, b] = [1, 2].map(|n| folder.checkpoint(&format!("runs/digits-{n}/model.safetensors")));
    for ((name, _, x), (_, _, y)) in a.tensors.iter().zip(&b.tensors) {
        assert!(x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-20), "{name}");
    }
}

#[test]
fn every_regulariser_and_rule_trains() {
    let folder = Folder::new("families");
    folder.write("small.toml", RECIPE);
    for flags in [
        "--regularizer l1 --optimizer sgd",
        "--regularizer group-lasso --grouping output",
        "--regularizer cges --optimizer nesterov --momentum 0.8",
        "--regularizer transformed-l1 --schedule constant",
        "--regularizer exclusive --conv-grouping position --schedule step",
        "--regularizer none --mu 0.25",
    ] {
        let json =
            folder.done(&format!("train small.toml --epochs 1 {flags} --json --quiet")).json();
        assert_eq!(json["status"], "done", "{flags}");
    }
}

#[test]
fn warm_up_that_never_ends_is_told() {
    let folder = Folder::new("warm-up");
    for (warmup, is_told) in [("50.0", true), ("1.0", false)] {
        folder.write(
            "small.toml",
            &SMALL.replace("eta = 0.1", &format!("eta = 0.1\nwarmup = {warmup}")),
        );
        let ran = folder.done(&format!("train small.toml --out run-{warmup}"));
        let told = "note: the step size rises for 50 epochs and the training has 2, so it never reaches 0.1";
        assert_eq!(ran.err.contains(told), is_told, "{}", ran.err);
    }
}
