//! Processes that a signal ends outside of the steps of a training: in one line they tell what stays, and
//! how to go on.
#![cfg(unix)]

use crate::compare::SMALL;
use crate::processes::{end, send, spawn, wait_until};
use crate::support::{Folder, RECIPE};
use std::time::Duration;

const SIGNALS: [(&str, i32); 3] = [("TERM", 143), ("HUP", 129), ("INT", 130)];

/// After the only training, while it is compacted, which takes the longer the wider the network is: one
/// whose compaction is over before the signal comes is followed by a wider one.
#[test]
fn comparison_that_is_ended_while_it_compacts_is_saved() {
    let folder = Folder::new("ended-compacting");
    let small = "{ kind = \"linear\", name = \"fc1\", out = 16 }";
    for (signal, status) in SIGNALS {
        let ended = [1000, 2000, 4000, 8000].into_iter().find_map(|width| {
            let layers = format!(
                "{{ kind = \"linear\", name = \"fc1\", out = {width} }}, {{ kind = \"linear\", name = \"fc\", out = 500 }}"
            );
            let recipe = SMALL.replace(small, &layers).replace("epochs = 2", "epochs = 1");
            folder.write("wide.toml", &recipe);
            let out = format!("{signal}-{width}");
            let compare = "compare wide.toml --families none --seeds 1 --json --threads 1";
            let child = spawn(&folder, &format!("{compare} --out {out}"));
            let summary = folder.path(&out).join("cells/none-1/summary.json");
            wait_until("a summary", || summary.exists());
            std::thread::sleep(Duration::from_millis(50));
            send(signal, &child);
            let ran = end(child);
            (ran.code != 0).then_some((out, ran))
        });
        let (out, ran) = ended.expect("the widest network is compacted for longer than that");
        assert_eq!(ran.code, status, "{}", ran.err);
        assert!(ran.err.contains("interrupted and saved: "), "{}", ran.err);
        let told = format!("trainings are finished; go on with `proxtape compare --resume {out}`");
        assert!(ran.err.contains(&told), "{}", ran.err);
        assert_eq!(ran.json()["status"], "partial");
        assert!(!folder.path(&out).join(".lock").exists());
        let json = folder.done(&format!("compare --resume {out} --json")).json();
        assert_eq!(json["status"], "done");
    }
}

/// Before the first training: 13 methods are measured.
#[test]
fn comparison_that_is_ended_while_it_measures_says_how_to_go_on() {
    let folder = Folder::new("ended-measuring");
    folder.write("small.toml", SMALL);
    for (command, signal, status) in
        [("compare", "TERM", 143), ("compare", "HUP", 129), ("sweep", "INT", 130)]
    {
        let child = spawn(
            &folder,
            &format!("{command} small.toml --lambdas 1e-3 --seeds 1 --out {signal}"),
        );
        // The recipe is written last.
        wait_until("a recipe", || folder.path(signal).join("recipe.toml").exists());
        send(signal, &child);
        let ran = end(child);
        assert_eq!(ran.code, status, "{}", ran.err);
        let told = format!("; go on with `proxtape {command} --resume {signal}`\n");
        assert!(ran.err.ends_with(&told), "{}", ran.err);
    }
}

#[test]
fn commands_that_write_one_file_say_that_they_left_none() {
    let folder = Folder::new("ended-files");
    folder.write("small.toml", RECIPE);
    folder.done("train small.toml --epochs 1 --out run --quiet");
    for command in ["compact", "report"] {
        for (signal, status) in SIGNALS {
            let child = spawn(&folder, &format!("{command} run --threads 1"));
            // Both measure for more than a second.
            std::thread::sleep(Duration::from_millis(100));
            send(signal, &child);
            let ran = end(child);
            assert_eq!(ran.code, status, "{command}: {}", ran.err);
            let told = format!(
                "ended by SIG{signal} before it was done, without an unfinished file; start it again by the same command\n"
            );
            assert_eq!(ran.err, told, "{command}");
        }
    }
    let child = spawn(&folder, "compact run --quiet");
    std::thread::sleep(Duration::from_millis(100));
    send("TERM", &child);
    let ran = end(child);
    assert_eq!((ran.code, &ran.err[..]), (143, ""), "quiet");
}

/// While the data of a run are read, before its state is.
#[test]
fn run_that_is_ended_before_it_goes_on_says_how_to() {
    let folder = Folder::new("ended-reading");
    let mut table = "kind,x,y\n".to_owned();
    for i in 0..400_000 {
        table.push_str(&format!("{},{i},{}\n", i % 3, i % 7));
    }
    folder.write("large.csv", &table);
    folder.run("train --data csv:large.csv --label kind --model lenet300 --stop-after 1 --out run");
    for what in ["the run stays as of its last save", "nothing is trained yet"] {
        let child = spawn(&folder, "train --resume run");
        std::thread::sleep(Duration::from_millis(60));
        send("TERM", &child);
        let ran = end(child);
        assert_eq!(ran.code, 143, "{}", ran.err);
        let told = format!("ended by SIGTERM: {what}; go on with `proxtape train --resume run`\n");
        assert_eq!(ran.err, told);
        for file in ["state.safetensors", "model.safetensors"] {
            let _ = std::fs::remove_file(folder.path("run").join(file));
        }
    }
}
