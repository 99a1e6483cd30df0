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
//! of their names after a checksum of the whole file, and the header is padded with spaces to a
//! multiple of 8 bytes.

mod bytes;
mod checksum;
mod error;
mod header;
mod network;
mod open_file;
mod replacement;
mod state_dict;

pub use error::{FileError, Place};
pub use replacement::{Replacement, is_temporary};
pub use state_dict::{Loaded, load_state_dict, parse_state_dict};

use super::Checkpoint;
use crate::shape::{MAX_RANK, Shape};
use checksum::Checksum;
use open_file::{Content, OpenFile};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// The header of a file is at most so long; the format's other readers refuse more.
const MAX_HEADER: u64 = 100_000_000;

const RETRY: &str = "copy or save the file again";

/// How many values are converted at a time: 64 KiB of F32, which stay in the cache.
const CHUNK: usize = 16 * 1024;

/// Writes a checkpoint as a safetensors file of F32, with a checksum of the whole file in its
/// metadata (`proxtape.checksum`).
///
/// A file that is there already is replaced at once or not at all, by a [`Replacement`]. Equal
/// checkpoints give equal bytes. A symbolic link is replaced, not followed.
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
/// shape says, a text is named as the checksum is, or the file cannot be written; what was there
/// before is then untouched.
pub fn write(path: &Path, checkpoint: &Checkpoint) -> Result<(), FileError> {
    // Before a file is begun: the header can be at fault.
    let header = seal(checkpoint).map_err(|e| e.in_file(path))?;
    let mut new = Replacement::of(path)?;
    new.fill(|file| emit(&header, checkpoint, file))?;
    new.keep()
}

/// The bytes of the file that [`write()`] makes; [`parse`] reads them.
///
/// # Errors
/// As [`write()`], but for those of the disk.
pub fn to_bytes(checkpoint: &Checkpoint) -> Result<Vec<u8>, FileError> {
    let header = seal(checkpoint)?;
    let mut bytes = Vec::new();
    // A vector takes all that it is given.
    let _ = emit(&header, checkpoint, &mut bytes);
    Ok(bytes)
}

impl Replacement {
    /// Writes a checkpoint, as [`write()`] does.
    ///
    /// # Errors
    /// As those of [`write()`].
    pub fn fill_with(&mut self, checkpoint: &Checkpoint) -> Result<(), FileError> {
        let header = seal(checkpoint).map_err(|e| e.in_file(&self.target))?;
        self.fill(|file| emit(&header, checkpoint, file))
    }
}

/// The header, with the checksum of all that will be written. The values are walked twice, so that
/// no second copy of them is made.
fn seal(checkpoint: &Checkpoint) -> Result<String, FileError> {
    let mut header = header::render(checkpoint)?;
    let mut sum = Checksum::new();
    // A sum takes all that it is given.
    let _ = emit(&header, checkpoint, &mut sum);
    if let Some(place) = checksum::place(&header) {
        header.replace_range(place, &sum.digits());
    }
    Ok(header)
}

fn emit(header: &str, checkpoint: &Checkpoint, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    checkpoint.tensors.iter().try_for_each(|(_, _, values)| write_values(out, values))
}

fn write_values(out: &mut dyn Write, values: &[f32]) -> io::Result<()> {
    let mut bytes = vec![[0; 4]; CHUNK.min(values.len())];
    for chunk in values.chunks(CHUNK) {
        for (bytes, x) in bytes.iter_mut().zip(chunk) {
            *bytes = x.to_le_bytes();
        }
        out.write_all(bytes[..chunk.len()].as_flattened())?;
    }
    Ok(())
}

/// Reads a safetensors file.
///
/// Tensors come in the order of the header. F32 is taken bit by bit; F64, F16 and BF16 become the
/// nearest f32. Tensors of integers or truth values, such as the `num_batches_tracked` of a batch
/// normalisation in PyTorch, are passed over ([`Checkpoint::passed_over`]). A file of this crate has a
/// checksum, and is compared with it.
///
/// # Errors
/// If the file cannot be read, is no whole and sound safetensors file, differs from its checksum, or
/// holds a tensor of another type or of more than [`MAX_RANK`] axes.
pub fn read(path: &Path) -> Result<Checkpoint, FileError> {
    read_all(OpenFile::open(path)?)
}

/// Reads a safetensors file that is in memory, as [`read()`] does. Errors call it `checkpoint`.
///
/// ```
/// use proxtape::checkpoint::{self, Checkpoint};
/// let mut saved = Checkpoint::default();
/// saved.put("b", [2], &[1.0, 2.0]);
/// let file = checkpoint::to_bytes(&saved)?;
/// assert_eq!(checkpoint::parse(&file)?, saved);
/// assert!(checkpoint::parse(&file[..9]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`read()`], but for those of the disk.
pub fn parse(file: &[u8]) -> Result<Checkpoint, FileError> {
    read_all(OpenFile::named("checkpoint", file)?)
}

/// Reads a safetensors file of this crate: as [`read()`], but the checksum must be there.
///
/// # Errors
/// As those of [`read()`], and if there is no checksum.
pub fn read_sealed(path: &Path) -> Result<Checkpoint, FileError> {
    let source = OpenFile::open(path)?;
    if source.header.checksum.is_some() {
        return read_all(source);
    }
    let expected = format!("a file with its checksum in the metadata ({:?})", checksum::NAME);
    let advice = "it is damaged, or another program or an early version of this one wrote it; take \
                  a file that `proxtape` wrote";
    Err(FileError::new(Place::Whole, expected, "none", advice).in_file(path))
}

fn read_all(mut source: OpenFile<'_>) -> Result<Checkpoint, FileError> {
    let path = source.path;
    let mut tensors = Vec::new();
    let mut passed_over = BTreeMap::new();
    for (name, info) in std::mem::take(&mut source.header.tensors) {
        let fault = |expected: &str, found: String, advice: &str| {
            let place = Place::Tensor(name.clone());
            Err(FileError::new(place, expected, found, advice).in_file(path))
        };
        let float = match Content::of(info.dtype) {
            Content::Float(float) => float,
            Content::Integer => {
                passed_over.insert(name, info.dtype.to_string());
                continue;
            }
            Content::Other => {
                let advice = "convert the tensor before saving it";
                return fault("F32, F64, F16 or BF16", info.dtype.to_string(), advice);
            }
        };
        if info.shape.len() > MAX_RANK {
            let expected = format!("at most {MAX_RANK} axes");
            return fault(&expected, info.shape.len().to_string(), "reshape it before saving it");
        }
        let (values, _) = source.values(&name, &info, float)?;
        tensors.push((name, Shape::from(&info.shape[..]), values));
    }
    Ok(Checkpoint { tensors, texts: source.header.texts, passed_over })
}
