//! Lines of metrics.jsonl that are missing or out of order.

use crate::support::{Folder, RECIPE, metrics};
use std::fs;

/// A run of five epochs, stopped in its fifth, and the lines of the first four.
fn run(name: &str) -> (Folder, Vec<String>) {
    let folder = Folder::new(name);
    folder.write("small.toml", &RECIPE.replace("epochs = 3", "epochs = 5"));
    folder.run("train small.toml --out run --stop-after 40 --quiet");
    let text = fs::read_to_string(folder.path("run/metrics.jsonl")).unwrap();
    let lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
    assert_eq!(lines.len(), 4);
    (folder, lines)
}

fn write(folder: &Folder, lines: &[String], order: &[usize]) {
    let text: String = order.iter().map(|&i| &lines[i][..]).collect();
    folder.write("run/metrics.jsonl", &text);
}

#[test]
fn gap_or_disorder_is_an_error_with_line_and_epochs() {
    let (folder, lines) = run("log-gap");
    for (order, told) in [
        (&[0, 2, 3][..], "line 2: expected epoch 2, found epoch 3"),
        (&[0, 1, 3], "line 3: expected epoch 3, found epoch 4"),
        (&[0, 2, 1, 3], "line 2: expected epoch 2, found epoch 3"),
        (&[0, 1, 1, 2, 3], "line 3: expected epoch 3, found epoch 2"),
    ] {
        write(&folder, &lines, order);
        for command in ["train --resume run", "report run"] {
            let ran = folder.run(command);
            assert_eq!(ran.code, 1, "{command}: {}", ran.err);
            let told = format!("run/metrics.jsonl: {told}; ");
            assert!(ran.err.contains(&told), "{}", ran.err);
            assert!(ran.err.contains("remove the file"), "{}", ran.err);
        }
    }
    // Nothing was touched, and what is told works.
    write(&folder, &lines, &[0, 1, 2, 3]);
    folder.done("train --resume run --quiet");
    assert_eq!(metrics(&folder.path("run")).len(), 5);
}

/// Lines are on the disk before the state is, so no kill takes one that the state has seen.
#[test]
fn end_that_the_state_has_seen_and_the_file_lacks_is_an_error() {
    let (folder, lines) = run("log-end");
    for unfinished in ["", "{\"epoch\":4,\"st"] {
        let text = format!("{}{}{unfinished}", lines[0], lines[1]);
        folder.write("run/metrics.jsonl", &text);
        let ran = folder.run("train --resume run");
        assert_eq!(ran.code, 1, "{}", ran.err);
        let told = "run/metrics.jsonl: line 3: expected epoch 3, found the end; ";
        assert!(ran.err.contains(told), "{}", ran.err);
        assert_eq!(fs::read_to_string(folder.path("run/metrics.jsonl")).unwrap(), text);
    }
    // Without the file it goes on, more than once, and says so.
    fs::remove_file(folder.path("run/metrics.jsonl")).unwrap();
    for _ in 0..2 {
        let ran = folder.run("train --resume run --stop-after 1");
        assert_eq!(ran.code, 130, "{}", ran.err);
        assert!(ran.err.contains("the lines of 4 of 4 epochs are missing"), "{}", ran.err);
    }
    folder.done("train --resume run --quiet");
    let epochs: Vec<_> = metrics(&folder.path("run")).iter().map(|l| l["epoch"].clone()).collect();
    assert_eq!(epochs, [5]);
    folder.done("train --resume run --quiet");
    folder.done("report run");
    let page = fs::read_to_string(folder.path("run/report.html")).unwrap();
    assert!(page.contains("before epoch 5 are missing"));
}

/// What a kill leaves: a line of an epoch that was not saved, whole or not.
#[test]
fn lines_behind_the_state_are_cut_off() {
    let (folder, lines) = run("log-behind");
    let state = fs::read(folder.path("run/state.safetensors")).unwrap();
    let fifth = lines[3].replace("\"epoch\":4", "\"epoch\":5");
    for end in [&fifth[..], &fifth[..20]] {
        fs::write(folder.path("run/state.safetensors"), &state).unwrap();
        folder.write("run/metrics.jsonl", &format!("{}{end}", lines.concat()));
        folder.done("train --resume run --quiet");
        assert_eq!(metrics(&folder.path("run")).len(), 5);
    }
}

/// The numbers of an epoch that is not the last would be told as those of the whole training.
#[test]
fn report_of_a_log_without_its_end_is_an_error() {
    let folder = Folder::new("log-report");
    folder.write("small.toml", &RECIPE.replace("epochs = 3", "epochs = 5"));
    folder.done("train small.toml --out run --quiet");
    let path = folder.path("run/metrics.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let part: String = text.split_inclusive('\n').take(3).collect();
    folder.write("run/metrics.jsonl", &part);
    let ran = folder.run("report run");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let told = "run/metrics.jsonl: line 4: expected epoch 4, found the end; ";
    assert!(ran.err.contains(told), "{}", ran.err);
    // Without the file, as is advised, the summary tells the time, and the state the epochs.
    fs::remove_file(&path).unwrap();
    folder.done("report run");
    let page = fs::read_to_string(folder.path("run/report.html")).unwrap();
    assert!(page.contains("5 epochs"), "the tile of the training time");
}

/// To remove the line would leave a gap.
#[test]
fn advice_for_a_line_out_of_range_works() {
    let (folder, lines) = run("log-range");
    let accuracy = lines[1].find("\"accuracy\":").unwrap();
    let end = accuracy + lines[1][accuracy..].find(',').unwrap();
    let bad = format!("{}\"accuracy\":7.5{}", &lines[1][..accuracy], &lines[1][end..]);
    folder.write(
        "run/metrics.jsonl",
        &[&lines[0], &bad, &lines[2], &lines[3]].map(|l| &l[..]).concat(),
    );
    for command in ["train --resume run", "report run"] {
        let ran = folder.run(command);
        assert_eq!(ran.code, 1, "{command}: {}", ran.err);
        assert!(ran.err.contains("line 2: expected") && ran.err.contains("an accuracy of 7.5"));
        assert!(!ran.err.contains("remove the line"), "{}", ran.err);
        assert!(ran.err.contains("or remove the file"), "{}", ran.err);
    }
    fs::remove_file(folder.path("run/metrics.jsonl")).unwrap();
    folder.done("train --resume run --quiet");
}
