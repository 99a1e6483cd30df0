//! Changes that know no format.

use super::number::integer;
use super::{below, range};
use proxtape::Random;

/// One change.
pub(crate) fn mutate(input: &mut Vec<u8>, random: &mut Random) {
    if input.is_empty() {
        input.push(random.next_u32() as u8);
        return;
    }
    let at = below(random, input.len());
    match random.below(9) {
        0 => input[at] ^= 1 << random.below(8),
        1 => input[at] = random.next_u32() as u8,
        2 => input[at] = input[at].wrapping_add(random.below(9) as u8).wrapping_sub(4),
        // Mostly near the end: what comes before is then still believed.
        3 => match random.below(2) {
            0 => input.truncate(at),
            _ => input.truncate(input.len() - below(random, input.len().min(16))),
        },
        4 => {
            input.drain(range(random, input.len(), 64));
        }
        5 => {
            let part = input[range(random, input.len(), 256)].to_vec();
            (0..1 + random.below(3)).for_each(|_| {
                input.splice(at..at, part.iter().copied());
            });
        }
        6 => {
            let part = input[range(random, input.len(), 64)].to_vec();
            part.iter().zip(&mut input[at..]).for_each(|(new, old)| *old = *new);
        }
        7 => {
            let count = 1 + below(random, 32);
            input.splice(at..at, (0..count).map(|_| random.next_u32() as u8));
        }
        _ => number(&mut input[at..], random),
    }
}

/// Writes an integer of 1, 2, 4 or 8 bytes, in either order.
fn number(place: &mut [u8], random: &mut Random) {
    let (n, width) = (integer(random), 1 << random.below(4));
    let mut bytes = n.to_le_bytes();
    let bytes = &mut bytes[..width];
    if random.below(2) == 0 {
        bytes.reverse();
    }
    bytes.iter().zip(place).for_each(|(new, old)| *old = *new);
}

/// The start of one input with the end of another.
pub(crate) fn splice(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    input.truncate(below(random, input.len() + 1));
    input.extend(&other[below(random, other.len() + 1)..]);
}
