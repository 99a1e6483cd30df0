use super::{assert_refused, cell, notes, read};
use proxtape::data::csv::{self, Header, Label, Options};
use proxtape::data::{Place, Samples};

const TABLE: &str = "x;y;kind\n0,5;-1,25;a\n3;4e0;b\n7,5;1;a\n";

#[test]
fn separators_are_found() {
    let plain = "x,y,kind\n0.5,-1.25,a\n3,4e0,b\n7.5,1,a\n";
    let plain = read(plain, &Label::Last, Header::Detect).unwrap();
    for (separator, name) in [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")] {
        for mark in [",", "."] {
            let text = TABLE.replace(',', mark).replace(';', separator);
            assert_eq!(read(&text, &Label::Last, Header::Detect).unwrap(), plain, "{text:?}");
            let told = &notes(&text, &Label::Last)[0];
            assert!(told.contains(&format!("separated by {name}")), "{told}");
            assert_eq!(told.ends_with("with decimal commas"), mark == ",", "{told}");
        }
    }
    // Without a header: commas are as many in each line as semicolons would be.
    let rows = &TABLE[9..].replace("3;4e0", "3,0;4,0").replace(";1;", ";1,0;");
    let set = read(rows, &Label::Last, Header::Detect).unwrap();
    assert_eq!(set.samples(), plain.samples());
    for (file, len) in [
        (&include_bytes!("../tables/semicolon.csv")[..], 2),
        (include_bytes!("../tables/tab.tsv"), 2),
    ] {
        let set = csv::parse(file, &Options::default()).unwrap().train;
        assert_eq!((set.sample_len(), set.classes()), (len, 2));
    }
    // A comma gives as many numbers, and labels with the other separator in them.
    for separator in [";", "\t", "|"] {
        for header in ["", "length, m;kind\n"] {
            let text = [header, "0,5;a\n1,5;b\n2,5;a\n3,5;\"a,b\"\n"].concat();
            let set = read(text.replace(';', separator), &Label::Last, Header::Detect).unwrap();
            assert_eq!(*set.samples(), Samples::F64(vec![0.5, 1.5, 2.5, 3.5]), "{text:?}");
        }
    }
    // Other separators in labels do not matter.
    let set = read("1,2,a;b\n3,4,c;d\n5,6,a;b\n", &Label::Last, Header::Detect).unwrap();
    assert_eq!((set.sample_len(), set.class_names()), (2, &["a;b".into(), "c;d".into()][..]));
    let set = read("1,2,a|b\t\n3,4,c|d\t\n", &Label::Last, Header::Absent).unwrap();
    assert_eq!(set.sample_len(), 2);
}

#[test]
fn decimal_marks_are_not_mixed() {
    let error = assert_refused("1,5;a\n2.5;b\n", Header::Absent, cell(2, 1));
    assert!(error.expected().contains("a comma") && error.expected().contains("line 1"), "{error}");
    assert_refused("0.5;a\n1,234;b\n", Header::Absent, cell(2, 1));
}

#[test]
fn thousands_separators_are_named() {
    for (text, place) in [
        ("1,a\n\"1,234\",b\n", cell(2, 1)),
        ("1,a\n\"1,234.5\",b\n", cell(2, 1)),
        ("1,a\n1 234,b\n", cell(2, 1)),
        ("1,a\n-1'234'567,b\n", cell(2, 1)),
        ("1;2;a\n3;1.234,5;b\n", cell(2, 2)),
        ("1;2;a\n3;1.234.567;b\n", cell(2, 2)),
    ] {
        let error = assert_refused(text, Header::Absent, place);
        assert!(error.advice().contains("thousands"), "{error}");
    }
    let error = assert_refused("1,a\n\"1,5\",b\n", Header::Absent, cell(2, 1));
    assert!(error.advice().contains("decimal points"), "{error}");
}

#[test]
fn fractions_that_may_be_thousands_are_noted_once() {
    let noted = |text: &str| -> Vec<String> {
        let notes = notes(text, &Label::Last).into_iter();
        notes.filter(|note| note.contains("thousands")).collect()
    };
    assert_eq!(
        noted("x;y;kind\n1.010;1.5;a\n-2.500;12.250;b\n"),
        ["column \"x\" is read as fractions: \"1.010\" has no thousands separator"]
    );
    assert_eq!(
        noted("x;y;z;kind\n1,010;12,250;1;a\n2,500;7,125;2;b\n"),
        ["2 columns are read as fractions, as \"x\": \"1,010\" has no thousands separator"]
    );
    for clear in ["x;kind\n1.010;a\n0.5;b\n", "x,kind\n1.010,a\n2.5,b\n", "x;kind\n7;a\n9;b\n"] {
        assert_eq!(noted(clear), [""; 0]);
    }
}

