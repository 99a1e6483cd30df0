//! What files and arguments hold is shown, and cannot act: on a terminal, in a page, in a table, in a shell.

use crate::support::{Folder, Ran, python, skipped};
use std::fs;
use std::process::Command;

/// Characters that a reader does not see as themselves: controls, directions, widths of zero, tags.
fn hidden() -> Vec<char> {
    let ranges = [
        '\u{1}'..='\u{1f}',
        '\u{7f}'..='\u{9f}',
        '\u{ad}'..='\u{ad}',
        '\u{61c}'..='\u{61c}',
        '\u{180e}'..='\u{180e}',
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
        '\u{fff9}'..='\u{fffb}',
        '\u{e0001}'..='\u{e0001}',
        '\u{e0020}'..='\u{e007f}',
    ];
    ranges.into_iter().flatten().collect()
}

/// What stays as it is.
const READABLE: &str = "é漢字😀ß";

/// A name with all of that, and with what is markup elsewhere; a line of it must not stand alone.
fn hostile() -> String {
    let all: String = hidden().into_iter().collect();
    format!("{READABLE}{all}\u{1b}[2J\u{1b}]0;owned\u{7}<i>|`x`\"\nFORGED\r\nFORGED")
}

/// The same as a string of TOML.
fn toml(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => format!("\\u{:04x}", c as u32),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    let hidden = hidden();
    for line in text.split('\n') {
        assert!(!line.starts_with("FORGED"), "{what}: a name made a line of its own in {text}");
        let bad: Vec<char> = line.chars().filter(|c| hidden.contains(c)).collect();
        assert!(bad.is_empty(), "{what}: {bad:?} in {line:?}");
    }
}

#[track_caller]
fn assert_both_clean(what: &str, ran: &Ran) {
    assert_clean(&format!("{what}, stdout"), &ran.out);
    assert_clean(&format!("{what}, stderr"), &ran.err);
}

/// Classes and layers by hostile names, and the same in texts.
fn recipe(own: &str) -> String {
    let name = toml(&hostile());
    // A line of the recipe may begin so, where the recipe is shown as a whole.
    let obtain = toml(&hostile().replace(['\n', '\r'], " "));
    format!(
        "[data]\nsource = \"csv:table.csv\"\nobtain = {obtain}\n[model]\nlayer = [\n\
         {{ kind = \"flatten\" }},\n{{ kind = \"linear\", name = {name}, out = 4 }},\n\
         {{ kind = \"relu\", name = {name} }},\n\
         {{ kind = \"linear\", name = \"fc\", out = 2 }},\n]\n\
         [train]\nepochs = 2\nbatch = 16\n[penalty]\nfamily = \"l1\"\nlambda = 1e-4\n\
         {own}"
    )
}

fn table(folder: &Folder) {
    let mut table = "x,y,kind\n".to_owned();
    // A quoted cell may not go over lines.
    let class = hostile().replace(['\n', '\r'], " ").replace('"', "\"\"");
    let class = format!("\"{class}\"");
    for i in 0..200 {
        let class = if i % 2 == 0 { &class } else { READABLE };
        table.push_str(&format!("{},{},{class}\n", 2 * (i % 2) - 1, i % 7));
    }
    folder.write("table.csv", &table);
}

#[test]
fn names_from_files_are_escaped_wherever_they_are_shown() {
    let folder = Folder::new("shown-names");
    table(&folder);
    folder.write("r.toml", &recipe(""));
    let ran = folder.done("train r.toml --out run --json");
    assert_both_clean("train", &ran);
    assert!(ran.err.contains(READABLE) && ran.err.contains("\\u{202e}"), "{}", ran.err);
    // JSON holds the same name by escapes of its own.
    assert_eq!(ran.json()["layers"][0]["name"], hostile());
    for command in [
        "inspect run",
        "eval run",
        "compact run",
        "report run",
        "export run --to onnx",
        "export run --to rust",
    ] {
        for json in ["", " --json"] {
            let command = format!("{command}{json}");
            assert_both_clean(&command, &folder.done(&command));
        }
    }
    let json = folder.done("inspect run --json").json();
    assert_eq!(json["tensors"][0]["name"], format!("{}.weight", hostile()));
    for file in ["run/report.html", "run/model.rs", "run/summary.json"] {
        let text = fs::read_to_string(folder.path(file)).unwrap();
        // The recipe stands in the page as it is, and its strings may have lines.
        assert_clean(file, &text.replace("\nFORGED", " "));
    }
    let page = fs::read_to_string(folder.path("run/report.html")).unwrap();
    assert!(page.contains(READABLE) && page.contains("\\u{202e}"));

    // Errors quote what they found.
    fs::remove_file(folder.path("table.csv")).unwrap();
    for command in ["eval run", "train r.toml --out other", "report run"] {
        assert_both_clean(command, &folder.run(command));
    }
    let other = Folder::new("shown-classes");
    other.write("table.csv", "x,y,kind\n1,2,a\n3,4,b\n1,3,a\n3,5,b\n1,2,a\n3,4,b\n");
    let ran = other.run(&format!("eval {}", folder.path("run").display()));
    assert_both_clean("other classes", &ran);
}

