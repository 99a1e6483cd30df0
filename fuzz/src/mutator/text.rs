//! Changes to JSON and TOML: at numbers, words, lines, members of lists, and brackets.

use super::number;
use super::{below, pick, range};
use proxtape::Random;
use std::ops::Range;

/// Texts that are hard on readers and on those who show them.
const ODD: [&str; 14] = [
    "\"",
    "\\",
    "\n",
    "\r\n",
    "\0",
    "\u{feff}",
    "\u{1b}[31m",
    "\u{202e}",
    "\\ud800",
    "é",
    "#",
    "''",
    "\"\"\"",
    "../..",
];

/// How deep nesting goes: the stack of a reader that recurses holds some thousands.
const DEPTHS: [usize; 5] = [1, 3, 40, 200, 20_000];

/// One change. Bytes that are no text are left to others.
pub(crate) fn mutate(input: &mut Vec<u8>, random: &mut Random) {
    match String::from_utf8(std::mem::take(input)) {
        Ok(mut text) => {
            change(&mut text, random);
            *input = text.into_bytes();
        }
        Err(e) => {
            *input = e.into_bytes();
            super::bytes(input, random);
        }
    }
}

/// One change of a text.
pub(super) fn change(text: &mut String, random: &mut Random) {
    match random.below(12) {
        0..=3 => {
            let numbers = tokens(text, |c| is_digit(c) || b"+-.".contains(&c), is_digit);
            replace(text, &numbers, random, |old, _, random| number::text(random, old));
        }
        4 => {
            let words = tokens(text, is_wordy, |c| c.is_ascii_alphabetic());
            let others = words.clone();
            replace(text, &words, random, |_, text, random| text[pick(random, &others)].to_owned());
        }
        5 => {
            let words = tokens(text, is_wordy, |c| c.is_ascii_alphabetic());
            replace(text, &words, random, |_, _, random| number::text(random, "1"));
        }
        6 => lines(text, random),
        7 => members(text, random),
        8 => {
            let depth = pick(random, &DEPTHS);
            let (open, close) =
                pick(random, &[("[", "]"), ("{\"a\":", "}"), ("{a=", "}"), ("(", ")")]);
            let inner = ["0", ""][below(random, 2)];
            let nested = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            let numbers = tokens(text, is_digit, is_digit);
            match numbers.is_empty() {
                true => insert(text, &nested, random),
                false => replace(text, &numbers, random, |_, _, _| nested.clone()),
            }
        }
        9 => {
            let long = "a".repeat(10_000);
            let odd = if random.below(16) == 0 { &long } else { pick(random, &ODD) };
            insert(text, odd, random);
        }
        10 => {
            let strings = strings(text);
            let string = ["\"\"", "\"a\"", "\"nan\"", "\"\\u0000\"", "\"1\"", "\"é\u{202e}\""];
            replace(text, &strings, random, |_, _, random| pick(random, &string).to_string());
        }
        _ => {
            let list: Vec<String> =
                (0..random.below(40)).map(|_| random.below(9).to_string()).collect();
            let numbers = tokens(text, is_digit, is_digit);
            replace(text, &numbers, random, |_, _, _| list.join(", "));
        }
    }
}

fn is_digit(c: u8) -> bool {
    c.is_ascii_digit()
}

fn is_wordy(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"-_".contains(&c)
}

/// Runs of some ASCII characters, with at least one that makes them what they are.
fn tokens(text: &str, part: impl Fn(u8) -> bool, core: fn(u8) -> bool) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut from = 0;
    for run in bytes.chunk_by(|&a, &b| part(a) == part(b)) {
        let to = from + run.len();
        if part(run[0]) && run.iter().any(|&c| core(c)) {
            found.push(from..to);
        }
        from = to;
    }
    found
}

/// Texts in quotes on one line.
fn strings(text: &str) -> Vec<Range<usize>> {
    let quotes: Vec<usize> = text.match_indices('"').map(|(at, _)| at).collect();
    quotes.chunks_exact(2).map(|pair| pair[0]..pair[1] + 1).collect()
}

/// Another text in one of some places, if there is one.
fn replace(
    text: &mut String,
    places: &[Range<usize>],
    random: &mut Random,
    new: impl FnOnce(&str, &str, &mut Random) -> String,
) {
    if places.is_empty() {
        return;
    }
    let place = pick(random, places);
    let new = new(&text[place.clone()], text, random);
    text.replace_range(place, &new);
}

fn insert(text: &mut String, new: &str, random: &mut Random) {
    let mut at = below(random, text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.insert_str(at, new);
}

/// Repeats, removes or moves lines.
fn lines(text: &mut String, random: &mut Random) {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    if lines.is_empty() {
        return;
    }
    let at = below(random, lines.len());
    match random.below(4) {
        0 => {
            lines.drain(range(random, lines.len(), 4));
        }
        1 => {
            let other = below(random, lines.len());
            lines.swap(at, other);
        }
        _ => {
            let part = lines[range(random, lines.len(), 8)].to_vec();
            let count = pick(random, &[1, 1, 2, 300]);
            for _ in 0..count {
                lines.splice(at..at, part.iter().copied());
            }
        }
    }
    *text = lines.concat();
}

/// Repeats or removes what stands between two commas.
fn members(text: &mut String, random: &mut Random) {
    let mut members: Vec<&str> = text.split(',').collect();
    let at = below(random, members.len());
    let other = below(random, members.len());
    match random.below(3) {
        0 => _ = members.remove(at),
        1 => members.insert(at, members[other]),
        _ => members.swap(at, other),
    }
    *text = members.join(",");
}
