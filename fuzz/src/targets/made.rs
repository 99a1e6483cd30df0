//! Valid inputs that no command of the program writes.

use crate::mutator;
use proxtape::checkpoint::{self, Checkpoint};

/// A state_dict as it is, and one in a wrapper, with a counter.
pub(super) fn state_dicts() -> Vec<Vec<u8>> {
    let file = |prefix: &str, last: &str| {
        let mut dict = Checkpoint::default();
        dict.put(&format!("{prefix}first.weight"), [2, 3], &[0.5, -1.0, 0.0, 2.0, 1e-3, 7.0]);
        dict.put(&format!("{prefix}first.bias"), [2], &[0.25, -0.25]);
        if !last.is_empty() {
            dict.put(&format!("{prefix}{last}"), [], &[3.0]);
        }
        checkpoint::to_bytes(&dict).expect("names are apart")
    };
    vec![file("", ""), file("module.", "norm.num_batches_tracked")]
}

/// Six images of 4 x 4 in three classes, and colours.
pub(super) fn pairs() -> Vec<Vec<u8>> {
    plain_pairs().iter().map(|[images, labels]| mutator::join(images, labels)).collect()
}

/// The same, compressed.
pub(super) fn zipped_pairs() -> Vec<Vec<u8>> {
    let zipped = |[images, labels]: &[Vec<u8>; 2]| {
        mutator::join(&mutator::zipped(images), &mutator::zipped(labels))
    };
    plain_pairs().iter().map(zipped).collect()
}

fn plain_pairs() -> [[Vec<u8>; 2]; 2] {
    let file = |dims: &[u32]| -> Vec<u8> {
        let header = [0, 0, 8, dims.len() as u8];
        let sizes = dims.iter().flat_map(|dim| dim.to_be_bytes());
        let len = dims.iter().product();
        header.into_iter().chain(sizes).chain((0..len).map(|i: u32| (i % 3) as u8)).collect()
    };
    [[file(&[6, 4, 4]), file(&[6])], [file(&[4, 3, 2, 2]), file(&[4])]]
}

/// One and two records of CIFAR-10.
pub(super) fn records() -> Vec<Vec<u8>> {
    let record = |label: u8| [vec![label], vec![label.wrapping_mul(20); 3072]].concat();
    vec![record(3), [record(0), record(9)].concat()]
}

/// Pictures of 8 x 8: grey, with a palette, colours, and 16 bits with alpha that are interlaced.
pub(super) fn pictures() -> Vec<Vec<u8>> {
    let picture = |depth: u8, colours: u8, row: usize, interlaced: u8| {
        let header = [&[0, 0, 0, 8, 0, 0, 0, 8, depth, colours, 0, 0, interlaced][..]].concat();
        let palette = (colours == 3).then(|| (*b"PLTE", (0..48).collect()));
        // A byte before each row names its filter. Interlaced, 8 x 8 has 15 rows in its seven passes.
        let rows = match interlaced {
            0 => [&[1][..], &vec![7; row]].concat().repeat(8),
            _ => {
                let passes = [(1, 1), (1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (4, 8)];
                let pass = |(rows, pixels)| {
                    [&[0][..], &vec![0xff; row / 8 * pixels]].concat().repeat(rows)
                };
                passes.map(pass).concat()
            }
        };
        let chunks = [(*b"IHDR", header)].into_iter().chain(palette);
        let chunks = chunks.chain([(*b"IDAT", mutator::deflated(&rows)), (*b"IEND", Vec::new())]);
        mutator::chunked(&chunks.collect::<Vec<_>>())
    };
    vec![picture(8, 0, 8, 0), picture(4, 3, 4, 0), picture(8, 2, 24, 0), picture(16, 6, 64, 1)]
}
