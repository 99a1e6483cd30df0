//! Changes to inputs: those of bytes, which know no format, and one file for each format.

mod bytes;
mod checkpoint;
mod gzip;
mod idx;
mod number;
mod onnx;
mod png;
mod safetensors;
mod table;
mod text;

pub(crate) use bytes::{mutate as bytes, splice};
pub(crate) use checkpoint::mutate as checkpoint;
pub(crate) use gzip::{compressed as zipped, mutate as gzip};
pub(crate) use idx::{join, mutate as idx, split};
pub(crate) use onnx::mutate as onnx;
pub(crate) use png::{compressed as deflated, file as chunked, mutate as png};
pub(crate) use safetensors::mutate as safetensors;
pub(crate) use table::mutate as table;
pub(crate) use text::mutate as text;

use proxtape::Random;

/// The most bytes of an input.
pub(crate) const MAX_INPUT: usize = 64 << 10;

/// One of a list that is not empty.
pub(crate) fn pick<T: Clone>(random: &mut Random, list: &[T]) -> T {
    list[below(random, list.len())].clone()
}

/// A number below `n`, or 0.
fn below(random: &mut Random, n: usize) -> usize {
    random.below(n.clamp(1, u32::MAX as usize) as u32) as usize
}

/// A range of 1 to `most` items in a list of `len`, or an empty one.
fn range(random: &mut Random, len: usize, most: usize) -> std::ops::Range<usize> {
    let start = below(random, len);
    let end = start + 1 + below(random, most.min(len - start.min(len)));
    start.min(len)..end.min(len)
}
