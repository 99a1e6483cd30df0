//! An open safetensors file: its header is checked, its values are read one tensor at a time.

use super::bytes::Bytes;
use super::error::{FileError, Place, quoted};
use super::header::Header;
use super::{CHUNK, MAX_HEADER, RETRY};
use ::safetensors::Dtype;
use ::safetensors::tensor::TensorInfo;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

const SAVE: &str = "is it whole, and saved as safetensors (torch.save writes another format)?";

pub(super) struct OpenFile<'a> {
    pub(super) path: &'a Path,
    file: Box<dyn Bytes + 'a>,
    pub(super) header: Header,
    /// Where the data starts.
    data: u64,
}

impl<'a> OpenFile<'a> {
    /// Opens a file and checks it: its header, and all of it by the checksum, where it has one.
    pub(super) fn open(path: &'a Path) -> Result<OpenFile<'a>, FileError> {
        let refused = |e| refused(e).in_file(path);
        // Asked of the path, since opening a pipe would wait for a writer.
        if !fs::metadata(path).map_err(refused)?.is_file() {
            let found = if path.is_dir() { "a folder" } else { "no regular file" };
            let advice = "name the file itself";
            let error = FileError::new(Place::Whole, "a safetensors file", found, advice);
            return Err(error.in_file(path));
        }
        let file = File::open(path).map_err(refused)?;
        let len = file.metadata().map_err(refused)?.len();
        OpenFile::new(path, Box::new(file), len)
    }

    /// The contents of a file that is in memory already, under a name for messages.
    pub(super) fn named(name: &'a str, bytes: &'a [u8]) -> Result<OpenFile<'a>, FileError> {
        OpenFile::new(Path::new(name), Box::new(Cursor::new(bytes)), bytes.len() as u64)
    }

    /// A length that the header claims is compared with the file's before memory is asked for.
    fn new(
        path: &'a Path,
        mut file: Box<dyn Bytes + 'a>,
        len: u64,
    ) -> Result<OpenFile<'a>, FileError> {
        let refused = |e| refused(e).in_file(path);
        let fault = |place, expected: String, found: String, advice| {
            Err(FileError::new(place, expected, found, advice).in_file(path))
        };
        let Some(most) = len.checked_sub(8) else {
            let expected = "8 bytes that tell the length of the header";
            return fault(Place::Whole, expected.into(), format!("{len} bytes"), SAVE);
        };
        let mut n = [0; 8];
        file.read_exact(&mut n).map_err(refused)?;
        let n = u64::from_le_bytes(n);
        if n > most.min(MAX_HEADER) {
            let expected = format!("a header of at most {} bytes", most.min(MAX_HEADER));
            return fault(Place::Byte(0), expected, format!("a length of {n}"), SAVE);
        }
        let mut text = vec![0; n as usize];
        file.read_exact(&mut text).map_err(refused)?;
        let text = match String::from_utf8(text) {
            Ok(text) => text,
            Err(e) => {
                let at = e.utf8_error().valid_up_to();
                let found = format!("the byte {:#04x}", e.as_bytes()[at]);
                return fault(Place::Byte(8 + at as u64), "UTF-8".into(), found, SAVE);
            }
        };
        let header = Header::parse(&text, 8).map_err(|e| e.in_file(path))?;
        let data = 8 + n;
        if header.data_len as u64 != len - data {
            let expected = format!("{} bytes of tensors behind the header", header.data_len);
            return fault(Place::Byte(data), expected, (len - data).to_string(), RETRY);
        }
        if let Some(stated) = &header.checksum {
            stated.check(&mut *file).map_err(refused)?.map_err(|e| e.in_file(path))?;
        }
        Ok(OpenFile { path, file, header, data })
    }

    /// Reads the values of a tensor of this file, and counts those that became 0: of F64, whose range is
    /// wider.
    pub(super) fn values(
        &mut self,
        name: &str,
        info: &TensorInfo,
        float: Float,
    ) -> Result<(Vec<f32>, usize), FileError> {
        let (start, end) = info.data_offsets;
        let width = info.dtype.bitsize() / 8;
        let mut values = Vec::new();
        if values.try_reserve_exact((end - start) / width).is_err() {
            let (place, advice) = (Place::Tensor(name.to_owned()), "use a machine with more");
            let found = format!("{} bytes of values", end - start);
            let error = FileError::new(place, "a tensor that fits in memory", found, advice);
            return Err(error.in_file(self.path));
        }
        let vanished = self.fill(&mut values, [start, end], width, float).map_err(|e| {
            let expected = format!("to read tensor {}", quoted(name));
            FileError::refused(&expected, e, "has the file changed meanwhile?").in_file(self.path)
        })?;
        Ok((values, vanished))
    }

    fn fill(
        &mut self,
        values: &mut Vec<f32>,
        [start, end]: [usize; 2],
        width: usize,
        float: Float,
    ) -> io::Result<usize> {
        self.file.seek(SeekFrom::Start(self.data + start as u64))?;
        let mut bytes = vec![0; (end - start).min(width * CHUNK)];
        let (mut left, mut vanished) = (end - start, 0);
        while left > 0 {
            let chunk = left.min(bytes.len());
            let bytes = &mut bytes[..chunk];
            self.file.read_exact(bytes)?;
            vanished += float.decode(bytes, values);
            left -= chunk;
        }
        Ok(vanished)
    }
}

