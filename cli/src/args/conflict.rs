//! Flags that exclude each other. Where one excludes a group, clap names the whole group; here, the error names
//! the given flags alone, and what to do.

use crate::output::shell;
use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;
use std::path::Path;

/// Narrows an error to the words of the command line.
pub(crate) fn narrow(error: &mut Error, words: &[OsString]) {
    let both = (error.get(ContextKind::InvalidArg), error.get(ContextKind::PriorArg));
    let (ErrorKind::ArgumentConflict, (Some(ContextValue::String(first)), Some(others))) =
        (error.kind(), both)
    else {
        return;
    };
    let (first, others) = (
        first.clone(),
        match others {
            ContextValue::String(one) => vec![one.clone()],
            ContextValue::Strings(all) => all.clone(),
            _ => return,
        },
    );
    let is_resume = |arg: &&String| name(arg) == "--resume";
    let resume = [&first].into_iter().chain(&others).find(is_resume);
    if let Some(run) = resume.and_then(|arg| given(arg, words)).flatten() {
        let mut changes = String::new();
        for arg in [&first].into_iter().chain(&others).filter(|arg| !is_resume(arg)) {
            if let Some(value) = given(arg, words) {
                changes.extend([" ", name(arg)]);
                changes.extend(value.map(|value| format!(" {}", shell::word(Path::new(&value)))));
            }
        }
        let command = words.get(1).map(|word| word.to_string_lossy()).unwrap_or_default();
        let recipe = shell::word(&Path::new(&run).join("recipe.toml"));
        let tip = format!(
            "what is begun goes on as it was begun; leave that out, or start another one by \
             `proxtape {command} {recipe}{changes}`"
        );
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    let mut named: Vec<String> =
        others.into_iter().filter(|arg| given(arg, words).is_some()).collect();
    let named = match named.len() {
        // Something without a name: the recipe.
        0 => return,
        1 => ContextValue::String(named.remove(0)),
        _ => ContextValue::Strings(named),
    };
    error.insert(ContextKind::PriorArg, named);
}

/// `--epochs` of `--epochs <EPOCHS>`.
fn name(arg: &str) -> &str {
    arg.split(' ').next().unwrap_or_default()
}

/// The value that a flag is given, if it takes one; `None` where it is not given.
fn given(arg: &str, words: &[OsString]) -> Option<Option<OsString>> {
    let name = name(arg);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.to_string_lossy().strip_prefix(name) {
            Some("") => return Some(words.next().filter(|_| arg.contains('<')).cloned()),
            Some(rest) if rest.starts_with('=') => return Some(Some(rest[1..].into())),
            // Another one, maybe one that begins with the same letters.
            _ => {}
        }
    }
    None
}