#[test]
fn decimal_marks_that_separate_thousands_are_refused() {
    for (separator, mark) in [(";", "."), (";", ","), ("\t", ","), ("|", ".")] {
        let rows = "x;y;kind\n1;20;a\n2;986;b\n3;1.010;a\n4;-12.345;b\n";
        let text = rows.replace('.', mark).replace(';', separator);
        let error = assert_refused(&text, Header::Detect, cell(4, 2));
        assert!(error.expected().contains("thousands separators, as on line 3"), "{error}");
        // What tells that it is a fraction.
        for (from, to) in [("986", "98"), ("12.345", "12.34"), ("12.345", "0.345")] {
            let text = rows.replace(from, to).replace('.', mark).replace(';', separator);
            read(&text, &Label::Last, Header::Detect).unwrap();
        }
    }
    read("120,a\n1.010,b\n", &Label::Last, Header::Absent).unwrap();
}

#[test]
fn utf_16_is_read() {
    let plain = csv::parse(include_bytes!("../tables/plain.csv"), &Options::default()).unwrap();
    let source = csv::parse(include_bytes!("../tables/utf16.csv"), &Options::default()).unwrap();
    assert_eq!(source.train.schema(), plain.train.schema());
    assert!(source.notes.iter().any(|note| note.contains("UTF-16")), "{:?}", source.notes);
    let text = "x,kind\n1,\u{e4}\n2,\u{1f600}\n";
    for mark in ["", "\u{feff}"] {
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let units = [mark, text].concat();
            let bytes: Vec<u8> = units.encode_utf16().flat_map(order).collect();
            let set = read(&bytes, &Label::Last, Header::Detect).unwrap();
            assert_eq!(set.class_names(), ["\u{e4}", "\u{1f600}"]);
            let error = read(&bytes[..bytes.len() - 1], &Label::Last, Header::Detect).unwrap_err();
            assert_eq!(error.place(), Place::Byte(bytes.len() as u64 - 2), "{error}");
            read(&bytes[..bytes.len() - 4], &Label::Last, Header::Detect).unwrap_err();
        }
    }
}

#[cfg(feature = "gzip")]
#[test]
fn a_compressed_table_is_read() {
    use std::io::Write;
    let plain = include_bytes!("../tables/plain.csv");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    let zipped = encoder.finish().unwrap();
    let source = csv::parse(&zipped, &Options::default()).unwrap();
    assert_eq!(source.train, csv::parse(plain, &Options::default()).unwrap().train);
    assert!(source.notes.iter().any(|note| note.contains("gzip")), "{:?}", source.notes);
    for len in 3..zipped.len() {
        read(&zipped[..len], &Label::Last, Header::Detect).unwrap_err();
    }
}

#[cfg(not(feature = "gzip"))]
#[test]
fn a_compressed_table_asks_for_the_feature() {
    let error = read(b"\x1f\x8b\x08\0", &Label::Last, Header::Detect).unwrap_err();
    assert!(error.advice().contains("feature `gzip`"), "{error}");
}

/// Wider than what is looked at first.
#[test]
fn a_wide_table_is_read() {
    for separator in [",", ";"] {
        let row = |cell: &str, label: &str| (cell.to_string() + separator).repeat(40_000) + label;
        let text = [row("x", "kind"), row("1.5", "a"), row("2.5", "b")].join("\n");
        let set = read(&text, &Label::Last, Header::Detect).unwrap();
        assert_eq!((set.len(), set.sample_len()), (2, 40_000));
    }
}

/// As Excel writes it where the comma is a decimal mark.
#[test]
fn a_first_line_may_name_the_separator() {
    let plain = read("x;y;kind\n1,5;2;a\n2,5;3;b\n", &Label::Last, Header::Detect).unwrap();
    for start in ["sep=;\r\n", "SEP=;\n", "\u{feff}sep=;\n"] {
        let text = format!("{start}x;y;kind\n1,5;2;a\n2,5;3;b\n");
        assert_eq!(read(&text, &Label::Last, Header::Detect).unwrap(), plain, "{start:?}");
    }
    // Against what the lines look like, and lines are counted with it.
    let error = read("sep=;\nx,y\n1,a\n", &Label::Last, Header::Detect).unwrap_err();
    assert_eq!(error.place(), Place::Line(2), "{error}");
    let error = read("sep=#\nx#y\n1#a\n", &Label::Last, Header::Detect).unwrap_err();
    assert_eq!((error.place(), error.found()), (Place::Line(1), "\"#\""), "{error}");
}

/// A few kilobytes of gzip may hold hundreds of millions of separators.
#[test]
fn more_columns_than_a_table_has_are_refused_early() {
    let row = ",".repeat((1 << 20) + 9000);
    let error = read(format!("{row}a\n1,2\n"), &Label::Last, Header::Detect).unwrap_err();
    assert_eq!(error.place(), Place::Line(1));
    assert!(error.expected().contains("1048576 columns"), "{error}");
    let long = format!("x,kind\n1,{}\n", "a".repeat((64 << 20) + 9000));
    let error = read(long, &Label::Last, Header::Detect).unwrap_err();
    assert_eq!(error.place(), Place::Line(2));
    assert!(error.expected().contains("64 MiB"), "{error}");
}
