//! Images from files, in the shape that a network wants.

use super::png;
use super::wanted::Wanted;
use crate::failure::Failure;
use crate::output::terminal::Terminal;
use crate::system::file;
use crate::system::file::refused;
use proxtape::data::idx;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Images of one scale.
pub(super) struct Images {
    pub(super) names: Vec<Name>,
    /// `[N, C, H, W]`.
    pub(super) pixels: Vec<u8>,
    /// The factor that makes the largest value of a pixel 1.
    pub(super) scale: f32,
    pub(super) shape: [usize; 3],
}

/// Where an image came from.
pub(super) struct Name {
    pub(super) file: String,
    /// Its number from 0 in a file of several.
    pub(super) index: Option<usize>,
}

/// Reads all files, with notes on odd ones. PNG of one scale become one group, an IDX file is
/// one of its own.
pub(super) fn read(
    paths: &[PathBuf],
    wanted: &Wanted,
    terminal: Terminal,
) -> Result<Vec<Images>, Failure> {
    let mut groups: Vec<Images> = Vec::new();
    let mut dim: Vec<(&Path, [u16; 2])> = Vec::new();
    let mut after_png = false;
    for path in paths {
        let is_png = starts_as_png(path)?;
        if is_png {
            let picture = png::read(path, wanted)?;
            dim.extend(picture.dim.map(|values| (path.as_path(), values)));
            let name = Name { file: path.display().to_string(), index: None };
            match groups.last_mut() {
                Some(group) if after_png => {
                    group.pixels.extend(picture.pixels);
                    group.names.push(name);
                }
                _ => groups.push(Images {
                    names: vec![name],
                    pixels: picture.pixels,
                    scale: 1.0 / 255.0,
                    shape: wanted.shape,
                }),
            }
        } else {
            let images = read_idx(path, wanted)?;
            let most = images.pixels.iter().copied().max().unwrap_or(0);
            match wanted.white {
                Some(white) if most > white => terminal.say(format_args!(
                    "note: {}: the largest value is {most}, and {white} is white, as {} was trained \
                     on; the network sees values that it does not know: scale them down first",
                    path.display(),
                    wanted.model
                )),
                Some(white) if most > 0 && u16::from(most) * 16 <= u16::from(white) + 1 => {
                    dim.push((path, [most.into(), white.into()]));
                }
                _ => {}
            }
            groups.push(images);
        }
        after_png = is_png;
    }
    if let [(path, [most, white]), others @ ..] = &dim[..] {
        let others = match others.len() {
            0 => String::new(),
            n => format!(", and so with {n} more"),
        };
        terminal.say(format_args!(
            "note: {}: the largest value is {most} of {white}, so the network sees a picture that is \
             nearly black{others}; where {most} means white, scale the values up to {white} first",
            path.display()
        ));
    }
    for Images { pixels, scale, .. } in groups.iter_mut().filter(|_| wanted.invert) {
        // A byte above the largest value of the data is no darker than black.
        let white = (1.0 / *scale).round() as u8;
        pixels.iter_mut().for_each(|pixel| *pixel = white.saturating_sub(*pixel));
    }
    Ok(groups)
}

fn read_idx(path: &Path, wanted: &Wanted) -> Result<Images, Failure> {
    let (shape, mut pixels) = idx::read_images(path)?;
    wanted.check(path, shape)?;
    let len: usize = shape.iter().product();
    pixels.truncate(wanted.first.saturating_mul(len));
    let name = |index| Name { file: path.display().to_string(), index: Some(index) };
    let names = (0..pixels.len() / len).map(name).collect();
    Ok(Images { names, pixels, scale: wanted.scale, shape })
}

/// Whether a file is PNG; one that is neither that nor IDX is an error.
fn starts_as_png(path: &Path) -> Result<bool, Failure> {
    let failed = |e| refused(path, "a PNG or IDX file", &e);
    let mut start = Vec::new();
    file::open(path).map_err(failed)?.0.take(8).read_to_end(&mut start).map_err(failed)?;
    match start[..] {
        [0x89, b'P', b'N', b'G', ..] => Ok(true),
        // IDX, or gzip that should hold it.
        [0, 0, ..] | [0x1f, 0x8b, ..] => Ok(false),
        _ => Err(Failure::failed(format!(
            "{}: expected a PNG file, or an IDX file (the format of MNIST, plain or gzip), found \
             {}; convert it to PNG",
            path.display(),
            match start[..] {
                [] => "an empty file".to_owned(),
                [0xff, 0xd8, ..] => "JPEG".to_owned(),
                _ => format!("one that starts with {start:02x?}"),
            }
        ))),
    }
}
