//! `report` on runs and comparisons, whole and in pieces.

use crate::markup::Markup;
use crate::support::{Folder, RECIPE, metrics};
use serde_json::Value;
use std::fmt::Write;
use std::fs;

/// Draws a folder and reads the page.
fn report(folder: &Folder, run: &str) -> Markup {
    let ran = folder.done(&format!("report {run} --threads 1 --quiet"));
    assert_eq!(ran.out, format!("{run}/report.html\n"));
    let page = fs::read_to_string(folder.path(run).join("report.html")).unwrap();
    let markup = Markup::read(&page);
    needs_nothing_else(&markup);
    markup
}

/// No script, and nothing that is loaded.
fn needs_nothing_else(markup: &Markup) {
    for (name, attributes) in &markup.elements {
        assert!(!["script", "link", "iframe", "object", "base"].contains(&name.as_str()), "{name}");
        let is_shape = ["path", "line", "rect", "circle", "text"].contains(&name.as_str());
        for (key, value) in attributes {
            assert!(!key.starts_with("on"), "{name} {key}");
            assert!(
                !is_shape || !(value.contains("NaN") || value.contains("inf")),
                "{name} {value}"
            );
            match key.as_str() {
                "src" => assert!(value.starts_with("data:image/png;base64,iVBORw0KGgo"), "{value}"),
                "href" => assert!(value.starts_with('#'), "{value}"),
                _ => assert!(!value.contains("url("), "{value}"),
            }
        }
    }
    let captions = markup.elements.iter().filter(|(name, _)| name == "figcaption").count();
    let figures = markup.elements.iter().filter(|(name, _)| name == "figure").count();
    assert_eq!(captions, figures, "every figure says what it shows");
    let headings = markup.elements.iter().filter(|(name, _)| name == "h2").count();
    assert_eq!(markup.attributes("a", "href").len(), headings);
}

fn has(markup: &Markup, parts: &[&str]) {
    for part in parts {
        assert!(markup.text.contains(part), "{part} should be in {}", markup.text);
    }
}

/// As the program writes counts.
fn grouped(value: &Value) -> String {
    let digits = value.as_u64().unwrap().to_string();
    let parts: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    parts.iter().map(|part| str::from_utf8(part).unwrap()).collect::<Vec<_>>().join(",")
}

