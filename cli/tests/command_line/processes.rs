//! Processes that are told to end, are killed, or meet another one; and what they leave behind.
#![cfg(unix)]

use crate::compare::SMALL;
use crate::support::{Folder, RECIPE, Ran, assert_same_bits, metrics};
use proxtape::checkpoint;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes: a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(120);

const FOREVER: &str = "train --epochs 100000";

pub(crate) fn spawn(folder: &Folder, arguments: &str) -> Child {
    let mut command = folder.command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a run has ended its first epoch.
fn wait_for_epoch(run: &Path) {
    let metrics = run.join("metrics.jsonl");
    wait_until("an epoch", || fs::metadata(&metrics).is_ok_and(|file| file.len() > 0));
}

pub(crate) fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

pub(crate) fn end(mut child: Child) -> Ran {
    wait_until("the end of the process", || child.try_wait().unwrap().is_some());
    Ran::of(child.wait_with_output().unwrap())
}

/// What lies in a folder, hidden files as well.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// As random as the sequence of a generator is, and the same each time.
struct Times(u64);

impl Times {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn every_signal_saves_and_has_its_status() {
    let folder = Folder::new("signals");
    for (signal, status) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let child = spawn(&folder, &format!("{FOREVER} --out {signal} --json"));
        wait_for_epoch(&folder.path(signal));
        send(signal, &child);
        let ran = end(child);
        assert_eq!(ran.code, status, "{}", ran.err);
        assert!(ran.err.contains("and saved"), "{}", ran.err);
        let steps = ran.json()["steps"].as_u64().unwrap();
        let ran = folder.run(&format!("train --resume {signal} --stop-after 1 --json"));
        assert_eq!((ran.code, ran.json()["steps"].as_u64()), (130, Some(steps + 1)), "{}", ran.err);
        let left = ["metrics.jsonl", "model.safetensors", "recipe.toml", "state.safetensors"];
        assert_eq!(names(&folder.path(signal)), left);
    }
}

/// Whenever it comes: who says "saved" has saved the very step that is told.
#[test]
fn second_signal_never_says_saved_when_it_was_not() {
    let folder = Folder::new("second");
    folder.run("train --epochs 100000 --stop-after 1 --out run --quiet");
    let mut times = Times(1);
    for _ in 0..12 {
        let old = folder.checkpoint("run/state.safetensors").number::<u64>("optimizer.steps");
        let child = spawn(&folder, "train --resume run --json");
        std::thread::sleep(Duration::from_millis(100 + times.below(200)));
        send("TERM", &child);
        std::thread::sleep(Duration::from_micros(times.below(20_000)));
        // It may have ended by now.
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).output();
        let ran = end(child);
        assert!([130, 143].contains(&ran.code), "{}: {}", ran.code, ran.err);
        let state = folder.checkpoint("run/state.safetensors").number::<u64>("optimizer.steps");
        match ran.err.contains("saved") {
            true => assert_eq!(ran.json()["steps"], state.unwrap(), "{}", ran.err),
            false => assert!(state.unwrap() >= old.unwrap()),
        }
    }
}

#[test]
fn signal_ends_at_once_where_nothing_is_to_be_saved() {
    let folder = Folder::new("at-once");
    let mut table = "kind,x,y\n".to_owned();
    for i in 0..400_000 {
        table.push_str(&format!("{},{i},{}\n", i % 3, i % 7));
    }
    folder.write("large.csv", &table);
    let reads = "train --data csv:large.csv --label kind --model lenet300 --out run";
    for (signal, status) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        for arguments in ["bench", reads] {
            let child = spawn(&folder, arguments);
            std::thread::sleep(Duration::from_millis(60));
            send(signal, &child);
            let ran = end(child);
            assert_eq!(ran.code, status, "{arguments}: {}", ran.err);
            assert!(!ran.err.contains("saved"), "{}", ran.err);
            assert!(!folder.path("run").exists());
        }
    }
}

/// As `nohup` starts it.
#[cfg(target_os = "linux")]
#[test]
fn ignored_hang_up_stays_ignored() {
    let folder = Folder::new("nohup");
    let mut command = folder.command(&format!("{FOREVER} --out run"));
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(program).args(arguments);
    command = shell;
    let child = command.current_dir(folder.path(".")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    wait_for_epoch(&folder.path("run"));
    send("HUP", &child);
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none());
    send("TERM", &child);
    assert_eq!(end(child).code, 143);
}

