//! Data that is the same, was moved, has changed, or is other data: what each command makes of it.

use crate::support::{Folder, assert_same_bits};
use serde_json::Value;
use std::fmt::Write;
use std::fs;

/// A table of 240 samples: `h` and `w` tell the class, `d` is noise.
pub(crate) fn rows() -> Vec<[String; 4]> {
    let mut seed = 1u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    let row = |i: usize| {
        let kind = i % 3;
        let at = kind as f64;
        let values = [at + random(), 2.0 * at + random(), random()];
        let [h, w, d] = values.map(|x| format!("{x:.3}"));
        [h, w, d, ["cat", "dog", "owl"][kind].to_owned()]
    };
    (0..240).map(row).collect()
}

/// The text of a table, its columns in an order.
pub(crate) fn table(rows: &[[String; 4]], order: [usize; 4]) -> String {
    let names = ["h", "w", "d", "kind"].map(str::to_owned);
    let mut text = String::new();
    for row in [&names].into_iter().chain(rows) {
        writeln!(text, "{}", order.map(|i| row[i].as_str()).join(",")).unwrap();
    }
    text
}

pub(crate) const ORDER: [usize; 4] = [0, 1, 2, 3];
pub(crate) const FLAGS: &str = "--model lenet300 --grouping input --epochs 6 --batch 16 --eta 0.01 \
    --lambda 1e-4 --label kind";

/// A folder with a table, and a run that was trained on it.
pub(crate) fn trained(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("plain.csv", &table(&rows(), ORDER));
    folder.done(&format!("train --data csv:plain.csv {FLAGS} --out run --quiet"));
    folder
}

/// The numbers of an evaluation.
fn numbers(json: &Value) -> [&Value; 6] {
    [
        "test_accuracy",
        "test_loss",
        "test_samples",
        "validation_accuracy",
        "validation_loss",
        "validation_samples",
    ]
    .map(|key| &json[key])
}

#[test]
fn same_contents_are_the_same_data_at_any_place_and_in_any_order_of_columns() {
    let folder = trained("same");
    let own = folder.done("eval run --json").json();
    assert_eq!((&own["test_samples"], &own["same_data"]), (&48.into(), &true.into()));
    let hash = own["data_hash"].as_str().unwrap();
    assert_eq!(hash.len(), 32);

    fs::create_dir(folder.path("elsewhere")).unwrap();
    folder.write("elsewhere/copy.csv", &table(&rows(), ORDER));
    folder.write("reordered.csv", &table(&rows(), [2, 3, 1, 0]));
    folder.write("windows.csv", &table(&rows(), ORDER).replace('\n', "\r\n"));
    folder.write("tabs.tsv", &table(&rows(), ORDER).replace(',', "\t"));
    let extra: String = table(&rows(), ORDER).lines().map(|line| format!("7,{line}\n")).collect();
    folder.write("extra.csv", &extra.replacen('7', "id", 1));
    for name in
        ["plain.csv", "elsewhere/copy.csv", "reordered.csv", "windows.csv", "tabs.tsv", "extra.csv"]
    {
        let other = folder.done(&format!("eval run --data csv:{name} --json")).json();
        assert_eq!(numbers(&other), numbers(&own), "{name}");
        assert_eq!((&other["same_data"], &other["data_hash"]), (&true.into(), &hash.into()));
    }
    // The summary, the state and the model tell the same hash; the model its columns, too.
    let summary: Value =
        serde_json::from_str(&fs::read_to_string(folder.path("run/summary.json")).unwrap())
            .unwrap();
    assert_eq!(summary["data_hash"], hash);
    for (file, key) in [("model", "data"), ("state", "run.data")] {
        let texts = folder.checkpoint(&format!("run/{file}.safetensors")).texts;
        let data: Value = serde_json::from_str(&texts[key]).unwrap();
        assert_eq!(data["hash"], hash);
        assert_eq!(data["columns"], serde_json::json!(["h", "w", "d"]));
        assert_eq!((&data["label"], &data["test"]), (&"kind".into(), &48.into()));
    }
}

