//! Dependencies between files: there is no circle, no command depends on another, and the rooms of the command
//! line depend on those below them alone.
//!
//! ```text
//! a file depends on another     where it names something that the other defines, by `use` or by a path
//! a module that hands names on  depends on the files that they are of; whoever takes them from it does not
//!                               depend on it
//! ```
//!
//! Tests are left out, and so is what the compiler alone knows: a method that is called on a value.

mod graph;
mod source;

use graph::{Doors, Edges, Package, is_within};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The rooms of the command line, the ground first. Each depends on itself and on those before it; the files
/// beside them (`failure.rs`, `readers.rs`) stand where they must.
const ROOMS: [&str; 7] = ["output", "system", "recipe", "run", "study", "args", "commands"];

fn package(folder: &str) -> Package {
    Package::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(folder))
}

/// A circle in words.
fn text(circle: &Edges) -> String {
    let line = |(file, needs): (&String, &BTreeSet<String>)| {
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        format!("  {file} -> {}\n", needs.join(", "))
    };
    circle.iter().map(line).collect()
}

fn expect_no_circle(folder: &str, doors: Doors) {
    let circles: Vec<String> = package(folder).circles(doors).iter().map(text).collect();
    assert!(circles.is_empty(), "circles between the files of {folder}:\n{}", circles.join("\n"));
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
fn exports_have_no_circle() {
    expect_no_circle("export/src", Doors::Open);
}

#[test]
fn fuzzer_has_no_circle() {
    expect_no_circle("fuzz/src", Doors::Open);
}

#[test]
fn command_line_has_no_circle() {
    expect_no_circle("cli/src", Doors::Closed);
}

/// The commands that depend on another command.
fn crossings(package: &Package) -> Vec<String> {
    let command = |module: &str| {
        let name = module.strip_prefix("commands::")?;
        Some(name.split("::").next().unwrap_or(name).to_owned())
    };
    let mut crossings = Vec::new();
    for (from, needs) in package.edges() {
        for to in &needs {
            if let (Some(a), Some(b)) = (command(&from), command(to))
                && a != b
            {
                crossings.push(format!("{from} -> {to}"));
            }
        }
    }
    crossings
}

#[test]
fn no_command_depends_on_another() {
    let crossings = crossings(&package("cli/src"));
    assert!(crossings.is_empty(), "{}", crossings.join("\n"));
}

#[test]
fn rooms_depend_on_those_below() {
    let edges = package("cli/src").edges();
    let room = |module: &str| ROOMS.iter().position(|room| is_within(module, room));
    let mut climbing = Vec::new();
    for (from, needs) in &edges {
        for to in needs {
            if let (Some(a), Some(b)) = (room(from), room(to))
                && a < b
            {
                climbing.push(format!("{from} -> {to}"));
            }
        }
    }
    assert!(climbing.is_empty(), "rooms above, from below:\n{}", climbing.join("\n"));
    for room in ROOMS {
        assert!(edges.keys().any(|module| is_within(module, room)), "there is no room {room}");
    }
}

fn planted(files: &[(&str, &str)]) -> Package {
    let text = |&(module, text): &(&str, &str)| (module.to_owned(), text.to_owned());
    Package::of(files.iter().map(text).collect::<BTreeMap<_, _>>())
}

#[test]
fn planted_circle_is_found() {
    let package = planted(&[
        ("", "mod a; mod b; mod c;"),
        ("a", "use crate::b::B; pub struct A;"),
        ("b", "pub struct B; fn f() { crate::c::g(); }"),
        ("c", "pub fn g() { let _ = super::a::A; }"),
    ]);
    for doors in [Doors::Open, Doors::Closed] {
        let circles = package.circles(doors);
        assert_eq!(circles.len(), 1);
        assert_eq!(text(&circles[0]), "  a -> b\n  b -> c\n  c -> a\n");
    }
}

#[test]
fn names_that_are_handed_on_lead_to_their_files() {
    let parent = "mod child; mod other; pub use child::C; pub struct P;";
    let through = planted(&[
        ("p", parent),
        ("p::child", "pub struct C;"),
        ("p::other", "use super::C; mod inside { use super::super::child::C; }"),
    ]);
    assert_eq!(through.edges()["p::other"], BTreeSet::from(["p::child".to_owned()]));
    assert!(through.circles(Doors::Closed).is_empty());
    // A parent that has what its child needs may lead into its room, and is no door for all.
    let both =
        planted(&[("p", parent), ("p::child", "use super::P; pub struct C;"), ("p::other", "")]);
    assert!(both.circles(Doors::Open).is_empty());
    assert_eq!(both.circles(Doors::Closed).len(), 1);
}

#[test]
fn planted_command_that_needs_another_is_found() {
    let package = planted(&[
        ("commands", "mod a; mod b;"),
        ("commands::a", "mod deep; pub fn run() {}"),
        ("commands::a::deep", "use super::run;"),
        (
            "commands::b",
            "use crate::commands::a::run; #[cfg(test)] mod tests { use crate::commands::a; }",
        ),
    ]);
    assert_eq!(crossings(&package), ["commands::b -> commands::a"]);
}
