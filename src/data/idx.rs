//! IDX files, the format of MNIST (Y. LeCun, C. Cortes, C. Burges, "The MNIST database", 1998).
//!
//! ```text
//! 0    0x00 0x00, the element type (0x08: unsigned byte), the number D of dimensions
//! 4    D sizes, each a big-endian u32
//! ..   the elements, the last dimension fastest
//! ```
//!
//! Images have the dimensions `[N, H, W]` or `[N, C, H, W]`, labels `[N]`. Files may be compressed by
//! gzip (feature `gzip`): the first bytes decide, not the name.

mod folder;

use super::input::Input;
use super::{DataError, Dataset, Place, Samples, Schema, Source, notes};
use folder::Files;
use std::path::Path;

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
/// and, for the test set, which may be missing, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`.
/// Each may end in `.gz`, have `.idx` for `-idx` and `test` for `t10k`, stand behind a prefix that all
/// have, and lie in a folder of its own name.
///
/// Labels that are 1, 2 and so on, all of them and no 0, are classes of these names.
///
/// # Errors
/// If a file is missing, for all that [`read`] refuses, if all labels of the training set are one, or if
/// the test set has another shape than the training set or a label that the training set has not.
pub fn read_folder(folder: impl AsRef<Path>) -> Result<Source, DataError> {
    read_files(folder.as_ref(), None)
}

/// The same for a model that is trained already: the classes are those of the model.
///
/// # Errors
/// As [`read_folder`], and if a label is none of the model's classes.
pub fn read_folder_as(folder: impl AsRef<Path>, schema: &Schema) -> Result<Source, DataError> {
    read_files(folder.as_ref(), Some(schema))
}

fn read_files(folder: &Path, schema: Option<&Schema>) -> Result<Source, DataError> {
    let files = Files::of(folder)?;
    let open = |[images, labels]: [&Path; 2]| Ok((Input::open(images)?, Input::open(labels)?));
    let (images, labels) = open(files.train()?)?;
    let label_path = labels.path().to_path_buf();
    let train = read_pair(images, labels, schema.map(|schema| (schema, "the model")))?;
    // A trained model may be shown samples of one class, but there is nothing to learn from them.
    if let ([only, others @ ..], None) = (train.labels(), schema)
        && others.iter().all(|label| label == only)
    {
        let found = format!("only {only}");
        let advice = "name a set with samples of several classes";
        return Err(DataError::new(Place::Whole, "labels of two or more classes", found, advice)
            .in_file(&label_path));
    }
    let mut notes = notes::of_classes(&train);
    if schema.is_none() && !train.class_names().is_empty() {
        let classes = train.classes();
        notes.insert(0, format!("labels start at 1: {classes} classes, \"1\" to \"{classes}\""));
    }
    if files.prefix.starts_with("emnist") {
        notes.push("the images of EMNIST are stored with rows and columns exchanged".to_string());
    }
    let Some(test) = files.test()? else {
        return Ok(Source { train, test: None, notes });
    };
    let (images, labels) = open(test)?;
    let path = images.path().to_path_buf();
    let test = read_pair(images, labels, Some((&train.schema(), "the training set")))?;
    if test.shape() != train.shape() {
        let [expected, found] = [train.shape(), test.shape()]
            .map(|[c, h, w]| format!("images of {c} x {h} x {w}, channels first"));
        let advice = "the training and the test images must come from one set";
        return Err(DataError::new(Place::Byte(4), expected, found, advice).in_file(&path));
    }
    Ok(Source { train, test: Some(test), notes })
}

/// Reads a pair whose labels are classes of a schema, and of whom it is, if that is known.
fn read_pair(
    mut images: Input<'_>,
    mut labels: Input<'_>,
    expected: Option<(&Schema, &str)>,
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
    let classes = match expected {
        Some((schema, _)) => Classes::of_schema(schema),
        None => Classes::of_labels(&label_bytes),
    };
    let class = |(at, &label): (u64, &u8)| {
        classes.index[usize::from(label)].ok_or_else(|| {
            let whose = expected.map_or("the data", |(_, whose)| whose);
            let expected = match classes.names.is_empty() {
                true => format!("a label below {}, as in {whose}", classes.count),
                false => format!("a label that is a class of {whose}: {:?}", classes.names),
            };
            let advice = "the labels must come from the same set";
            DataError::new(Place::Byte(first_label + at), expected, label.to_string(), advice)
                .in_file(&label_path)
        })
    };
    let labels = (0..).zip(&label_bytes).map(class).collect::<Result<Vec<u32>, _>>()?;
    let path = images.path().to_path_buf();
    let pixels = images.payload(header.len, &header.what)?;
    let set = Dataset::new(header.shape, Samples::U8(pixels), labels, classes.count)
        .map_err(|error| error.in_file(&path))?;
    if classes.names.is_empty() { Ok(set) } else { set.with_class_names(classes.names) }
}

/// What labels stand for.
struct Classes {
    /// The class of each label.
    index: [Option<u32>; 256],
    count: usize,
    /// One a class, or none.
    names: Vec<String>,
}

impl Classes {
    /// The classes 0 to the largest label. If there are all of 1, 2 and so on, but no 0, each is the name
    /// of its class, as no sample would be of class 0.
    fn of_labels(labels: &[u8]) -> Self {
        let mut present = [false; 256];
        labels.iter().for_each(|&label| present[usize::from(label)] = true);
        let count = present.iter().rposition(|&present| present).map_or(0, |largest| largest + 1);
        if count > 2 && !present[0] && present[1..count].iter().all(|&present| present) {
            let names = (1..count).map(|label| label.to_string()).collect();
            return Self::of_schema(&Schema {
                columns: None,
                classes: count - 1,
                class_names: names,
            });
        }
        Self::of_schema(&Schema { columns: None, classes: count, class_names: Vec::new() })
    }

    /// The classes of a schema, whose names are numbers.
    fn of_schema(schema: &Schema) -> Self {
        let mut index = [None; 256];
        for (class, label) in (0..).zip(schema.labels()) {
            if let Ok(label) = label.parse::<u8>() {
                index[usize::from(label)] = Some(class);
            }
        }
        Self { index, count: schema.classes, names: schema.class_names.clone() }
    }
}

/// The header of a file of images.
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