/// What a run keeps is read by people, too.
#[test]
fn saved_recipes_are_escaped_and_load_to_the_same() {
    let folder = Folder::new("saved-recipe");
    table(&folder);
    let label = "kind\u{202e}\u{9b}";
    let text = fs::read_to_string(folder.path("table.csv")).unwrap();
    folder.write("table.csv", &text.replacen("kind", label, 1));
    let own = recipe("").replacen("[data]\n", &format!("[data]\nlabel = \"{label}\"\n"), 1);
    folder.write("net.toml", &own);
    folder.done("train net.toml --out run --quiet");
    let saved = fs::read_to_string(folder.path("run/recipe.toml")).unwrap();
    assert_clean("recipe.toml", &saved);
    assert!(saved.contains("label = \"kind\\u202E\\u009B\"\n"), "{saved}");
    folder.done("train run/recipe.toml --out again --quiet");
    assert_eq!(saved, fs::read_to_string(folder.path("again/recipe.toml")).unwrap());
}

#[test]
fn tables_of_a_comparison_are_escaped() {
    let folder = Folder::new("shown-compare");
    table(&folder);
    let own = format!("[[penalty.layer]]\nlayer = {}\nlambda = 1e-3\n", toml(&hostile()));
    folder.write("r.toml", &recipe(&own));
    let ran = folder.done("compare r.toml --families l1 --lambdas 1e-4 --seeds 1 --out cmp");
    assert_both_clean("compare", &ran);
    assert_both_clean("report of it", &folder.done("report cmp"));
    for file in ["cmp/compare.md", "cmp/compare.json", "cmp/compare.csv", "cmp/report.html"] {
        assert_clean(file, &fs::read_to_string(folder.path(file)).unwrap());
    }
    let text = fs::read_to_string(folder.path("cmp/compare.md")).unwrap();
    assert!(text.contains("note: what the recipe tells"), "{text}");
    for markup in ["<i>", "`x`"] {
        assert!(!text.replace(&format!("\\{markup}"), "").contains(markup), "{markup} in {text}");
    }
}

/// What somebody else wrote into the JSON of a comparison.
#[test]
fn names_in_the_json_of_others_are_escaped() {
    let folder = Folder::new("shown-json");
    fs::create_dir(folder.path("cmp")).unwrap();
    let name = hostile();
    let json = serde_json::json!({
        "status": "done", "kind": "compare", "recipe": { "name": name }, "version": name,
        "isa": name, "seeds": [1], "notes": [name],
        "rows": [{ "family": name, "label": name, "seeds": 1 }],
        "cells": [{ "family": name, "label": name, "diverged": name, "run": name }],
    });
    folder.write("cmp/compare.json", &json.to_string());
    assert_both_clean("report", &folder.done("report cmp"));
    assert_clean("page", &fs::read_to_string(folder.path("cmp/report.html")).unwrap());
}

