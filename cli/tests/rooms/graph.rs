//! The dependencies between the files of a package.
//!
//! A path leads to the file that defines its last name. A module that hands a name on (`pub use`) depends on that
//! file; whoever takes the name from the module does so, too, and does not depend on the module.

use crate::source::{Import, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The files of a package by their modules: `a::b` of `src/a/b.rs`, and the root by no name.
#[derive(Debug, Default)]
pub(crate) struct Package {
    files: BTreeMap<String, Source>,
}

/// Files, each with those that it depends on: all of a package, or those of a circle.
pub(crate) type Edges = BTreeMap<String, BTreeSet<String>>;

/// Whether a parent's imports from its own room count: `a` that depends on `a::b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doors {
    /// They do.
    Closed,
    /// They do not: the parent has what its room shares, and leads into it.
    Open,
}

impl Package {
    /// The files under a folder of sources.
    pub(crate) fn read(folder: &Path) -> Package {
        let mut texts = BTreeMap::new();
        collect(folder, "", &mut texts);
        Package::of(texts)
    }

    /// From the texts of modules.
    pub(crate) fn of(texts: BTreeMap<String, String>) -> Package {
        let files = texts.iter().map(|(module, text)| (module.clone(), Source::parse(text)));
        let mut files: BTreeMap<String, Source> = files.collect();
        let tests: Vec<String> = files
            .iter()
            .flat_map(|(module, file)| file.tests.iter().map(|test| join(module, test)))
            .collect();
        files.retain(|module, _| !tests.iter().any(|test| is_within(module, test)));
        Package { files }
    }

    /// The dependencies of each file.
    pub(crate) fn edges(&self) -> Edges {
        let edges = self.files.iter().map(|(module, file)| {
            let imports = file.imports.iter().map(|import| &import.path);
            let found = imports.chain(&file.paths).filter_map(|path| self.resolve(module, path, 0));
            (module.clone(), found.filter(|found| found != module).collect())
        });
        edges.collect()
    }

    /// The module whose file defines the last name of a path; none for another package's.
    fn resolve(&self, from: &str, path: &[String], steps: usize) -> Option<String> {
        // Two modules may hand on each other's names.
        if steps > 16 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let mut rest = rest;
        let mut module = match &**first {
            "crate" => String::new(),
            "self" => from.to_owned(),
            "super" => parent(from),
            name if self.files.contains_key(&join(from, name)) => join(from, name),
            name => {
                let import = self.files[from].imports.iter().find(|import| import.name == name)?;
                // A name of this file's own, which its other imports lead to already.
                if import.path == path || import.path.first() == Some(first) {
                    return None;
                }
                return self.resolve(from, &[&import.path[..], rest].concat(), steps + 1);
            }
        };
        while let Some((name, others)) = rest.split_first() {
            let child = join(&module, name);
            if name == "super" {
                module = parent(&module);
            } else if self.files.contains_key(&child) {
                module = child;
            } else {
                let handed_on = |import: &&Import| import.name == *name && import.path.len() > 1;
                let import = self.files.get(&module)?.imports.iter().find(handed_on);
                return match import {
                    Some(import) if *module != *from => self
                        .resolve(&module, &[&import.path[..], others].concat(), steps + 1)
                        .or(Some(module)),
                    _ => Some(module),
                };
            }
            rest = others;
        }
        Some(module)
    }

    /// The circles: files that reach each other.
    pub(crate) fn circles(&self, doors: Doors) -> Vec<Edges> {
        let mut edges = self.edges();
        if doors == Doors::Open {
            edges.iter_mut().for_each(|(from, takes)| takes.retain(|to| !is_within(to, from)));
        }
        let reach: BTreeMap<&String, BTreeSet<&String>> =
            edges.keys().map(|from| (from, reachable(from, &edges))).collect();
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for (from, reached) in &reach {
            if !reached.contains(from) || !seen.insert(*from) {
                continue;
            }
            let files: BTreeSet<&String> =
                reached.iter().copied().filter(|to| reach[to].contains(from)).collect();
            seen.extend(&files);
            let inside = |from: &String| -> BTreeSet<String> {
                edges[from].iter().filter(|to| files.contains(to)).cloned().collect()
            };
            circles.push(files.iter().map(|&file| (file.clone(), inside(file))).collect());
        }
        circles
    }
}

/// The files that a file leads to.
fn reachable<'a>(from: &String, edges: &'a Edges) -> BTreeSet<&'a String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&String> = edges[from].iter().collect();
    while let Some(file) = open.pop() {
        if found.insert(file) {
            open.extend(&edges[file]);
        }
    }
    found
}

fn collect(folder: &Path, module: &str, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of a folder").path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, &join(module, &name), texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let is_root = module.is_empty() && (name == "main" || name == "lib");
            let module = if is_root { String::new() } else { join(module, &name) };
            texts.insert(module, fs::read_to_string(&path).expect("a text in UTF-8"));
        }
    }
}

pub(crate) fn is_within(module: &str, folder: &str) -> bool {
    folder.is_empty()
        || module.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

fn parent(module: &str) -> String {
    module.rsplit_once("::").map_or(String::new(), |(parent, _)| parent.to_owned())
}
