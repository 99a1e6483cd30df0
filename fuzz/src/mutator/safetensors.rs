//! Changes to safetensors files: the text of the header, its length kept, and the data made as long as
//! it claims where that is little.

use super::number::integer;
use super::{below, text};
use proxtape::Random;
use serde_json::Value;

/// One change.
pub(crate) fn mutate(input: &mut Vec<u8>, random: &mut Random) {
    let Some((header, data)) = parts(input) else { return super::bytes(input, random) };
    let (mut header, mut data) = (header.to_vec(), data.to_vec());
    if random.below(8) > 0 {
        unseal(&mut header);
    }
    match random.below(8) {
        0 => super::bytes(&mut data, random),
        1 | 2 => shape(&mut header, &mut data, random),
        _ => text::mutate(&mut header, random),
    }
    let len = match random.below(24) {
        0 => integer(random),
        _ => header.len() as u64,
    };
    *input = [&len.to_le_bytes()[..], &header, &data].concat();
}

/// The header and the data behind it.
fn parts(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = file.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)
}

/// Takes the checksum out of a header: with it, a reader looks no further.
fn unseal(header: &mut Vec<u8>) {
    let Ok(text) = std::str::from_utf8(header) else { return };
    let Some(start) = text.find("\"proxtape.checksum\":") else { return };
    // Its text has no quote inside, and another one or a brace follows.
    let Some((end, _)) = text[start..].match_indices('"').nth(3) else { return };
    let end = start + end + 1;
    let comma = usize::from(text[end..].starts_with(','));
    header.drain(start..end + comma);
}

/// Another shape or type of one tensor, which all offsets and the data then fit; so the change is
/// found by those who ask for the tensor, and not before.
fn shape(header: &mut Vec<u8>, data: &mut Vec<u8>, random: &mut Random) {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(header) else { return };
    // An earlier change may have left something else in the place of a tensor.
    let is_tensor =
        |(name, value): &(&String, &Value)| *name != "__metadata__" && value.is_object();
    let names: Vec<String> =
        members.iter().filter(is_tensor).map(|(name, _)| name.clone()).collect();
    if names.is_empty() {
        return;
    }
    let tensor = &mut members[&names[below(random, names.len())]];
    match random.below(3) {
        0 => {
            let types = ["F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "C64", "F4"];
            tensor["dtype"] = Value::from(types[below(random, types.len())]);
        }
        1 => {
            let dims: Vec<u64> = (0..random.below(9)).map(|_| integer(random)).collect();
            tensor["shape"] = Value::from(dims);
        }
        _ => {
            if let Some(dims) = tensor["shape"].as_array_mut() {
                let at = below(random, dims.len() + 1);
                match dims.get_mut(at) {
                    Some(dim) => *dim = Value::from(integer(random)),
                    None => dims.push(Value::from(integer(random))),
                }
            }
        }
    }
    // In the order of their offsets, as they were.
    let mut order = names;
    order.sort_by_key(|name| members[name]["data_offsets"][0].as_u64());
    let mut offset = 0_u64;
    for name in order {
        let tensor = &mut members[&name];
        let bits = match tensor["dtype"].as_str() {
            Some("F64" | "I64" | "C64") => 64,
            Some("F16" | "BF16") => 16,
            Some("U8" | "BOOL" | "F8_E4M3") => 8,
            Some("F4") => 4,
            _ => 32_u64,
        };
        let dims = tensor["shape"].as_array().map_or(&[][..], |dims| dims);
        let dims = dims.iter().map(|dim| dim.as_u64().unwrap_or(1));
        let len = dims.fold(1, u64::wrapping_mul).wrapping_mul(bits) / 8;
        tensor["data_offsets"] = Value::from(vec![offset, offset.wrapping_add(len)]);
        offset = offset.wrapping_add(len);
    }
    *header = Value::Object(members).to_string().into_bytes();
    if offset <= super::MAX_INPUT as u64 {
        data.resize(offset as usize, 0x3f);
    }
}
