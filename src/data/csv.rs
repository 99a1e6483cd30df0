//! Tables from CSV files: one sample a line, one column of labels, numbers in all others.
//!
//! The cells of the label column are names of classes, or whole numbers. The distinct ones, sorted
//! (numbers by value, names by letter), are the classes 0, 1, 2 and so on; [`Dataset::class_names`]
//! keeps what stood in the file.
//!
//! The reader below counts lines wrongly after `\r\n` and after empty lines, but bytes rightly. So while
//! a table is read, `line` in a [`Place`] is the byte at which its record starts; the line is counted
//! only when there is an error to tell, by `line_at`.

use super::input::open_file;
use super::{DataError, Dataset, Place, Samples};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// The column of labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// The column of this name in the header.
    Name(String),
    /// The column of this number, from 0.
    Index(usize),
    /// The last column.
    Last,
}

/// What the first line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The names of the columns.
    Present,
    /// A sample.
    Absent,
}

/// More classes than this are a column of measurements or of keys, not of labels.
const MAX_CLASSES: usize = 10_000;

/// Reads a table of `F` features and a label a line to samples `[F, 1, 1]`. Cells are separated by
/// commas; spaces around them and empty lines do not count.
///
/// # Errors
/// If the file cannot be read, the label column is not there, a line has another number of cells than
/// the first, a cell is empty or no finite number, or there are fewer than two classes.
pub fn read(path: impl AsRef<Path>, label: &Label, header: Header) -> Result<Dataset, DataError> {
    let path = path.as_ref();
    let result = open_file(path).and_then(|(file, _)| read_table(file, label, header));
    result.map_err(|error| match File::open(path) {
        Ok(file) => at_its_line(error, BufReader::new(file)).in_file(path),
        Err(_) => error.in_file(path),
    })
}

/// Reads a table that is in memory, as [`read`] does.
///
/// # Errors
/// As [`read`], but for those of the disk.
///
/// ```
/// use proxtape::data::csv::{self, Header, Label};
/// let table = b"length,width,kind\n5.1,3.5,setosa\n7.0,3.2,versicolor\n";
/// let set = csv::parse(table, &Label::Name("kind".into()), Header::Present)?;
/// assert_eq!((set.len(), set.shape()), (2, [2, 1, 1]));
/// assert_eq!(set.class_names(), ["setosa", "versicolor"]);
/// # Ok::<(), proxtape::data::DataError>(())
/// ```
pub fn parse(table: &[u8], label: &Label, header: Header) -> Result<Dataset, DataError> {
    read_table(table, label, header).map_err(|error| at_its_line(error, table))
}

/// The error with the line in its place, for the byte that stands there.
fn at_its_line(error: DataError, table: impl BufRead) -> DataError {
    let place = match error.place() {
        Place::Line(byte) => Place::Line(line_at(table, byte)),
        Place::Cell { line, column } => Place::Cell { line: line_at(table, line), column },
        place => place,
    };
    error.at(place)
}

/// The line on which a record starts: the first that is not empty, from `byte` on.
fn line_at(table: impl BufRead, byte: u64) -> u64 {
    let mut line = 1;
    let mut previous = 0;
    // A file that cannot be read again gives the last line that could.
    for (at, current) in (0..).zip(table.bytes().map_while(Result::ok)) {
        match (previous, current) {
            (b'\r', b'\n') => {}
            (_, b'\r' | b'\n') => line += 1,
            _ if at >= byte => break,
            _ => {}
        }
        previous = current;
    }
    line
}

fn read_table(table: impl Read, label: &Label, header: Header) -> Result<Dataset, DataError> {
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true) // The check of the width is below, with the place and the advice.
        .trim(::csv::Trim::All)
        .from_reader(table);
    let mut record = ::csv::ByteRecord::new();
    let mut rows: Option<Table> = None;
    while reader.read_byte_record(&mut record).map_err(unreadable)? {
        if record.len() == 1 && record[0].is_empty() {
            continue; // Nothing but spaces.
        }
        let line = record.position().map_or(0, ::csv::Position::byte);
        match &mut rows {
            Some(rows) => rows.push(&record, line)?,
            None => {
                let mut new = Table::new(&record, line, label, header)?;
                if header == Header::Absent {
                    new.push(&record, line)?;
                }
                rows = Some(new);
            }
        }
    }
    match rows {
        Some(rows) if !rows.labels.is_empty() => rows.finish(),
        _ => {
            let expected = "a line for each sample";
            let advice = "name a table, and say whether its first line is a header";
            Err(DataError::new(Place::Whole, expected, "no sample", advice))
        }
    }
}

