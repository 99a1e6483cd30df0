//! Changes to a pair of IDX files that are compressed: within the stream, to its bytes, or a stream
//! that holds far more than it is long.

use super::idx::{file, join, split};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use proxtape::Random;
use std::io::{Read, Write};

/// The most bytes of a stream that are looked at.
const MOST: u64 = 1 << 20;

/// One change of one of the two.
pub(crate) fn mutate(input: &mut Vec<u8>, random: &mut Random) {
    let (images, labels) = split(input);
    let (mut images, mut labels) = (images.to_vec(), labels.to_vec());
    let one = if random.below(3) == 0 { &mut labels } else { &mut images };
    let mut plain = Vec::new();
    // What can be read is kept; a damaged stream may give its start.
    let _ = GzDecoder::new(&one[..]).take(MOST).read_to_end(&mut plain);
    match random.below(6) {
        0 | 1 => super::bytes(one, random),
        2 => one.extend_from_within(..),
        3 => {
            plain.resize(MOST as usize, 0);
            *one = compressed(&plain);
        }
        _ => {
            file(&mut plain, random);
            *one = compressed(&plain);
        }
    }
    *input = join(&images, &labels);
}

/// A stream of gzip.
pub(crate) fn compressed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).and_then(|()| encoder.finish()).expect("memory takes it")
}