#[test]
fn other_data_is_evaluated_whole_and_said_to_be_other() {
    let folder = trained("other");
    let (rows, own) = (rows(), folder.done("eval run --json").json());
    let mut grown = rows.clone();
    grown.extend_from_slice(&rows[..1]);
    grown[240][0] = "0.125".to_owned();
    let one_class: Vec<_> = rows.iter().filter(|row| row[3] == "owl").cloned().collect();
    let two: Vec<_> = rows.iter().filter(|row| row[3] != "cat").cloned().collect();
    let mut shuffled = rows.clone();
    shuffled.swap(0, 3);
    for (name, rows) in [("grown", grown), ("one", one_class), ("two", two), ("shuffled", shuffled)]
    {
        folder.write(&format!("{name}.csv"), &table(&rows, ORDER));
        let json = folder.done(&format!("eval run --data csv:{name}.csv --json")).json();
        let samples = [&json["test_samples"], &json["validation_samples"]];
        assert_eq!(samples, [&Value::from(rows.len()), &0.into()], "{name}");
        assert_eq!(json["same_data"], false, "{name}");
        assert_ne!(json["data_hash"], own["data_hash"], "{name}");
        assert!(json["test_accuracy"].as_f64().unwrap() > 0.7, "{name}: {json}");
        // Its samples are known, while the data of the training is there.
        let seen = json["samples_trained_on"].as_u64().unwrap();
        assert!(seen > 0 && seen < rows.len() as u64, "{name}: {seen}");
        let text = folder.done(&format!("eval run --data csv:{name}.csv")).out;
        let told = format!("all {} samples are evaluated, {seen} of them", rows.len());
        assert!(text.contains(&told), "{text}");
    }
    let json = folder.done("eval run --data csv:shuffled.csv --json").json();
    assert_eq!(json["samples_trained_on"], 168);
    fs::remove_file(folder.path("plain.csv")).unwrap();
    let json = folder.done("eval run --data csv:shuffled.csv --json").json();
    assert!(json["samples_trained_on"].is_null());
    assert!(folder.done("eval run --data csv:shuffled.csv").out.contains("not known"));
}

#[test]
fn columns_are_found_by_name_and_one_that_is_missing_is_named() {
    let folder = trained("columns");
    let own = folder.done("eval run --json").json();
    let text = table(&rows(), ORDER);
    folder.write("missing.csv", &text.replacen("h,w,d", "h,x,d", 1));
    let ran = folder.run("eval run --data csv:missing.csv");
    assert!(ran.code == 1 && ran.err.contains("\"w\""), "{}", ran.err);
    // The labels are in a column of another name.
    folder.write("label.csv", &table(&rows(), [3, 1, 0, 2]).replacen("kind", "species", 1));
    let ran = folder.run("eval run --data csv:label.csv");
    assert!(ran.code == 1 && ran.err.contains("\"kind\""), "{}", ran.err);
    let json = folder.done("eval run --data csv:label.csv --label species --json").json();
    assert_eq!(numbers(&json), numbers(&own));
    // By its number it takes the names of the others in their order.
    let ran = folder.run("eval run --data csv:label.csv --label 0");
    assert!(ran.code == 1 && ran.err.contains("h, w, d"), "{}", ran.err);
    folder.write("number.csv", &table(&rows(), [3, 0, 1, 2]).replacen("kind", "species", 1));
    let json = folder.done("eval run --data csv:number.csv --label 0 --json").json();
    assert_eq!(numbers(&json), numbers(&own));
    // Without names, places must do, and it is said.
    let body = table(&rows(), [3, 0, 1, 2]).split_once('\n').unwrap().1.to_owned();
    folder.write("bare.csv", &body);
    let ran = folder.done("eval run --data csv:bare.csv --label 0 --no-header --json");
    assert_eq!(numbers(&ran.json()), numbers(&own));
    // A class that the network does not know.
    folder.write("emu.csv", &text.replace("owl", "emu"));
    let ran = folder.run("eval run --data csv:emu.csv");
    assert!(ran.code == 1 && ran.err.contains("emu"), "{}", ran.err);
}

