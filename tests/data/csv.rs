mod dialect;
mod header;
mod precision;
mod quotes;
mod schema;

use crate::{assert_tells, assert_tells_file};
use proxtape::data::csv::{self, Header, Label, Options};
use proxtape::data::{DataError, Dataset, Place, Samples};
use proxtape::random::Random;
use std::fs;
use tempfile::TempDir;

fn read(text: impl AsRef<[u8]>, label: &Label, header: Header) -> Result<Dataset, DataError> {
    let options = Options { label: label.clone(), header, expected: None };
    let result = csv::parse(text.as_ref(), &options).map(|source| source.train);
    if let Err(error) = &result {
        assert_tells(&error.to_string());
    }
    result
}

fn notes(text: &str, label: &Label) -> Vec<String> {
    let options = Options { label: label.clone(), ..Options::default() };
    csv::parse(text.as_bytes(), &options).unwrap().notes
}

#[track_caller]
fn assert_refused(text: &str, header: Header, place: Place) -> DataError {
    let error = read(text, &Label::Last, header).expect_err(text);
    assert_eq!(error.place(), place, "{text:?}: {error}");
    error
}

fn cell(line: u64, column: u64) -> Place {
    Place::Cell { line, column }
}

const IRIS: &str = "length,width,kind\n5.1,3.5,setosa\n7.0,3.2,versicolor\n6.3,-33e-1,setosa\n";

#[test]
fn a_table_is_read_by_name_by_index_and_as_the_last_column() {
    for label in [Label::Name("kind".into()), Label::Index(2), Label::Last] {
        let set = read(IRIS, &label, Header::Present).unwrap();
        assert_eq!((set.len(), set.shape(), set.classes()), (3, [2, 1, 1], 2));
        assert_eq!(set.labels(), [0, 1, 0]);
        assert_eq!(set.class_names(), ["setosa", "versicolor"]);
        assert_eq!(set.scale(), 1.0);
        assert_eq!(*set.samples(), Samples::F64(vec![5.1, 3.5, 7.0, 3.2, 6.3, -3.3]));
    }
}

#[test]
fn the_label_may_stand_anywhere() {
    for column in 0..3 {
        let rows = [["1", "2"], ["3", "4"]].iter().zip(["b", "a"]);
        let text: String = rows
            .map(|(row, label)| {
                let mut row = row.to_vec();
                row.insert(column, label);
                row.join(",") + "\n"
            })
            .collect();
        let set = read(&text, &Label::Index(column), Header::Absent).unwrap();
        assert_eq!(*set.samples(), Samples::F64(vec![1.0, 2.0, 3.0, 4.0]));
        assert_eq!(set.labels(), [1, 0]);
    }
}

#[test]
fn labels_that_are_numbers_go_by_value() {
    let set = read("0,10\n0,9\n0,-1\n0,10.0\n0,9\n", &Label::Last, Header::Absent).unwrap();
    assert_eq!(set.class_names(), ["-1", "9", "10"]);
    assert_eq!(set.labels(), [2, 1, 0, 2, 1]);
    let set = read("0,10\n0,9\n0,b\n", &Label::Last, Header::Absent).unwrap();
    assert_eq!(set.class_names(), ["10", "9", "b"], "one name makes names of all");
}

#[test]
fn spaces_quotes_line_ends_and_empty_lines_do_not_matter() {
    let plain = read("1,2,a\n3,4,b\n", &Label::Last, Header::Absent).unwrap();
    for text in [
        "1,2,a\r\n3,4,b\r\n",
        " 1 , 2 ,a\n3,4, b ",
        "\n\n1,2,a\n  \n\n3,4,b\n\n",
        "\"1\",2,\"a\"\n3,\"4\",b\n",
        "\u{feff}1,2,a\n3,4,b",
        "1,\u{a0}2,a \u{a0}\n3,4\u{a0},\u{a0} \u{a0}b\n",
        "+1,2.,a\n3e0,.4e1,b\n",
    ] {
        assert_eq!(read(text, &Label::Last, Header::Absent).unwrap(), plain, "{text:?}");
    }
}

#[test]
fn a_cell_that_is_no_finite_number_is_refused_at_its_place() {
    for bad in ["x", "", " ", "NaN", "nan", "inf", "-inf", "infinity", "1e39", "1 2", "0x1", "1;2"]
    {
        assert_refused(&format!("1,2,a\n3,{bad},b\n"), Header::Absent, cell(2, 2));
        let error =
            assert_refused(&format!("p,q,r\n1,2,a\n{bad},4,b\n"), Header::Present, cell(3, 1));
        assert!(error.expected().contains("\"p\""), "{error}");
    }
    let error = assert_refused(IRIS, Header::Absent, cell(1, 1));
    assert!(error.advice().contains("header"), "{error}");
    let error = read(b"1,2,a\n3,\xff\xfe,b\n", &Label::Last, Header::Absent).unwrap_err();
    assert_eq!(error.place(), cell(2, 2));
}

