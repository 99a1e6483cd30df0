use crate::allocation::count;
use proxtape::data::{Augment, DataError, Dataset, Normalization, Samples};
use proxtape::random::Random;

/// `n` images whose pixels all differ, as far as a byte goes.
fn images(n: usize, shape: [usize; 3]) -> Dataset {
    let len = n * shape.iter().product::<usize>();
    let pixels = (0..len).map(|k| (k * 7 % 251) as u8 + 1).collect();
    Dataset::new(shape, Samples::U8(pixels), (0..n as u32).collect(), n).unwrap()
}

fn raw(set: &Dataset, index: usize) -> Vec<f32> {
    let range = index * set.sample_len()..(index + 1) * set.sample_len();
    match set.samples() {
        Samples::U8(values) => values[range].iter().map(|&value| f32::from(value)).collect(),
        Samples::F32(values) => values[range].to_vec(),
        Samples::F64(values) => values[range].iter().map(|&value| value as f32).collect(),
    }
}

/// Scale 1, mean 0: a filled value is the raw one.
fn as_is(set: &Dataset) -> Normalization {
    Normalization { scale: 1.0, ..Normalization::identity(set) }
}

#[test]
fn fill_copies_the_chosen_samples() {
    let set = images(5, [2, 3, 4]);
    for indices in [&[][..], &[3], &[4, 0, 4, 2]] {
        let mut x = vec![f32::NAN; indices.len() * 24];
        let mut labels = vec![u32::MAX; indices.len()];
        set.fill(indices, &as_is(&set), None, &mut x, &mut labels);
        assert_eq!(labels, indices);
        let want: Vec<f32> = indices.iter().flat_map(|&index| raw(&set, index as usize)).collect();
        assert_eq!(x, want);
    }
}

#[test]
fn fitted_values_have_mean_zero_and_deviation_one() {
    let bytes = images(6, [3, 5, 4]);
    let numbers: Vec<f32> = (0..6 * 60).map(|k| 1990.0 + (k * k % 37) as f32).collect();
    let table = Dataset::new([60, 1, 1], Samples::F32(numbers), vec![0, 1, 0, 1, 0, 1], 2).unwrap();
    for set in [bytes, table] {
        let indices = [0, 2, 3, 5];
        let normalization = Normalization::fit(&set, &indices);
        let mut x = vec![0.0; 4 * 60];
        set.fill(&indices, &normalization, None, &mut x, &mut [0; 4]);
        let [c, h, w] = set.shape();
        for channel in 0..c {
            let values: Vec<f64> = (0..4)
                .flat_map(|n| &x[(n * c + channel) * h * w..][..h * w])
                .map(|&value| f64::from(value))
                .collect();
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
            assert!(mean.abs() < 3e-5, "{mean}");
            assert!((variance - 1.0).abs() < 1e-4 || variance == 0.0, "{variance}");
        }
        assert_ne!(normalization, Normalization::fit(&set, &[0, 1, 2, 3, 4, 5]), "all samples");
    }
}

/// Powers of two make every step exact, so the order of rounding does not matter.
#[test]
fn fill_applies_scale_mean_and_deviation_of_the_channel() {
    for shape @ [c, h, w] in [[2, 2, 3], [12, 1, 1], [1, 12, 1], [1, 1, 12]] {
        let bytes = images(3, shape);
        let numbers = (0..36).map(|k| (k * k % 41) as f32 - 20.0).collect();
        let table = Dataset::new(shape, Samples::F32(numbers), vec![0, 1, 2], 3).unwrap();
        for set in [bytes, table] {
            let normalization = Normalization {
                scale: 0.5,
                mean: (0..c).map(|k| k as f64 - 3.0).collect(),
                std: (0..c).map(|k| 0.25 * 2.0_f32.powi(k as i32 % 3)).collect(),
            };
            // A flip that never comes takes the same way.
            let mut random = Random::new(1);
            let augment = Augment { flip: 0.0, shift: 0 };
            for augmentation in [None, Some((&augment, &mut random))] {
                let mut x = vec![f32::NAN; 24];
                set.fill(&[1, 0], &normalization, augmentation, &mut x, &mut [0; 2]);
                let raws = [raw(&set, 1), raw(&set, 0)].concat();
                for (k, (got, raw)) in x.iter().zip(raws).enumerate() {
                    let c = k % 12 / (h * w);
                    assert_eq!(
                        *got,
                        (0.5 * raw - normalization.mean[c] as f32) / normalization.std[c]
                    );
                }
            }
        }
    }
}

