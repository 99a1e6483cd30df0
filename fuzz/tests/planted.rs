//! A fault of each kind is found, its input is kept, and the input shows the fault again.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A run with a target folder of its own.
fn fuzz(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuzz"));
    command.args(words).env("CARGO_TARGET_DIR", folder).output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

fn is_found(reader: &str, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = fuzz(folder.path(), &[reader, "--seconds", "60"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let saved: Vec<PathBuf> = std::fs::read_dir(folder.path().join("fuzz"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none())
        .collect();
    let [saved] = &saved[..] else { panic!("one input is kept: {saved:?}\n{text}") };
    let saved = saved.to_str().unwrap();
    for word in ["FOUND", saved].iter().chain(words) {
        assert!(text.contains(word), "no {word}:\n{text}");
    }
    let again = fuzz(folder.path(), &[reader, "--replay", saved]);
    let text = said(&again);
    assert_eq!(again.status.code(), Some(1), "{text}");
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
}

#[test]
fn panic_is_found() {
    is_found("planted-panic", &["a planted panic"]);
}

#[test]
fn loop_is_found() {
    is_found("planted-loop", &["it computed for more than 2 s"]);
}

#[test]
fn memory_is_found() {
    is_found("planted-memory", &["it asked for 300000000 bytes"]);
}

/// Nothing of the system's, such as a stack that overflows, is lost either.
#[test]
fn abort_is_found() {
    is_found("planted-abort", &["its process ended with"]);
}

#[test]
fn same_seed_reads_the_same_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let run = |seed: &str| {
        let output = fuzz(folder.path(), &["idx", "--executions", "2000", "--seed", seed]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        // The time differs.
        text.split(',').filter(|part| !part.contains("slowest")).collect::<Vec<_>>().concat()
    };
    assert_eq!(run("1"), run("1"));
    assert_ne!(run("1").split('%').next(), run("2").split('%').next());
}

#[test]
fn wrong_words_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for words in [&["nothing"][..], &[], &["idx", "--second", "1"], &["idx", "--seconds"]] {
        let output = fuzz(folder.path(), words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(said(&output).contains("readers: safetensors, model, state"), "{words:?}");
    }
}
