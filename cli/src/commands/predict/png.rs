//! PNG files in any form: the pixels count.
//!
//! ```text
//! grey, colours or a palette, 1 to 16 bits   red, green and blue of 8 bits each
//! a network of 1 channel                     wants red = green = blue in each pixel
//! a network of 3 channels                    takes them in this order
//! ```
//!
//! A transparent pixel has no colour without a background, so it is an error. A picture
//! whose brightest pixel is at a sixteenth of the range is nearly black to the network: numbers of a
//! smaller range (12 bits in 16, the digits' 0 to 16) were saved as they are. That is noted.

mod palette;

use super::wanted::Wanted;
use crate::failure::Failure;
use crate::system::file;
use crate::system::file::refused;
use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Transformations};
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;

/// The most bytes of the decoder beside the pixels, whose number is checked before.
const LIMIT: usize = 16 << 20;

/// A picture as a network takes it.
pub(super) struct Picture {
    /// `[C, H, W]`.
    pub(super) pixels: Vec<u8>,
    /// Its largest value and that of white, where it uses a sixteenth of the range or less.
    pub(super) dim: Option<[u16; 2]>,
}

/// The pixels of a picture.
pub(super) fn read(path: &Path, wanted: &Wanted) -> Result<Picture, Failure> {
    let (file, _) = file::open(path).map_err(|e| refused(path, "a PNG file", &e))?;
    decode(path, BufReader::new(file), wanted)
}

/// The same from bytes; `path` names them in errors.
pub(super) fn decode(
    path: &Path,
    file: impl BufRead + Seek,
    wanted: &Wanted,
) -> Result<Picture, Failure> {
    let fault = |expected: &str, found: &str, advice: &str| {
        let path = path.display();
        Failure::failed(format!("{path}: expected {expected}, found {found}; {advice}"))
    };
    let broken = |e: DecodingError| {
        let found = e.to_string();
        fault("a whole PNG file", found.trim_end_matches('.'), "save the picture again")
    };
    let [channels, height, width] = wanted.shape;
    // The picture's own bytes at their largest: 16 bits, with alpha.
    let area = height.saturating_mul(width);
    let bytes = area.saturating_mul(8).saturating_add(LIMIT);
    let mut decoder = Decoder::new_with_limits(file, Limits { bytes });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(broken)?;
    let size = [header.height as usize, header.width as usize];
    // Of the right size, other channels may do.
    let own = match header.color_type {
        _ if size == [height, width] => channels,
        ColorType::Grayscale | ColorType::GrayscaleAlpha => 1,
        ColorType::Rgb | ColorType::Rgba | ColorType::Indexed => 3,
    };
    wanted.check(path, [own, size[0], size[1]])?;
    let is_indexed = header.color_type == ColorType::Indexed;
    if is_indexed {
        decoder.set_transformations(Transformations::IDENTITY);
    }
    if channels != 1 && channels != 3 {
        let expected = format!("IDX, since the network takes {channels} channels");
        return Err(fault(&expected, "PNG, which has 1 or 3", "name an IDX file"));
    }
    let mut reader = decoder.read_info().map_err(broken)?;
    let len = reader.output_buffer_size().filter(|&len| len <= area.saturating_mul(8));
    let Some(len) = len else {
        return Err(fault("at most 8 bytes a pixel", "more", "save the picture again"));
    };
    let mut pixels = vec![0; len];
    let frame = reader.next_frame(&mut pixels).map_err(broken)?;
    pixels.truncate(frame.buffer_size());
    if is_indexed {
        pixels = palette::colors(reader.info(), &pixels)
            .map_err(|(expected, found)| fault(&expected, &found, "save the picture again"))?;
    }
    let is_wide = frame.bit_depth == BitDepth::Sixteen;
    let pixels: Vec<u16> = match is_wide {
        true => pixels.chunks_exact(2).map(|p| u16::from_be_bytes([p[0], p[1]])).collect(),
        false => pixels.into_iter().map(u16::from).collect(),
    };
    // The network reads the higher byte of two.
    let byte = |value: u16| if is_wide { (value >> 8) as u8 } else { value as u8 };
    let (step, alpha) = match frame.color_type {
        ColorType::Grayscale => (1, None),
        ColorType::GrayscaleAlpha => (2, Some(1)),
        ColorType::Rgb => (3, None),
        ColorType::Rgba | ColorType::Indexed => (4, Some(3)),
    };
    if let Some(alpha) = alpha
        && pixels.chunks_exact(step).any(|pixel| byte(pixel[alpha]) != u8::MAX)
    {
        return Err(fault(
            "a picture without transparent pixels",
            "some",
            "put it on a background first",
        ));
    }
    let color = |pixel: &[u16], channel: usize| pixel[if step < 3 { 0 } else { channel }];
    let is_grey = |pixel: &[u16]| (1..3).all(|c| byte(color(pixel, c)) == byte(color(pixel, 0)));
    if channels == 1 && !pixels.chunks_exact(step).all(is_grey) {
        return Err(fault("a grey picture", "colours", "convert it to grey first"));
    }
    let planes = 0..channels;
    let values: Vec<u16> =
        planes.flat_map(|c| pixels.chunks_exact(step).map(move |pixel| color(pixel, c))).collect();
    let most = values.iter().copied().max().unwrap_or(0);
    let white = if is_wide { u16::MAX } else { u8::MAX.into() };
    // A picture that is black throughout may well be one.
    let is_dim = most > 0 && u32::from(most) * 16 <= u32::from(white) + 1;
    Ok(Picture {
        pixels: values.into_iter().map(byte).collect(),
        dim: is_dim.then_some([most, white]),
    })
}