/// Numbers whose sum rounds, so that the mean of a constant column is not the constant.
#[test]
fn a_constant_feature_becomes_zero() {
    for constant in [0.0, 0.1, -1e30, 1e-40, f32::MAX] {
        for other in [0.3, 1e-42] {
            let n = 1001;
            let values = (0..n).flat_map(|k| [constant, other * k as f32]).collect();
            let set = Dataset::new([2, 1, 1], Samples::F32(values), vec![0; n], 1).unwrap();
            let indices: Vec<u32> = (0..n as u32).collect();
            let normalization = Normalization::fit(&set, &indices);
            assert_eq!((normalization.mean[0], normalization.std[0]), (constant.into(), 1.0));
            // Deviations that are no normal number are taken for 0.
            assert_eq!(normalization.std[1] == 1.0, other < 1e-40);
            let mut x = vec![f32::NAN; 2 * n];
            set.fill(&indices, &normalization, None, &mut x, &mut vec![0; n]);
            assert!(x.iter().step_by(2).all(|&value| value == 0.0), "{constant}");
            assert!(x.iter().all(|value| value.is_finite()), "{other}");
        }
    }
    let set = Dataset::new([1, 2, 2], Samples::U8(vec![9; 8]), vec![0, 1], 2).unwrap();
    assert_eq!(Normalization::fit(&set, &[0, 1]).std, [1.0]);
}

/// What varies by too little for an f32 is told from what is constant, and from a deviation of 1.
#[test]
fn a_feature_that_is_lost_in_f32_is_found() {
    let lost = |values: [f64; 4]| {
        let table = values.iter().flat_map(|&value| [7.0, value]).collect();
        let set = Dataset::new([2, 1, 1], Samples::F64(table), vec![0; 4], 1).unwrap();
        let indices = [0, 1, 2, 3];
        let fitted = [Normalization::fit, Normalization::fit_uncentered].map(|fit| {
            let normalization = fit(&set, &indices);
            normalization.lost(&set, &indices)
        });
        assert_eq!(fitted[0], fitted[1], "{values:?}");
        assert_eq!(Normalization::fit(&set, &[0]).lost(&set, &[0]), None);
        fitted[0]
    };
    for tiny in [1e-40, 1e-200, 1e-320] {
        assert_eq!(lost([tiny, 6.0 * tiny, tiny, 2.0 * tiny]), Some(1), "{tiny}");
    }
    for known in [[1e-36, 6e-36, 1e-36, 2e-36], [1e-40; 4], [-1.0, 1.0, -1.0, 1.0]] {
        assert_eq!(lost(known), None, "{known:?}");
    }
}

#[test]
fn statistics_of_no_sample_are_the_identity() {
    let set = images(2, [1, 2, 2]);
    assert_eq!(Normalization::fit(&set, &[]), Normalization::identity(&set));
    assert_eq!(Normalization::identity(&set).scale, 1.0 / 255.0);
}

#[test]
fn a_flip_of_probability_one_mirrors_every_image() {
    let set = images(3, [2, 3, 5]);
    let augment = Augment { flip: 1.0, shift: 0 };
    let mut random = Random::new(1);
    let mut x = vec![0.0; 3 * 30];
    set.fill(&[0, 1, 2], &as_is(&set), Some((&augment, &mut random)), &mut x, &mut [0; 3]);
    for (sample, y) in x.chunks_exact(30).enumerate() {
        let raw = raw(&set, sample);
        for (k, &got) in y.iter().enumerate() {
            let (row, column) = (k / 5, k % 5);
            assert_eq!(got, raw[row * 5 + 4 - column]);
        }
    }
}

/// Every augmented image is one of the flips and shifts of a naive oracle, and each of these comes.
#[test]
fn augmented_images_are_all_shifts_and_flips_of_the_image() {
    let shape @ [c, h, w] = [2, 4, 3];
    let set = images(1, shape);
    let raw = raw(&set, 0);
    let mut candidates = Vec::new();
    for flipped in [false, true] {
        for down in -2..=2_isize {
            for right in -2..=2_isize {
                let mut y = vec![0.0; c * h * w];
                for (k, y) in y.iter_mut().enumerate() {
                    let (channel, row, column) = (k / (h * w), k / w % h, k % w);
                    let row = row.wrapping_add_signed(-down);
                    let column = column.wrapping_add_signed(-right);
                    if row < h && column < w {
                        let column = if flipped { w - 1 - column } else { column };
                        *y = raw[(channel * h + row) * w + column];
                    }
                }
                candidates.push((y, 0));
            }
        }
    }
    let augment = Augment { flip: 0.5, shift: 2 };
    let mut random = Random::new(3);
    let mut x = vec![f32::NAN; c * h * w];
    for _ in 0..20_000 {
        x.fill(f32::NAN);
        set.fill(&[0], &as_is(&set), Some((&augment, &mut random)), &mut x, &mut [0]);
        let found = candidates.iter_mut().find(|(y, _)| *y == x);
        found.unwrap_or_else(|| panic!("{x:?} is no shift of {raw:?}")).1 += 1;
    }
    // 50 of them, 400 times each, with a deviation of 20.
    assert!(candidates.iter().all(|(_, count)| (300..500).contains(count)));
}