/// Killed at any time, before its recipe is there as well, and started again: the bits of an unbroken run.
#[test]
fn killed_again_and_again_it_ends_with_the_same_bits() {
    let folder = Folder::new("kills");
    folder.write("small.toml", &RECIPE.replace("epochs = 3", "epochs = 12"));
    folder.done("train small.toml --out whole --quiet");
    let start = || match folder.path("parts/recipe.toml").exists() {
        true => "train --resume parts --quiet",
        false => "train small.toml --out parts --quiet",
    };
    let mut times = Times(7);
    for i in 0..14 {
        let mut child = spawn(&folder, start());
        // Some before there is anything, most later than what is saved each second.
        std::thread::sleep(Duration::from_millis(times.below(if i < 5 { 60 } else { 1300 })));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    folder.done(start());
    for file in ["model.safetensors", "state.safetensors"] {
        let [a, b] = ["whole", "parts"].map(|run| folder.checkpoint(&format!("{run}/{file}")));
        assert_same_bits(&a, &b);
    }
    let [a, b] = ["whole", "parts"].map(|run| folder.path(run));
    assert_eq!(metrics(&a), metrics(&b));
    assert_eq!(names(&a), names(&b));
}

#[test]
fn run_that_was_never_saved_starts_from_its_recipe() {
    let folder = Folder::new("unsaved");
    folder.write("small.toml", RECIPE);
    folder.done("train small.toml --out whole --quiet");
    folder.run("train small.toml --out run --stop-after 10 --quiet");
    for file in ["model.safetensors", "state.safetensors"] {
        fs::remove_file(folder.path("run").join(file)).unwrap();
    }
    let ran = folder.done("train --resume run");
    assert!(ran.err.contains("from its recipe"), "{}", ran.err);
    let [a, b] = ["whole", "run"].map(|run| folder.checkpoint(&format!("{run}/state.safetensors")));
    assert_same_bits(&a, &b);
    assert_eq!(metrics(&folder.path("whole")), metrics(&folder.path("run")));
}

/// Refused by one of both, with the number of the other.
fn assert_one_works(children: [Child; 2], run: &Path) {
    let numbers = children.each_ref().map(Child::id);
    let mut children = children;
    let mut refused = None;
    wait_until("the end of one", || {
        refused = children.iter_mut().position(|child| child.try_wait().unwrap().is_some());
        refused.is_some()
    });
    let refused = refused.unwrap();
    let [a, b] = children;
    let (refused, other, number) =
        if refused == 0 { (a, b, numbers[1]) } else { (b, a, numbers[0]) };
    let ran = end(refused);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains(&format!("process {number}, started 2")), "{}", ran.err);
    wait_for_epoch(run);
    send("TERM", &other);
    assert_eq!(end(other).code, 143);
}

#[test]
fn of_two_processes_in_one_folder_one_is_refused() {
    let folder = Folder::new("two");
    for _ in 0..3 {
        let _ = fs::remove_dir_all(folder.path("run"));
        let start = || spawn(&folder, &format!("{FOREVER} --out run"));
        assert_one_works([start(), start()], &folder.path("run"));
    }
    let start = || spawn(&folder, "train --resume run");
    assert_one_works([start(), start()], &folder.path("run"));

    folder.write("small.toml", &SMALL.replace("epochs = 2", "epochs = 100000"));
    let arguments = "compare small.toml --families none,l1 --lambdas 1e-4 --seeds 1 --out all";
    let first = spawn(&folder, arguments);
    wait_for_epoch(&folder.path("all/cells/none-1"));
    for other in ["compare --resume all", arguments, "train --resume all/cells/none-1"] {
        let ran = folder.run(other);
        assert_eq!(ran.code, 1, "{other}: {}", ran.err);
        assert!(ran.err.contains(&format!("process {}", first.id())), "{}", ran.err);
    }
    // Those that only read the run, and write beside it, are not kept out.
    wait_until("a model", || folder.path("all/cells/none-1/model.safetensors").exists());
    for other in ["eval", "compact", "report", "export --to onnx"] {
        folder.done(&format!("{other} all/cells/none-1"));
    }
    send("HUP", &first);
    let ran = end(first);
    assert_eq!(ran.code, 129, "{}", ran.err);
    assert!(ran.err.contains("interrupted and saved"), "{}", ran.err);
}

#[test]
fn what_dead_processes_have_left_blocks_nobody_and_is_removed() {
    let folder = Folder::new("dead");
    let leave = |run: &str| {
        fs::create_dir_all(folder.path(run)).unwrap();
        // As process 1 of a container, killed time after time.
        for n in 0..80 {
            folder.write(&format!("{run}/.proxtape-1-{n}.tmp"), "half");
        }
        folder.write(&format!("{run}/.lock"), "process 1, started 2026-01-01 00:00:00 UTC\n");
    };
    folder.write("small.toml", RECIPE);
    leave("run");
    folder.run("train small.toml --out run --stop-after 4 --quiet");
    let left = ["metrics.jsonl", "model.safetensors", "recipe.toml", "state.safetensors"];
    assert_eq!(names(&folder.path("run")), left);
    leave("run");
    folder.done("train --resume run --quiet");
    for command in ["compact", "export --to onnx", "export --to rust", "report"] {
        leave("run");
        folder.done(&format!("{command} run"));
        let names = names(&folder.path("run"));
        assert!(!names.iter().any(|name| name.contains(".tmp")), "{command}: {names:?}");
    }
}