#[test]
fn data_that_has_changed_in_its_place_is_refused_by_all_that_say_test() {
    let folder = trained("changed");
    folder.done("export run --to onnx");
    let mut rows = rows();
    let labels: Vec<_> = rows.iter().map(|row| row[3].clone()).collect();
    for (row, label) in rows.iter_mut().zip(labels.iter().cycle().skip(1)) {
        row[3].clone_from(label);
    }
    let mut grown = self::rows();
    grown.extend_from_within(..30);
    for rows in [rows, grown] {
        folder.write("plain.csv", &table(&rows, ORDER));
        for command in ["eval run", "compact run", "export run --to rust", "train --resume run"] {
            let ran = folder.run(command);
            assert_eq!(ran.code, 1, "{command}: {}", ran.err);
            for part in ["plain.csv", "has changed", "--data"] {
                assert!(ran.err.contains(part), "{command} should tell {part}: {}", ran.err);
            }
        }
        // A report is drawn without what the data would say, and tells so.
        let ran = folder.done("report run");
        assert!(ran.err.contains("has changed"), "{}", ran.err);
        // As other data it can be evaluated.
        let json = folder.done("eval run --data csv:plain.csv --json").json();
        assert_eq!(json["test_samples"], rows.len());
        assert_eq!(json["same_data"], false);
    }
}

#[test]
fn run_goes_on_with_moved_data_to_the_same_bits_and_remembers_the_place() {
    let folder = Folder::new("moved");
    let text = table(&rows(), ORDER);
    for place in ["whole.csv", "moving.csv"] {
        folder.write(place, &text);
    }
    folder.done(&format!("train --data csv:whole.csv {FLAGS} --out whole --quiet"));
    let start = format!("train --data csv:moving.csv {FLAGS} --out run --stop-after 30 --quiet");
    assert_eq!(folder.run(&start).code, 130);
    // Other data of the same size is refused, at the old place and at a new one.
    folder.write(
        "moving.csv",
        &text.replace("owl", "tmp").replace("dog", "owl").replace("tmp", "dog"),
    );
    for command in ["train --resume run", "train --resume run --data csv:moving.csv"] {
        let ran = folder.run(command);
        assert!(ran.code == 1 && ran.err.contains("moving.csv"), "{}", ran.err);
        assert!(ran.err.contains("has changed"), "{}", ran.err);
    }
    fs::remove_file(folder.path("moving.csv")).unwrap();
    assert_eq!(folder.run("train --resume run").code, 1);
    fs::create_dir(folder.path("new")).unwrap();
    folder.write("new/place.csv", &table(&rows(), [2, 3, 1, 0]));
    assert_eq!(
        folder.run("train --resume run --data csv:new/place.csv --stop-after 7 -q").code,
        130
    );
    folder.done("train --resume run --quiet");
    let [a, b] = ["whole", "run"].map(|run| folder.checkpoint(&format!("{run}/model.safetensors")));
    assert_same_bits(&a, &b);
    let own = folder.done("eval run --json").json();
    assert!(own["data"].as_str().unwrap().ends_with("new/place.csv"), "{own}");
    assert_eq!(own["same_data"], true);
    // What works on a trained network takes its data elsewhere, too.
    fs::rename(folder.path("new/place.csv"), folder.path("third.csv")).unwrap();
    for command in ["compact run", "export run --to rust", "report run"] {
        let ran = folder.done(&format!("{command} --data csv:third.csv"));
        assert!(!ran.err.contains("without what its data"), "{}", ran.err);
    }
    let ran = folder.run("compact run --data digits");
    assert!(ran.code == 1 && ran.err.contains("digits"), "{}", ran.err);
    let ran = folder.run("compact run");
    assert!(ran.code == 1 && ran.err.contains("--data"), "{}", ran.err);
}

#[test]
fn model_without_a_hash_is_evaluated_with_a_note() {
    let folder = trained("old");
    let own = folder.done("eval run --json").json();
    for (file, key) in [("model", "data"), ("state", "run.data")] {
        let path = format!("run/{file}.safetensors");
        let mut old = folder.checkpoint(&path);
        old.texts.remove(key);
        proxtape::checkpoint::write(&folder.path(&path), &old).unwrap();
    }
    let ran = folder.done("eval run --json");
    assert!(ran.err.contains("keeps no hash"), "{}", ran.err);
    assert_eq!(numbers(&ran.json()), numbers(&own));
    assert!(ran.json()["same_data"].is_null());
    assert!(folder.done("train --resume run").err.contains("keeps no hash"));
}

