use super::{notes, read};
use proxtape::data::csv::{self, Header, Label, Options};
use proxtape::data::{Dataset, Normalization, Samples};

fn filled(set: &Dataset, normalization: &Normalization) -> Vec<f32> {
    let indices: Vec<u32> = (0..set.len() as u32).collect();
    let mut x = vec![f32::NAN; set.len() * set.sample_len()];
    set.fill(&indices, normalization, None, &mut x, &mut vec![0; set.len()]);
    x
}

fn all(set: &Dataset) -> Vec<u32> {
    (0..set.len() as u32).collect()
}

/// As f32 these seconds are multiples of 128.
#[test]
fn large_close_numbers_stay_apart() {
    let set = csv::parse(include_bytes!("../tables/time.csv"), &Options::default()).unwrap().train;
    let Samples::F64(raw) = set.samples() else { panic!("tables are f64") };
    let x = filled(&set, &Normalization::fit(&set, &all(&set)));
    let seconds = raw.iter().step_by(2);
    let n = set.len() as f64;
    // Distances from the first one are small whole numbers, so this oracle rounds nowhere else.
    let away: Vec<f64> = seconds.map(|second| second - raw[0]).collect();
    let mean = away.iter().sum::<f64>() / n;
    let std = (away.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / n).sqrt();
    for (x, away) in x.iter().step_by(2).zip(&away) {
        assert!((f64::from(*x) - (away - mean) / std).abs() < 1e-6, "{x} at {away}");
    }
    let distinct = |values: Vec<f64>| {
        let mut values = values;
        values.sort_by(f64::total_cmp);
        values.dedup();
        values.len()
    };
    let values: Vec<f64> = x.iter().step_by(2).map(|&x| x.into()).collect();
    assert_eq!(distinct(values), distinct(away), "each second is a number of its own");
}

#[test]
fn a_constant_column_of_any_size_becomes_zero() {
    for constant in ["0", "0.1", "1700000000.1", "-3e38", "1e-300"] {
        let text: String = (0..999).map(|k| format!("{constant},{k},{}\n", k % 2)).collect();
        let set = read(&text, &Label::Last, Header::Absent).unwrap();
        for normalization in
            [Normalization::fit(&set, &all(&set)), Normalization::fit_uncentered(&set, &all(&set))]
        {
            assert_eq!(normalization.mean[0], constant.parse::<f64>().unwrap());
            let x = filled(&set, &normalization);
            assert!(x.iter().step_by(2).all(|&value| value == 0.0), "{constant}");
        }
    }
}

/// An ordinary mean is that of an f32, so that programs in f32 compute the same.
#[test]
fn a_mean_is_an_f32_where_that_does_no_harm() {
    let text: String = (0..300).map(|k| format!("0.{k},199{}.1,{}\n", k % 7, k % 2)).collect();
    let set = read(&text, &Label::Last, Header::Absent).unwrap();
    for mean in Normalization::fit(&set, &all(&set)).mean {
        assert_eq!(mean, f64::from(mean as f32));
    }
}

/// What is far from 0 for its spread would be a second bias, 1 throughout.
#[test]
fn uncentered_keeps_zeros_where_there_are_some() {
    let rows = |k: u32| format!("{},{},{},{}\n", k % 3, 1_700_000_000 + k, 7, k % 2);
    let text: String = (0..300).map(rows).collect();
    let set = read(&text, &Label::Last, Header::Absent).unwrap();
    let uncentered = Normalization::fit_uncentered(&set, &all(&set));
    let centred = Normalization::fit(&set, &all(&set));
    assert_eq!(uncentered.mean[0], 0.0);
    assert!((f64::from(uncentered.std[0]) - (5.0_f64 / 3.0).sqrt()).abs() < 1e-6);
    assert_eq!(uncentered.mean[1..], centred.mean[1..]);
    assert_eq!(uncentered.std[1..], centred.std[1..]);
    assert_eq!(centred.coarse_in_f32(), Some(1));
    assert_eq!(Normalization::identity(&set).coarse_in_f32(), None);
    assert_eq!(*set.in_f32().samples(), {
        let row = |k: u32| [(k % 3) as f32, (1_700_000_000 + k) as f32, 7.0];
        Samples::F32((0..300).flat_map(row).collect())
    });
}

/// Nanoseconds since 1970 are multiples of 256 in an f64.
#[test]
fn numbers_of_more_digits_than_are_kept_are_told() {
    let told = |x: [&str; 2]| {
        let [a, b] = x;
        let rows = format!("x,t,kind\n1,{a},a\n2,{b},b\n3,{a},a\n4,{b},b\n");
        notes(&rows, &Label::Last)[1..].to_vec()
    };
    for pair in [
        ["1700000000000000000", "1700000000000000060"],
        ["1700000000000000000", "1700000000000009999"],
        ["9007199254740992", "9007199254740993"],
        ["10000000000000000.0", "10000000000000001.0"],
        ["1234567890.123456780", "1234567890.123456781"],
        ["1.00000000000000000001e25", "1.00000000000000000002e25"],
        ["-0.10000000000000000001", "-0.1"],
    ] {
        let told = told(pair).concat();
        assert!(told.starts_with("column \"t\": numbers have more digits"), "{pair:?}: {told}");
    }
    for pair in [
        ["9007199254740992", "9007199254740990"],
        // As programs write it that write all digits of an f64.
        ["1.000000000000000056e-01", "2.000000000000000111e-01"],
        ["1234567890.123456780", "1234567891.123456780"],
    ] {
        let told: Vec<_> = told(pair).into_iter().filter(|note| note.contains("\"t\"")).collect();
        assert!(told.is_empty(), "{pair:?}: {told:?}");
    }
    for pair in [["1.50000000000000000", "1.5"], ["100000000000000000000", "1e20"]] {
        let told = told(pair).concat();
        assert!(told.starts_with("column \"t\" is constant"), "{pair:?}: {told}");
    }
}