fn unreadable(error: ::csv::Error) -> DataError {
    let line = error.position().map_or(0, ::csv::Position::byte);
    let advice = "check that the file is a table in text form";
    DataError::new(Place::Line(line), "a line of cells", error.to_string(), advice)
}

/// The samples so far.
struct Table {
    width: usize,
    label_column: usize,
    /// The names of the columns, or none.
    names: Vec<String>,
    values: Vec<f32>,
    /// Classes by the order of their first line.
    labels: Vec<u32>,
    classes: Vec<Class>,
    class_of: HashMap<String, u32>,
}

struct Class {
    name: String,
    line: u64,
}

impl Table {
    /// An empty table that is as wide as its first line.
    fn new(
        first: &::csv::ByteRecord,
        line: u64,
        label: &Label,
        header: Header,
    ) -> Result<Self, DataError> {
        let width = first.len();
        let names: Vec<String> = match header {
            Header::Present => {
                first.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
            }
            Header::Absent => Vec::new(),
        };
        if width < 2 {
            let advice = "separate the cells by commas";
            let expected = "two or more columns: features and a label";
            return Err(DataError::new(Place::Line(line), expected, "one", advice));
        }
        let label_column = match label {
            Label::Last => width - 1,
            Label::Index(index) if *index < width => *index,
            Label::Index(index) => {
                let expected = format!("a label column below {width}, counted from 0");
                let advice = "name another column";
                let found = index.to_string();
                return Err(DataError::new(Place::Line(line), expected, found, advice));
            }
            Label::Name(name) => named_column(&names, name, line)?,
        };
        Ok(Self {
            width,
            label_column,
            names,
            values: Vec::new(),
            labels: Vec::new(),
            classes: Vec::new(),
            class_of: HashMap::new(),
        })
    }

    /// Adds a sample.
    fn push(&mut self, record: &::csv::ByteRecord, line: u64) -> Result<(), DataError> {
        if record.len() != self.width {
            let expected = format!("{} cells, as in the first line", self.width);
            let found = record.len().to_string();
            let advice = "complete the line or remove it; a cell with a comma needs quotes";
            return Err(DataError::new(Place::Line(line), expected, found, advice));
        }
        for (column, cell) in record.iter().enumerate() {
            if column == self.label_column {
                self.push_label(cell, line)?;
            } else {
                let value = number(cell).ok_or_else(|| self.not_a_number(column, cell, line))?;
                self.values.push(value);
            }
        }
        Ok(())
    }

    fn push_label(&mut self, cell: &[u8], line: u64) -> Result<(), DataError> {
        let refuse = |expected: &str, advice: &str| {
            let place = Place::Cell { line, column: self.label_column as u64 + 1 };
            Err(DataError::new(place, expected, quoted(cell), advice))
        };
        let name = match std::str::from_utf8(cell) {
            Ok(name) => name,
            Err(_) => return refuse("a label in UTF-8", "save the file as UTF-8"),
        };
        let gap = name.is_empty() || name.parse::<f64>().is_ok_and(|value| !value.is_finite());
        if gap {
            return refuse("a label", "fill the gap or remove the line");
        }
        let class = match self.class_of.get(name) {
            Some(&class) => class,
            None if self.classes.len() == MAX_CLASSES => {
                let expected = format!("at most {MAX_CLASSES} different labels");
                return refuse(&expected, "name the column that holds the labels");
            }
            None => {
                let class = self.classes.len() as u32;
                self.class_of.insert(name.to_string(), class);
                self.classes.push(Class { name: name.to_string(), line });
                class
            }
        };
        self.labels.push(class);
        Ok(())
    }