#[test]
fn separators_that_end_the_lines_are_named() {
    let error = read("x,kind,\n1,a,\n2,b,\n", &Label::Last, Header::Detect).unwrap_err();
    assert!(error.advice().contains("the last column is empty"), "{error}");
    let text = "x,kind,\n1,a,\n2,b,\n";
    let error = read(text, &Label::Name("kind".into()), Header::Detect).unwrap_err();
    assert!(error.advice().contains("the separators that end the lines"), "{error}");
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    assert_refused("1,a\n\n\n2,b\nx,a\n", Header::Absent, cell(5, 1));
    assert_refused("1,a\r\n2,b\r\nx,a\r\n", Header::Absent, cell(3, 1));
    assert_refused("1,\"a\n\"\n2,b\nx,a\n", Header::Absent, cell(4, 1));
    assert_refused("1,a\n\n\nx,b\n", Header::Absent, cell(4, 1));
    assert_refused("1,a\r\n\r\n\r\nx,b\n", Header::Absent, cell(4, 1));
    assert_refused("1,a\rx,b\r", Header::Absent, cell(2, 1));
    assert_refused("\n \n\r\nx,b\n", Header::Absent, cell(4, 1));
    assert_refused("\u{feff}1,a\nx,b", Header::Absent, cell(2, 1));
    assert_refused("1,a\n2,b\n3", Header::Absent, Place::Line(3));
}

#[test]
fn a_ragged_line_is_refused() {
    for bad in ["3,4", "3", "3,4,5,b", "3,4,b,"] {
        assert_refused(&format!("1,2,a\n{bad}\n9,9,b\n"), Header::Absent, Place::Line(2));
    }
}

#[test]
fn a_missing_or_wrong_label_is_refused_at_its_place() {
    for bad in ["", "NaN", "inf", "NA", "n/a", "null", "NULL", "?", "\u{a0}"] {
        assert_refused(&format!("1,a\n2,{bad}\n"), Header::Absent, cell(2, 2));
    }
    let error = assert_refused("1,1\n2,2\n3,2.5\n", Header::Absent, cell(3, 2));
    assert!(error.advice().contains("regression"), "{error}");
    let error = assert_refused("1;1\n2;2\n3;2,5\n", Header::Absent, cell(3, 2));
    assert!(error.advice().contains("regression"), "{error}");
    let set = read("1;1,0\n2;2\n3;1\n", &Label::Last, Header::Absent).unwrap();
    assert_eq!((set.class_names(), set.labels()), (&["1".into(), "2".into()][..], &[0, 1, 0][..]));
    assert_refused("1,1e300\n2,2\n", Header::Absent, cell(1, 2));
    let error = read(b"1,a\n2,\xff\n", &Label::Last, Header::Absent).unwrap_err();
    assert_eq!(error.place(), cell(2, 2));
    assert_refused("1,a\n2,a\n", Header::Absent, Place::Whole);
    let keys: String = (0..10_001).map(|k| format!("1,key{k}\n")).collect();
    assert_refused(&keys, Header::Absent, cell(10_001, 2));
}

#[test]
fn a_label_column_that_is_not_there_is_refused() {
    let refused = |label, header| read(IRIS, &label, header).unwrap_err();
    let error = refused(Label::Name("species".into()), Header::Present);
    assert_eq!(error.found(), "\"length\", \"width\", \"kind\"");
    refused(Label::Name("kind".into()), Header::Absent);
    refused(Label::Index(3), Header::Present);
    let error = read("a,a\n1,2\n", &Label::Name("a".into()), Header::Present).unwrap_err();
    assert_eq!(error.found(), "two of them");
}

#[test]
fn a_file_without_a_sample_is_refused() {
    for text in ["", "\n\n", "p,q\n"] {
        assert_refused(text, Header::Present, Place::Whole);
    }
    let error = assert_refused("1 2 a\n", Header::Absent, Place::Line(1));
    assert!(error.found().contains("spaces") && error.advice().contains("commas"), "{error}");
}

#[test]
fn a_file_is_read_as_its_text_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("iris.csv");
    fs::write(&path, IRIS).unwrap();
    let options = |header| Options { header, ..Options::default() };
    let set = csv::read(&path, &options(Header::Present)).unwrap().train;
    assert_eq!(set, read(IRIS, &Label::Last, Header::Present).unwrap());
    fs::write(&path, "1,a\r\n\r\nx,b").unwrap();
    let error = csv::read(&path, &options(Header::Absent)).unwrap_err();
    assert_eq!((error.place(), error.file()), (cell(3, 1), Some(&*path)));
    let missing = folder.path().join("none");
    for path in [folder.path(), &missing] {
        let error = csv::read(path, &options(Header::Absent)).unwrap_err();
        assert_tells_file(&error, path);
    }
}

#[test]
fn every_truncation_and_random_bytes_make_no_panic() {
    for len in 0..IRIS.len() {
        let _ = read(&IRIS[..len], &Label::Last, Header::Present);
    }
    let mut random = Random::new(10);
    let alphabet = b"0123456789,,,,\n\n\"\r.e-aNn \xff\x00;";
    for _ in 0..3000 {
        let len = random.below(60);
        let text: Vec<u8> =
            (0..len).map(|_| alphabet[random.below(alphabet.len() as u32) as usize]).collect();
        let label = [Label::Last, Label::Index(0), Label::Name("1".into())];
        let header = if random.below(2) == 0 { Header::Present } else { Header::Absent };
        let _ = read(&text, &label[random.below(3) as usize], header);
        let noise: Vec<u8> = (0..len).map(|_| random.next_u32() as u8).collect();
        let _ = read(&noise, &Label::Last, header);
    }
}
