use crate::allocation::count;
use crate::{assert_tells, assert_tells_file};
use proxtape::data::{DataError, Place, Samples, Schema, Spec, idx, read_as};
use proxtape::random::Random;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// An IDX file of unsigned bytes.
fn file(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|size| file.extend(size.to_be_bytes()));
    file.extend(bytes);
    file
}

/// 3 images of 2 x 4 and their labels.
fn pair() -> (Vec<u8>, Vec<u8>) {
    let pixels: Vec<u8> = (0..24).map(|k| k * 10 + 1).collect();
    (file(&[3, 2, 4], &pixels), file(&[3], &[2, 0, 1]))
}

/// Asserts that the pair is refused, without an allocation to speak of.
#[track_caller]
fn assert_refused(images: &[u8], labels: &[u8]) -> DataError {
    let (result, _, largest) = count(|| idx::parse(images, labels));
    let error = result.expect_err("a damaged file");
    assert!(largest < 200_000, "{largest} bytes at once, for {error}");
    assert_tells(&error.to_string());
    error
}

#[track_caller]
fn assert_named(error: &DataError, file: &str) {
    assert_eq!(error.file(), Some(Path::new(file)), "{error}");
}

#[test]
fn a_pair_is_read() {
    let (images, labels) = pair();
    let set = idx::parse(&images, &labels).unwrap();
    assert_eq!((set.len(), set.shape(), set.classes()), (3, [1, 2, 4], 3));
    assert_eq!(set.labels(), [2, 0, 1]);
    assert_eq!(set.scale(), 1.0 / 255.0);
    assert_eq!(*set.samples(), Samples::U8(images[16..].to_vec()));

    let folder = TempDir::new().unwrap();
    let [image_file, label_file] = ["a", "b"].map(|name| folder.path().join(name));
    fs::write(&image_file, &images).unwrap();
    fs::write(&label_file, &labels).unwrap();
    assert_eq!(idx::read(&image_file, &label_file).unwrap(), set);
    for len in [0, 1, 3, 4, 15, 16, 17, images.len() - 1] {
        fs::write(&image_file, &images[..len]).unwrap();
        assert_tells_file(&idx::read(&image_file, &label_file).unwrap_err(), &image_file);
    }
}

#[test]
fn images_are_read_without_labels() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("images");
    let images = file(&[2, 3, 1, 2], &[5; 12]);
    fs::write(&path, &images).unwrap();
    assert_eq!(idx::read_images(&path).unwrap(), ([3, 1, 2], vec![5; 12]));
    for len in [0, 3, 15, 20, images.len() - 1] {
        fs::write(&path, &images[..len]).unwrap();
        assert_tells_file(&idx::read_images(&path).unwrap_err(), &path);
    }
    fs::write(&path, file(&[3], &[2, 0, 1])).unwrap();
    assert_tells_file(&idx::read_images(&path).unwrap_err(), &path);
}

#[test]
fn four_dimensions_are_channels_first() {
    let images = file(&[2, 3, 1, 2], &[5; 12]);
    assert_eq!(idx::parse(&images, &file(&[2], &[0, 1])).unwrap().shape(), [3, 1, 2]);
}

#[test]
fn every_truncation_is_refused() {
    let (images, labels) = pair();
    for len in 0..images.len() {
        assert_named(&assert_refused(&images[..len], &labels), "images");
    }
    for len in 0..labels.len() {
        assert_named(&assert_refused(&images, &labels[..len]), "labels");
    }
}

#[test]
fn every_corruption_of_a_header_byte_is_refused() {
    let (images, labels) = pair();
    for value in 0..=255 {
        for at in (0..16).filter(|&at| images[at] != value) {
            let mut damaged = images.clone();
            damaged[at] = value;
            assert_refused(&damaged, &labels);
        }
        for at in (0..8).filter(|&at| labels[at] != value) {
            let mut damaged = labels.clone();
            damaged[at] = value;
            assert_refused(&images, &damaged);
        }
    }
}

