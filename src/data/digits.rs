//! The embedded digits: 1,797 images of 8 x 8 pixels, values 0 to 16 (E. Alpaydin, C. Kaynak, "Optical
//! Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998, CC BY 4.0).

use super::{DataError, Dataset, Samples};

/// How many there are, and pixels of one.
const COUNT: usize = 1797;
const AREA: usize = 64;

/// Pixels in base 17, so many in 8 bytes: 17^15 < 2^62. As IDX they would take 54 KB more of each program.
const DIGITS: usize = 15;

/// The digits, in the order of the source and with the scale 1/16. They bring no test set.
///
/// # Errors
/// None: the files are a part of the program. The type is that of the other readers.
///
/// ```
/// let digits = proxtape::data::digits::load()?;
/// assert_eq!((digits.len(), digits.shape(), digits.classes()), (1797, [1, 8, 8], 10));
/// # Ok::<(), proxtape::data::DataError>(())
/// ```
pub fn load() -> Result<Dataset, DataError> {
    let labels = include_bytes!("../../data/digits-labels-idx1-ubyte");
    let labels = labels[8..].iter().map(|&label| u32::from(label)).collect();
    let digits = Dataset::new([1, 8, 8], Samples::U8(pixels()), labels, 10)?;
    Ok(digits.with_scale(1.0 / 16.0))
}

fn pixels() -> Vec<u8> {
    let (words, _) = include_bytes!("../../data/digits-images.base17").as_chunks::<8>();
    let mut pixels = Vec::with_capacity(DIGITS * words.len());
    for word in words {
        let mut word = u64::from_le_bytes(*word);
        for _ in 0..DIGITS {
            pixels.push((word % 17) as u8);
            word /= 17;
        }
    }
    pixels.truncate(COUNT * AREA);
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::idx;

    #[test]
    fn the_digits_are_those_of_the_files() {
        let images = include_bytes!("../../data/digits-images-idx3-ubyte");
        let labels = include_bytes!("../../data/digits-labels-idx1-ubyte");
        let files = idx::parse(images, labels).unwrap().with_scale(1.0 / 16.0);
        assert_eq!(load().unwrap(), files);
    }
}
