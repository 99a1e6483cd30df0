//! What the program says of a table, and keeps of it.

use crate::data::{FLAGS, ORDER, rows, table, trained};
use crate::support::Folder;
use serde_json::Value;
use std::fs;

#[test]
fn train_says_first_what_it_makes_of_a_table() {
    let folder = Folder::new("decided");
    folder.write("plain.csv", &table(&rows(), ORDER));
    let train = format!("train --data csv:plain.csv {FLAGS} --epochs 1 --json");
    let ran = folder.done(&train.replace("--epochs 6", ""));
    let first = ran.err.lines().next().unwrap();
    for part in ["plain.csv", "4 columns", "kind", "cat", "header"] {
        assert!(first.contains(part), "{part} should be in {first}");
    }
    assert_eq!(ran.out.lines().count(), 1);
    let text = fs::read_to_string(folder.path("runs/digits-1/recipe.toml")).unwrap();
    assert!(!text.contains("header"), "{text}");

    // A first line of numbers is a sample, unless somebody says otherwise.
    let numbers = "0.5,1\n0.7,0\n0.1,1\n0.9,0\n".repeat(20);
    folder.write("numbers.csv", &numbers);
    let train = "train --data csv:numbers.csv --model lenet300 --epochs 1 --batch 8";
    for (run, flag, samples) in [("a", "", 80), ("b", "--no-header", 80), ("c", "--header", 79)] {
        let ran = folder.done(&format!("{train} {flag} --out {run}"));
        assert!(ran.err.lines().next().unwrap().contains("header"), "{}", ran.err);
        let model = folder.checkpoint(&format!("{run}/model.safetensors"));
        let data: Value = serde_json::from_str(&model.texts["data"]).unwrap();
        let parts = ["training", "validation", "test"].map(|part| data[part].as_u64().unwrap());
        assert_eq!(parts.iter().sum::<u64>(), samples, "{flag}");
    }
    assert_eq!(folder.done(&format!("{train} --quiet")).err, "");
    assert_eq!(folder.run(&format!("{train} --header --no-header")).code, 2);
    assert_eq!(folder.run("train --resume runs/x --label kind").code, 2);
}

#[test]
fn column_that_varies_by_too_little_is_named() {
    let folder = Folder::new("tiny");
    folder.write("tiny.csv", &format!("a,b,kind\n{}", "1,1e-40,x\n2,6e-40,y\n".repeat(40)));
    let ran = folder.run("train --data csv:tiny.csv --model lenet300 --epochs 1 --batch 8");
    assert!(ran.code == 1 && ran.err.contains("tiny.csv: column \"b\": expected"), "{}", ran.err);
}

/// Without scaling, too, a network sees a column as f32.
#[test]
fn column_that_f32_does_not_tell_apart_says_what_to_do() {
    let folder = Folder::new("f32");
    folder.write(
        "net.toml",
        "[data]\nsource = \"csv:x.csv\"\nnormalize = \"none\"\n[model]\nzoo = \"lenet300\"\n\
         [train]\nepochs = 1\nbatch = 8\nschedule = { eta = 1e-20 }\n",
    );
    for (cells, tells) in [
        (
            ["1e39", "2e39"],
            "found \"1e39\"; keep numbers finite and below 3.4e38: divide the column by a constant",
        ),
        (["1e-40", "6e-40"], "column \"b\": expected values that an f32 tells apart"),
        (
            ["1700000000", "1700000001"],
            "subtract a constant from them, or multiply them by a factor",
        ),
        // Small, and no matter to an f32.
        (["1e-25", "2e-25"], ""),
    ] {
        let [one, two] = cells;
        let rows = format!("a,b,kind\n{}", format!("1,{one},x\n2,{two},y\n").repeat(40));
        folder.write("x.csv", &rows);
        let ran = folder.run("train net.toml");
        assert_eq!(ran.code, i32::from(!tells.is_empty()), "{cells:?}: {}", ran.err);
        assert!(ran.err.contains(tells), "{cells:?}: {}", ran.err);
    }
}

