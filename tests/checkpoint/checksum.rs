//! The checksum of a file: whatever bit flips is found, and files without one are read as they were.

use super::{Folder, awkward, bits, file, small};
use proxtape::checkpoint;
use std::fs;

const NAME: &str = "proxtape.checksum";

fn written(folder: &Folder, checkpoint: &checkpoint::Checkpoint) -> Vec<u8> {
    let path = folder.path("written");
    checkpoint::write(&path, checkpoint).unwrap();
    fs::read(&path).unwrap()
}

#[test]
fn every_flipped_bit_of_a_small_file_is_found() {
    let folder = Folder::new("flips");
    let sound = written(&folder, &small());
    for bit in 0..8 * sound.len() {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        folder.fault(&bytes);
    }
    assert!(folder.read(&sound).is_ok());
}

#[test]
fn flipped_bits_between_values_are_found_in_every_chunk() {
    let folder = Folder::new("chunks");
    let sound = written(&folder, &awkward());
    for bit in (0..8 * sound.len()).step_by(1009) {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        folder.fault(&bytes);
    }
}

#[test]
fn equal_checkpoints_give_equal_bytes() {
    let folder = Folder::new("equal");
    assert_eq!(written(&folder, &awkward()), written(&folder, &awkward()));
}

#[test]
fn file_without_a_checksum_is_read_but_not_where_one_must_be() {
    let folder = Folder::new("sealed");
    let header = r#"{"__metadata__":{"format":"pt","checksum":"crc32:0"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let theirs = folder.read(&file(header, 4)).unwrap();
    assert_eq!(theirs.texts["checksum"], "crc32:0");
    let error = checkpoint::read_sealed(&folder.path("bytes")).unwrap_err();
    assert!(error.to_string().contains(NAME), "{error}");

    written(&folder, &awkward());
    let ours = checkpoint::read_sealed(&folder.path("written")).unwrap();
    assert_eq!(bits(&ours), bits(&awkward()));
    assert!(!ours.texts.contains_key(NAME));
}

#[test]
fn text_with_the_name_of_the_checksum_is_an_error() {
    let folder = Folder::new("name");
    let mut taken = small();
    taken.note(NAME, 1);
    let error = checkpoint::write(&folder.path("written"), &taken).unwrap_err();
    assert!(error.expected().contains(NAME), "{error}");
}

/// A text of a user that looks like the start of the metadata must not be taken for it.
#[test]
fn texts_that_look_like_a_checksum_stay_texts() {
    let folder = Folder::new("alike");
    let mut alike = small();
    alike.note("a", format!("\"{NAME}\":\"file:xxh3-128:{}\"", "0".repeat(32)));
    let bytes = written(&folder, &alike);
    assert_eq!(folder.read(&bytes).unwrap(), alike);
}