#[test]
fn interrupted_proof_leaves_no_file() {
    let folder = Folder::new("proof");
    folder.done("train --epochs 1 --regularizer none --out run --quiet");
    let before = names(&folder.path("run"));
    let mut seen = 0;
    for i in 0..8 {
        let child = spawn(&folder, "compact run --threads 1");
        let is_draft = |name: &String| name.starts_with(".proxtape-");
        wait_until("a file on its way", || {
            let names = names(&folder.path("run"));
            names.iter().any(is_draft) || names.len() > before.len()
        });
        std::thread::sleep(Duration::from_millis(i));
        send("TERM", &child);
        let ran = end(child);
        seen += usize::from(ran.code == 143);
        assert!(!names(&folder.path("run")).iter().any(is_draft), "{}", ran.err);
        let _ = fs::remove_file(folder.path("run/model-compact.safetensors"));
    }
    assert!(seen > 0);
}

/// 2,000 bits: each by itself, in the header as often as behind it.
#[test]
fn flipped_bits_of_model_and_state_are_all_found() {
    let folder = Folder::new("flips");
    folder.write("small.toml", RECIPE);
    folder.run("train small.toml --out run --stop-after 12 --quiet");
    let mut times = Times(3);
    for name in ["model.safetensors", "state.safetensors"] {
        let path = folder.path("run").join(name);
        let sound = fs::read(&path).unwrap();
        let header = 8 + u64::from_le_bytes(sound[..8].try_into().unwrap());
        for i in 0..1000 {
            let bit = times.below(8 * if i % 2 == 0 { header } else { sound.len() as u64 });
            fs::write(&path, flipped(&sound, bit as usize)).unwrap();
            assert!(checkpoint::read(&path).is_err(), "bit {bit} of {name}");
        }
        // By the program: in a value, and in the name of the checksum itself.
        let name = sound.windows(8).position(|bytes| bytes == b"checksum").unwrap();
        for bit in [8 * sound.len() - 3, 8 * name + 1] {
            fs::write(&path, flipped(&sound, bit)).unwrap();
            for command in
                ["train --resume", "inspect", "eval", "compact", "export --to onnx", "report"]
            {
                let is_of_state = path.ends_with("state.safetensors");
                match (command, is_of_state) {
                    ("eval" | "compact" | "export --to onnx", true) => {
                        continue;
                    }
                    ("inspect", _) => refuse(&folder, &format!("inspect {}", path.display())),
                    _ => refuse(&folder, &format!("{command} run")),
                }
            }
        }
        fs::write(&path, &sound).unwrap();
    }
    folder.done("train --resume run --quiet");
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

fn refuse(folder: &Folder, arguments: &str) {
    let ran = folder.run(arguments);
    assert!(ran.code == 1 && ran.err.contains("checksum"), "{arguments}: {} {}", ran.code, ran.err);
}

#[test]
fn metrics_that_cannot_be_read_are_an_error() {
    let folder = Folder::new("unreadable");
    folder.write("small.toml", RECIPE);
    folder.run("train small.toml --out run --stop-after 20 --quiet");
    let path: PathBuf = folder.path("run/metrics.jsonl");
    let sound = fs::read(&path).unwrap();
    let first = sound.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let damaged = [&b"{\"epoch\":1,\"stage\"\n"[..], &sound[first..]].concat();
    let foreign = [&sound[..], b"\xff\xfe\n"].concat();
    for (bytes, told) in [(damaged, "line 1"), (foreign, "UTF-8")] {
        fs::write(&path, bytes).unwrap();
        for command in ["train --resume run", "report run"] {
            let ran = folder.run(command);
            assert_eq!(ran.code, 1, "{command}: {}", ran.err);
            assert!(ran.err.contains("metrics.jsonl") && ran.err.contains(told), "{}", ran.err);
        }
    }
    fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    for command in ["train --resume run", "report run"] {
        let ran = end(spawn(&folder, command));
        assert!(ran.code == 1 && ran.err.contains("regular file"), "{command}: {}", ran.err);
    }
    // Lines that are gone are spoken of.
    fs::remove_file(&path).unwrap();
    let ran = folder.done("train --resume run");
    assert!(ran.err.contains("lines of 2 of 2 epochs are missing"), "{}", ran.err);
}

#[test]
fn summary_that_is_no_file_is_not_passed_over() {
    let folder = Folder::new("no-summary");
    folder.write("small.toml", RECIPE);
    folder.run("train small.toml --out run --stop-after 20 --quiet");
    fs::create_dir(folder.path("run/summary.json")).unwrap();
    let ran = folder.run("report run");
    assert!(ran.code == 1 && ran.err.contains("summary.json"), "{}", ran.err);
}

/// The text of somebody else, which is not UTF-8.
#[test]
fn export_spares_a_program_that_it_did_not_write() {
    let folder = Folder::new("spared");
    folder.write("small.toml", RECIPE);
    folder.done("train small.toml --epochs 1 --out run --quiet");
    fs::write(folder.path("mine.rs"), b"// M\xfcller\nfn main() {}\n").unwrap();
    let ran = folder.run("export run --to mine.rs");
    assert!(ran.code == 1 && ran.err.contains("found another"), "{}", ran.err);
    assert!(fs::read(folder.path("mine.rs")).unwrap().starts_with(b"// M\xfcller"));
    folder.done("export run --to ours.rs");
    folder.done("export run --to ours.rs");
}
