//! CIFAR-10 in its binary version (A. Krizhevsky, "Learning multiple layers of features from tiny
//! images", 2009).
//!
//! A file is a row of records of 3073 bytes: the label 0 to 9, then 1024 bytes each of red, green and
//! blue, row by row. This is `[C, H, W]` already.

use super::input::Input;
use super::{DataError, Dataset, Place, Samples, Source};
use std::path::{Path, PathBuf};

const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = 3 * 32 * 32;
const RECORD: usize = 1 + PIXELS;
const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// The training batches, and what they and the test batch hold together.
const BATCHES: usize = 5;
const TRAINING: usize = 50_000;
const TEST: usize = 10_000;

/// Reads `data_batch_1.bin`, `data_batch_2.bin` and so on, as many as there are, as the training set,
/// and `test_batch.bin`, which may be missing, as the test set. What differs from the 50,000 + 10,000
/// samples of CIFAR-10 is in [`Source::notes`].
///
/// # Errors
/// If the folder has no first batch or a gap in their numbers, a file cannot be read or does not hold
/// whole records, or a label is above 9.
pub fn read_folder(folder: impl AsRef<Path>) -> Result<Source, DataError> {
    let folder = folder.as_ref();
    let batches = batch_files(folder)?;
    let train = read_files(&batches)?;
    let test = folder.join("test_batch.bin");
    let test = if test.exists() { Some(read_files(&[test])?) } else { None };
    let notes = notes(batches.len(), train.len(), test.as_ref().map(Dataset::len));
    Ok(Source { train, test, notes })
}

/// How what was read differs from CIFAR-10: a download may have stopped between two files, or records.
fn notes(batches: usize, train: usize, test: Option<usize>) -> Vec<String> {
    let mut notes = Vec::new();
    if train != TRAINING {
        let missing: Vec<_> =
            (batches + 1..=BATCHES).map(|number| format!("data_batch_{number}.bin")).collect();
        let missing = match missing.len() {
            0 => String::new(),
            1 => format!("; {} is missing", missing[0]),
            _ => format!("; {} are missing", missing.join(", ")),
        };
        notes.push(format!("CIFAR-10 has {TRAINING} training samples, found {train}{missing}"));
    }
    match test {
        Some(TEST) => {}
        Some(test) => notes.push(format!("CIFAR-10 has {TEST} test samples, found {test}")),
        None => notes.push(
            "test_batch.bin is missing, so the test samples come from the training batches".into(),
        ),
    }
    notes
}

/// Reads a file that is in memory, as [`read_folder`] does one of its files. Errors call it `records`.
///
/// # Errors
/// As [`read_folder`], but for those of the disk.
pub fn parse(file: &[u8]) -> Result<Dataset, DataError> {
    read_inputs([Input::named("records", file)])
}

/// The training files, by their numbers, which must run from 1 without a gap.
fn batch_files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let refuse = |expected: &str, found: String| {
        let advice = "name the folder of the binary version (cifar-10-batches-bin)";
        DataError::new(Place::Whole, expected, found, advice).in_file(folder)
    };
    let unreadable = |error: std::io::Error| {
        refuse("a folder that can be read", error.to_string()).caused_by(error)
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name
            .and_then(|name| name.strip_prefix("data_batch_")?.strip_suffix(".bin"))
            .and_then(|number| number.parse::<u32>().ok());
        if let Some(number) = number {
            files.push((number, path));
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(refuse("files data_batch_1.bin and on", "none of them".to_string()));
    }
    for ((number, _), place) in files.iter().zip(1_u32..) {
        if *number != place {
            let found = format!("data_batch_{number}.bin in its place");
            return Err(refuse(&format!("data_batch_{place}.bin"), found));
        }
    }
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

fn read_files(paths: &[PathBuf]) -> Result<Dataset, DataError> {
    read_inputs(paths.iter().map(|path| Input::open(path)))
}

fn read_inputs<'a>(
    inputs: impl IntoIterator<Item = Result<Input<'a>, DataError>>,
) -> Result<Dataset, DataError> {
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for input in inputs {
        let input = input?;
        let path = &input.path().to_path_buf();
        let advice = "it is cut off or no CIFAR-10 file; fetch the binary version again";
        let Some(len) = input.left() else {
            let found = "one compressed by gzip";
            return Err(input.error(
                Place::Byte(0),
                ("a plain file", found),
                "decompress it first",
            ));
        };
        let over = len % RECORD as u64;
        if len == 0 || over != 0 {
            let expected = format!("whole records of {RECORD} bytes");
            let found = match len {
                0 => "an empty file".to_string(),
                _ => format!("{over} bytes of one at the end"),
            };
            return Err(input.error(Place::Byte(len - over), (expected, found), advice));
        }
        let bytes = input.payload(len, "records")?;
        if pixels.try_reserve(bytes.len()).is_err() {
            let expected = "memory for its images";
            let error = DataError::new(Place::Whole, expected, "less", "use fewer batch files");
            return Err(error.in_file(path));
        }
        for (record, at) in bytes.chunks_exact(RECORD).zip((0_u64..).step_by(RECORD)) {
            if usize::from(record[0]) >= CLASSES.len() {
                let (expected, found) = ("a label from 0 to 9", record[0].to_string());
                let error = DataError::new(Place::Byte(at), expected, found, advice);
                return Err(error.in_file(path));
            }
            labels.push(u32::from(record[0]));
            pixels.extend_from_slice(&record[1..]);
        }
    }
    pixels.shrink_to_fit();
    Dataset::new(SHAPE, Samples::U8(pixels), labels, CLASSES.len())?
        .with_class_names(CLASSES.map(str::to_string).to_vec())
}
