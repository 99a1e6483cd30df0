use super::{assert_refused, cell, read};
use proxtape::data::Place;
use proxtape::data::csv::{Header, Label};

#[test]
fn a_quote_that_is_never_closed_is_refused_where_it_opens() {
    let text = include_str!("../tables/quote.csv");
    let line = 1 + text.lines().position(|line| line.contains('"')).unwrap() as u64;
    let error = assert_refused(text, Header::Detect, cell(line, 5));
    assert!(error.to_string().contains("quote"), "{error}");
    for (text, place) in [
        ("1,a\n2,b\n3,\"a\n4,b\n", cell(3, 2)),
        ("1,a\r\n2,\"b\r\n3,a\r\n", cell(2, 2)),
        ("1,a\r2,\"b\r3,a\r", cell(2, 2)),
        ("\"x,kind\n1,a\n2,b\n", cell(1, 1)),
        ("1,a\n2,b\n\"", cell(3, 1)),
        ("1,a\n2,\"b\"\"\n3,a\n", cell(2, 2)),
        ("1,\"a\n\"\n2,\"b\n", cell(3, 2)),
    ] {
        let error = assert_refused(text, Header::Absent, place);
        assert!(error.found().contains("end of the file"), "{error}");
    }
}

#[test]
fn text_after_a_closing_quote_is_refused() {
    for (text, place) in [
        ("1,\"a\"b\n2,c\n", cell(1, 2)),
        ("1,a\n2,\"b\" c\n", cell(2, 2)),
        ("1,a\n\"2\"3,b\n", cell(2, 1)),
        ("\"x\"y,kind\n1,a\n", cell(1, 1)),
    ] {
        assert_refused(text, Header::Absent, place);
    }
    // The next quote closes the forgotten one: the line of that one is told too.
    let error = assert_refused("1,\"a\n2,b\n3,\"c\"\n", Header::Absent, cell(3, 2));
    assert!(error.expected().contains("opens on line 1"), "{error}");
}

#[test]
fn a_quote_within_a_plain_cell_is_refused() {
    for text in ["1,a\n2,b\"\n", "1,a\n2,b\"c\n", "1,a\n2,b\"c\"\n", "1,a\n2,b\"\""] {
        assert_refused(text, Header::Absent, cell(2, 2));
    }
}

#[test]
fn a_label_that_swallowed_lines_is_refused() {
    let text = "1,a\n2,\"b\n3,a\n4,b\"\n5,a\n";
    assert_refused(text, Header::Absent, cell(2, 2));
    assert_refused("1,a\n\"2\n3\",a\n", Header::Absent, cell(2, 1));
}

#[test]
fn a_name_that_swallowed_lines_is_refused() {
    let text = "x,\"y,kind\n1,2,a\n3,4,b\",kind\n5,6,a\n7,8,b\n";
    for header in [Header::Present, Header::Detect] {
        let error = assert_refused(text, header, cell(1, 2));
        assert!(error.found().contains("opens on line 1"), "{error}");
    }
    // Empty lines count too.
    assert_refused("\"x\n\n\",kind\n1,a\n2,b\n", Header::Present, cell(1, 1));
}

#[test]
fn quotes_are_read_as_rfc_4180_has_them() {
    let set = read("1,\"a, \"\"b\"\"\"\n 2 , \"c\" \n3,\"\"\"\"\n", &Label::Last, Header::Absent);
    assert_eq!(set.unwrap().class_names(), ["\"", "a, \"b\"", "c"]);
    let set = read("\"x\ny\",kind\n1,a\n2,b\n", &Label::Last, Header::Detect).unwrap();
    assert_eq!(set.columns().unwrap().features, ["x\ny"]);
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let error = assert_refused("1,a\n2,b\n3,\0a\n", Header::Absent, cell(3, 2));
    assert!(error.found().contains("byte of 0"), "{error}");
    for header in [Header::Present, Header::Absent] {
        let bytes = b"l\xe4nge,kind\n1,\xfcber\n2,b\n";
        let bytes = if header == Header::Present { &bytes[..] } else { &bytes[11..] };
        let error = read(bytes, &Label::Last, header).unwrap_err();
        assert!(error.advice().contains("Latin-1"), "{error}");
    }
    for (start, name) in [
        (&b"PK\x03\x04....."[..], "zip"),
        (b"\xd0\xcf\x11\xe0....", "Excel"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\xff\xfe\0\0a\0\0\0", "UTF-32"),
    ] {
        let error = read(start, &Label::Last, Header::Detect).unwrap_err();
        assert!(error.found().contains(name), "{error}");
        assert_eq!(error.place(), Place::Byte(0));
    }
}
