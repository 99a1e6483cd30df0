//! The imports of a Rust file: tokens without comments and string literals, and from them the modules that are
//! declared, the names that are imported, and the paths that are written out.

use std::collections::BTreeSet;

/// An import: the path, and the name that it has in the file. `*` is every name of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    pub(crate) name: String,
}

/// A file.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Modules in files of their own; those of tests are left out.
    pub(crate) modules: BTreeSet<String>,
    /// Modules of tests in files of their own.
    pub(crate) tests: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    /// Paths outside of imports.
    pub(crate) paths: Vec<Vec<String>>,
}

impl Source {
    pub(crate) fn parse(text: &str) -> Source {
        let mut source = Source::default();
        let tokens = without_tests(&tokens(text), &mut source.tests);
        source.read(&tokens);
        source
    }

    fn read(&mut self, tokens: &[String]) {
        // The depth in braces, and that of each inline module around the token.
        let mut depth = 0;
        let mut inline: Vec<usize> = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            match &*tokens[at] {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    inline.pop_if(|&mut start| start == depth);
                }
                "mod" if tokens.get(at + 2).is_some_and(|t| t == ";") => {
                    self.modules.insert(tokens[at + 1].clone());
                    at += 2;
                }
                "mod" if tokens.get(at + 2).is_some_and(|t| t == "{") => {
                    inline.push(depth);
                    depth += 1;
                    at += 2;
                }
                // `use<..>` is a bound.
                "use" if tokens.get(at + 1).is_none_or(|t| t != "<") => {
                    let end =
                        tokens[at..].iter().position(|t| t == ";").map_or(tokens.len(), |n| at + n);
                    let mut list = &tokens[at + 1..end];
                    tree(&mut list, &[], &mut |path, name| {
                        self.imports
                            .extend(lifted(path, inline.len()).map(|path| Import { path, name }));
                    });
                    at = end;
                }
                // A visibility is no import.
                "in" if tokens[..at].ends_with(&["pub".to_owned(), "(".to_owned()]) => {
                    at += tokens[at..].iter().position(|t| t == ")").unwrap_or(0);
                }
                first if is_name(first) && (at == 0 || tokens[at - 1] != "::") => {
                    let mut path = vec![first.to_owned()];
                    while tokens.get(at + 1).is_some_and(|t| t == "::")
                        && tokens.get(at + 2).is_some_and(|t| is_name(t))
                    {
                        path.push(tokens[at + 2].clone());
                        at += 2;
                    }
                    if path.len() > 1 {
                        self.paths.extend(lifted(path, inline.len()));
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

/// A path as it is in the file, from so many inline modules: each takes one `super`; none is left of a path
/// that stays inside.
fn lifted(path: Vec<String>, inline: usize) -> Option<Vec<String>> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    match path.first().map(String::as_str) {
        _ if inline == 0 => Some(path),
        Some("crate") => Some(path),
        Some("super") if supers >= inline => {
            let rest = path[inline..].to_vec();
            Some(if supers == inline { [vec!["self".to_owned()], rest].concat() } else { rest })
        }
        _ => None,
    }
}

/// The paths of a use declaration, each with the name that it gets.
fn tree(rest: &mut &[String], before: &[String], found: &mut dyn FnMut(Vec<String>, String)) {
    let mut path = before.to_vec();
    while let Some((first, others)) = rest.split_first() {
        match &**first {
            "," | "}" => break,
            "::" => *rest = others,
            "{" => {
                *rest = others;
                while let Some((first, others)) = rest.split_first() {
                    match &**first {
                        "}" => {
                            *rest = others;
                            return;
                        }
                        "," => *rest = others,
                        _ => tree(rest, &path, found),
                    }
                }
                return;
            }
            "as" => {
                let name = others[0].clone();
                *rest = &others[1..];
                found(path, name);
                return;
            }
            part => {
                path.push(part.to_owned());
                *rest = others;
            }
        }
    }
    // `{self}` is the module before it.
    if path.len() > before.len() {
        path.pop_if(|last| *last == "self");
        let name = path.last().cloned().unwrap_or_default();
        found(path, name);
    }
}

/// The tokens without the items that only tests have; the names of test modules in files are noted.
fn without_tests(tokens: &[String], files: &mut BTreeSet<String>) -> Vec<String> {
    const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut out = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if !tokens[at..].iter().take(7).eq(CFG_TEST) {
            out.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at += 7;
        if let Some(module) = tokens[at..].windows(3).take(3).find(|t| t[0] == "mod" && t[2] == ";")
        {
            files.insert(module[1].clone());
        }
        // To the end of the item: a semicolon, or a block.
        let mut depth = 0;
        while at < tokens.len() {
            match &*tokens[at] {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 && (tokens[at - 1] == ";" || tokens[at - 1] == "}") {
                break;
            }
        }
    }
    out
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::`, and single characters; comments, literals and lifetimes are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let name = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &rest[..name];
        let len = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(len) = raw_text(rest) {
            len
        } else if c == '"' || rest.starts_with("b\"") {
            text_len(rest)
        } else if c == '\'' {
            letter_len(rest)
        } else if name > 0 {
            tokens.push(word.to_owned());
            name
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            c.len_utf8()
        };
        rest = &rest[len..];
    }
    tokens
}

/// The bytes of `r"..."`, `r#"..."#` and of those with a `b`.
fn raw_text(rest: &str) -> Option<usize> {
    let start = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = start.len() - start.trim_start_matches('#').len();
    let body = start[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let len = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(rest.len() - body.len() + len)
}

/// The bytes of a string literal.
fn text_len(rest: &str) -> usize {
    let start = rest.find('"').unwrap_or(0) + 1;
    let mut escaped = false;
    for (at, c) in rest[start..].char_indices() {
        match c {
            '"' if !escaped => return start + at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    rest.len()
}

/// The bytes of a character literal, or the quote of a lifetime.
fn letter_len(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let from = at + escaped.len_utf8();
            from + rest[from..].find('\'').map_or(0, |end| end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_and_paths_are_found_and_texts_are_not() {
        let source = Source::parse(
            "//! use crate::no;\nuse crate::a::{self, b::C, d as e}; pub(super) use f::*; mod f;\n\
             fn g<'a>() { crate::h::i('\"', \"crate::no\", r#\"\"crate::no\"#); }\n\
             mod j { use super::k::L; use super::super::M; use n::O; pub(in crate::no) fn q() {} }\n\
             #[cfg(test)] mod tests { use crate::no; } #[cfg(test)] mod oracle; use p;",
        );
        let imports: Vec<String> =
            source.imports.iter().map(|i| format!("{} {}", i.path.join("::"), i.name)).collect();
        let wants = [
            "crate::a a",
            "crate::a::b::C C",
            "crate::a::d e",
            "f::* *",
            "self::k::L L",
            "super::M M",
            "p p",
        ];
        assert_eq!(imports, wants);
        assert_eq!(source.paths, [["crate", "h", "i"].map(str::to_owned).to_vec()]);
        assert_eq!(source.modules, BTreeSet::from(["f".to_owned()]));
        assert_eq!(source.tests, BTreeSet::from(["oracle".to_owned()]));
    }
}