#[test]
fn numbers_of_a_run_are_those_of_its_summary_and_metrics() {
    let folder = Folder::new("report");
    let flags = "--epochs 6 --lambda 5e-3 --settle 0.34 --refit 0.34 --threads 1 --out run --json";
    let json = folder.done(&format!("train digits {flags}")).json();
    let markup = report(&folder, "run");
    let percent = |value: &Value| format!("{:.2} %", 100.0 * value.as_f64().unwrap());
    has(
        &markup,
        &[
            &percent(&json["test_accuracy"]),
            &percent(&json["validation_accuracy"]),
            &format!("loss {:.4}", json["test_loss"].as_f64().unwrap()),
            &grouped(&json["weights_kept"]),
            &grouped(&json["groups_kept"]),
            &grouped(&json["macs_nonzero"]),
            &format!("of {} dense", grouped(&json["macs"])),
            &grouped(&json["bytes"]),
            json["isa"].as_str().unwrap(),
            "proxtape train run/recipe.toml",
            "lambda = 0.005",
        ],
    );

    let lines = metrics(&folder.path("run"));
    let epochs = markup.table(&["epoch", "stage", "loss"]);
    assert_eq!(epochs.len(), lines.len());
    for (row, line) in epochs.iter().zip(&lines) {
        assert_eq!(row[0], line["epoch"].to_string());
        assert_eq!(row[1], line["stage"].as_str().unwrap());
        assert_eq!(row[2], format!("{:.4}", line["loss"].as_f64().unwrap()));
        assert_eq!(row[6], grouped(&line["weights_kept"]));
        let validation = 100.0 * line["validation_accuracy"].as_f64().unwrap();
        assert_eq!(row[5], format!("{validation:.2}"));
    }

    let layers = json["layers"].as_array().unwrap();
    let rows = markup.table(&["layer", "shape", "weights"]);
    for (row, layer) in rows.iter().zip(layers) {
        assert_eq!(row[0], layer["name"].as_str().unwrap());
        assert_eq!(
            [&row[2], &row[3]],
            [&grouped(&layer["weights"]), &grouped(&layer["weights_kept"])]
        );
        let residual = layer["prox_residual"].as_f64().unwrap();
        assert_eq!(row[7], if residual == 0.0 { "0".into() } else { format!("{residual:.1e}") });
    }
    let groups = markup.table(&["layer", "groups kept", "of"]);
    for (row, layer) in groups.iter().zip(layers) {
        assert_eq!(
            [&row[1], &row[2]],
            [&grouped(&layer["groups_kept"]), &grouped(&layer["groups"])]
        );
        // sum |w| of the layer, from the mean over the groups.
        let mean: f64 = row[4].parse().unwrap();
        let kept = layer["groups_kept"].as_f64().unwrap();
        let l11 = layer["l11"].as_f64().unwrap();
        assert!((mean * kept - l11).abs() <= 1e-4 * kept + 1e-6 * l11, "{row:?}: {l11}");
        assert_eq!(row[6], format!("{:.2}", layer["evenness"].as_f64().unwrap()));
    }
    assert_eq!((rows.len(), groups.len()), (4, 4));

    // The confusion matrix: right ones on the diagonal, and every sample once.
    let matrix = markup.table(&["is", "0", "1"]);
    let count = |cell: &String| cell.replace(',', "").parse::<usize>().unwrap_or(0);
    let right: usize = (0..10).map(|class| count(&matrix[class][class + 1])).sum();
    let all: usize = matrix.iter().flat_map(|row| row[1..].iter().map(count)).sum();
    assert_eq!(json["test_samples"], all);
    assert_eq!(json["test_accuracy"].as_f64().unwrap(), right as f64 / all as f64);
    let classes = markup.table(&["class", "samples", "right"]);
    assert_eq!(classes.iter().map(|row| count(&row[2])).sum::<usize>(), right);

    // Two convolutions, and a wrong sample or more.
    assert!(markup.attributes("img", "alt").iter().any(|alt| alt.starts_with("conv2: 32 filters")));
    assert_eq!(markup.attributes("svg", "aria-label").len(), 3 + 1 + 4, "curves and groups");
    has(&markup, &["shrink", "settle", "refit", "every pixel is in use"]);
}

