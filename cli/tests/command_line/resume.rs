//! Interrupted trainings.

use crate::support::{Folder, RECIPE, Ran, assert_same_bits, metrics};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn resumed_training_gives_the_bits_of_an_unbroken_one() {
    let folder = Folder::new("resume");
    folder.write("small.toml", RECIPE);
    folder.done("train small.toml --out whole --quiet");

    // 9 steps make an epoch: within the first, on its last step, within the third.
    let ran = folder.run("train small.toml --out parts --stop-after 4 --json");
    assert_eq!(ran.code, 130, "{}", ran.err);
    assert_eq!(ran.json()["status"], "interrupted");
    assert!(ran.err.contains("train --resume parts"), "{}", ran.err);
    for (steps, taken) in [(5, 9), (13, 22)] {
        let ran =
            folder.run(&format!("train --resume parts --stop-after {steps} --threads 2 --json"));
        assert_eq!((ran.code, &ran.json()["steps"]), (130, &taken.into()), "{}", ran.err);
    }
    folder.done("train --resume parts --quiet");

    for file in ["model.safetensors", "state.safetensors"] {
        let [a, b] = ["whole", "parts"].map(|run| folder.checkpoint(&format!("{run}/{file}")));
        assert_same_bits(&a, &b);
    }
    let [a, b] = ["whole", "parts"].map(|run| metrics(&folder.path(run)));
    assert_eq!(a, b);
    assert_eq!(a.len(), 3);
    // Nothing is left to do, and it says what was reached.
    assert_eq!(folder.done("train --resume parts --json").json()["status"], "done");
}

#[test]
fn line_of_an_epoch_that_was_not_saved_is_cut_off() {
    let folder = Folder::new("metrics");
    folder.write("small.toml", RECIPE);
    folder.run("train small.toml --out run --stop-after 10 --quiet");
    let path = folder.path("run/metrics.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}{}{{\"epo", text.replace("\"epoch\":1", "\"epoch\":2")))
        .unwrap();
    folder.done("train --resume run --quiet");
    let epochs: Vec<_> = metrics(&folder.path("run")).iter().map(|l| l["epoch"].clone()).collect();
    assert_eq!(epochs, [1, 2, 3]);
}

#[test]
fn resume_with_another_recipe_is_refused() {
    let folder = Folder::new("edited");
    folder.write("small.toml", RECIPE);
    folder.run("train small.toml --out run --stop-after 1 --quiet");
    let path = folder.path("run/recipe.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("epochs = 3", "epochs = 4")).unwrap();
    let ran = folder.run("train --resume run");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("run/recipe.toml: expected the recipe"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn interrupt_saves_and_exits_with_130() {
    let folder = Folder::new("interrupt");
    let mut command = folder.command("train --epochs 100000 --out run");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    let metrics = folder.path("run/metrics.jsonl");
    // The first epoch is over once its line is there.
    while fs::metadata(&metrics).map_or(0, |file| file.len()) == 0 {
        assert!(start.elapsed() < Duration::from_secs(120), "no epoch in two minutes");
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 130, "{}", ran.err);
    assert!(ran.err.contains("interrupted"), "{}", ran.err);
    let ran = folder.run("train --resume run --stop-after 1");
    assert_eq!(ran.code, 130, "{}", ran.err);
    assert!(folder.done("eval run --json").json()["test_accuracy"].is_f64());
}

#[test]
fn loss_that_is_not_finite_fails_and_keeps_a_good_model() {
    let folder = Folder::new("infinite");
    let ran = folder.run("train --epochs 3 --eta 1e30 --regularizer none --out run");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("lower the step size"), "{}", ran.err);
    assert!(ran.err.contains("run/model.safetensors"), "{}", ran.err);
    let model = folder.checkpoint("run/model.safetensors");
    assert!(model.tensors.iter().all(|(.., values)| values.iter().all(|x| x.is_finite())));
    folder.done("eval run");
}
