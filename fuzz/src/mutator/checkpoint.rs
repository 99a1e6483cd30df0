//! Changes to the contents of a checkpoint, written again with a right header: files as a person would make them
//! on purpose, which no reader of bytes refuses.

use super::{below, number, pick, text};
use proxtape::Random;
use proxtape::checkpoint::{self, Checkpoint};

/// One change; half of them are those of the bytes of the file.
pub(crate) fn mutate(input: &mut Vec<u8>, random: &mut Random) {
    let Ok(mut file) = checkpoint::parse(input) else { return super::safetensors(input, random) };
    match random.below(4) {
        0 => return super::safetensors(input, random),
        1 if !file.tensors.is_empty() => tensor(&mut file, random),
        _ => note(&mut file, random),
    }
    if let Ok(bytes) = checkpoint::to_bytes(&file) {
        *input = bytes;
    }
}

fn note(file: &mut Checkpoint, random: &mut Random) {
    let names: Vec<String> = file.texts.keys().cloned().collect();
    if names.is_empty() {
        return;
    }
    let name = pick(random, &names);
    match random.below(10) {
        0 => _ = file.texts.remove(&name),
        1 => {
            let other = file.texts[&pick(random, &names)].clone();
            file.texts.insert(name, other);
        }
        2 => {
            let n = number::text(random, "1");
            file.texts.insert(name, n);
        }
        _ => {
            if let Some(value) = file.texts.get_mut(&name) {
                text::change(value, random);
            }
        }
    }
}

fn tensor(file: &mut Checkpoint, random: &mut Random) {
    let at = below(random, file.tensors.len());
    let other = below(random, file.tensors.len());
    match random.below(7) {
        0 => _ = file.tensors.remove(at),
        1 => file.tensors.swap(at, other),
        2 => {
            let mut copy = file.tensors[at].clone();
            copy.0.push('x');
            file.tensors.push(copy);
        }
        3 => {
            let name = file.tensors[other].0.clone();
            let old = std::mem::replace(&mut file.tensors[at].0, name);
            file.tensors[other].0 = old;
        }
        4 => {
            let dims: Vec<usize> = (0..random.below(5)).map(|_| random.below(7) as usize).collect();
            let (_, shape, values) = &mut file.tensors[at];
            values.resize(dims.iter().product(), 0.5);
            *shape = dims.into_iter().collect();
        }
        _ => {
            let values = &mut file.tensors[at].2;
            for _ in 0..1 + random.below(3) {
                let place = below(random, values.len());
                if let Some(value) = values.get_mut(place) {
                    *value = number::float(random);
                }
            }
        }
    }
}