#[test]
fn tensors_and_texts_of_a_file_are_escaped() {
    let folder = Folder::new("shown-tensors");
    let mut file = proxtape::checkpoint::Checkpoint::default();
    file.put(&hostile(), [2, 2], &[1.0, 0.0, 2.0, 3.0]);
    file.note(&hostile(), hostile().replace('\n', " "));
    proxtape::checkpoint::write(&folder.path("x.safetensors"), &file).unwrap();
    for command in ["inspect x.safetensors", "inspect x.safetensors --json", "eval x.safetensors"] {
        assert_both_clean(command, &folder.run(command));
    }
    let json = folder.done("inspect x.safetensors --json").json();
    assert_eq!(json["tensors"][0]["name"], hostile());
    assert_eq!(json["metadata"][hostile()], hostile().replace('\n', " "));
    let ran = folder.run("train digits --weights x.safetensors --out run");
    assert_eq!(ran.code, 1);
    assert_both_clean("weights", &ran);
}

#[test]
fn lines_of_a_recipe_are_escaped_in_errors() {
    let folder = Folder::new("shown-recipe");
    let name = hostile().replace(['\n', '\r'], "");
    for (i, text) in [
        format!("[model]\nzoo = {}\n", toml(&hostile())),
        format!("[model]\nzoo = \"{name}\"\n"),
        format!("[model]\n{} = 1\nzoo = \"lenet5\"\n", toml(&hostile())),
        format!("# {name}\n[model] # {name}\nzoo = 3 # {name}\n"),
        format!("name = {}\n[model]\nzoo = \"digits-conv\"\n", toml(&hostile())),
        format!("[model]\nzoo = \"digits-conv\"\n[penalty]\nfamily = {}\n", toml(&hostile())),
        format!("[data]\nsource = {}\n[model]\nzoo = \"digits-conv\"\n", toml(&hostile())),
        format!("[[model.layer]]\nkind = {}\n", toml(&hostile())),
        format!("[[model.layer]]\nkind = \"linear\"\nname = {}\nout = 3\n", toml(&hostile())),
        recipe("").replace("out = 2", "out = 3").replace("csv:table.csv", "digits"),
        format!(
            "[[penalty.layer]]\nlayer = {}\n[model]\nzoo = \"digits-conv\"\n",
            toml(&hostile())
        ),
    ]
    .into_iter()
    .enumerate()
    {
        folder.write("r.toml", &text);
        let ran = folder.run("train r.toml --out run");
        assert_ne!(ran.code, 0, "recipe {i} has a fault");
        assert_both_clean(&format!("recipe {i}"), &ran);
    }
    // The mark stands below the place, whatever is escaped before it.
    folder.write("r.toml", "\t[model]\n\tzoo = \"\u{202e}\" # é\n");
    let ran = folder.run("train r.toml --out run");
    let lines: Vec<&str> = ran.err.lines().collect();
    let at = lines[2].find("\"\\u{202e}\"").expect(&ran.err);
    assert_eq!(lines[3].find('^'), Some(at), "{}", ran.err);
}

#[test]
fn arguments_are_escaped_where_they_come_back() {
    let folder = Folder::new("shown-arguments");
    let name = hostile();
    for arguments in [
        vec!["train", &name],
        vec![&name],
        vec!["train", "digits", &name],
        vec!["train", "--epochs", &name],
        vec!["train", "--data", &name],
        vec!["train", "--regularizer", &name],
        vec!["train", "--grouping", &name],
        vec!["train", "--model", &name],
        vec!["train", "--resume", &name],
        vec!["train", "--weights", &name],
        vec!["train", "--label", &name, "--data", "digits"],
        vec!["compare", "--families", &name],
        vec!["compare", "--budget", &name],
        vec!["compare", "--resume", &name],
        vec!["sweep", "--lambdas", &name],
        vec!["eval", &name],
        vec!["compact", &name],
        vec!["export", &name, "--to", "onnx"],
        vec!["export", "x", "--to", &name],
        vec!["predict", "x", &name],
        vec!["inspect", &name],
        vec!["report", &name],
    ] {
        let ran = Ran::of(folder.command("").args(&arguments).output().unwrap());
        assert!(ran.code == 1 || ran.code == 2, "{arguments:?}: {}", ran.err);
        assert_both_clean(&format!("{arguments:?}"), &ran);
    }
    let flag = format!("--{name}");
    assert_both_clean("a flag", &Ran::of(folder.command("train").arg(&flag).output().unwrap()));
    let ran = Ran::of(folder.command("train").env("PROXTAPE_ISA", &name).output().unwrap());
    assert_both_clean("the environment", &ran);
}

