//! A picture whose pixels are indices of a list of colours.
//!
//! ```text
//! PLTE  r g b, r g b, ..   up to 256 colours
//! tRNS  a, a, ..           the opacity of the first ones; the others are opaque
//! row   i i i .. |         1, 2, 4 or 8 bits a pixel, the first in the highest bits, to a whole byte
//! ```
//!
//! The decoder (0.18.1) takes an index without a colour for black, and passes over opacities that are too
//! many. So it gives the indices alone.

use png::Info;

/// Red, green, blue and opacity of each pixel of some rows; or an error: expected, found.
pub(super) fn colors(info: &Info<'_>, rows: &[u8]) -> Result<Vec<u8>, (String, String)> {
    let palette = info.palette.as_deref().unwrap_or_default();
    let alphas = info.trns.as_deref().unwrap_or_default();
    let (colors, rest) = palette.as_chunks::<3>();
    if !rest.is_empty() {
        return Err(("a palette of whole colours".into(), "a part of one".into()));
    }
    let count = colors.len();
    if alphas.len() > count {
        let expected = format!("at most {count} values of opacity, one for a colour");
        return Err((expected, alphas.len().to_string()));
    }
    let (width, bits) = (info.width as usize, info.bit_depth as usize);
    let mut pixels = Vec::with_capacity(4 * width * info.height as usize);
    for (y, row) in rows.chunks_exact((width * bits).div_ceil(8).max(1)).enumerate() {
        for x in 0..width {
            let low = 8 - bits - x * bits % 8;
            let index = usize::from(row[x * bits / 8] >> low) & ((1 << bits) - 1);
            let Some([r, g, b]) = colors.get(index).copied() else {
                let expected = format!("an index below {count}, the colours of the palette");
                return Err((expected, format!("{index} at x = {x}, y = {y}")));
            };
            pixels.extend([r, g, b, alphas.get(index).copied().unwrap_or(u8::MAX)]);
        }
    }
    Ok(pixels)
}
