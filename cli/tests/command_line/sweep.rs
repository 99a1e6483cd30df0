//! `sweep`: one regulariser at many strengths.

use crate::compare::{SMALL, number};
use crate::support::Folder;

#[test]
fn rows_on_the_front_are_those_that_no_other_beats() {
    let folder = Folder::new("sweep");
    folder.write("small.toml", SMALL);
    let sweep = "sweep small.toml --lambdas 1e-2,1e-4,1e-3 --out sw --json";
    let json = folder.done(sweep).json();
    assert_eq!((&json["status"], &json["kind"]), (&"done".into(), &"sweep".into()));
    let rows = json["rows"].as_array().unwrap();
    let lambdas: Vec<f64> = rows.iter().map(|row| number(&row["lambda"])).collect();
    for (lambda, want) in lambdas.iter().zip([1e-4, 1e-3, 1e-2]) {
        assert!((lambda / want - 1.0).abs() < 1e-6, "{lambdas:?}");
    }
    let mean = |row: &serde_json::Value, name: &str| number(&row[name]["mean"]);
    for row in rows {
        let is_beaten = rows.iter().any(|other| {
            let smaller = mean(row, "weights_kept") - mean(other, "weights_kept");
            let better = mean(other, "validation_accuracy") - mean(row, "validation_accuracy");
            smaller >= 0.0 && better >= 0.0 && smaller + better > 0.0
        });
        assert_eq!(row["front"], !is_beaten, "{row}");
        assert_eq!(row["family"], "l11-l12");
    }
    let ran = folder.done("sweep --resume sw");
    assert!(ran.err.contains("3 are finished"), "{}", ran.err);
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("l1,1 + l1,2 *")).count(), {
        rows.iter().filter(|row| row["front"] == true).count()
    });
    assert!(folder.path("sw/sweep.csv").is_file() && folder.path("sw/sweep.md").is_file());
    let ran = folder.run("compare --resume sw");
    assert!(ran.code == 1 && ran.err.contains("compare.toml"), "{}", ran.err);
}

#[test]
fn shares_that_pruning_keeps_are_swept_as_well() {
    let folder = Folder::new("sweep-magnitude");
    folder.write("small.toml", SMALL);
    let flags = "--family magnitude --lambdas 0.1,0.5 --epochs 4 --seeds 2 --json";
    let json = folder.done(&format!("sweep small.toml {flags}")).json();
    let rows = json["rows"].as_array().unwrap();
    for (row, share) in rows.iter().zip([0.1, 0.5]) {
        let [kept, all] = ["weights_kept", "weights"].map(|name| number(&row[name]["mean"]));
        assert!((kept / all - share).abs() < 1e-3, "{row}");
        assert_eq!((&row["seeds"], &row["weights_kept"]["std"]), (&2.into(), &0.0.into()));
    }
}

#[test]
fn target_is_not_for_a_sweep() {
    let ran = Folder::new("sweep-target").run("sweep digits --keep 5%");
    assert!(ran.code == 2 && ran.err.contains("leave --keep"), "{}", ran.err);
}
