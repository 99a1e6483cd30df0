//! Paths in commands that people copy into a shell.
//!
//! ```text
//! runs/digits-1       as it is
//! my run, a;b, ~      'my run'                  single quotes: nothing in them has a meaning
//! it's                'it'\''s'
//! -x                  ./-x                      no option
//! a line of its own   $'a\012b'                 hidden characters and bytes that are no text, by number
//! ```

use crate::output::escape;
use core::fmt::Write;
use std::path::Path;

/// A path as a word of a command.
pub(crate) fn word(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let start = if bytes.first() == Some(&b'-') { "./" } else { "" };
    match path.to_str() {
        Some(text) if escape::line(text) == text => {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./+,:@%=".contains(c);
            match !text.is_empty() && text.chars().all(is_plain) {
                true => format!("{start}{text}"),
                false => format!("'{start}{}'", text.replace('\'', "'\\''")),
            }
        }
        _ => {
            let mut word = format!("$'{start}");
            for &byte in bytes {
                match byte {
                    b' '..=b'~' if byte != b'\'' && byte != b'\\' => word.push(byte.into()),
                    // Writing to a string cannot fail.
                    _ => drop(write!(word, "\\{byte:03o}")),
                }
            }
            word + "'"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_one_word_whatever_it_holds() {
        for (path, wants) in [
            ("runs/digits-1", "runs/digits-1"),
            ("my run; rm *", "'my run; rm *'"),
            ("it's", "'it'\\''s'"),
            ("-x", "./-x"),
            ("-my run", "'./-my run'"),
            ("~", "'~'"),
            ("", "''"),
            ("é", "'é'"),
            ("-a'\n\u{202e}", "$'./-a\\047\\012\\342\\200\\256'"),
        ] {
            assert_eq!(word(path.as_ref()), wants);
        }
    }

    #[cfg(unix)]
    #[test]
    fn path_that_is_no_text_keeps_its_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let path = std::ffi::OsStr::from_bytes(b"a\xff b");
        assert_eq!(word(path.as_ref()), "$'a\\377 b'");
    }
}
