//! Changes to PNG: chunks, whose checksums are then right again, and the pixels within their stream.

use super::number::integer;
use super::{below, pick};
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use proxtape::Random;
use std::io::{Read, Write};

const MARK: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A type of four letters, and its contents.
type Chunk = ([u8; 4], Vec<u8>);

/// One change.
pub(crate) fn mutate(input: &mut Vec<u8>, random: &mut Random) {
    let mut chunks = chunks(input);
    if chunks.is_empty() {
        return super::bytes(input, random);
    }
    let at = below(random, chunks.len());
    let other = below(random, chunks.len());
    match random.below(8) {
        0 => _ = chunks.remove(at),
        1 => chunks.swap(at, other),
        2 => chunks.insert(at, chunks[other].clone()),
        3 => {
            let kinds = [*b"PLTE", *b"tRNS", *b"IDAT", *b"acTL", *b"fcTL", *b"iCCP", *b"zTXt"];
            let contents = (0..random.below(800)).map(|_| random.next_u32() as u8).collect();
            chunks.insert(at, (pick(random, &kinds), contents));
        }
        4 => header(&mut chunks[0].1, random),
        5 => super::bytes(&mut chunks[at].1, random),
        _ => pixels(&mut chunks, random),
    }
    *input = file(&chunks);
    if random.below(16) == 0 {
        super::bytes(input, random);
    }
}

fn chunks(file: &[u8]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut rest = file.strip_prefix(MARK).unwrap_or_default();
    while let Some((chunk, after)) = first(rest) {
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

/// The first chunk, and what follows its checksum.
fn first(bytes: &[u8]) -> Option<(Chunk, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (kind, rest) = rest.split_first_chunk()?;
    let (contents, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    Some(((*kind, contents.to_vec()), rest.get(4..)?))
}

/// The file of some chunks.
pub(crate) fn file(chunks: &[Chunk]) -> Vec<u8> {
    let mut file = MARK.to_vec();
    for (kind, contents) in chunks {
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(contents);
        file.extend((contents.len() as u32).to_be_bytes());
        file.extend(kind);
        file.extend(contents);
        file.extend(sum.sum().to_be_bytes());
    }
    file
}

/// Width, height, depth, colours, compression, filter, interlacing.
fn header(contents: &mut [u8], random: &mut Random) {
    if contents.len() < 13 {
        return;
    }
    match random.below(3) {
        0 => {
            let at = 4 * below(random, 2);
            contents[at..at + 4].copy_from_slice(&(integer(random) as u32).to_be_bytes());
        }
        1 => {
            contents[8] = pick(random, &[1, 2, 4, 8, 16, 0, 255]);
            contents[9] = pick(random, &[0, 2, 3, 4, 6, 1, 255]);
        }
        _ => contents[8 + below(random, 5)] = random.below(3) as u8,
    }
}

/// What the first stream of pixels holds.
fn pixels(chunks: &mut [Chunk], random: &mut Random) {
    let Some((_, stream)) = chunks.iter_mut().find(|(kind, _)| kind == b"IDAT") else { return };
    let mut rows = Vec::new();
    let _ = ZlibDecoder::new(&stream[..]).take(1 << 20).read_to_end(&mut rows);
    match random.below(3) {
        0 => rows.resize(integer(random).min(1 << 20) as usize, 0),
        _ => super::bytes(&mut rows, random),
    }
    *stream = compressed(&rows);
}

/// A stream of zlib.
pub(crate) fn compressed(rows: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(rows).and_then(|()| encoder.finish()).expect("memory takes it")
}
