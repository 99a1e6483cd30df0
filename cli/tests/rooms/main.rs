//! The house has rooms: no two files need each other, no command needs another, and the command line's rooms
//! lie above each other.

mod graph;
mod source;

use graph::{Circle, Doors, Package};
use std::collections::BTreeSet;
use std::path::PathBuf;

fn package(folder: &str) -> Package {
    Package::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(folder))
}

fn told(circle: &Circle) -> String {
    let line = |(file, takes): (&String, &BTreeSet<String>)| {
        let takes: Vec<&str> = takes.iter().map(String::as_str).collect();
        format!("  {file} takes names from {}\n", takes.join(", "))
    };
    circle.iter().map(line).collect()
}

fn expect_no_circle(folder: &str, doors: Doors) {
    let circles: Vec<String> = package(folder).circles(doors).iter().map(told).collect();
    assert!(circles.is_empty(), "circles in {folder}:\n{}", circles.join("\n"));
}

#[test]
fn kernels_have_no_circle() {
    expect_no_circle("kernels/src", Doors::Open);
}

#[test]
fn engine_has_no_circle() {
    expect_no_circle("src", Doors::Open);
}

#[test]
fn command_line_has_no_circle() {
    expect_no_circle("cli/src", Doors::Closed);
}
