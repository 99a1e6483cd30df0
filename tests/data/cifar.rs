use crate::assert_tells_file;
use proxtape::data::{DataError, Place, Samples, Source, cifar};
use proxtape::random::Random;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const RECORD: usize = 3073;

/// `n` records with the labels 0, 1, .. and pixels that differ.
fn batch(n: usize) -> Vec<u8> {
    (0..n)
        .flat_map(|k| {
            let pixels = (0..RECORD - 1).map(move |at| (at * 3 + k) as u8);
            std::iter::once(k as u8 % 10).chain(pixels)
        })
        .collect()
}

struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = Self(TempDir::new().unwrap());
        files.iter().for_each(|(name, bytes)| folder.put(name, bytes));
        folder
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self) -> Result<Source, DataError> {
        cifar::read_folder(self.0.path())
    }
}

#[test]
fn batches_are_read_in_the_order_of_their_numbers() {
    let numbers = [10, 2, 1, 4, 3, 5, 9, 8, 7, 6];
    let folder = Folder::new(&[("readme.html", b"no batch"), ("test_batch.bin", &batch(4))]);
    for number in numbers {
        let mut record = batch(1);
        record[0] = number as u8 - 1;
        folder.put(&format!("data_batch_{number}.bin"), &record);
    }
    let source = folder.read().unwrap();
    assert_eq!(source.train.labels(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(source.train.shape(), [3, 32, 32]);
    assert_eq!(source.train.class_names()[9], "truck");
    let test = source.test.unwrap();
    assert_eq!((test.len(), test.classes()), (4, 10));
    let Samples::U8(pixels) = test.samples() else { panic!("pixels are bytes") };
    assert_eq!(pixels.len(), 4 * 3072);
    assert_eq!(pixels[3072..3075], [1, 4, 7]);
}

#[test]
fn the_test_set_may_be_missing() {
    let folder = Folder::new(&[("data_batch_1.bin", &batch(2))]);
    assert!(folder.read().unwrap().test.is_none());
}

#[test]
fn what_lacks_of_cifar_10_is_noted() {
    let folder = Folder::new(&[]);
    for number in [1, 2, 3, 4] {
        folder.put(&format!("data_batch_{number}.bin"), &batch(10_000));
    }
    assert_eq!(
        folder.read().unwrap().notes,
        [
            "CIFAR-10 has 50000 training samples, found 40000; data_batch_5.bin is missing",
            "test_batch.bin is missing, so the test samples come from the training batches",
        ]
    );
    folder.put("data_batch_5.bin", &batch(10_000));
    folder.put("test_batch.bin", &batch(10_000));
    assert_eq!(folder.read().unwrap().notes, [""; 0]);
    // Cut off between two records.
    folder.put("test_batch.bin", &batch(9_999));
    folder.put("data_batch_2.bin", &batch(9_000));
    assert_eq!(
        folder.read().unwrap().notes,
        [
            "CIFAR-10 has 50000 training samples, found 49000",
            "CIFAR-10 has 10000 test samples, found 9999",
        ]
    );
    folder.put("data_batch_6.bin", &batch(1_000));
    fs::remove_file(folder.path("data_batch_2.bin")).unwrap();
    assert!(folder.read().is_err(), "a gap");
}

#[test]
fn a_truncation_is_refused() {
    let whole = batch(2);
    let folder = Folder::new(&[("data_batch_1.bin", &whole)]);
    let path = folder.path("data_batch_1.bin");
    let near = |place: usize| place - 2..=place + 2;
    let lengths = (0..whole.len()).step_by(401).chain([1, 2]).chain(near(RECORD));
    for len in lengths.chain([2 * RECORD - 1]).filter(|&len| len != RECORD) {
        folder.put("data_batch_1.bin", &whole[..len]);
        let error = folder.read().unwrap_err();
        assert_tells_file(&error, &path);
        assert_eq!(error.place(), Place::Byte((len / RECORD * RECORD) as u64), "{error}");
    }
}

#[test]
fn a_label_past_nine_is_refused_at_its_byte() {
    let folder = Folder::new(&[("data_batch_1.bin", &batch(3)), ("test_batch.bin", &batch(3))]);
    for label in [10, 11, 0x1f, 99, 255] {
        for record in 0..3 {
            let mut bytes = batch(3);
            bytes[record * RECORD] = label;
            folder.put("test_batch.bin", &bytes);
            let error = folder.read().unwrap_err();
            assert_tells_file(&error, &folder.path("test_batch.bin"));
            // A file that starts as gzip does is taken for one.
            if label != 0x1f {
                assert_eq!(error.place(), Place::Byte((record * RECORD) as u64));
            }
        }
    }
}

#[test]
fn a_gap_or_no_batch_is_refused() {
    let folder = Folder::new(&[]);
    assert_tells_file(&folder.read().unwrap_err(), folder.0.path());
    folder.put("data_batch_1.bin", &batch(1));
    folder.put("data_batch_3.bin", &batch(1));
    let error = folder.read().unwrap_err();
    assert_eq!(error.expected(), "data_batch_2.bin");
    let missing = folder.path("none");
    assert_tells_file(&cifar::read_folder(&missing).unwrap_err(), &missing);
}

#[test]
fn random_records_are_refused_or_read_without_a_panic() {
    let mut random = Random::new(8);
    let folder = Folder::new(&[]);
    for _ in 0..50 {
        let bytes: Vec<u8> = (0..RECORD).map(|_| random.next_u32() as u8).collect();
        folder.put("data_batch_1.bin", &bytes);
        match folder.read() {
            Ok(source) => assert!(source.train.labels()[0] < 10),
            Err(error) => assert_tells_file(&error, &folder.path("data_batch_1.bin")),
        }
    }
}