#[test]
fn trailing_bytes_are_refused_where_they_start() {
    let (mut images, mut labels) = pair();
    images.push(0);
    let error = assert_refused(&images, &labels);
    assert_named(&error, "images");
    assert_eq!(error.place(), Place::Byte(40), "{error}");
    images.pop();
    labels.extend([1; 100]);
    let error = assert_refused(&images, &labels);
    assert_named(&error, "labels");
    assert_eq!(error.place(), Place::Byte(11), "{error}");
    assert_eq!(error.found(), "100 bytes more");
}

#[test]
fn claims_beyond_the_file_are_refused_before_any_allocation() {
    for sizes in [
        &[1 << 31, 1 << 31, 1][..],
        &[1 << 31, 1 << 31, 1 << 31],
        &[u32::MAX, u32::MAX, u32::MAX, u32::MAX],
        &[u32::MAX, 1, 1],
        &[3, 1 << 20, 1 << 20],
    ] {
        assert_refused(&file(sizes, &[1; 24]), &file(&sizes[..1], &[0, 1, 2]));
    }
}

#[test]
fn counts_that_differ_are_refused() {
    let (images, labels) = pair();
    let error = assert_refused(&images, &file(&[2], &[0, 1]));
    assert!(error.to_string().starts_with("labels: byte 4: expected 3 labels"), "{error}");
    let error = assert_refused(&labels, &images);
    assert!(error.advice().contains("exchanged"), "{error}");
}

#[test]
fn random_bytes_are_refused_or_read_without_a_panic() {
    let mut random = Random::new(6);
    let (images, labels) = pair();
    let mut read = 0;
    for round in 0..40_000 {
        let mut bytes: Vec<u8> = (0..random.below(64)).map(|_| random.next_u32() as u8).collect();
        // Most of them get past the first checks.
        if round % 8 != 0 {
            let small = |random: &mut Random| random.below(4) as u8;
            let dimensions = 1 + small(&mut random);
            let mut header = vec![0, 0, 8, dimensions];
            for _ in 0..dimensions {
                header.extend([0, 0, 0, small(&mut random)]);
            }
            bytes.splice(0..0, header);
        }
        let result = match round % 2 {
            0 => idx::parse(&bytes, &labels),
            _ => idx::parse(&images, &bytes),
        };
        match result {
            Ok(set) => read += set.len() / 3,
            Err(error) => assert_tells(&error.to_string()),
        }
    }
    assert!(read > 5, "only {read} of them reached the end");
}

#[test]
fn folders_and_missing_files_are_refused() {
    let folder = TempDir::new().unwrap();
    let error = idx::read(folder.path(), folder.path()).unwrap_err();
    assert_tells_file(&error, folder.path());
    assert_eq!(error.found(), "a folder");
    let missing = folder.path().join("none");
    let error = idx::read(&missing, &missing).unwrap_err();
    assert_tells_file(&error, &missing);
    assert!(std::error::Error::source(&error).is_some());
    assert_tells_file(&idx::read_folder(folder.path()).unwrap_err(), folder.path());
    assert_tells_file(&idx::read_folder(&missing).unwrap_err(), &missing);
}

#[test]
fn a_folder_brings_its_test_set() {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let (images, labels) = pair();
    put("train-images-idx3-ubyte", &images);
    put("train-labels.idx1-ubyte", &labels);
    let source = idx::read_folder(folder.path()).unwrap();
    assert!(source.test.is_none());

    put("t10k-images-idx3-ubyte", &file(&[2, 2, 4], &[9; 16]));
    let error = idx::read_folder(folder.path()).unwrap_err();
    assert!(error.expected().contains("t10k-labels"), "{error}");

    put("t10k-labels-idx1-ubyte", &file(&[2], &[1, 1]));
    let test = idx::read_folder(folder.path()).unwrap().test.unwrap();
    assert_eq!((test.len(), test.classes()), (2, 3), "classes are those of the training set");

    put("t10k-labels-idx1-ubyte", &file(&[2], &[1, 3]));
    let error = idx::read_folder(folder.path()).unwrap_err();
    assert_eq!(error.place(), Place::Byte(9), "{error}");

    put("t10k-labels-idx1-ubyte", &file(&[2], &[1, 1]));
    put("t10k-images-idx3-ubyte", &file(&[2, 4, 2], &[9; 16]));
    let error = idx::read_folder(folder.path()).unwrap_err();
    assert_tells_file(&error, &folder.path().join("t10k-images-idx3-ubyte"));
}

