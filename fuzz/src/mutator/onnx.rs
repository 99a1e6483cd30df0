//! Changes to Protocol Buffers: at one field somewhere in the tree, with the lengths of all messages
//! around it right again.

use super::number::{float, integer};
use super::{below, text};
use proxtape::Random;

/// How deep a walk goes.
const DEEP: u32 = 8;

/// A key and what follows it, as bytes.
struct Field {
    key: u64,
    value: Vec<u8>,
}

/// One change.
pub(crate) fn mutate(input: &mut Vec<u8>, random: &mut Random) {
    match message(input, random, DEEP) {
        Some(bytes) => *input = bytes,
        None => super::bytes(input, random),
    }
}

/// A message with a change in it; `None` where the bytes are none.
fn message(bytes: &[u8], random: &mut Random, deep: u32) -> Option<Vec<u8>> {
    let mut fields = fields(bytes)?;
    if fields.is_empty() || deep == 0 {
        return None;
    }
    let at = below(random, fields.len());
    // A walk goes on more often than not, since most of a file is deep in it.
    let is_here = random.below(4) == 0;
    let kind = fields[at].key & 7;
    if !is_here && kind == 2 {
        let inner = message(&fields[at].value, random, deep - 1);
        let inner = inner.unwrap_or_else(|| leaf(&fields[at].value, random));
        fields[at].value = inner;
        return Some(join(&fields));
    }
    match random.below(8) {
        0 => _ = fields.remove(at),
        1 => {
            let other = below(random, fields.len());
            fields.swap(at, other);
        }
        2 | 3 => {
            let Field { key, value } = &fields[below(random, fields.len())];
            let copy = Field { key: *key, value: value.clone() };
            fields.insert(at, copy);
        }
        4 => fields[at].key = integer(random) & 0xff,
        _ => match kind {
            0 => fields[at].value = varint(integer(random)),
            5 => fields[at].value = float(random).to_le_bytes().to_vec(),
            _ => fields[at].value = leaf(&fields[at].value, random),
        },
    }
    Some(join(&fields))
}

/// Another text, or other raw values.
fn leaf(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match std::str::from_utf8(&bytes) {
        Ok(_) if random.below(2) == 0 => text::mutate(&mut bytes, random),
        _ if bytes.len() >= 4 && random.below(2) == 0 => {
            let at = 4 * below(random, bytes.len() / 4);
            bytes[at..at + 4].copy_from_slice(&float(random).to_le_bytes());
        }
        _ => super::bytes(&mut bytes, random),
    }
    bytes
}

fn fields(mut bytes: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = read(&mut bytes)?;
        let value = match key & 7 {
            0 => varint(read(&mut bytes)?),
            1 => take(&mut bytes, 8)?,
            2 => {
                let len = read(&mut bytes)?;
                take(&mut bytes, usize::try_from(len).ok()?)?
            }
            5 => take(&mut bytes, 4)?,
            _ => return None,
        };
        fields.push(Field { key, value });
    }
    Some(fields)
}

fn join(fields: &[Field]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Field { key, value } in fields {
        bytes.extend(varint(*key));
        if key & 7 == 2 {
            bytes.extend(varint(value.len() as u64));
        }
        bytes.extend(value);
    }
    bytes
}

fn take(bytes: &mut &[u8], len: usize) -> Option<Vec<u8>> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken.to_vec())
}

fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(n);
        }
    }
    None
}

fn varint(mut n: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n >= 0x80 {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}