#[test]
fn compaction_is_proven_with_and_without_its_file() {
    let folder = Folder::new("report-compact");
    folder.done("train digits --epochs 8 --lambda 2e-2 --threads 1 --out run --quiet");
    let trial = report(&folder, "run");
    has(&trial, &["a trial; proxtape compact run", "no decisions changed", "359 test samples"]);
    let names = || {
        let names = fs::read_dir(folder.path("run")).unwrap();
        let mut names: Vec<_> = names.map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    assert!(before.iter().all(|name| !name.to_str().unwrap().contains("compact")), "{before:?}");

    let json = folder.done("compact run --json").json();
    let markup = report(&folder, "run");
    assert!(!markup.text.contains("a trial"), "{}", markup.text);
    for (page, name) in [(&trial, "trial"), (&markup, "file")] {
        let costs = page.table(&["", "before", "after", "ratio"]);
        for (row, key) in [(0, "bytes"), (1, "weights"), (3, "macs")] {
            let want = [&json["before"][key], &json["after"][key]].map(grouped);
            assert_eq!([&costs[row][1], &costs[row][2]], [&want[0], &want[1]], "{name} {key}");
        }
        let layers = page.table(&["layer", "before", "after", "weights", "left"]);
        assert_eq!((layers.len(), &layers[1][1]), (4, &"32x16x3x3".to_owned()));
    }

    // A network that was trained further is another one.
    let mut model = folder.checkpoint("run/model.safetensors");
    let (.., values) = model.tensors.iter_mut().find(|(name, ..)| name == "fc2.bias").unwrap();
    values.fill(3.0);
    proxtape::checkpoint::write(&folder.path("run/model.safetensors"), &model).unwrap();
    has(&report(&folder, "run"), &["is not this network", "proxtape compact run"]);
    assert!(folder.path("run/model-compact.safetensors").is_file(), "a report removes nothing");
}

#[test]
fn interrupted_run_is_drawn_as_far_as_it_came() {
    let folder = Folder::new("report-interrupted");
    folder.write("small.toml", RECIPE);
    for (steps, told) in [(3, "0 of 3 epochs"), (14, "1 of 3 epochs")] {
        let run = format!("run-{steps}");
        let ran = folder.run(&format!("train small.toml --out {run} --stop-after {steps} --quiet"));
        assert_eq!(ran.code, 130, "{}", ran.err);
        let markup = report(&folder, &run);
        has(&markup, &["not finished", told, &format!("proxtape train --resume {run}")]);
    }
    has(&report(&folder, "run-3"), &["No epoch is noted"]);
    folder.done("train --resume run-14 --quiet");
    assert!(!report(&folder, "run-14").text.contains("not finished"));
}

#[test]
fn run_without_validation_and_test_says_so() {
    let folder = Folder::new("report-parts");
    let data = "source = \"digits\"\nvalidation = 0.0\ntest = 0.0";
    let recipe = RECIPE.replace("source = \"digits\"", data).replace("keep = \"best\"\n", "");
    folder.write("small.toml", &recipe.replace("patience = 10\n", ""));
    folder.done("train small.toml --epochs 1 --out run --quiet");
    let markup = report(&folder, "run");
    has(&markup, &["Nothing is kept for a test", "1,797 training samples"]);
    assert!(!markup.text.contains("Test accuracy"), "{}", markup.text);
}

#[test]
fn pixels_in_use_are_those_with_a_weight() {
    let folder = Folder::new("report-inputs");
    folder.done("train digits --model lenet300 --epochs 1 --lambda 1e-4 --out run --quiet");
    let mut model = folder.checkpoint("run/model.safetensors");
    let (.., w) = model.tensors.iter_mut().find(|(name, ..)| name == "fc1.weight").unwrap();
    for row in w.chunks_mut(64) {
        row.fill(0.0);
        (row[3], row[8]) = (0.5, -0.25);
    }
    proxtape::checkpoint::write(&folder.path("run/model.safetensors"), &model).unwrap();
    let markup = report(&folder, "run");
    has(&markup, &["2 of 64 input features (3.1 %)"]);
    let rows = markup.table(&["row", "0", "1"]);
    let sums = |y: usize| rows[y][1..].iter().map(|x| x.parse().unwrap()).collect::<Vec<f32>>();
    assert_eq!(sums(0), [0.0, 0.0, 0.0, 150.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(sums(1), [75.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

/// Names come from files that somebody else may have written.
#[test]
fn names_cannot_become_markup() {
    let folder = Folder::new("report-names");
    let hostile = "</title><script>alert('1')</script><b onclick=x()>&amp;";
    let mut table = format!("kind,{hostile} x,y\n");
    for i in 0..200 {
        let kind = if i % 2 == 0 { hostile } else { "\u{1}\u{202e}\"]]>" };
        let quoted = kind.replace('"', "\"\"");
        writeln!(table, "\"{quoted}\",{},{}", 2 * (i % 2) - 1, i % 7).unwrap();
    }
    folder.write("names.csv", &table);
    folder.write(
        "names.toml",
        &format!(
            "[data]\nsource = \"csv:names.csv\"\nlabel = \"kind\"\nobtain = \"{hostile}\"\n[model]\nlayer = [\n\
             {{ kind = \"flatten\" }},\n\
             {{ kind = \"linear\", name = \"{hostile}\", out = 4 }},\n\
             {{ kind = \"linear\", name = \"fc\", out = 2 }},\n]\n[train]\nepochs = 2\nbatch = 16\n"
        ),
    );
    folder.done("train names.toml --out run --quiet");
    let markup = report(&folder, "run");
    has(&markup, &[hostile, "\\u{1}\\u{202e}\"]]>", &format!("{hostile} x")]);
    // Text all of it: the matrix, the layers, the recipe.
    assert!(markup.text.matches("alert('1')").count() >= 4, "{}", markup.text);
}

#[test]
fn run_without_its_data_is_drawn_without_what_they_would_say() {
    let folder = Folder::new("report-data");
    let mut table = "x,kind\n".to_owned();
    (0..100).for_each(|i| writeln!(table, "{},{}", 2 * (i % 2) - 1, i % 2).unwrap());
    folder.write("some.csv", &table);
    folder
        .done("train --data csv:some.csv --model lenet300 --epochs 1 --batch 8 --out run --quiet");
    fs::remove_file(folder.path("some.csv")).unwrap();
    let ran = folder.done("report run");
    assert!(ran.err.contains("some.csv"), "{}", ran.err);
    has(&report(&folder, "run"), &["could not be read", "some.csv", "Without the data", "fc1"]);
}

#[test]
fn what_cannot_be_drawn_is_an_error_that_says_why() {
    let folder = Folder::new("report-errors");
    fs::create_dir(folder.path("empty")).unwrap();
    folder.write("file", "");
    folder.done("train digits --epochs 1 --out run --quiet");
    let metrics = folder.path("run/metrics.jsonl");
    let mut text = fs::read_to_string(&metrics).unwrap();
    text.push_str("{\"epoch\": 2, \"stage\": \"rest\"}\n");
    fs::write(&metrics, text).unwrap();
    fs::create_dir(folder.path("bad")).unwrap();
    folder.write("bad/compare.json", "{\"cells\": 3}");
    fs::create_dir(folder.path("none")).unwrap();
    folder.write("none/compare.json", "{}");
    for (name, part) in [
        ("nowhere", "found nothing"),
        ("file", "found a file"),
        ("empty", "model.safetensors"),
        ("run", "metrics.jsonl: line 2"),
        ("bad", "compare.json: expected the object"),
        ("none", "found none"),
    ] {
        let ran = folder.run(&format!("report {name}"));
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{name}: {}", ran.err);
        assert!(ran.err.contains(part), "{part} should be in {}", ran.err);
        assert!(!folder.path(name).join("report.html").exists(), "{name}");
    }
}

/// Two methods and the network without a penalty; `l1` has two lambdas, of which the first was chosen.
const COMPARE: &str = r#"{
  "status": "partial", "kind": "compare", "recipe": {"name": "digits"}, "version": "0.1.0",
  "threads": 1, "isa": "avx2", "seeds": [1, 2], "tolerance": 0.5, "planned": 9, "new": [1],
  "cells": [
    {"family": "none", "label": "none", "lambda": null, "seed": 1, "role": "result", "chosen": false,
     "validation_accuracy": 0.98, "test_accuracy": 0.97, "weights": 1000, "weights_kept": 1000},
    {"family": "l1", "label": "<b>l1</b>", "lambda": 1e-4, "seed": 1, "role": "result",
     "chosen": true, "run": "../cells/l1", "validation_accuracy": 0.976, "test_accuracy": 0.96,
     "weights": 1000, "weights_kept": 200},
    {"family": "l1", "label": "<b>l1</b>", "lambda": 1e-2, "seed": 1, "role": "choice",
     "validation_accuracy": 0.5, "test_accuracy": 0.45, "weights": 1000, "weights_kept": 0},
    {"family": "cges", "lambda": 1e-3, "seed": 1, "diverged": "not finite"}
  ],
  "rows": [
    {"family": "none", "label": "none", "lambda": null, "seeds": 2,
     "test_accuracy": {"mean": 0.971, "std": 0.002}, "weights": {"mean": 1000, "std": 0},
     "weights_kept": {"mean": 1000, "std": 0}},
    {"family": "l1", "label": "<b>l1</b>", "lambda": 1e-4, "seeds": 2,
     "test_accuracy": {"mean": 0.9612, "std": 0.0015}, "weights": {"mean": 1000, "std": 0},
     "weights_kept": {"mean": 210.4, "std": 300}, "bytes_compact": {"mean": 5000, "std": null},
     "latency_seconds": {"mean": 1.5e-6}}
  ],
  "notes": ["cges diverged"]
}"#;

#[test]
fn comparison_is_drawn_from_what_it_tells() {
    let folder = Folder::new("report-compare");
    for (name, file) in [("compare", "compare.json"), ("sweep", "sweep.json")] {
        fs::create_dir(folder.path(name)).unwrap();
        folder.write(
            &format!("{name}/{file}"),
            &COMPARE.replace("\"compare\"", &format!("{name:?}")),
        );
        let markup = report(&folder, name);
        let rows = markup.table(&["method", "lambda", "accuracy %"]);
        assert_eq!(rows[1][..5], ["<b>l1</b>", "1e-4", "96.12 ± 0.15", "-", "210 ± 300"]);
        assert_eq!(rows[1][5..], ["21.0", "-", "-", "-", "-", "5,000", "1.5", "-"]);
        has(&markup, &["4 of 9 trainings", "cges diverged", "--resume"]);
        let tried = markup.table(&["method", "lambda", "validation %"]);
        assert_eq!(tried.len(), 2, "one lambda is no choice");
        assert_eq!(tried[0], ["<b>l1</b>", "1e-4", "97.60", "96.00", "200", "20.0", "chosen"]);
    }
    let markup = report(&folder, "compare");
    // 98 % less 0.5 points.
    has(&markup, &["at least 97.50 %", "chosen: 1e-4"]);
    let json = folder.done("report compare --json").json();
    assert_eq!(
        (&json["kind"], &json["report"]),
        (&"compare".into(), &"compare/report.html".into())
    );
    let size = fs::metadata(folder.path("compare/report.html")).unwrap().len();
    assert_eq!(json["bytes"], size);
}

#[test]
fn evenness_of_a_comparison_is_that_of_its_runs() {
    let folder = Folder::new("report-even");
    let train = "train digits --model lenet300 --epochs 1 --threads 1 --quiet --out";
    folder.done(&format!("{train} all/cells/l1 --regularizer l1 --lambda 1e-3"));
    let json = folder.done(&format!("{train} all/cells/none --lambda 0 --json")).json();
    let cell = |family: &str, lambda: &str| {
        format!(
            "{{\"family\": \"{family}\", \"label\": \"{family}\", \"lambda\": {lambda}, \"seed\": 1, \
             \"role\": \"result\", \"chosen\": true, \"run\": \"cells/{family}\", \"test_accuracy\": 0.9, \
             \"weights_kept\": 100}}"
        )
    };
    let cells = [cell("none", "null"), cell("l1", "1e-3")].join(",");
    folder.write(
        "all/compare.json",
        &format!("{{\"status\": \"done\", \"seeds\": [1], \"cells\": [{cells}]}}"),
    );
    let markup = report(&folder, "all");
    let rows = markup.table(&["method", "fc1", "groups"]);
    let layer = &json["layers"][0];
    let want = [
        "none".to_owned(),
        format!("{:.2}", layer["evenness"].as_f64().unwrap()),
        grouped(&layer["groups_kept"]),
    ];
    assert_eq!(rows[0][..3], want);
    assert_eq!(rows.len(), 2);
    assert!(!markup.text.contains("comparison is not finished"));
}

#[test]
fn comparison_with_numbers_out_of_range_is_refused() {
    let folder = Folder::new("report-range");
    fs::create_dir(folder.path("cmp")).unwrap();
    for (from, to, tells) in [
        ("\"tolerance\": 0.5", "\"tolerance\": 1e308", "tolerance: expected 0 to 100 points"),
        ("\"tolerance\": 0.5", "\"keep\": 2", "keep: expected a share above 0, up to 1"),
        ("\"lambda\": 1e-2", "\"lambda\": 1e308", "cells[2].lambda: expected"),
        ("\"lambda\": 1e-2", "\"lambda\": 1e-320", "cells[2].lambda: expected"),
        ("\"lambda\": 1e-2", "\"lambda\": -1", "cells[2].lambda: expected"),
        ("\"weights_kept\": 200", "\"weights_kept\": 1e-320", "expected u64"),
        ("\"weights_kept\": 200", "\"weights_kept\": 1001", "cells[1].weights_kept: expected"),
        ("\"test_accuracy\": 0.96,", "\"test_accuracy\": 1e308,", "cells[1].test_accuracy: exp"),
        ("{\"mean\": 210.4, \"std\": 300}", "{\"mean\": 1e308}", "rows[1].weights_kept: expected"),
        ("{\"mean\": 210.4, \"std\": 300}", "{\"mean\": 1, \"std\": 1e308}", "rows[1].weights_"),
        ("{\"mean\": 1.5e-6}", "{\"mean\": -1}", "rows[1].latency_seconds: expected"),
    ] {
        assert!(COMPARE.contains(from), "{from}");
        folder.write("cmp/compare.json", &COMPARE.replacen(from, to, 1));
        let ran = folder.run("report cmp");
        assert_eq!(ran.code, 1, "{to}: {}", ran.err);
        assert!(ran.err.contains("compare.json: ") && ran.err.contains(tells), "{to}: {}", ran.err);
    }
}