    fn not_a_number(&self, column: usize, cell: &[u8], line: u64) -> DataError {
        let expected = match self.names.get(column) {
            Some(name) => format!("a finite number for {}", quoted(name.as_bytes())),
            None => "a finite number".to_string(),
        };
        let advice = match self.names.is_empty() && self.labels.is_empty() {
            true => "if the first line is a header, say so",
            false => "fill gaps, turn words into numbers, or remove the column",
        };
        let place = Place::Cell { line, column: column as u64 + 1 };
        DataError::new(place, expected, quoted(cell), advice)
    }

    /// The dataset, with the classes in their final order.
    fn finish(mut self) -> Result<Dataset, DataError> {
        let (names, class_of) = self.sorted_classes()?;
        if names.len() < 2 {
            let expected = "two or more classes";
            let found = format!("only {}", quoted(names[0].as_bytes()));
            let advice = "name the column that holds the labels";
            return Err(DataError::new(Place::Whole, expected, found, advice));
        }
        for label in &mut self.labels {
            *label = class_of[*label as usize];
        }
        let shape = [self.width - 1, 1, 1];
        Dataset::new(shape, Samples::F32(self.values), self.labels, names.len())?
            .with_class_names(names)
    }

    /// The names of the classes in order, and the place in it of each class so far. If all names are
    /// numbers they go by value, so that `1` and `1.0` are one class; they must be whole then, since
    /// others would be measurements.
    fn sorted_classes(&self) -> Result<(Vec<String>, Vec<u32>), DataError> {
        let numbers: Option<Vec<f64>> =
            self.classes.iter().map(|class| class.name.parse().ok()).collect();
        let Some(numbers) = numbers else {
            return Ok(ranks(self.classes.iter().map(|class| class.name.clone()).collect()));
        };
        // Whole and exact in both f64 and i64.
        let whole = |value: f64| value.fract() == 0.0 && value.abs() < 9e15;
        if let Some(at) = numbers.iter().position(|&value| !whole(value)) {
            let Class { name, line } = &self.classes[at];
            let place = Place::Cell { line: *line, column: self.label_column as u64 + 1 };
            let advice = "name the column that holds the labels; regression is not supported";
            let expected = "a label: a name or a whole number";
            return Err(DataError::new(place, expected, quoted(name.as_bytes()), advice));
        }
        let (numbers, ranks) = ranks(numbers.into_iter().map(|value| value as i64).collect());
        Ok((numbers.iter().map(i64::to_string).collect(), ranks))
    }
}

/// The distinct keys in order, and the place of each key among them.
fn ranks<K: Ord + Clone>(keys: Vec<K>) -> (Vec<K>, Vec<u32>) {
    let mut distinct = keys.clone();
    distinct.sort();
    distinct.dedup();
    let rank = |key| distinct.binary_search(key).unwrap_or_default() as u32;
    let places = keys.iter().map(rank).collect();
    (distinct, places)
}

/// The one column of the name.
fn named_column(names: &[String], wanted: &str, line: u64) -> Result<usize, DataError> {
    let mut columns = (0..names.len()).filter(|&column| names[column] == wanted);
    let first = columns.next();
    if let (Some(column), None) = (first, columns.next()) {
        return Ok(column);
    }
    let (found, advice) = match first {
        Some(_) => ("two of them".to_string(), "give the column by its number"),
        None if names.is_empty() => {
            ("no header".to_string(), "say that there is a header, or give the column's number")
        }
        None => {
            let shown: Vec<_> = names.iter().take(10).map(|name| quoted(name.as_bytes())).collect();
            let more = if names.len() > shown.len() { ", .." } else { "" };
            (format!("{}{more}", shown.join(", ")), "name one of these columns")
        }
    };
    let expected = format!("one column named {}", quoted(wanted.as_bytes()));
    Err(DataError::new(Place::Line(line), expected, found, advice))
}

fn number(cell: &[u8]) -> Option<f32> {
    let value: f32 = std::str::from_utf8(cell).ok()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// A cell as a message shows it: a binary file may have one of a gigabyte.
fn quoted(cell: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&cell[..cell.len().min(40)]);
    let more = if cell.len() > 40 { ".." } else { "" };
    if cell.is_empty() { "an empty cell".to_string() } else { format!("{shown:?}{more}") }
}
