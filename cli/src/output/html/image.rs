//! Small images that are part of the file: PNG, pixel by pixel.
//!
//! Weights are drawn in one hue for each sign, and their size is opacity: so zero is the page itself,
//! and the same image serves a light and a dark page.

use super::element::{Element, el};

/// A picture with its texts.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    png: Vec<u8>,
    width: usize,
    height: usize,
    /// The label for screen readers.
    pub(crate) alt: String,
    /// The text under it.
    pub(crate) caption: String,
}

/// The hues of negative and positive numbers: blue and orange, which colour-blind readers see apart, too.
const HUES: [[u8; 3]; 2] = [[0x1f, 0x7f, 0xc4], [0xe0, 0x6a, 0x10]];

/// Red, green and blue, and the opacity, of each number that a pixel may have.
struct Palette {
    colors: Vec<u8>,
    opacity: Vec<u8>,
}

/// Numbers of the palette for each sign; 0 is zero, and the last one is the frame.
const SHADES: u8 = 127;
const FRAME: u8 = 255;

/// The opacity of the smallest number that is not zero.
const FAINTEST: f64 = 0.18;

/// Many small images of signed numbers in one: rows and columns of tiles with a line between them.
#[derive(Clone, Debug)]
pub(crate) struct Tiles<'a> {
    /// Tile after tile, each [height, width]; the tiles of a row follow each other.
    pub(crate) values: &'a [f32],
    /// Rows and columns of tiles. The last row may be short.
    pub(crate) tiles: [usize; 2],
    /// Height and width of a tile.
    pub(crate) tile: [usize; 2],
    /// Whether the tiles have lines between them.
    pub(crate) framed: bool,
}

impl Tiles<'_> {
    /// The picture; its caption is empty.
    pub(crate) fn picture(&self, alt: String) -> Picture {
        let line = usize::from(self.framed);
        let ([rows, columns], [h, w]) = (self.tiles, self.tile);
        let [height, width] = [rows * (h + line) + line, columns * (w + line) + line];
        let mut pixels = vec![if self.framed { FRAME } else { 0 }; height * width];
        let largest = self.values.iter().fold(0.0f32, |largest, w| largest.max(w.abs()));
        for (i, tile) in self.values.chunks_exact(h * w).enumerate() {
            let [top, left] =
                [(i / columns) * (h + line) + line, (i % columns) * (w + line) + line];
            for (y, row) in tile.chunks_exact(w).enumerate() {
                let from = (top + y) * width + left;
                for (pixel, &value) in pixels[from..from + w].iter_mut().zip(row) {
                    *pixel = shade(value, largest);
                }
            }
        }
        // Zero.
        let (mut colors, mut opacity) = (vec![0; 3], vec![0]);
        for hue in HUES {
            for n in 1..=SHADES {
                colors.extend(hue);
                let part = f64::from(n) / f64::from(SHADES);
                opacity.push((255.0 * (FAINTEST + (1.0 - FAINTEST) * part)).round() as u8);
            }
        }
        colors.extend([128; 3]);
        opacity.push(64);
        let palette = Some(Palette { colors, opacity });
        Picture::new([height, width], png::ColorType::Indexed, &pixels, palette, alt)
    }
}

/// The number in the palette. Small numbers matter in a network with zeros, so the opacity is that of the
/// square root.
fn shade(value: f32, largest: f32) -> u8 {
    if value == 0.0 || value.is_nan() || largest == 0.0 {
        return 0;
    }
    let part = f64::from((value.abs() / largest).min(1.0)).sqrt();
    let shade = (part * f64::from(SHADES)).round().max(1.0) as u8;
    if value < 0.0 { shade } else { SHADES + shade }
}

impl Picture {
    /// A grey image [1, height, width] or a colour image [3, height, width] of bytes.
    pub(crate) fn photo(
        [channels, height, width]: [usize; 3],
        bytes: &[u8],
        alt: String,
    ) -> Picture {
        let size = [height, width];
        match channels {
            3 => {
                let area = height * width;
                let pixels: Vec<u8> =
                    (0..area).flat_map(|i| [0, 1, 2].map(|c| bytes[c * area + i])).collect();
                Picture::new(size, png::ColorType::Rgb, &pixels, None, alt)
            }
            _ => Picture::new(size, png::ColorType::Grayscale, bytes, None, alt),
        }
    }

    fn new(
        [height, width]: [usize; 2],
        color: png::ColorType,
        pixels: &[u8],
        palette: Option<Palette>,
        alt: String,
    ) -> Picture {
        let mut png = Vec::new();
        // Sides of a weight are far below 2^32, and writing to memory does not fail: an image that
        // could not be written is shown as its text.
        let mut encoder = png::Encoder::new(&mut png, width as u32, height as u32);
        encoder.set_color(color);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        if let Some(Palette { colors, opacity }) = palette {
            encoder.set_palette(colors);
            encoder.set_trns(opacity);
            encoder.set_filter(png::Filter::NoFilter);
        }
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels));
        if written.is_err() {
            png.clear();
        }
        Picture { png, width, height, alt, caption: String::new() }
    }

    /// In pixels of its own.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn with_caption(self, caption: impl Into<String>) -> Picture {
        Picture { caption: caption.into(), ..self }
    }

    /// The image, `scale` CSS pixels wide for each of its own, unless the page is narrower.
    pub(crate) fn draw(&self, scale: usize) -> Element {
        let uri = format!("data:image/png;base64,{}", base64(&self.png));
        el("img")
            .with("src", uri)
            .with("alt", &self.alt)
            .with("width", self.width * scale)
            .with("height", self.height * scale)
    }
}

/// Pictures beside each other, each with its caption.
pub(crate) fn gallery(pictures: &[Picture], scale: usize) -> Element {
    let tiles = pictures.iter().map(|picture| {
        el("li").child(picture.draw(scale)).child(el("span").text(&picture.caption))
    });
    el("ul").class("gallery").children(tiles)
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let byte = |i: usize| u32::from(part.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= part.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, want) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), want);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn only_zero_is_transparent() {
        assert_eq!([0.0, -0.0, f32::NAN].map(|w| shade(w, 1.0)), [0; 3]);
        assert_eq!([1e-30, -1e-30, 1.0, -1.0].map(|w| shade(w, 1.0)), [128, 1, 254, 127]);
    }

    #[test]
    fn tiles_lie_in_rows_with_lines_between_them() {
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let tiles = Tiles { values: &values, tiles: [2, 2], tile: [2, 2], framed: true };
        let picture = tiles.picture(String::new());
        assert_eq!((picture.height, picture.width), (7, 7));
        let mut reader = png::Decoder::new(std::io::Cursor::new(&picture.png)).read_info().unwrap();
        let mut pixels = [0; 7 * 7];
        reader.next_frame(&mut pixels).unwrap();
        let pixel = |y: usize, x: usize| pixels[y * 7 + x];
        assert_eq!((pixel(0, 0), pixel(3, 3), pixel(6, 6)), (FRAME, FRAME, FRAME));
        assert_eq!((pixel(1, 1), pixel(5, 2)), (0, shade(11.0, 11.0)));
        assert_eq!((pixel(1, 2), pixel(1, 4)), (shade(1.0, 11.0), shade(4.0, 11.0)));
    }
}
