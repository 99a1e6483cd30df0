//! PNG files: which of its forms a picture is kept in does not matter, only its pixels.
//!
//! ```text
//! grey, colours or a palette, 1 to 16 bits   red, green and blue of 8 bits each
//! a network of 1 channel                     wants red = green = blue in each pixel
//! a network of 3 channels                    takes them in this order
//! ```
//!
//! What is transparent has no colour until somebody says what is behind it, so it is an error.

use super::images::Wanted;
use crate::failure::Failure;
use crate::run_folder::refused;
use png::{ColorType, Decoder, DecodingError, Limits, Transformations};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// What the decoder may allocate beside the pixels, whose number is checked before.
const LIMIT: usize = 16 << 20;

/// The pixels `[C, H, W]` of a picture.
pub(super) fn read(path: &Path, wanted: &Wanted<'_>) -> Result<Vec<u8>, Failure> {
    let fault = |expected: &str, found: &str, advice: &str| {
        let path = path.display();
        Failure::failed(format!("{path}: expected {expected}, found {found}; {advice}"))
    };
    let broken = |e: DecodingError| {
        let found = e.to_string();
        fault("a whole PNG file", found.trim_end_matches('.'), "save the picture again")
    };
    let [channels, height, width] = wanted.shape;
    let file = File::open(path).map_err(|e| refused(path, "a PNG file", &e))?;
    // The picture's own bytes at their largest: 16 bits, with alpha.
    let area = height.saturating_mul(width);
    let bytes = area.saturating_mul(8).saturating_add(LIMIT);
    let mut decoder = Decoder::new_with_limits(BufReader::new(file), Limits { bytes });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let header = decoder.read_header_info().map_err(broken)?;
    wanted.check(path, [channels, header.height as usize, header.width as usize])?;
    if channels != 1 && channels != 3 {
        let expected = format!("IDX, since the network takes {channels} channels");
        return Err(fault(&expected, "PNG, which has 1 or 3", "name an IDX file"));
    }
    let mut reader = decoder.read_info().map_err(broken)?;
    let len = reader.output_buffer_size().filter(|&len| len <= area.saturating_mul(4));
    let Some(len) = len else {
        return Err(fault("at most 4 bytes a pixel", "more", "save the picture again"));
    };
    let mut pixels = vec![0; len];
    let frame = reader.next_frame(&mut pixels).map_err(broken)?;
    let pixels = &pixels[..frame.buffer_size()];
    let (step, alpha) = match frame.color_type {
        ColorType::Grayscale | ColorType::Indexed => (1, None),
        ColorType::GrayscaleAlpha => (2, Some(1)),
        ColorType::Rgb => (3, None),
        ColorType::Rgba => (4, Some(3)),
    };
    if let Some(alpha) = alpha
        && pixels.chunks_exact(step).any(|pixel| pixel[alpha] != u8::MAX)
    {
        return Err(fault(
            "a picture without transparent pixels",
            "some",
            "put it on a background first",
        ));
    }
    let color = |pixel: &[u8], channel: usize| pixel[if step < 3 { 0 } else { channel }];
    let is_grey = |pixel: &[u8]| (1..3).all(|c| color(pixel, c) == color(pixel, 0));
    if channels == 1 && !pixels.chunks_exact(step).all(is_grey) {
        return Err(fault("a grey picture", "colours", "convert it to grey first"));
    }
    let planes = 0..channels;
    Ok(planes.flat_map(|c| pixels.chunks_exact(step).map(move |p| color(p, c))).collect())
}
