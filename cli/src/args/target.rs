//! `--to`: a format, and maybe a file.

use core::fmt;
use core::str::FromStr;
use std::path::{Path, PathBuf};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Safetensors,
    Onnx,
    Rust,
}

/// Name and extension.
const FORMATS: [(&str, &str, Format); 3] = [
    ("safetensors", "safetensors", Format::Safetensors),
    ("onnx", "onnx", Format::Onnx),
    ("rust", "rs", Format::Rust),
];

/// The format, and the file; beside the model where none is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) format: Format,
    pub(crate) file: Option<PathBuf>,
}

impl FromStr for Target {
    type Err = String;

    /// The name of a format, or a file with the extension of one.
    fn from_str(s: &str) -> Result<Target, String> {
        if let Some(&(.., format)) = FORMATS.iter().find(|(name, ..)| *name == s) {
            return Ok(Target { format, file: None });
        }
        let extension = Path::new(s).extension().and_then(|e| e.to_str());
        match FORMATS.iter().find(|(_, e, _)| Some(*e) == extension) {
            Some(&(.., format)) => Ok(Target { format, file: Some(s.into()) }),
            None => Err(format!(
                "there is no format {s:?}; it is safetensors, onnx or rust, or a file that ends \
                 with .safetensors, .onnx or .rs"
            )),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            FORMATS.iter().find(|(.., format)| format == self).map_or("", |(name, ..)| name),
        )
    }
}
