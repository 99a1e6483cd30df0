//! Changes to tables: quotes, separators, widths, cells that are no numbers, and encodings.

use super::{below, number, pick, range};
use proxtape::Random;

/// One change.
pub(crate) fn mutate(input: &mut Vec<u8>, random: &mut Random) {
    let Ok(text) = std::str::from_utf8(input) else { return super::bytes(input, random) };
    let mut text = text.to_owned();
    match random.below(12) {
        0..=2 => cell(&mut text, random),
        3 => quote(&mut text, random),
        4 => {
            let other = pick(random, &[";", "\t", "|", ", ", " "]);
            text = text.replace(',', other);
            if random.below(2) == 0 {
                text = text.replace('.', ",");
            }
        }
        5 => text = text.replace('\n', pick(random, &["\r\n", "\r", "\n\n", "\n\r"])),
        6 => text.insert(0, '\u{feff}'),
        7 => {
            let is_big = random.below(2) == 0;
            let bytes = |unit: u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            let marked = "\u{feff}".encode_utf16().chain(text.encode_utf16());
            *input = marked.flat_map(bytes).collect();
            return;
        }
        8 => {
            let lines: Vec<&str> = text.lines().collect();
            let part = lines.get(range(random, lines.len(), 3)).unwrap_or_default().join("\n");
            text = format!("{part}\n{text}");
        }
        _ => {
            let mut bytes = text.into_bytes();
            super::text(&mut bytes, random);
            *input = bytes;
            return;
        }
    }
    *input = text.into_bytes();
}

/// Another cell, fewer or more.
fn cell(text: &mut String, random: &mut Random) {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = below(random, lines.len());
    let Some(line) = lines.get_mut(at) else { return };
    let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
    let place = below(random, cells.len());
    match random.below(6) {
        0 => _ = cells.remove(place),
        1 => cells.insert(place, number::text(random, "1")),
        2 => cells[place] = String::new(),
        3 => cells[place].push_str(pick(random, &[" ", "\u{a0}", "%", "e5", "é"])),
        4 => {
            let other = cells[below(random, cells.len())].clone();
            cells[place] = other;
        }
        _ => cells[place] = number::text(random, &cells[place]),
    }
    *line = cells.join(",");
    *text = lines.join("\n") + "\n";
}

/// Quotes around a cell, or one that opens and never closes.
fn quote(text: &mut String, random: &mut Random) {
    let places: Vec<usize> = text.match_indices([',', '\n']).map(|(at, _)| at).collect();
    if places.is_empty() {
        return;
    }
    let at = below(random, places.len());
    if random.below(2) == 0 {
        text.insert(*places.get(at + 1).unwrap_or(&text.len()), '"');
    }
    text.insert(places[at] + 1, '"');
}