#[test]
fn home_folder_is_found_after_a_colon() {
    let folder = Folder::new("home");
    folder.write("plain.csv", &table(&rows(), ORDER));
    let train = format!("train --data csv:~/plain.csv {FLAGS} --out run --quiet");
    let ran = folder.command(&train).env("HOME", folder.path(".")).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    // The recipe does not depend on who reads it.
    assert!(folder.done("eval run --json").json()["same_data"] == true);
}

#[test]
fn comparison_is_of_one_data_and_finds_it_where_it_was_moved() {
    let folder = Folder::new("grid");
    let text = table(&rows(), ORDER);
    folder.write("plain.csv", &text);
    let flags = "--model lenet300 --grouping input --epochs 2 --batch 16 --label kind \
        --families l1 --lambdas 1e-4,1e-3 --seeds 1 --out set";
    let compare = format!("compare --data csv:plain.csv {flags}");
    assert_eq!(folder.run(&format!("{compare} --stop-after 20 --quiet")).code, 130);
    folder.write(
        "plain.csv",
        &text.replace("owl", "tmp").replace("dog", "owl").replace("tmp", "dog"),
    );
    for command in ["compare --resume set", &compare, "compare --resume set --data csv:plain.csv"] {
        let ran = folder.run(command);
        assert!(ran.code == 1 && ran.err.contains("has changed"), "{command}: {}", ran.err);
        assert!(ran.err.contains("plain.csv"), "{}", ran.err);
    }
    fs::remove_file(folder.path("plain.csv")).unwrap();
    folder.write("moved.csv", &text);
    let ran = folder.run("compare --resume set --data csv:moved.csv --stop-after 10");
    assert!(ran.code == 130 && ran.err.contains("columns"), "{}", ran.err);
    let json = folder.done("compare --resume set --json").json();
    assert_eq!(json["status"], "done");
    folder.write("third.csv", &text);
    let again = folder.done(&format!("{compare} --json").replace("plain", "third")).json();
    assert_eq!(again["rows"], json["rows"]);
}