fn refused(error: io::Error) -> FileError {
    let advice = "see that the path is right and the file readable";
    FileError::refused("a safetensors file", error, advice)
}

/// What kind of values a tensor holds.
#[derive(Clone, Copy)]
pub(super) enum Content {
    Float(Float),
    /// Integers or truth values.
    Integer,
    /// Complex numbers and floats of less than 16 bits.
    Other,
}

impl Content {
    pub(super) fn of(dtype: Dtype) -> Content {
        match dtype {
            Dtype::F32 => Content::Float(Float::Single),
            Dtype::F64 => Content::Float(Float::Double),
            Dtype::F16 => Content::Float(Float::Half),
            Dtype::BF16 => Content::Float(Float::Brain),
            Dtype::BOOL | Dtype::U8 | Dtype::I8 | Dtype::I16 | Dtype::U16 => Content::Integer,
            Dtype::I32 | Dtype::U32 | Dtype::I64 | Dtype::U64 => Content::Integer,
            _ => Content::Other,
        }
    }
}

/// A floating-point format, little-endian.
#[derive(Clone, Copy)]
pub(super) enum Float {
    Single,
    Double,
    Half,
    Brain,
}

impl Float {
    /// Appends the values of some bytes; each is the nearest f32. Counts those that became 0.
    fn decode(self, bytes: &[u8], values: &mut Vec<f32>) -> usize {
        let mut vanished = 0;
        fn each<const W: usize>(
            bytes: &[u8],
            f: impl Fn([u8; W]) -> f32,
        ) -> impl Iterator<Item = f32> {
            bytes.as_chunks::<W>().0.iter().map(move |&x| f(x))
        }
        match self {
            Float::Single => values.extend(each(bytes, f32::from_le_bytes)),
            Float::Double => values.extend(bytes.as_chunks::<8>().0.iter().map(|&x| {
                let x = f64::from_le_bytes(x);
                vanished += usize::from(x != 0.0 && x as f32 == 0.0);
                x as f32
            })),
            Float::Half => values.extend(each(bytes, |x| half(u16::from_le_bytes(x)))),
            Float::Brain => values.extend(each(bytes, |x| brain(u16::from_le_bytes(x)))),
        }
        vanished
    }
}

/// Half precision: (-1)^s 2^(e-15) (1 + f/1024), and (-1)^s 2^-24 f where e = 0.
fn half(bits: u16) -> f32 {
    let [sign, exponent, fraction] = [bits >> 15, (bits >> 10) & 31, bits & 1023].map(u32::from);
    let magnitude = match exponent {
        // At most 10 significant bits, so the product is exact.
        0 => (fraction as f32 * (-24_f32).exp2()).to_bits(),
        31 => 0x7f80_0000 | (fraction << 13),
        // The bias is 127 instead of 15, and the fraction has 13 more bits.
        _ => ((exponent + 112) << 23) | (fraction << 13),
    };
    f32::from_bits((sign << 31) | magnitude)
}

/// bfloat16: the upper half of an f32.
fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_right_for_every_bit_pattern() {
        for bits in 0..=u16::MAX {
            let got = half(bits);
            let (e, f) = (i32::from((bits >> 10) & 31), f64::from(bits & 1023));
            let want = match e {
                31 if f == 0.0 => f64::INFINITY,
                31 => f64::NAN,
                0 => f * 2.0_f64.powi(-24),
                _ => (1.0 + f / 1024.0) * 2.0_f64.powi(e - 15),
            };
            let same = f64::from(got.abs()) == want || (got.is_nan() && want.is_nan());
            assert!(same, "{bits:#06x}: {got} and not {want}");
            assert_eq!(got.is_sign_negative(), bits >> 15 == 1, "{bits:#06x}");
        }
    }

    #[test]
    fn brain_is_the_upper_half() {
        assert_eq!(brain(0x3fc0), 1.5);
        assert_eq!(brain(0x8000).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(brain(0xff80), f32::NEG_INFINITY);
        assert!(brain(0x7fc1).is_nan());
    }
}
