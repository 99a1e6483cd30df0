//! Numbers at which sizes wrap, and values that are no numbers.

use super::{below, pick};
use proxtape::Random;

/// Edges of integers, and sizes that a file of a few bytes cannot hold.
const EDGES: [u64; 24] = [
    0,
    1,
    2,
    3,
    16,
    127,
    128,
    255,
    256,
    4095,
    20_000,
    65_535,
    65_536,
    1_000_000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 32,
    1 << 40,
    1 << 53,
    1 << 57,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// Values that are seldom thought of, as texts.
const TEXTS: [&str; 21] = [
    "-1",
    "-0.0",
    "0.5",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "1e-45",
    "1e39",
    "3.4028235e38",
    "1e308",
    "-1e308",
    "1e400",
    "18446744073709551616",
    "0x10",
    "000",
];

/// An integer: an edge, one beside it, or a small one.
pub(super) fn integer(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => u64::from(random.below(40)),
        1 => pick(random, &EDGES).wrapping_add(u64::from(random.below(5))).wrapping_sub(2),
        _ => pick(random, &EDGES),
    }
}

/// A value in place of an old one.
pub(super) fn text(random: &mut Random, old: &str) -> String {
    let edge = |random: &mut Random| integer(random).to_string();
    match random.below(8) {
        0 | 1 => pick(random, &TEXTS).to_string(),
        2 | 3 => edge(random),
        // Near the old one: what passes reaches the depth.
        4 | 5 => match old.parse::<i64>() {
            Ok(n) => n.wrapping_add(i64::from(random.below(5)) - 2).to_string(),
            Err(_) => format!("{:e}", random.normal()),
        },
        6 => random.below(20).to_string(),
        _ => {
            let mut digits = old.to_owned();
            let place = below(random, digits.len() + 1);
            if digits.is_char_boundary(place) {
                digits.insert(place, pick(random, &['0', '9', '-', '.', 'e', '_']));
            }
            digits
        }
    }
}

/// A value of a tensor.
pub(super) fn float(random: &mut Random) -> f32 {
    const EDGES: [f32; 10] = [
        0.0,
        -0.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN,
        1e-45,
        1e20,
        1.0,
    ];
    if random.below(4) == 0 { random.normal() } else { pick(random, &EDGES) }
}