#[test]
fn images_tell_whether_they_are_the_same_by_their_contents() {
    let folder = Folder::new("images");
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../data");
    let file = |name: &str| fs::read(format!("{data}/digits-{name}-ubyte")).unwrap();
    let write = |to: &str, images: &[u8], labels: &[u8]| {
        fs::create_dir_all(folder.path(to)).unwrap();
        fs::write(folder.path(&format!("{to}/train-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.path(&format!("{to}/train-labels-idx1-ubyte")), labels).unwrap();
    };
    let (images, labels) = (file("images-idx3"), file("labels-idx1"));
    write("a", &images, &labels);
    write("b", &images, &labels);
    let mut swapped = labels.clone();
    swapped.swap(8, 9);
    write("c", &images, &swapped);
    folder.done("train digits --data idx:a --epochs 1 --out run --quiet");
    let own = folder.done("eval run --json").json();
    let same = folder.done("eval run --data idx:b --json").json();
    assert_eq!(numbers(&same), numbers(&own));
    let other = folder.done("eval run --data idx:c --json").json();
    assert_eq!((&other["test_samples"], &other["same_data"]), (&1797.into(), &false.into()));
    write("a", &images, &swapped);
    assert!(folder.run("eval run").err.contains("has changed"));
}

#[test]
fn data_of_another_scale_is_refused_and_noted() {
    let folder = Folder::new("scales");
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../data");
    let file = |name: &str| fs::read(format!("{data}/digits-{name}-ubyte")).unwrap();
    let (images, labels) = (file("images-idx3"), file("labels-idx1"));
    let mut bright = images.clone();
    bright[16..].iter_mut().for_each(|pixel| *pixel *= 15);
    fs::create_dir(folder.path("a")).unwrap();
    fs::write(folder.path("a/train-images-idx3-ubyte"), &bright).unwrap();
    fs::write(folder.path("a/train-labels-idx1-ubyte"), &labels).unwrap();
    fs::write(folder.path("dark"), &images).unwrap();
    folder.done("train digits --epochs 1 --out of16 --quiet");
    folder.done("train digits --data idx:a --epochs 1 --out of255 --quiet");
    for (command, wants, has) in
        [("eval of16 --data idx:a", "1/16", "1/255"), ("eval of255 --data digits", "1/255", "1/16")]
    {
        let ran = folder.run(command);
        assert_eq!(ran.code, 1, "{command}");
        assert!(ran.err.contains(&format!("the scale {wants}, as")), "{}", ran.err);
        assert!(ran.err.contains(&format!("the scale {has}")), "{}", ran.err);
    }
    for (model, images, note) in [
        ("of16", "dark", ""),
        ("of16", "a/train-images-idx3-ubyte", "16 is white"),
        ("of255", "dark", "nearly black"),
        ("of255", "a/train-images-idx3-ubyte", ""),
    ] {
        let ran = folder.done(&format!("predict {model} {images} --first 9"));
        assert!(ran.err.contains(note) && ran.err.is_empty() == note.is_empty(), "{}", ran.err);
    }
}

#[test]
fn samples_of_the_training_are_known_by_other_labels() {
    let folder = trained("relabelled");
    let mut rows = rows();
    for row in &mut rows {
        row[3] = if row[3] == "cat" { "owl" } else { "cat" }.to_owned();
    }
    rows[0][3] = "dog".to_owned();
    folder.write("other.csv", &table(&rows, ORDER));
    let json = folder.done("eval run --data csv:other.csv --json").json();
    assert_eq!((&json["same_data"], &json["samples_trained_on"]), (&false.into(), &168.into()));
}

#[test]
fn parts_that_the_recipe_of_a_model_does_not_give_are_refused() {
    let folder = trained("parts");
    let mut model = folder.checkpoint("run/model.safetensors");
    let mut data: Value = serde_json::from_str(&model.texts["data"]).unwrap();
    data["training"] = 100.into();
    model.note("data", data);
    proxtape::checkpoint::write(&folder.path("run/model.safetensors"), &model).unwrap();
    for command in ["eval run", "eval run --data csv:./plain.csv"] {
        let ran = folder.run(command);
        assert!(ran.code == 1 && ran.err.contains("(100 training, "), "{command}: {}", ran.err);
    }
}

#[test]
fn run_without_its_state_is_not_begun_anew_over_its_model() {
    let folder = trained("stateless");
    let model = fs::read(folder.path("run/model.safetensors")).unwrap();
    fs::remove_file(folder.path("run/state.safetensors")).unwrap();
    let ran = folder.run("train --resume run");
    assert!(ran.code == 1 && ran.err.contains("state.safetensors: expected"), "{}", ran.err);
    assert!(model == fs::read(folder.path("run/model.safetensors")).unwrap());
}

#[test]
fn summary_of_another_training_is_refused() {
    let folder = Folder::new("exchanged");
    folder.write("plain.csv", &table(&rows(), ORDER));
    let flags = "--model lenet300 --grouping input --epochs 1 --batch 16 --label kind \
        --family l1 --lambdas 1e-4,1e-3 --seeds 1 --out set --quiet";
    folder.done(&format!("sweep --data csv:plain.csv {flags}"));
    let find = |strength: &str| {
        let cells = walk(&folder.path("set"));
        cells.into_iter().find(|path| path.to_string_lossy().contains(strength)).unwrap()
    };
    fs::copy(find("l1-1e-3-"), find("l1-1e-4-")).unwrap();
    let ran = folder.run("sweep --resume set");
    assert!(
        ran.code == 1 && ran.err.contains("summary.json: \"run\": expected l1-1e-4-"),
        "{}",
        ran.err
    );
}

/// The summaries below a folder.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(walk(&path)),
            false if path.ends_with("summary.json") => found.push(path),
            false => {}
        }
    }
    found
}
