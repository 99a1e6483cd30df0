//! Escapes: characters that a reader would not see as themselves.
//!
//! Names, paths and texts come from files and arguments. A control character in one moves the cursor of a
//! terminal or makes a line that the program never said; a mark of direction shows letters in another
//! order; a character without width makes two names look equal. So every text passes one of these
//! functions on its way out:
//!
//! ```text
//! line       one line: a name, a path, a message        \n  \t  \u{1b}  \u{202e}
//! text       lines, each as above
//! json       JSON, by its own escapes, so that the value stays the same
//! toml       TOML, in the same way
//! markdown   one line, and no character of it is markup
//! ```
//!
//! Letters of any script and emoji stay. To escape twice changes nothing, except in Markdown.

use core::fmt::{Display, Write};
use serde::Deserialize;

/// Whether a character is not seen as itself: a control, a format character (Unicode's Cc and Cf), an end of a
/// line or paragraph, or one that is drawn as nothing.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'
            | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}' | '\u{ffff}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Adds a character, escaped where it is hidden.
fn push(c: char, out: &mut String) {
    match c {
        '\n' | '\t' | '\r' => out.extend(c.escape_default()),
        c if is_hidden(c) => out.extend(c.escape_unicode()),
        c => out.push(c),
    }
}

/// One line of text.
pub(crate) fn line(text: impl Display) -> String {
    let mut out = String::new();
    text.to_string().chars().for_each(|c| push(c, &mut out));
    out
}

/// Lines of text.
pub(crate) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| if c == '\n' { out.push(c) } else { push(c, &mut out) });
    out
}

/// The first of some names, in quotes.
pub(crate) fn few(names: &[impl AsRef<str>]) -> String {
    let more = if names.len() > 10 { ", .." } else { "" };
    let first: Vec<_> = names.iter().take(10).map(|name| format!("{:?}", name.as_ref())).collect();
    first.join(", ") + more
}

/// The text of a value of JSON: hidden characters stand in its strings alone.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// TOML of the same values: hidden characters stand in its strings alone. A string that has some is written
/// anew, since no escape counts in the one kind of them.
pub(crate) fn toml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['"', '\'']) {
        let (before, string) = rest.split_at(start);
        let (string, behind) = string.split_at(string_len(string));
        out.push_str(before);
        let hides = string.chars().any(|c| c != '\n' && is_hidden(c));
        let value = hides.then(|| toml::de::ValueDeserializer::parse(string).ok()).flatten();
        match value.and_then(|value| String::deserialize(value).ok()) {
            Some(value) => push_string(&value, &mut out),
            None => out.push_str(string),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The bytes of the string of TOML that a text begins with: in one, three, or other quotes.
fn string_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| text.starts_with(quotes));
    let quotes = quotes.unwrap_or_default().as_bytes();
    let mut at = quotes.len();
    while at < bytes.len() && !bytes[at..].starts_with(quotes) {
        at += if bytes[at] == b'\\' && quotes[0] == b'"' { 2 } else { 1 };
    }
    at += quotes.len();
    // Up to two quotes may stand before the three that end it.
    while quotes.len() == 3 && bytes.get(at) == quotes.first() {
        at += 1;
    }
    at.min(bytes.len())
}

/// Adds a string of TOML on one line.
fn push_string(value: &str, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            c if !is_hidden(c) => write!(out, "{c}"),
            c if c > '\u{ffff}' => write!(out, "\\U{:08X}", u32::from(c)),
            c => write!(out, "\\u{:04X}", u32::from(c)),
        };
    }
    out.push('"');
}

/// One line of Markdown that shows the text, in a cell of a table as well.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::new();
    for c in line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    // What some readers make a link of by itself.
    out.replace("://", "\\://").replace("www.", "www\\.").replace('@', "\\@")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_escaped_and_letters_stay() {
        let readable = "é漢字😀❤\u{fe0f} — \u{e9} \\ \"'";
        assert_eq!(line(readable), readable);
        assert_eq!(line("a\u{1b}[31m\u{9b}\u{7}\u{202e}\u{200b}\n\r\t"), {
            "a\\u{1b}[31m\\u{9b}\\u{7}\\u{202e}\\u{200b}\\n\\r\\t"
        });
        assert_eq!(text("a\nb\r\n"), "a\nb\\r\n");
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(|&c| is_hidden(c)) {
            let once = line(c);
            assert!(once.is_ascii() && line(&once) == once, "{once}");
        }
    }

    #[test]
    fn json_keeps_its_value() {
        let all: String =
            (0..=0x10_ffff).filter_map(char::from_u32).filter(|&c| is_hidden(c)).collect();
        let text = json(&serde_json::to_string(&all).unwrap());
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), all);
        assert_eq!(json("{\"é\":[1,\"\u{e0041}\"]}"), "{\"é\":[1,\"\\udb40\\udc41\"]}");
    }

    #[test]
    fn toml_keeps_its_value() {
        let all: String =
            (0..=0x10_ffff).filter_map(char::from_u32).filter(|&c| is_hidden(c)).collect();
        for text in [
            &*all,
            // Each way in which a string is written.
            "a\u{202e}",
            "C:\\a\u{202e}\"",
            "\"\u{202e}\x27 \\x \"\"\"",
            "\na \\ \"\u{202e}\n\x27b\x27\r\n\u{9b}",
            "\n\x27\x27\x27\u{202e}\\ \"\"\"",
            "\u{202e}\\\"",
            "\x27\u{e0041}\\",
            "",
        ] {
            let value = toml::Table::from_iter([
                ("x".to_owned(), toml::Value::from(text)),
                ("y".to_owned(), vec![text, "\\ é", text].into()),
            ]);
            let written = toml(&toml::to_string(&value).unwrap());
            assert!(!written.chars().any(|c| c != '\n' && is_hidden(c)), "{written:?}");
            assert_eq!(toml::from_str::<toml::Table>(&written).unwrap(), value, "{written}");
        }
        let plain = "x = \x27é \\\x27\ny = \"\"\"\na\nb\"\"\"\n";
        assert_eq!(toml(plain), plain);
    }

    #[test]
    fn text_is_no_markup_in_markdown() {
        assert_eq!(
            markdown("a|b `x` [l](u) <i> *e* _f_\n&amp; \u{202e}"),
            "a\\|b \\`x\\` \\[l\\](u) &lt;i> \\*e\\* \\_f\\_\\\\n&amp;amp; \\\\u{202e}"
        );
    }
}
