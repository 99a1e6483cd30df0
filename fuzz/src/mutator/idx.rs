//! Changes to a pair of IDX files, which stand in one input behind the length of the first.

use super::number::integer;
use super::{below, pick};
use proxtape::Random;

/// Images and labels as one input.
pub(crate) fn join(images: &[u8], labels: &[u8]) -> Vec<u8> {
    [&(images.len() as u32).to_le_bytes()[..], images, labels].concat()
}

/// The two again.
pub(crate) fn split(input: &[u8]) -> (&[u8], &[u8]) {
    match input.split_first_chunk() {
        Some((len, rest)) => rest.split_at((u32::from_le_bytes(*len) as usize).min(rest.len())),
        None => (input, &[]),
    }
}

/// One change of one of the two, or of both alike.
pub(crate) fn mutate(input: &mut Vec<u8>, random: &mut Random) {
    let (images, labels) = split(input);
    let (mut images, mut labels) = (images.to_vec(), labels.to_vec());
    match random.below(6) {
        0..=2 => file(&mut images, random),
        3 => file(&mut labels, random),
        4 => std::mem::swap(&mut images, &mut labels),
        _ => {
            let count = random.below(6) + 1;
            let side = 1 + random.below(5);
            let dims = [vec![count, side, side], vec![count, 1, side, 2]];
            images = whole(&pick(random, &dims), random);
            labels = whole(&[count], random);
        }
    }
    *input = join(&images, &labels);
}

/// A file that is as it says.
fn whole(dims: &[u32], random: &mut Random) -> Vec<u8> {
    let header = [0, 0, 8, dims.len() as u8].into_iter();
    let sizes = dims.iter().flat_map(|dim| dim.to_be_bytes());
    let len = dims.iter().product::<u32>();
    header.chain(sizes).chain((0..len).map(|_| random.next_u32() as u8)).collect()
}

/// A change of the header, or of any byte.
pub(super) fn file(file: &mut Vec<u8>, random: &mut Random) {
    match random.below(3) {
        0 if file.len() >= 4 => file[below(random, 4)] = integer(random) as u8,
        1 if file.len() >= 8 => {
            let axes = usize::from(file[3]).clamp(1, (file.len() - 4) / 4);
            let at = 4 + 4 * below(random, axes);
            file[at..at + 4].copy_from_slice(&(integer(random) as u32).to_be_bytes());
        }
        _ => super::bytes(file, random),
    }
}
