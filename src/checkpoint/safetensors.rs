//! Checkpoints as safetensors files: one tensor after the other behind a header of names.
//!
//! ```text
//! file   = n · header · data             n: u64, little-endian, the length of the header
//! header = {"__metadata__": {text name: text, ..},
//!           tensor name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ..}
//! data   = values of the tensors, row-major and little-endian, without gaps
//! ```
//!
//! What is written depends on the checkpoint alone: tensors stand in its order, texts in the order
//! of their names, and the header is padded with spaces to a multiple of 8 bytes.

mod error;
mod header;
mod replace;
mod source;
mod state_dict;

pub use error::{FileError, Place};
pub use state_dict::{Loaded, load_state_dict};

use super::Checkpoint;
use crate::shape::{MAX_RANK, Shape};
use source::{Content, Source};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The header of a file is at most so long; the format's other readers refuse more.
const MAX_HEADER: u64 = 100_000_000;

/// How many values are converted at a time: 64 KiB of F32, which stay in the cache.
const CHUNK: usize = 16 * 1024;

/// Writes a checkpoint as a safetensors file of F32.
///
/// A file that is there already is replaced at once or not at all: the bytes go to a temporary
/// file in the same folder (`.proxtape-PID-N.tmp`), are synced to the disk, and then take the
/// name. Equal checkpoints give equal bytes. A symbolic link is replaced, not followed.
///
/// ```
/// use proxtape::checkpoint::{self, Checkpoint};
/// let path = std::env::temp_dir().join(format!("proxtape-doc-{}", std::process::id()));
/// let mut saved = Checkpoint::default();
/// saved.put("fc.weight", [2, 2], &[1.0, -0.0, 0.1, f32::INFINITY]);
/// saved.note("epoch", 3);
/// checkpoint::write(&path, &saved)?;
/// assert_eq!(checkpoint::read(&path)?, saved);
/// std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If two tensors share a name, a tensor is named `__metadata__` or has not as many values as its
/// shape tells, or the file cannot be written; what was there before is then untouched.
pub fn write(path: &Path, checkpoint: &Checkpoint) -> Result<(), FileError> {
    let header = header::render(checkpoint).map_err(|e| e.in_file(path))?;
    replace::replace(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        checkpoint.tensors.iter().try_for_each(|(_, _, values)| write_values(file, values))
    })
}

fn write_values(file: &mut File, values: &[f32]) -> io::Result<()> {
    let mut bytes = vec![[0; 4]; CHUNK.min(values.len())];
    for chunk in values.chunks(CHUNK) {
        for (bytes, x) in bytes.iter_mut().zip(chunk) {
            *bytes = x.to_le_bytes();
        }
        file.write_all(bytes[..chunk.len()].as_flattened())?;
    }
    Ok(())
}

/// Reads a safetensors file.
///
/// Tensors come in the order of the header. F32 is taken bit by bit; F64, F16 and BF16 become the
/// nearest f32. Tensors of integers or truth values, such as the `num_batches_tracked` of a batch
/// normalisation in PyTorch, are passed over.
///
/// # Errors
/// If the file cannot be read, is no whole and sound safetensors file, or holds a tensor of
/// another type or of more than [`MAX_RANK`] axes.
pub fn read(path: &Path) -> Result<Checkpoint, FileError> {
    let mut source = Source::open(path)?;
    let mut tensors = Vec::new();
    for (name, info) in std::mem::take(&mut source.header.tensors) {
        let fault = |expected: &str, found: String, advice: &str| {
            let place = Place::Tensor(name.clone());
            Err(FileError::new(place, expected, found, advice).in_file(path))
        };
        let float = match Content::of(info.dtype) {
            Content::Float(float) => float,
            Content::Integer => continue,
            Content::Other => {
                let advice = "convert the tensor before saving it";
                return fault("F32, F64, F16 or BF16", info.dtype.to_string(), advice);
            }
        };
        if info.shape.len() > MAX_RANK {
            let expected = format!("at most {MAX_RANK} axes");
            return fault(&expected, info.shape.len().to_string(), "reshape it before saving it");
        }
        let values = source.values(&name, &info, float)?;
        tensors.push((name, Shape::from(&info.shape[..]), values));
    }
    Ok(Checkpoint { tensors, texts: source.header.texts })
}
