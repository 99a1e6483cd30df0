use super::{assert_refused, cell, notes, read};
use proxtape::data::Place;
use proxtape::data::csv::{Header, Label};

/// The number of samples, and whether the note calls the first line a header.
fn decided(text: &str, label: &Label) -> (usize, bool) {
    let set = read(text, label, Header::Detect).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let notes = notes(text, label);
    let header = notes[0].contains("the first line is a header");
    assert_ne!(header, notes[0].contains("the first line is a sample"), "{notes:?}");
    (set.len(), header)
}

#[test]
fn a_first_line_of_numbers_is_a_sample() {
    let text = include_str!("../tables/no-header.csv");
    assert_eq!(decided(text, &Label::Index(0)), (text.lines().count(), false));
    for text in
        ["5.1,3.5,a\n4,3,b\n5,3,a\n", "5,2\n3,1\n4,2\n", "7,3\n1,0\n2,1\n", "1,7\n0,2\n2,1\n"]
    {
        assert_eq!(decided(text, &Label::Last), (3, false), "{text:?}");
    }
    // One with a gap is no header either.
    assert_refused("5,,a\n1,2,b\n2,3,a\n", Header::Detect, cell(1, 2));
    for gap in ["NA", "", "?", "nan"] {
        let text = format!("{gap},{gap},a\n1,2,b\n2,3,a\n");
        assert_refused(&text, Header::Detect, cell(1, 1));
    }
    // Too few for columns that are numbered.
    assert_eq!(decided("0,1,9\n0,0,2\n1,0,3\n", &Label::Last), (3, false));
    assert_eq!(decided("9,0,1\n2,0,0\n3,1,0\n", &Label::Index(0)), (3, false));
    // In the order of the file.
    let set = read("5,a\n6,b\n7,a\n", &Label::Last, Header::Detect).unwrap();
    assert_eq!(set, read("5,a\n6,b\n7,a\n", &Label::Last, Header::Absent).unwrap());
}

#[test]
fn a_first_line_of_names_is_a_header() {
    for (text, label) in [
        ("x,y,kind\n1,2,a\n3,4,b\n", Label::Last),
        ("x,y,kind\n1,2,0\n3,4,1\n", Label::Last),
        ("kind,x,y\n0,1,2\n1,3,4\n", Label::Index(0)),
        ("kind,x,y\n0,1,2\n1,3,4\n", Label::Name("kind".into())),
        (",y,kind\n1,2,a\n3,4,b\n", Label::Last),
        // Columns that are numbered, some or all of them.
        ("0,1,2,kind\n7,2,4,a\n3,4,5,b\n", Label::Last),
        ("1,2,3,label\n7,2,4,0\n3,4,5,1\n", Label::Last),
        ("id,2019,kind\n7,2,a\n3,4,b\n", Label::Last),
    ] {
        assert_eq!(decided(text, &label), (2, true), "{text:?}");
    }
}

#[test]
fn a_first_line_that_may_be_both_is_refused() {
    for text in [
        // Numbers as names, or the only sample of its class.
        "5.1,3.5,setosa\n7,3,b\n6,3,c\n",
        "2019,2020,kind\n7,2,a\n3,4,b\n",
        "2019,2020,kind\n7,2,0\n3,4,1\n",
        "0,1,kind\n7,2,a\n3,4,b\n",
        "0,bee\n7,owl\n3,cat\n",
        // The columns of a table without names, or a sample.
        "0,1,2\n7,3,2\n6,3,1\n",
        "0,1,2\n7,3,a\n6,3,b\n",
        "1,2,3,4\n7,3,1,0\n6,3,2,1\n",
    ] {
        let error = assert_refused(text, Header::Detect, Place::Line(1));
        assert!(error.advice().contains("header"), "{error}");
        for header in [Header::Present, Header::Absent] {
            read(text, &Label::Last, header).unwrap();
        }
    }
}

#[test]
fn gaps_make_no_header() {
    for text in [
        "1.5,2.5,\n1,2,0\n2,3,1\n",
        "1.5,NA\n1,0\n2,1\n",
        ",,cat\n1,2,a\n2,3,b\n",
        "?,cat\n1,a\n2,b\n",
    ] {
        let error = assert_refused(text, Header::Detect, Place::Line(1));
        assert!(error.advice().contains("header"), "{error}");
    }
}

#[test]
fn notes_tell_what_was_decided_and_what_looks_odd() {
    let text = "x,,z,kind\n1,2,3,b\n4,2,6,a\n7,2,9,a\n";
    assert_eq!(
        notes(text, &Label::Last),
        [
            "4 columns, label \"kind\" (the last), 2 classes: \"a\", \"b\"; the first line is a header",
            "columns without a name are called \"column 2\"",
            "class \"b\" has one sample, which only one part of a split can have",
            "column \"column 2\" is constant and tells nothing",
        ]
    );
    let told = notes("b,1\na,2\nb,3\na,4\n", &Label::Index(0));
    assert!(told[0].contains("(number 0, counted from 0)"), "{told:?}");
    assert!(told[0].contains("there is no header"), "{told:?}");
    assert_eq!(told.len(), 1);
    let told = notes("x,x,kind\n1,2,a\n3,4,b\n1,1,a\n0,4,b\n", &Label::Last);
    assert!(told[1].contains("two columns named \"x\""), "{told:?}");
}

#[test]
fn columns_keep_their_names() {
    let set = read("kind,x,y\na,1,2\nb,3,4\n", &Label::Index(0), Header::Present).unwrap();
    let columns = set.columns().unwrap();
    assert_eq!((&columns.features[..], &*columns.label), (&["x".into(), "y".into()][..], "kind"));
    let set = read("a,1,2\nb,3,4\n", &Label::Index(0), Header::Absent).unwrap();
    let columns = set.columns().unwrap();
    assert_eq!(columns.features, ["column 2", "column 3"]);
    assert_eq!(columns.label, "column 1");
}
