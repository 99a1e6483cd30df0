//! Redaction of what is made for others, an export or a report: names of files stay, their folders on this
//! machine go.
//!
//! The model and the recipe in a run folder keep the whole path, since `eval` and `--resume` read the data
//! there.

use crate::recipe::Recipe;
use std::path::{Path, PathBuf};

/// A recipe by the names of its files alone.
pub(crate) fn recipe(recipe: &Recipe) -> Recipe {
    let mut recipe = recipe.clone();
    let data = &mut recipe.data;
    data.source.path = name(&data.source.path).into();
    data.obtain = data.obtain.as_deref().map(text);
    recipe.model.weights = recipe.model.weights.map(|path| name(&path).into());
    recipe
}

/// The last part of a path, even of one from another system.
pub(crate) fn name(path: &Path) -> String {
    match path.file_name() {
        Some(name) => {
            let name = name.to_string_lossy();
            name[if is_root(&name) { last_part(&name) } else { 0 }..].to_owned()
        }
        // The embedded digits have no path at all.
        None if path.as_os_str().is_empty() => String::new(),
        // A root, or a folder that is named by dots.
        None => "data".to_owned(),
    }
}

/// A path in a report: its last part, unless it is relative.
pub(crate) fn place(path: &Path) -> PathBuf {
    if path.is_absolute() { name(path).into() } else { path.to_path_buf() }
}

/// Whether a text begins as an absolute path does on Windows: with a drive, or the name of a machine.
fn is_root(text: &str) -> bool {
    text.starts_with("\\\\")
        || matches!(text.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
}

/// Where the last part of a path begins.
fn last_part(path: &str) -> usize {
    path.rfind(['/', '\\']).map_or(0, |at| at + 1)
}

/// A message with the last part of each absolute path in it. A path begins with a slash, a tilde, a drive or
/// two backslashes, and goes on over spaces up to its last slash before a mark that ends it: folders have
/// spaces in their names, and a lost word is better than a published folder. Addresses of the web are no paths.
pub(crate) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut before) = (text, ' ');
    while let Some(c) = rest.chars().next() {
        let begins = !before.is_alphanumeric() && !"/.~_-".contains(before);
        let is_web = before == ':' && rest.starts_with("//") && !out.ends_with("file:");
        let is_slash = rest.strip_prefix('/').is_some_and(|rest| !rest.starts_with(' '));
        // What is left is looked through where a path begins alone: once for each of its parts.
        if begins && !is_web && (is_slash || rest.starts_with("~/") || is_root(rest)) {
            let ends = |c: char| c.is_control() || "\"'`();,".contains(c);
            let part = &rest[..rest.find(ends).unwrap_or(rest.len())];
            let part = &part[..part.find(": ").unwrap_or(part.len())];
            let behind = last_part(part);
            let word = &part[..part[behind..].find(' ').map_or(part.len(), |end| behind + end)];
            let path = word.trim_end_matches(|c: char| !c.is_alphanumeric());
            let last = last_part(path);
            out.push_str(&rest[last..word.len().max(last)]);
            rest = &rest[word.len()..];
            before = '/';
            continue;
        }
        out.push(c);
        before = c;
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_a_text_lose_their_folders() {
        for (given, wants) in [
            ("/home/me/x.csv: line 3: expected", "x.csv: line 3: expected"),
            ("csv:/home/me/x.csv, and \"/a/b\"", "csv:x.csv, and \"b\""),
            ("~/data/x and no more", "x and no more"),
            ("./y/z and a/b", "./y/z and a/b"),
            ("it is in /home/my data/a b/x.csv: line 3", "it is in x.csv: line 3"),
            ("file:///home/me/x.csv", "file:x.csv"),
            ("see https://a.b/c/d; 3 / 4 of 1/2", "see https://a.b/c/d; 3 / 4 of 1/2"),
            ("/home/me/run/: expected", "run/: expected"),
            ("/home/my data/x.csv", "x.csv"),
            ("unpack C:\\Users\\me\\my data\\x.csv: line 3", "unpack x.csv: line 3"),
            ("csv:d:/me/x.csv, or \"C:\\me\\b\"", "csv:x.csv, or \"b\""),
            ("\\\\server\\share\\x and no more", "x and no more"),
            ("\\\\?\\C:\\me\\x.csv", "x.csv"),
            ("a: b\\c and \\n, 3:1 and x:y", "a: b\\c and \\n, 3:1 and x:y"),
            ("", ""),
        ] {
            assert_eq!(text(given), wants);
        }
    }

    #[test]
    fn path_of_another_system_keeps_its_last_part() {
        for (path, wants) in [
            ("C:\\Users\\me\\x.csv", "x.csv"),
            ("\\\\server\\share\\x", "x"),
            ("/home/me/x\\y", "x\\y"),
            ("x\\y", "x\\y"),
        ] {
            assert_eq!(name(Path::new(path)), wants);
        }
    }
}