#[test]
fn folders_that_copies_of_mnist_unpack_to_are_read() {
    let (images, labels) = pair();
    let want = idx::parse(&images, &labels).unwrap();
    for [image_file, label_file] in [
        ["train-images.idx3-ubyte", "train-labels.idx1-ubyte"],
        ["train-images-idx3-ubyte/train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
        [
            "train-images-idx3-ubyte/train-images.idx3-ubyte",
            "train-labels-idx1-ubyte/train-labels-idx1-ubyte",
        ],
        ["emnist-digits-train-images-idx3-ubyte", "emnist-digits-train-labels-idx1-ubyte"],
    ] {
        let folder = TempDir::new().unwrap();
        let put = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        put(image_file, &images);
        put(label_file, &labels);
        let source = idx::read_folder(folder.path()).unwrap();
        assert_eq!(source.train, want);
        assert!(source.test.is_none());
        let exchanged = source.notes.iter().any(|note| note.contains("exchanged"));
        assert_eq!(exchanged, image_file.starts_with("emnist"));
        // The test set of the same kind of names, which MNIST calls t10k and others test.
        for (k, name) in ["t10k", "test"].into_iter().enumerate() {
            put(&image_file.replace("train", name), &images);
            if k == 0 {
                idx::read_folder(folder.path()).unwrap_err();
            }
            put(&label_file.replace("train", name), &labels);
            assert_eq!(idx::read_folder(folder.path()).unwrap().test, Some(want.clone()));
        }
    }
}

/// A plain file comes before a folder, which may be empty, and usual names before others.
#[test]
fn one_of_several_copies_is_taken() {
    let (images, labels) = pair();
    let folder = TempDir::new().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    for prefix in ["emnist-letters-", "emnist-digits-"] {
        put(&format!("{prefix}train-images-idx3-ubyte"), &images);
        put(&format!("{prefix}train-labels-idx1-ubyte"), &labels);
    }
    let error = idx::read_folder(folder.path()).unwrap_err();
    assert_tells_file(&error, folder.path());
    assert!(error.found().contains("\"emnist-digits-\", \"emnist-letters-\""), "{error}");
    fs::create_dir(folder.path().join("train-images-idx3-ubyte")).unwrap();
    idx::read_folder(folder.path()).unwrap_err();
    let other = file(&[3, 2, 4], &[7; 24]);
    fs::write(folder.path().join("train-images-idx3-ubyte/train-images-idx3-ubyte"), images)
        .unwrap();
    put("train-images.idx3-ubyte", &other);
    put("train-labels.idx1-ubyte", &labels);
    let train = idx::read_folder(folder.path()).unwrap().train;
    assert_eq!(*train.samples(), Samples::U8(vec![7; 24]));
}

#[test]
fn labels_from_one_are_classes_of_their_names() {
    let set = |labels: &[u8]| {
        let n = labels.len() as u32;
        idx::parse(&file(&[n, 1, 1], &vec![5; labels.len()]), &file(&[n], labels)).unwrap()
    };
    let letters: Vec<u8> = (1..=26).chain([7, 1]).collect();
    let train = set(&letters);
    assert_eq!((train.classes(), train.class_names().len()), (26, 26));
    assert_eq!((&*train.class_names()[0], &*train.class_names()[25]), ("1", "26"));
    assert_eq!((train.labels()[0], train.labels()[25]), (0, 25));
    // With a 0, or without one of the others, labels are the numbers of their classes.
    assert_eq!(set(&[1, 2, 0]).classes(), 3);
    assert_eq!((set(&[1, 7, 1]).classes(), set(&[1, 7]).labels()[0]), (8, 1));
    assert_eq!(set(&[1, 1]).classes(), 2);
}

#[test]
fn a_folder_is_read_for_the_classes_of_a_model() {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("train-images-idx3-ubyte", &file(&[4, 1, 1], &[5; 4]));
    put("train-labels-idx1-ubyte", &file(&[4], &[1, 2, 3, 2]));
    put("t10k-images-idx3-ubyte", &file(&[2, 1, 1], &[5; 2]));
    put("t10k-labels-idx1-ubyte", &file(&[2], &[3, 3]));
    let source = idx::read_folder(folder.path()).unwrap();
    assert_eq!(source.train.class_names(), ["1", "2", "3"]);
    assert!(source.notes[0].contains("labels start at 1"), "{:?}", source.notes);
    assert_eq!(source.test.as_ref().unwrap().labels(), [2, 2]);
    let own = source.train.schema();
    assert_eq!(idx::read_folder_as(folder.path(), &own).unwrap().train, source.train);
    // The same labels are other classes where the model has a 0.
    let ten = Schema { columns: None, classes: 10, class_names: Vec::new() };
    let set = idx::read_folder_as(folder.path(), &ten).unwrap();
    assert_eq!((set.train.classes(), set.train.labels()), (10, &[1, 2, 3, 2][..]));
    let spec = Spec::Idx(folder.path().to_path_buf());
    assert_eq!(read_as(&spec, &ten).unwrap(), set);
    for (classes, names) in [(3, vec![]), (2, vec!["2", "3"]), (2, vec!["cat", "dog"])] {
        let class_names = names.into_iter().map(str::to_string).collect();
        let schema = Schema { columns: None, classes, class_names };
        let error = idx::read_folder_as(folder.path(), &schema).unwrap_err();
        assert_tells_file(&error, &folder.path().join("train-labels-idx1-ubyte"));
    }
}

/// Nothing can be learnt from one class, but a model may be shown it.
#[test]
fn a_folder_of_one_class_is_refused_for_a_training() {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("train-images-idx3-ubyte", &file(&[3, 1, 1], &[5; 3]));
    for label in [0, 1, 7] {
        put("train-labels-idx1-ubyte", &file(&[3], &[label; 3]));
        let error = idx::read_folder(folder.path()).unwrap_err();
        assert_tells_file(&error, &folder.path().join("train-labels-idx1-ubyte"));
        assert!(error.expected().contains("two or more classes"), "{error}");
        let ten = Schema { columns: None, classes: 10, class_names: Vec::new() };
        assert_eq!(idx::read_folder_as(folder.path(), &ten).unwrap().train.len(), 3);
    }
}

#[test]
fn classes_with_a_sample_or_none_are_noted() {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("train-images-idx3-ubyte", &file(&[4, 1, 1], &[5; 4]));
    put("train-labels-idx1-ubyte", &file(&[4], &[0, 4, 0, 3]));
    let notes = idx::read_folder(folder.path()).unwrap().notes;
    let one = "2 classes have one sample, which only one part of a split can have: 3, 4";
    assert_eq!(notes, [one, "2 classes have no sample: 1, 2"]);
}

#[cfg(not(feature = "gzip"))]
#[test]
fn a_compressed_file_asks_for_the_feature() {
    let (images, labels) = pair();
    let error = assert_refused(&[0x1f, 0x8b, 8, 0], &labels);
    assert!(error.advice().contains("feature `gzip`"), "{error}");
    assert_refused(&images, &[0x1f, 0x8b]);
}

#[cfg(feature = "gzip")]
mod gzip {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn zip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compressed_files_are_read_by_their_contents() {
        let (images, labels) = pair();
        let plain = idx::parse(&images, &labels).unwrap();
        assert_eq!(idx::parse(&zip(&images), &zip(&labels)).unwrap(), plain);
        assert_eq!(idx::parse(&zip(&images), &labels).unwrap(), plain);
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("train-images-idx3-ubyte.gz"), zip(&images)).unwrap();
        fs::write(folder.path().join("train-labels-idx1-ubyte.gz"), zip(&labels)).unwrap();
        assert_eq!(idx::read_folder(folder.path()).unwrap().train, plain);
    }

    #[test]
    fn every_truncation_of_a_compressed_file_is_refused() {
        let (images, labels) = pair();
        let zipped = zip(&images);
        for len in 0..zipped.len() {
            assert_named(&assert_refused(&zipped[..len], &labels), "images");
        }
        for len in 0..images.len() {
            assert_named(&assert_refused(&zip(&images[..len]), &labels), "images");
        }
    }

    /// The name and the time in a gzip header are not checked, so a change there may pass unseen; the
    /// contents may not change.
    #[test]
    fn every_corruption_of_a_compressed_byte_is_refused_or_harmless() {
        let (images, labels) = pair();
        let want = idx::parse(&images, &labels).unwrap();
        let zipped = zip(&images);
        let mut refused = 0;
        for at in 0..zipped.len() {
            for value in (0..=255).filter(|&value| value != zipped[at]) {
                let mut damaged = zipped.clone();
                damaged[at] = value;
                match idx::parse(&damaged, &labels) {
                    Ok(got) => assert_eq!(got, want, "byte {at}, value {value}"),
                    Err(error) => {
                        assert_tells(&error.to_string());
                        refused += 1;
                    }
                }
            }
        }
        assert!(refused > zipped.len() * 128, "{refused}");
    }

    #[test]
    fn what_follows_the_compressed_contents_is_refused() {
        let (images, labels) = pair();
        let mut longer = images.clone();
        longer.push(0);
        assert_refused(&zip(&longer), &labels);
        let mut trailing = zip(&images);
        trailing.push(7);
        assert_refused(&trailing, &labels);
        assert_refused(&[zip(&images), zip(&[1])].concat(), &labels);
    }

    /// 64 MB of zeros in 64 kB, behind a header that claims 24 bytes; and the turn of it.
    #[test]
    fn a_bomb_is_refused_within_the_claim_of_its_header() {
        let (images, labels) = pair();
        let mut bomb = images.clone();
        bomb.resize(64 << 20, 0);
        let bomb = zip(&bomb);
        assert!(bomb.len() < 100_000);
        assert_refused(&bomb, &labels);
        // A claim beyond what deflate can do is not even begun.
        let claim = file(&[3, 1 << 10, 1 << 20], &[0; 1000]);
        let error = assert_refused(&zip(&claim), &labels);
        assert!(error.found().contains("read up to"), "{error}");
        // A claim that deflate could keep, by a file that does not: what comes is what is stored.
        let noise: Vec<u8> = (0..20_000_u32).map(|k| (k.wrapping_mul(k) >> 7) as u8).collect();
        let claim = zip(&file(&[3, 1 << 9, 1 << 9], &noise));
        assert!(claim.len() * 1032 > 3 << 18);
        assert_refused(&claim, &labels);
    }

    /// A file that is large enough for its claim of 3 GB: it is refused, since it would be a bomb.
    #[test]
    fn a_claim_past_the_limit_is_refused() {
        let mut images = zip(&file(&[3, 1 << 15, 1 << 15], &[]));
        images.resize(8 << 20, 0);
        let error = assert_refused(&images, &file(&[3], &[0, 1, 2]));
        assert!(error.found().contains("up to 214748"), "the limit of 2 GB: {error}");
    }
}
