//! `compare`: the table, and what is never done twice.

use crate::support::Folder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// A small network, 38 steps.
pub(crate) const SMALL: &str = r#"
[data]
source = "digits"
[model]
layer = [
    { kind = "flatten" },
    { kind = "linear", name = "fc1", out = 16 },
    { kind = "relu" },
    { kind = "linear", name = "fc2", out = 10 },
]
[train]
epochs = 2
batch = 64
[train.schedule]
eta = 0.1
[penalty]
family = "l11-l12"
"#;

/// 2 trainings without a penalty, and of each of two penalties 2 at the first seed, of which one is
/// chosen, and 1 at the second.
const COMPARE: &str = "compare small.toml --families none,l1,l11-l12 --lambdas 1e-4,1e-2 --seeds 2 --threads 1 --json";
const CELLS: usize = 2 + 3 + 3;

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number, not {value}"))
}

fn cells(json: &Value) -> Vec<Value> {
    json["cells"].as_array().unwrap().clone()
}

/// When each summary was written.
fn written(folder: &Folder, name: &str) -> BTreeMap<String, SystemTime> {
    let cells = fs::read_dir(folder.path(name).join("cells")).unwrap();
    let cells = cells.map(|entry| entry.unwrap()).filter_map(|entry| {
        let summary = fs::metadata(entry.path().join("summary.json")).ok()?;
        Some((entry.file_name().into_string().unwrap(), summary.modified().unwrap()))
    });
    cells.collect()
}

/// The object without what no two runs have in common: times, and the folder.
fn timeless(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| !key.ends_with("_seconds") && *key != "folder")
            .map(|(key, value)| (key.clone(), timeless(value)))
            .collect(),
        Value::Array(list) => list.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

