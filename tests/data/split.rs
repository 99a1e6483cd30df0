use proxtape::data::{Dataset, Fractions, Samples, Source, Spec, Split, digits, read};
use proxtape::random::Random;

fn all_sorted(split: &Split) -> Vec<u32> {
    let mut all = [&split.train[..], &split.validation, &split.test].concat();
    all.sort_unstable();
    all
}

#[test]
fn a_split_has_every_sample_once_and_every_class_by_its_share() {
    let mut random = Random::new(1);
    for (n, classes) in [(50, 2), (997, 10), (1000, 3), (200, 40)] {
        let labels: Vec<u32> = (0..n).map(|_| random.below(classes)).collect();
        for (validation, test) in [(0.1, 0.2), (0.25, 0.0), (0.0, 0.5), (0.3, 0.6), (0.0, 0.0)] {
            let split =
                Split::stratified(&labels, Fractions { validation, test }, n.into()).unwrap();
            assert!(all_sorted(&split).into_iter().eq(0..n));
            let rounded = |share: f64| (share * f64::from(n)).round();
            assert!((split.test.len() as f64 - rounded(test)).abs() <= 0.5);
            assert!((split.validation.len() as f64 - rounded(validation)).abs() <= 1.0);
            for part in [&split.train, &split.validation, &split.test] {
                assert!(part.is_sorted());
            }
            for class in 0..classes {
                let members = |part: &[u32]| {
                    part.iter().filter(|&&index| labels[index as usize] == class).count() as f64
                };
                let all = labels.iter().filter(|&&label| label == class).count() as f64;
                assert!((members(&split.test) - test * all).abs() <= 1.0);
                assert!((members(&split.validation) - validation * all).abs() <= 2.0);
            }
        }
    }
}

#[test]
fn a_split_is_its_seed() {
    let labels: Vec<u32> = (0..100).map(|k| k % 3).collect();
    let fractions = Fractions { validation: 0.2, test: 0.2 };
    let split = |seed| Split::stratified(&labels, fractions, seed).unwrap();
    assert_eq!(split(1), split(1));
    assert_ne!(split(1).test, split(2).test);
    assert_eq!(split(42).test[..5], [1, 6, 8, 16, 20]);
}

#[test]
fn wrong_fractions_are_refused() {
    let labels = [0, 1, 0, 1];
    let split = |validation, test| Split::stratified(&labels, Fractions { validation, test }, 0);
    for (validation, test) in [
        (-0.1, 0.0),
        (0.0, -0.1),
        (0.5, 0.5),
        (1.0, 0.0),
        (f64::NAN, 0.0),
        (0.0, f64::NAN),
        (0.0, f64::INFINITY),
    ] {
        assert!(split(validation, test).is_err(), "{validation} {test}");
    }
    let error = split(0.01, 0.0).unwrap_err();
    assert!(error.to_string().contains("none of 4 samples"), "{error}");
    assert!(split(0.0, 0.99).is_err(), "nothing is left to train on");
    assert!(Split::stratified(&[], Fractions { validation: 0.0, test: 0.0 }, 0).is_err());
}

#[test]
fn a_test_set_that_came_with_the_data_is_kept() {
    let fractions = Fractions { validation: 0.25, test: 0.5 };
    let set = |n: u32| {
        let labels = (0..n).map(|k| k % 2).collect();
        Dataset::new([1, 1, 1], Samples::U8(vec![7; n as usize]), labels, 2).unwrap()
    };
    let source = Source { train: set(8), test: Some(set(6)), notes: Vec::new() };
    let split = source.split(fractions, 1).unwrap();
    assert_eq!((split.train.len(), split.validation.len()), (6, 2));
    assert_eq!(split.test, [0, 1, 2, 3, 4, 5]);
    assert_eq!(source.test_set().len(), 6);

    let source = Source::from(set(8));
    let split = source.split(fractions, 1).unwrap();
    assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (2, 2, 4));
    assert_eq!(source.test_set().len(), 8);
}

#[test]
fn the_digits_are_the_published_ones() {
    let digits = digits::load().unwrap();
    assert_eq!((digits.len(), digits.shape(), digits.classes()), (1797, [1, 8, 8], 10));
    assert_eq!(digits.scale(), 1.0 / 16.0);
    assert_eq!(digits.labels()[..12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    let mut counts = [0; 10];
    digits.labels().iter().for_each(|&label| counts[label as usize] += 1);
    assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    let Samples::U8(pixels) = digits.samples() else { panic!("pixels are bytes") };
    assert_eq!(pixels.iter().max(), Some(&16));
    assert_eq!(pixels[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
}

#[test]
fn a_source_is_read_by_its_name() {
    assert_eq!(read(&Spec::Digits).unwrap(), Source::from(digits::load().unwrap()));
    for spec in [Spec::Idx("no/such".into()), Spec::Cifar10("no/such".into())] {
        let error = read(&spec).unwrap_err();
        assert_eq!(error.file(), Some("no/such".as_ref()), "{spec:?}");
    }
}