/// A folder may be called anything.
#[test]
fn paths_are_escaped() {
    let folder = Folder::new("shown-paths");
    let name = hostile().replace('/', "").chars().take(60).collect::<String>() + "\nFORGED";
    let run = |arguments: &[&str]| Ran::of(folder.command("").args(arguments).output().unwrap());
    let ran = run(&["train", "digits", "--epochs", "1", "--out", &name, "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_both_clean("train", &ran);
    assert_eq!(ran.json()["run"], name);
    for arguments in [
        &["eval", &name][..],
        &["inspect", &name],
        &["compact", &name],
        &["report", &name],
        &["export", &name, "--to", "rust"],
        &["train", "digits", "--out", &name],
        &["predict", &name, &name],
        &["compare", "--resume", &name],
        &[
            "compare",
            "digits",
            "--families",
            "l1",
            "--lambdas",
            "1e-4",
            "--epochs",
            "1",
            "--stop-after",
            "2",
        ],
        &["train", "digits", "--epochs", "9", "--stop-after", "3", "--out", &format!("{name}2")],
    ] {
        assert_both_clean(&format!("{arguments:?}"), &run(arguments));
    }
}

/// The oracle is a shell: it runs the hint.
#[cfg(unix)]
#[test]
fn hints_can_be_pasted_into_a_shell() {
    let folder = Folder::new("shown-hints");
    fs::create_dir(folder.path("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_proxtape"), folder.path("bin/proxtape"))
        .unwrap();
    let path = format!("{}:{}", folder.path("bin").display(), std::env::var("PATH").unwrap());
    let names = [
        "plain",
        "my run; touch hacked",
        "it's",
        "-x",
        "--quiet",
        "$(touch hacked)",
        "~",
        "a`touch hacked`b",
        "#a",
        "a\\b\"c",
        "é 漢",
        "a&b|c>d",
        "*",
        "!x",
    ];
    for name in names {
        let out = format!("--out={name}");
        let arguments = ["train", "digits", "--epochs", "1", "--stop-after", "2", &out];
        let ran = Ran::of(folder.command("").args(arguments).output().unwrap());
        assert_eq!(ran.code, 130, "{name}: {}", ran.err);
        let line = ran.err.lines().find(|line| line.contains("go on with")).expect(&ran.err);
        let hint = &line[line.find('`').unwrap() + 1..line.rfind('`').unwrap()];
        let ran = Command::new("sh")
            .args(["-c", hint])
            .current_dir(folder.path("."))
            .env("PATH", &path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{name}: {hint}: {said}");
        assert!(folder.path(name).join("summary.json").is_file(), "{hint}");
    }
    assert!(!folder.path("hacked").exists());
}

/// Exports and reports go to others: they tell the names of files, not where they lay.
#[test]
fn what_is_handed_on_holds_no_absolute_path() {
    let folder = Folder::new("shown-handed-on");
    let mut table = "x,y,kind\n".to_owned();
    (0..200).for_each(|i| table.push_str(&format!("{},{},{}\n", 2 * (i % 2) - 1, i % 7, i % 2)));
    fs::create_dir(folder.path("my data")).unwrap();
    folder.write("my data/some.csv", &table);
    let place = folder.path(".").canonicalize().unwrap();
    let place = place.to_str().unwrap();
    let recipe = format!(
        "[data]\nsource = \"csv:my data/some.csv\"\nobtain = \"it is in {place}/my data/some.csv\"\n\
         [model]\nlayer = [{{ kind = \"flatten\" }}, {{ kind = \"linear\", name = \"fc\", out = 2 }}]\n\
         [train]\nepochs = 1\nbatch = 16\n[penalty]\nfamily = \"l1\"\nlambda = 1e-4\n"
    );
    folder.write("r.toml", &recipe);
    folder.done("train r.toml --out first --quiet");
    folder.done("train r.toml --weights first/model.safetensors --out run --quiet");
    let model = fs::read(folder.path("run/model.safetensors")).unwrap();
    assert!(holds(&model, place), "the model of a run tells where its data is");
    let run = format!("{place}/run");
    let mut files = Vec::new();
    for format in ["safetensors", "onnx", "rust"] {
        let json = folder.done(&format!("export {run} --to {format} --json")).json();
        files.push(json["file"].as_str().unwrap().to_owned());
    }
    folder.done(&format!("report {run} --quiet"));
    files.push("run/report.html".to_owned());
    folder.done(&format!(
        "compare {place}/r.toml --families l1 --lambdas 1e-4 --seeds 1 --out {place}/cmp --quiet"
    ));
    folder.done(&format!("report {place}/cmp"));
    files.extend(["cmp/compare.md", "cmp/compare.csv", "cmp/report.html"].map(str::to_owned));
    for file in &files {
        let bytes = fs::read(folder.path(file)).unwrap();
        assert!(!holds(&bytes, place), "{file} holds {place}");
    }
    assert!(holds(&fs::read(folder.path("run/model.onnx")).unwrap(), "some.csv"));

    // Neither does the report of a run whose data is gone, which tells why.
    fs::remove_dir_all(folder.path("my data")).unwrap();
    folder.done(&format!("report {run} --quiet"));
    let page = fs::read_to_string(folder.path("run/report.html")).unwrap();
    assert!(!page.contains(place) && page.contains("some.csv"), "{page}");
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

/// Names that clash with those that the writers make: the file is valid all the same.
#[test]
fn any_names_of_layers_export_to_valid_files() {
    // Few at a time: rounding grows with the depth of a network.
    for (i, names) in [
        ["input", "output", "logits", "probabilities"],
        ["input/scaled", "input/y", "output/logits", "output/probabilities"],
        ["a/y", "a/b.weight", "fc.weight", "self"],
        ["", "a b", "A b", "1"],
        ["漢", "字", "\u{202e}", "N"],
    ]
    .into_iter()
    .enumerate()
    {
        valid_with(&Folder::new(&format!("shown-clashes-{i}")), &names);
    }
}

fn valid_with(folder: &Folder, names: &[&str]) {
    let mut layers = "{ kind = \"flatten\", name = \"input\" },\n".to_owned();
    for name in names {
        for kind in ["gelu", "gelu-tanh", "tanh", "batch-norm"] {
            layers.push_str(&format!("{{ kind = \"{kind}\", name = {} }},\n", toml(name)));
        }
        let name = toml(&format!("{name}/erf"));
        layers.push_str(&format!("{{ kind = \"linear\", name = {name}, out = 12 }},\n"));
    }
    folder.write(
        "r.toml",
        &format!(
            "[data]\nsource = \"digits\"\n[model]\nlayer = [\n{layers}{{ kind = \"linear\", name = \
             \"a\", out = 10 }}]\n[train]\nepochs = 1\n"
        ),
    );
    folder.done("train r.toml --out run --quiet");
    folder.done("export run --to rust --quiet");
    folder.write("lib.rs", "#![no_std]\n#[path = \"run/model.rs\"]\npub mod network;\n");
    let mut rustc = Command::new(std::env::var("RUSTC").unwrap_or("rustc".into()));
    rustc.args([
        "-D",
        "warnings",
        "--edition",
        "2024",
        "--crate-type",
        "lib",
        "--emit",
        "metadata",
    ]);
    let output = rustc.arg("lib.rs").current_dir(folder.path(".")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.done("export run --to onnx --quiet");
    let python = match python(&["onnx", "onnxruntime", "numpy"]) {
        Ok(python) => python,
        Err(why) => return skipped("any_names_of_layers_export_to_valid_files", &why),
    };
    let output = Command::new(python)
        .args(["-c", VALID])
        .arg(folder.path("run/model.onnx"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// One table of names for nodes, constants and ports, as strict runtimes have; and the file runs.
const VALID: &str = "
import sys, onnx, onnxruntime, numpy
model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
g = model.graph
first = [i.name for i in g.input] + [t.name for t in g.initializer]
for names in first + [n.name for n in g.node], first + [o for n in g.node for o in n.output]:
    assert len(set(names)) == len(names) and all(names), sorted(names)
for n in g.node:
    others = [o for m in g.node if m is not n for o in m.output]
    assert n.name not in others, n.name
assert [i.name for i in g.input] == ['input']
assert [o.name for o in g.output] == ['logits', 'probabilities']
session = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])
session.run(None, {'input': numpy.zeros((2, 1, 8, 8), 'f4')})
";