#[test]
fn strengths_are_chosen_by_validation_and_nothing_runs_twice() {
    let folder = Folder::new("compare");
    folder.write("small.toml", SMALL);
    let ran = folder.done(&format!("{COMPARE} --out cmp"));
    let json = ran.json();
    assert_eq!((&json["status"], &json["kind"]), (&"done".into(), &"compare".into()));
    assert_eq!((&json["planned"], cells(&json).len()), (&CELLS.into(), CELLS));
    assert!(ran.err.contains(&format!("cmp: {CELLS} trainings, about ")), "{}", ran.err);
    assert_eq!(ran.out, fs::read_to_string(folder.path("cmp/compare.json")).unwrap());

    // The rule again, from the numbers of the single trainings.
    let all = cells(&json);
    let of = |family: &str, seed: u64| -> Vec<&Value> {
        all.iter().filter(|cell| cell["family"] == family && cell["seed"] == seed).collect()
    };
    let accuracy = |cell: &Value| number(&cell["validation_accuracy"]);
    let whole = accuracy(of("none", 1)[0]);
    for family in ["l1", "l11-l12"] {
        let tried = of(family, 1);
        assert_eq!(tried.len(), 2);
        let fit = tried.iter().filter(|cell| accuracy(cell) >= whole - 0.005);
        let sparsest = fit.min_by_key(|cell| cell["weights_kept"].as_u64().unwrap());
        let right = tried.iter().max_by(|a, b| accuracy(a).total_cmp(&accuracy(b)));
        let want = sparsest.or(right).unwrap();
        let chosen: Vec<_> = tried.iter().filter(|cell| cell["chosen"] == true).collect();
        assert_eq!(chosen, [want]);
        assert_eq!(chosen[0]["role"], "result");
        assert_eq!(of(family, 2).len(), 1);
        assert_eq!(of(family, 2)[0]["lambda"], want["lambda"], "one strength for all seeds");
    }
    // Means and deviations.
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert_eq!(row["seeds"], 2);
        let mine = all.iter().filter(|c| c["family"] == row["family"] && c["chosen"] == true);
        let mine: Vec<_> = mine.collect();
        for name in ["test_accuracy", "weights_kept", "macs_compact", "bytes_compact"] {
            let [a, b] = [0, 1].map(|i| number(&mine[i][name]));
            let (mean, std) = ((a + b) / 2.0, (a - b).abs() / 2f64.sqrt());
            assert!((number(&row[name]["mean"]) - mean).abs() <= 1e-9 * mean, "{name}: {row}");
            assert!((number(&row[name]["std"]) - std).abs() <= 1e-9 * mean, "{name}: {row}");
        }
        assert!(number(&row["latency_seconds"]["mean"]) > 0.0, "{row}");
    }
    // A cell is what `train` and `compact` make of its recipe.
    let chosen = of("l11-l12", 2)[0];
    let run = format!("cmp/{}", chosen["run"].as_str().unwrap());
    let trained = folder.done(&format!("train {run}/recipe.toml --out again --json")).json();
    for name in ["test_accuracy", "validation_accuracy", "weights_kept", "groups_kept", "macs"] {
        assert_eq!(trained[name], chosen[name], "{name}");
    }
    let small = folder.done("compact again --json").json();
    assert_eq!(small["after"]["macs"], chosen["macs_compact"]);
    assert_eq!(small["after"]["bytes"], chosen["bytes_compact"]);

    // Again, by both ways: nothing runs.
    let before = written(&folder, "cmp");
    assert_eq!(before.len(), CELLS);
    for again in ["compare --resume cmp --threads 1 --json", &format!("{COMPARE} --out cmp")] {
        let ran = folder.done(again);
        assert_eq!(ran.json(), json, "{again}");
        assert!(ran.err.contains(&format!("{CELLS} are finished")), "{}", ran.err);
    }
    assert_eq!(written(&folder, "cmp"), before);

    // Another grid is another comparison.
    let ran = folder.run(&format!("{COMPARE} --out cmp").replace("seeds 2", "seeds 3"));
    assert_eq!(ran.code, 1);
    for part in ["compare.toml", "seeds = [1, 2]", "seeds = [1, 2, 3]"] {
        assert!(ran.err.contains(part), "{part} should be in {}", ran.err);
    }
    let ran = folder.run(&format!("{COMPARE} --out cmp --epochs 3"));
    assert!(ran.code == 1 && ran.err.contains("epochs = 3"), "{}", ran.err);
    // And so is another recipe of a cell.
    let path = folder.path(&run).join("recipe.toml");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("batch = 64", "batch = 32"))
        .unwrap();
    let ran = folder.run("compare --resume cmp");
    assert!(ran.code == 1 && ran.err.contains("batch = 32"), "{}", ran.err);
}

#[test]
fn table_has_a_line_for_each_row_in_every_form() {
    let folder = Folder::new("compare-forms");
    folder.write("small.toml", SMALL);
    let flags = "--families none,group-lasso --grid 2 --tolerance 100 --seeds 1 --out cmp --quiet";
    let ran = folder.done(&format!("compare small.toml {flags}"));
    assert_eq!(ran.err, "", "quiet");
    let read = |name: &str| fs::read_to_string(folder.path("cmp").join(name)).unwrap();
    for text in [&ran.out, &read("compare.md")] {
        for part in ["regulariser", "group lasso", "1e-2", "seed 1", "within 100 points"] {
            assert!(text.contains(part), "{part} should be in {text}");
        }
    }
    let markdown = read("compare.md");
    let bars: Vec<_> = markdown.lines().filter(|l| l.starts_with('|')).collect();
    assert_eq!(bars.len(), 4, "{markdown}");
    assert!(bars.iter().all(|l| l.matches('|').count() == bars[0].matches('|').count()));
    let csv = read("compare.csv");
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 3, "{csv}");
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{csv}");
    let json: Value = serde_json::from_str(&read("compare.json")).unwrap();
    let at = lines[0].iter().position(|name| *name == "weights_kept_mean").unwrap();
    for (line, row) in lines[1..].iter().zip(json["rows"].as_array().unwrap()) {
        assert_eq!(line[0], row["family"]);
        assert_eq!(line[at].parse::<f64>().unwrap(), number(&row["weights_kept"]["mean"]));
        assert_eq!(row["weights_kept"]["std"], Value::Null, "one seed has no deviation");
    }
}

