//! IDX files, the format of MNIST (Y. LeCun, C. Cortes, C. Burges, "The MNIST database", 1998).
//!
//! ```text
//! 0    0x00 0x00, the element type (0x08: unsigned byte), the number D of dimensions
//! 4    D sizes, each a big-endian u32
//! ..   the elements, the last dimension fastest
//! ```
//!
//! Images have the dimensions `[N, H, W]` or `[N, C, H, W]`, labels `[N]`. Files may be compressed by
//! gzip (feature `gzip`): the first bytes tell, not the name.

use super::input::Input;
use super::{DataError, Dataset, Place, Samples, Source};
use std::path::{Path, PathBuf};

const UNSIGNED_BYTE: u8 = 0x08;

/// Reads one pair of files. There are as many classes as the largest label says.
///
/// # Errors
/// If a file cannot be read, is no IDX file of bytes, does not hold what its header says, or the two
/// do not hold equally many samples.
pub fn read(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Dataset, DataError> {
    read_pair(Input::open(images.as_ref())?, Input::open(labels.as_ref())?, None)
}

/// Reads one pair of files that are in memory, as [`read`] does. Errors call them `images` and `labels`.
///
/// # Errors
/// As [`read`], but for those of the disk.
///
/// ```
/// use proxtape::data::idx;
/// let images = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 11, 20, 21];
/// let labels = [0, 0, 8, 1, 0, 0, 0, 2, 0, 1];
/// let set = idx::parse(&images, &labels)?;
/// assert_eq!((set.len(), set.shape()), (2, [1, 1, 2]));
/// let error = idx::parse(&images[..19], &labels).unwrap_err();
/// assert!(error.to_string().starts_with("images: byte 16: expected 4 bytes of pixels"));
/// # Ok::<(), proxtape::data::DataError>(())
/// ```
pub fn parse(images: &[u8], labels: &[u8]) -> Result<Dataset, DataError> {
    read_pair(Input::named("images", images)?, Input::named("labels", labels)?, None)
}

/// Reads a file of images alone: the shape `[C, H, W]` of one, and the pixels of all,
/// `[N, C, H, W]`.
///
/// # Errors
/// If the file cannot be read, is no IDX file of bytes, or does not hold what its header says.
pub fn read_images(images: impl AsRef<Path>) -> Result<([usize; 3], Vec<u8>), DataError> {
    let mut images = Input::open(images.as_ref())?;
    let header = Images::header(&mut images)?;
    let pixels = images.payload(header.len, &header.what)?;
    Ok((header.shape, pixels))
}

/// Reads a folder with the file names of MNIST: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`
/// and, for the test set, which may be missing, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`;
/// each with or without `.gz`, and with `-idx` or `.idx`.
///
/// # Errors
/// If a file is missing, for all that [`read`] refuses, or if the test set has another shape than the
/// training set or a label that the training set has not.
pub fn read_folder(folder: impl AsRef<Path>) -> Result<Source, DataError> {
    let folder = folder.as_ref();
    let missing = |name: &str| {
        let expected = format!("a folder with {name}, {name}.gz or the like");
        let found = if folder.is_dir() { "none of them" } else { "no folder of this name" };
        let advice = "name the folder that holds the files of MNIST's format";
        DataError::new(Place::Whole, expected, found, advice).in_file(folder)
    };
    let need = |name: &str| find(folder, name).ok_or_else(|| missing(name));
    let train = read(need("train-images-idx3-ubyte")?, need("train-labels-idx1-ubyte")?)?;
    let names = ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
    if names.iter().all(|name| find(folder, name).is_none()) {
        return Ok(Source::from(train));
    }
    let images = Input::open(&need(names[0])?)?;
    let labels = Input::open(&need(names[1])?)?;
    let path = images.path().to_path_buf();
    let test = read_pair(images, labels, Some(train.classes()))?;
    if test.shape() != train.shape() {
        let [expected, found] = [train.shape(), test.shape()]
            .map(|[c, h, w]| format!("images of {c} x {h} x {w}, channels first"));
        let advice = "the training and the test images must come from one set";
        return Err(DataError::new(Place::Byte(4), expected, found, advice).in_file(&path));
    }
    Ok(Source { train, test: Some(test) })
}

/// The file of the name, or of one of its usual variants.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let dotted = name.replace("-idx", ".idx");
    [name, &dotted]
        .iter()
        .flat_map(|name| [name.to_string(), format!("{name}.gz")])
        .map(|name| folder.join(name))
        .find(|path| path.exists())
}