#[test]
fn table_without_a_header_is_read_in_the_order_of_the_model_with_a_note() {
    let folder = trained("headless");
    let text = table(&rows(), ORDER);
    // Other samples: what is known to be the model's own is read without a word.
    let headless: Vec<&str> = text.lines().skip(2).collect();
    folder.write("headless.csv", &headless.join("\n"));
    let note = "without a header, the columns are taken for \"h\", \"w\", \"d\"";
    let ran = folder.done("eval run --data csv:headless.csv --label 3 --json");
    assert_eq!(ran.err.matches(note).count(), 1, "{}", ran.err);
    assert_eq!(ran.json()["test_samples"], 239);
    assert!(!folder.done("eval run --data csv:./plain.csv").err.contains(note));
}

/// A first line of numbers may name columns all the same.
#[test]
fn first_line_that_is_taken_for_a_sample_says_how_to_tell_otherwise() {
    let folder = Folder::new("years");
    let rows: String = (0..60).map(|i| format!("{},{},{}\n", i % 7, i % 5, i % 2)).collect();
    folder.write("years.csv", &format!("2019,2020,1\n{rows}"));
    let train = "train --data csv:years.csv --model lenet300 --epochs 1 --batch 8 --out";
    let ran = folder.done(&format!("{train} a"));
    assert!(ran.err.contains("(if it names the columns, set the option header)"), "{}", ran.err);
    for (out, told) in [("b", "--header"), ("c", "--no-header")] {
        let ran = folder.done(&format!("{train} {out} {told}"));
        assert!(!ran.err.contains("option header"), "{}", ran.err);
    }
    folder.write("words.csv", &format!("0,1,2\n{rows}"));
    let ran = folder.run("train --data csv:words.csv --model lenet300 --epochs 1 --batch 8");
    assert!(ran.code == 1 && ran.err.contains("by the option header"), "{}", ran.err);
}

#[test]
fn feature_that_is_named_as_the_label_is_told_to_be_one() {
    let folder = trained("label-feature");
    let ran = folder.run("eval run --label w");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let told = "found \"w\", which is a feature of the model; name the column of labels by the option label";
    assert!(ran.err.contains(told), "{}", ran.err);
}

#[test]
fn cut_to_a_target_that_costs_the_network_is_told() {
    let folder = Folder::new("data-cut");
    folder.write("plain.csv", &table(&rows(), ORDER));
    let train = format!("train --data csv:plain.csv {FLAGS} --keep 0.1%");
    let ran = folder.done(&format!("{train} --out run"));
    assert!(ran.err.contains("note: the last epoch cut the network to its target"), "{}", ran.err);
    assert!(ran.err.contains("--refit"), "{}", ran.err);
    let ran = folder.done(&format!("{train} --refit 0.3 --out refit"));
    assert!(!ran.err.contains("cut the network"), "{}", ran.err);
}

/// A table of two classes with long names.
fn long_names(name: &str) -> String {
    let row = |i: usize| format!("{}.5,{}.25,{}{}\n", i, i % 2, name, i % 2);
    "a,b,kind\n".to_owned() + &(0..6).map(row).collect::<String>()
}

/// A name may have megabytes, and a table of genes has a name and two numbers for each of its columns.
#[test]
fn what_training_notes_of_its_data_can_be_read_again() {
    let folder = Folder::new("data-long-names");
    folder.write("long.csv", &long_names(&"n".repeat(3 << 20)));
    let train = "train --data csv:long.csv --model lenet300 --epochs 1 --batch 2 --quiet";
    folder.done(&format!("{train} --out run"));
    folder.done("eval run");
    // A control character takes seven bytes there.
    folder.write("long.csv", &long_names(&"\u{1}".repeat(8 << 20)));
    let ran = folder.run(&format!("{train} --out more"));
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("names and texts of at most 100000000 bytes"), "{}", ran.err);
    assert!(!folder.path("more").exists(), "nothing was trained");
}