#[test]
fn interrupted_comparison_goes_on_to_the_same_numbers() {
    let folder = Folder::new("compare-resume");
    folder.write("small.toml", SMALL);
    let whole = folder.done(&format!("{COMPARE} --out whole --quiet")).json();
    let mut ran = folder.run(&format!("{COMPARE} --out parts --stop-after 130"));
    let mut parts = 1;
    while ran.code == 130 {
        let json = ran.json();
        assert_eq!(json["status"], "partial");
        assert!(ran.err.contains("interrupted"), "{}", ran.err);
        assert!(ran.err.contains("`proxtape compare --resume parts`"), "{}", ran.err);
        let before = written(&folder, "parts");
        assert_eq!(cells(&json).len(), before.len());
        parts += 1;
        ran = folder.run("compare --resume parts --stop-after 130 --json --threads 1");
        for (name, time) in before {
            assert_eq!(written(&folder, "parts")[&name], time, "{name} ran again");
        }
    }
    assert_eq!((ran.code, parts), (0, CELLS * 38 / 130 + 1), "{}", ran.err);
    assert_eq!(timeless(&ran.json()), timeless(&whole));
}

#[test]
fn budget_ends_a_comparison_early() {
    let folder = Folder::new("compare-budget");
    folder.write("small.toml", SMALL);
    let ran = folder.done(&format!("{COMPARE} --out cmp --budget 0s"));
    let json = ran.json();
    assert_eq!((&json["status"], cells(&json).len()), (&"partial".into(), 0));
    assert!(ran.err.contains("the time is spent"), "{}", ran.err);
    assert!(ran.err.contains("0 of 8 trainings"), "{}", ran.err);
    assert!(ran.err.contains("compare --resume cmp"), "{}", ran.err);
    assert!(Path::new(&folder.path("cmp/compare.json")).is_file());
    assert_eq!(folder.done("compare --resume cmp --budget 10m --json").json()["status"], "done");
}

#[test]
fn share_to_keep_is_approached_between_the_strengths() {
    let folder = Folder::new("compare-keep");
    folder.write("small.toml", SMALL);
    let flags = "--families l1,magnitude --keep 30% --lambdas 1e-4,1e-1 --seeds 1 --epochs 6";
    let json = folder.done(&format!("compare small.toml {flags} --json")).json();
    let kept = |cell: &Value| number(&cell["weights_kept"]) / number(&cell["weights"]);
    let all = cells(&json);
    let tried: Vec<_> = all.iter().filter(|cell| cell["family"] == "l1").collect();
    assert!((3..=6).contains(&tried.len()), "2 of the list, and some between: {tried:?}");
    let distance = |cell: &Value| (kept(cell) / 0.3).ln().abs();
    let best = tried.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap();
    assert_eq!(best["chosen"], true);
    // Every training between halves the span of the lambdas.
    assert!(distance(best) < 0.5, "{tried:?}");
    let pruned = all.iter().find(|cell| cell["family"] == "magnitude").unwrap();
    assert!((kept(pruned) - 0.3).abs() < 1e-3, "{pruned}");
    assert_eq!(json["tolerance"], Value::Null);
    let ran = folder.run("compare small.toml --keep-macs 5%");
    assert!(ran.code == 2 && ran.err.contains("by --keep"), "{}", ran.err);
}

#[test]
fn training_that_diverges_is_told_and_does_not_end_the_others() {
    let folder = Folder::new("compare-diverged");
    folder.write("small.toml", SMALL);
    let flags = "--families none,l1 --lambdas 1e-3 --seeds 1 --eta 1e30 --out cmp";
    let ran = folder.run(&format!("compare small.toml {flags} --json"));
    assert_eq!(ran.code, 1, "there is no result: {}", ran.err);
    let json = ran.json();
    assert_eq!((&json["status"], json["rows"].as_array().unwrap().len()), (&"diverged".into(), 0));
    let why = cells(&json)[1]["diverged"].as_str().unwrap().to_owned();
    assert!(why.contains("lower the step size"), "{why}");
    let ran = folder.run("compare --resume cmp");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("note: l1, lambda 1e-3, seed 1: "), "{}", ran.out);
}
