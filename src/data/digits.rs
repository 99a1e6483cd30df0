//! The embedded digits: 1,797 images of 8 x 8 pixels, values 0 to 16 (E. Alpaydin, C. Kaynak, "Optical
//! Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998, CC BY 4.0).

use super::{DataError, Dataset, idx};

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
    let images = include_bytes!("../../data/digits-images-idx3-ubyte");
    let labels = include_bytes!("../../data/digits-labels-idx1-ubyte");
    idx::parse(images, labels).map(|digits| digits.with_scale(1.0 / 16.0))
}
