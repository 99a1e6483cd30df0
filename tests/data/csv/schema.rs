use super::cell;
use crate::assert_tells;
use proxtape::data::csv::{self, Header, Label, Options};
use proxtape::data::{DataError, Dataset, Place, Schema, Source};

fn schema(text: &str) -> Schema {
    csv::parse(text.as_bytes(), &Options::default()).unwrap().train.schema()
}

fn read_for(text: &str, expected: &Schema) -> Result<Source, DataError> {
    let options = Options { expected: Some(expected.clone()), ..Options::default() };
    let result = csv::parse(text.as_bytes(), &options);
    if let Err(error) = &result {
        assert_tells(&error.to_string());
    }
    result
}

fn same(a: &Dataset, b: &Dataset) -> bool {
    a.samples() == b.samples() && a.labels() == b.labels() && a.schema() == b.schema()
}

const PLAIN: &str = include_str!("../tables/plain.csv");

#[test]
fn columns_are_found_by_name_in_any_order() {
    let plain = csv::parse(PLAIN.as_bytes(), &Options::default()).unwrap().train;
    let reordered = include_str!("../tables/reordered.csv");
    assert!(same(&read_for(reordered, &plain.schema()).unwrap().train, &plain));
    // The label in front, its index in the options notwithstanding, and other columns between.
    let turned: String = PLAIN
        .lines()
        .map(|line| {
            let mut cells: Vec<_> = line.split(',').rev().collect();
            cells.insert(2, if line.starts_with('h') { "remark" } else { "\"a, b\"" });
            cells.join(",") + "\n"
        })
        .collect();
    let source = read_for(&turned, &plain.schema()).unwrap();
    assert!(same(&source.train, &plain));
    let told = "columns that the model does not know are ignored: \"remark\"";
    assert!(source.notes.iter().any(|note| note == told), "{:?}", source.notes);
}

#[test]
fn a_missing_column_is_named() {
    let expected = schema("x,y,kind\n1,2,a\n3,4,b\n");
    for (text, missing) in [
        ("x,z,kind\n1,2,a\n", "\"y\""),
        ("x,y,sort\n1,2,a\n", "\"kind\""),
        ("x,y\n1,2\n", "\"kind\""),
        ("kind,x\na,1\n", "\"y\""),
        ("z,w,sort\n1,2,a\n", "\"x\", \"y\", \"kind\""),
        ("X,y,kind\n1,2,a\n", "\"x\""),
    ] {
        let error = read_for(text, &expected).unwrap_err();
        assert_eq!(error.place(), Place::Line(1));
        assert!(error.expected().contains(missing), "{error}");
        let first = text.split([',', '\n']).next().unwrap();
        assert!(error.found().contains(&format!("{first:?}")), "lists what is there: {error}");
    }
    let error = read_for("x,x,y,kind\n1,1,2,a\n", &expected).unwrap_err();
    assert_eq!(error.found(), "two of them");
}

#[test]
fn classes_are_those_of_the_model() {
    let expected = schema(PLAIN);
    let source = read_for(include_str!("../tables/one-class.csv"), &expected).unwrap();
    assert_eq!(source.train.class_names(), expected.class_names);
    assert!(source.train.labels().iter().all(|&label| label == 0));
    let error = read_for("h,w,d,t,kind\n1,2,3,4,owl\n1,2,3,4,emu\n", &expected).unwrap_err();
    assert_eq!(error.place(), cell(3, 5));
    assert_eq!(error.found(), "\"emu\"");
    assert!(error.expected().contains("\"cat\", \"dog\", \"owl\""), "{error}");
    // Numbers by value, in the order of the model.
    let expected = schema("x,kind\n1,2\n3,10\n4,-1\n");
    let set = read_for("x,kind\n5,10.0\n6,2\n", &expected).unwrap().train;
    assert_eq!(set.labels(), [2, 1]);
    assert!(read_for("x,kind\n5,3\n", &expected).is_err());
    assert!(read_for("x,kind\n5,2.5\n", &expected).is_err());
}

#[test]
fn columns_that_are_really_named_column_are_found_by_name() {
    let expected = schema("column 1,column 2,column 3\n1,2,a\n3,4,b\n");
    let source = read_for("column 2,column 3,column 1\n6,b,5\n", &expected).unwrap();
    assert!(same(&source.train, &read_for("5,6,b\n", &expected).unwrap().train));
}

#[test]
fn an_unused_cell_that_swallowed_lines_is_told() {
    let expected = schema("x,kind\n1,a\n3,b\n");
    let text = |cell: &str| format!("remark,x,kind\n\"{cell}\",1,a\nq,2,b\n");
    let source = read_for(&text("p,4,a\nq,5,b\r\nr"), &expected).unwrap();
    let told = "line 2, column 1: a cell in quotes goes over 3 lines";
    assert!(source.notes.iter().any(|note| note == told), "{:?}", source.notes);
    let error = read_for(&text("p,4,a\nq,5,b\r\nr\rs"), &expected).unwrap_err();
    assert_eq!(error.place(), cell(2, 1));
    assert!(error.found().contains("closes 3 later"), "{error}");
}

#[test]
fn without_names_columns_go_by_their_place() {
    let named = schema("x,y,kind\n1,2,a\n3,4,b\n");
    let unnamed = schema("7,2,a\n3,4,b\n9,9,a\n3,5,b\n");
    let unknown = Schema { columns: None, ..named.clone() };
    for (text, expected) in [
        ("1.5,2,b\n", &named),
        ("1.5,2,b\n", &unnamed),
        ("1.5,2,b\n", &unknown),
        ("q,r,s\n1.5,2,b\n", &unnamed),
        ("q,r,s\n1.5,2,b\n", &unknown),
    ] {
        let set = read_for(text, expected).unwrap().train;
        assert_eq!((set.len(), set.labels()), (1, &[1][..]), "{text:?}");
    }
    for expected in [&named, &unnamed] {
        let error = read_for("1.5,2,3,b\n", expected).unwrap_err();
        assert!(error.expected().starts_with("3 columns"), "{error}");
    }
    let note = "without a header, the columns are taken for \"x\", \"y\"";
    assert!(read_for("1.5,2,b\n", &named).unwrap().notes.iter().any(|told| told == note));
    // A name cannot be looked up in a file without names.
    let options = Options {
        label: Label::Name("kind".into()),
        header: Header::Absent,
        expected: Some(named),
    };
    assert_eq!(csv::parse(b"1,2,b\n", &options).unwrap_err().found(), "no header");
}

#[test]
fn a_model_without_names_has_classes_by_number() {
    let expected = Schema { columns: None, classes: 3, class_names: Vec::new() };
    assert_eq!(read_for("x,kind\n5,2\n6,1\n", &expected).unwrap().train.labels(), [2, 1]);
    assert!(read_for("x,kind\n5,3\n", &expected).is_err());
}