/// Reads a pair whose labels lie below `classes`, if that is known.
fn read_pair(
    mut images: Input<'_>,
    mut labels: Input<'_>,
    classes: Option<usize>,
) -> Result<Dataset, DataError> {
    // Both headers before any contents: they are cheap, and the counts must agree.
    let header = Images::header(&mut images)?;
    let label_sizes = dimensions(&mut labels, "labels")?;
    let &[count] = &label_sizes[..] else {
        return Err(wrong_dimensions(&labels, "labels", "1", label_sizes.len()));
    };
    if count != header.count {
        let expected = format!("{} labels, one for each image", header.count);
        let advice = "the images and the labels must come from one set";
        return Err(labels.error(Place::Byte(4), (expected, count.to_string()), advice));
    }
    let first_label = 4 + 4 * label_sizes.len() as u64;
    let label_path = labels.path().to_path_buf();
    let label_bytes = labels.payload(u64::from(count), "labels")?;
    if let Some(classes) = classes
        && let Some(at) = label_bytes.iter().position(|&label| usize::from(label) >= classes)
    {
        let expected = format!("a label below {classes}, as in the training set");
        let found = label_bytes[at].to_string();
        let advice = "the training and the test labels must come from one set";
        let place = Place::Byte(first_label + at as u64);
        return Err(DataError::new(place, expected, found, advice).in_file(&label_path));
    }
    let path = images.path().to_path_buf();
    let pixels = images.payload(header.len, &header.what)?;
    let largest = label_bytes.iter().copied().max().unwrap_or(0);
    let classes = classes.unwrap_or(usize::from(largest) + 1);
    let labels = label_bytes.into_iter().map(u32::from).collect();
    Dataset::new(header.shape, Samples::U8(pixels), labels, classes)
        .map_err(|error| error.in_file(&path))
}

/// What the header of a file of images tells.
struct Images {
    count: u32,
    shape: [usize; 3],
    /// Bytes of pixels.
    len: u64,
    /// The pixels, for messages.
    what: String,
}

impl Images {
    fn header(input: &mut Input<'_>) -> Result<Images, DataError> {
        let sizes = dimensions(input, "images")?;
        let (count, shape) = match sizes[..] {
            [count, h, w] => (count, [1, h, w]),
            [count, c, h, w] => (count, [c, h, w]),
            _ => return Err(wrong_dimensions(input, "images", "3 or 4", sizes.len())),
        };
        let len = sizes.iter().try_fold(1_u64, |len, &size| len.checked_mul(u64::from(size)));
        let Some(len) = len else {
            let expected = "sizes whose product is a number of bytes";
            let advice = "the header is damaged; fetch the file again";
            return Err(input.error(Place::Byte(4), (expected, format!("{sizes:?}")), advice));
        };
        let shape = shape.map(|side| side as usize);
        Ok(Images { count, shape, len, what: format!("pixels ({sizes:?})") })
    }
}

/// The sizes of a header, each 1 or more.
fn dimensions(input: &mut Input<'_>, what: &str) -> Result<Vec<u32>, DataError> {
    let magic: [u8; 4] = input.header("an IDX header")?;
    let advice = "name an IDX file of unsigned bytes, such as those of MNIST";
    let [0, 0, element, dimensions] = magic else {
        let expected = "an IDX file, which starts with two zero bytes";
        let found = format!("{:#04x} {:#04x}", magic[0], magic[1]);
        return Err(input.error(Place::Byte(0), (expected, found), advice));
    };
    if element != UNSIGNED_BYTE {
        let expected = "the element type 0x08, unsigned byte";
        let found = format!("{element:#04x}");
        return Err(input.error(Place::Byte(2), (expected, found), advice));
    }
    if !(1..=4).contains(&dimensions) {
        return Err(wrong_dimensions(input, what, "1 to 4", usize::from(dimensions)));
    }
    let mut sizes = Vec::with_capacity(usize::from(dimensions));
    for dimension in 0..u64::from(dimensions) {
        let size = u32::from_be_bytes(input.header("a dimension")?);
        if size == 0 {
            let place = Place::Byte(4 + 4 * dimension);
            return Err(input.error(place, ("a size of 1 or more", "0"), "the file is empty"));
        }
        sizes.push(size);
    }
    Ok(sizes)
}

fn wrong_dimensions(input: &Input<'_>, what: &str, expected: &str, found: usize) -> DataError {
    let expected = format!("{expected} dimensions of {what}");
    let advice = "check that images and labels are not exchanged";
    input.error(Place::Byte(3), (expected, found.to_string()), advice)
}