#[test]
fn padding_is_black_before_the_normalisation() {
    let set = images(1, [1, 2, 2]);
    let normalization = Normalization { scale: 1.0, mean: vec![10.0], std: vec![2.0] };
    // So far that nothing but padding is left, and no offset overflows.
    for shift in [1 << 40, usize::MAX] {
        let augment = Augment { flip: 0.5, shift };
        let mut random = Random::new(2);
        let mut x = vec![0.0; 4];
        for _ in 0..100 {
            set.fill(&[0], &normalization, Some((&augment, &mut random)), &mut x, &mut [0]);
            assert_eq!(x, [-5.0; 4]);
        }
    }
}

#[test]
fn augmentation_resumes_from_a_state() {
    let set = images(4, [1, 6, 6]);
    let augment = Augment { flip: 0.5, shift: 2 };
    let fill = |random: &mut Random| {
        let mut x = vec![0.0; 4 * 36];
        set.fill(&[0, 1, 2, 3], &as_is(&set), Some((&augment, random)), &mut x, &mut [0; 4]);
        x
    };
    let mut random = Random::new(4);
    fill(&mut random);
    let state = random.state();
    assert_eq!(fill(&mut random), fill(&mut Random::from_state(state)));
}

#[test]
fn fill_allocates_nothing() {
    let set = images(8, [3, 8, 8]);
    let normalization = Normalization::fit(&set, &[0, 1]);
    let mut random = Random::new(4);
    let augment = Augment { flip: 0.5, shift: 2 };
    let mut x = vec![0.0; 8 * 192];
    let mut labels = [0; 8];
    let (_, calls, _) = count(|| {
        for _ in 0..10 {
            let indices = [0, 1, 2, 3, 4, 5, 6, 7];
            set.fill(&indices, &normalization, None, &mut x, &mut labels);
            let augmentation = Some((&augment, &mut random));
            set.fill(&indices, &normalization, augmentation, &mut x, &mut labels);
        }
    });
    assert_eq!(calls, 0);
}

#[test]
fn a_dataset_that_does_not_fit_is_refused() {
    let new = |shape, values, labels: &[u32], classes| {
        Dataset::new(shape, Samples::F32(values), labels.to_vec(), classes)
    };
    let text = |result: Result<Dataset, DataError>| result.unwrap_err().to_string();
    assert!(new([1, 1, 2], vec![1.0; 4], &[0, 1], 2).is_ok());
    assert!(text(new([1, 1, 2], vec![1.0; 3], &[0, 1], 2)).contains("found 3 values"));
    assert!(text(new([1, 1, 2], vec![1.0; 4], &[0, 2], 2)).starts_with("sample 1: "));
    assert!(text(new([1, 1, 2], vec![], &[], 2)).contains("labels"));
    assert!(text(new([1, 0, 2], vec![], &[0], 2)).contains("1 x 0 x 2"));
    assert!(new([usize::MAX, 2, 2], vec![], &[0], 2).is_err());
    assert!(new([usize::MAX, 1, 1], vec![1.0], &[0, 0], 2).is_err());
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(text(new([2, 1, 1], vec![1.0, 2.0, 3.0, bad], &[0, 1], 2)).starts_with("sample 1"));
    }
    let set = new([1, 1, 2], vec![1.0; 4], &[0, 1], 2).unwrap();
    assert!(set.clone().with_class_names(vec!["one".into()]).is_err());
    let named = set.with_class_names(vec!["no".into(), "yes".into()]).unwrap();
    assert_eq!(named.class_names(), ["no", "yes"]);
}

#[test]
fn an_augmentation_that_makes_no_sense_is_refused() {
    let check = |flip, shift, shape| Augment { flip, shift }.check(shape);
    assert!(check(0.0, 0, [9, 1, 1]).is_ok());
    assert!(check(1.0, 2, [1, 3, 4]).is_ok());
    for flip in [-0.1, 1.1, f32::NAN] {
        assert!(check(flip, 0, [1, 3, 4]).is_err());
    }
    assert!(check(0.0, 3, [1, 3, 4]).is_err());
    assert!(check(0.0, 1, [9, 1, 1]).is_err());
    assert!(check(0.5, 0, [9, 1, 1]).is_err());
}

#[test]
#[should_panic(expected = "fill: x has 3 elements, 1 samples of 4 values need 4")]
fn fill_names_the_argument_that_does_not_fit() {
    let set = images(1, [1, 2, 2]);
    set.fill(&[0], &as_is(&set), None, &mut [0.0; 3], &mut [0]);
}

#[test]
#[should_panic(expected = "fill: index 1 of 1 samples")]
fn fill_refuses_an_index_past_the_end() {
    let set = images(1, [1, 2, 2]);
    set.fill(&[1], &as_is(&set), None, &mut [0.0; 4], &mut [0]);
}
