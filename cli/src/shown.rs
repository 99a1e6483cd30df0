//! Text as it is shown: what a reader would not see as itself is escaped.
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
//! markdown   one line, and no character of it is markup
//! ```
//!
//! Letters of any script and emoji stay. To escape twice changes nothing, except in Markdown.

use core::fmt::{Display, Write};

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
    fn text_is_no_markup_in_markdown() {
        assert_eq!(
            markdown("a|b `x` [l](u) <i> *e* _f_\n&amp; \u{202e}"),
            "a\\|b \\`x\\` \\[l\\](u) &lt;i> \\*e\\* \\_f\\_\\\\n&amp;amp; \\\\u{202e}"
        );
    }
}
