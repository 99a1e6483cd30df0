//! Tables from CSV files: one sample a record, one column of labels, numbers in all others.
//!
//! The cells of the label column are names of classes, or whole numbers. The distinct ones, sorted
//! (numbers by value, names by letter), are the classes 0, 1, 2 and so on; [`Dataset::class_names`]
//! keeps what stood in the file. For a model that is trained already ([`Options::expected`]), columns
//! are found by their names, and the classes are those of the model.
//!
//! Text is UTF-8, or UTF-16; files may be compressed by gzip (feature `gzip`). Cells are separated by
//! commas, semicolons, tabs or bars, whichever of them gives numbers; where it is not the comma, a comma
//! is a decimal mark. Excel's first line `sep=;` names the separator. The decisions are in
//! [`Source::notes`].
//!
//! [`Dataset::class_names`]: super::Dataset::class_names

mod classes;
mod dialect;
mod header;
mod layout;
mod number;
mod record;
mod records;
mod table;
mod text;
mod unreadable;

use super::input::open_file;
use super::{DataError, Place, Schema, Source};
use records::Records;
use std::path::Path;
use table::Table;
use text::Text;

/// The column of labels.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
#[non_exhaustive]
pub enum Header {
    /// The names of the columns.
    Present,
    /// A sample.
    Absent,
    /// Whichever of these it looks like; an error, where it may be both.
    Detect,
}

/// How a table is read.
///
/// ```
/// use proxtape::data::csv::{self, Options};
/// let table = b"length,width,kind\n5.1,3.5,setosa\n7.0,3.2,versicolor\n6.3,3.3,setosa\n";
/// let trained_on = csv::parse(table, &Options::default())?.train.schema();
/// let options = Options { expected: Some(trained_on), ..Options::default() };
/// let set = csv::parse(b"kind,width,length\nversicolor,3.1,6.9\n", &options)?.train;
/// assert_eq!((set.labels(), set.class_names().len()), (&[1][..], 2));
/// # Ok::<(), proxtape::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the labels are. A column that `expected` names comes before it.
    pub label: Label,
    /// What the first line is.
    pub header: Header,
    /// The columns and classes of the model that the table is for.
    pub expected: Option<Schema>,
}

impl Default for Options {
    fn default() -> Self {
        Self { label: Label::Last, header: Header::Detect, expected: None }
    }
}

/// Reads a table of `F` features and a label a line to samples `[F, 1, 1]`. Spaces around cells and
/// empty lines do not count.
///
/// # Errors
/// If the file cannot be read or is no text, a quote is not closed, a cell in quotes goes over many
/// lines, a column is missing, a line has another number of cells than the first, a cell is empty or no
/// number of f32's range, numbers have thousands separators (also where a column seems to have them:
/// 1.010 after 986), the first line may as well be a header as a sample, or there are fewer than two
/// classes. With
/// [`Options::expected`], if there is another class than those.
pub fn read(path: impl AsRef<Path>, options: &Options) -> Result<Source, DataError> {
    let path = path.as_ref();
    let (file, _) = open_file(path)?;
    read_text(file, options).map_err(|error| error.in_file(path))
}

/// Reads a table that is in memory, as [`read`] does.
///
/// # Errors
/// As [`read`], but for those of the disk.
///
/// ```
/// use proxtape::data::csv::{self, Options};
/// let table = b"length,width,kind\n5.1,3.5,setosa\n7.0,3.2,versicolor\n";
/// let source = csv::parse(table, &Options::default())?;
/// assert_eq!((source.train.len(), source.train.shape()), (2, [2, 1, 1]));
/// assert_eq!(source.train.class_names(), ["setosa", "versicolor"]);
/// assert!(source.notes[0].contains("the first line is a header"));
/// # Ok::<(), proxtape::data::DataError>(())
/// ```
pub fn parse(table: &[u8], options: &Options) -> Result<Source, DataError> {
    read_text(table, options)
}

fn read_text<'a>(bytes: impl std::io::Read + 'a, options: &Options) -> Result<Source, DataError> {
    let text = Text::open(bytes)?;
    let dialect = text.dialect();
    let notes = text.notes.clone();
    let line = text.first_line();
    let mut records = Records::new(text.into_reader(), dialect.separator).starting_at(line);
    let Some(first) = records.next()? else {
        let expected = "a line for each sample";
        return Err(DataError::new(Place::Whole, expected, "no line at all", "name a table"));
    };
    let first = first.clone();
    let mut table = Table::new(first, options, dialect)?;
    while let Some(record) = records.next()? {
        table.push(record)?;
    }
    let mut source = table.finish()?;
    source.notes.extend(notes);
    Ok(source)
}

/// A cell as a message shows it: a binary file may have one of a gigabyte.
fn quoted(cell: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&cell[..cell.len().min(40)]);
    let more = if cell.len() > 40 { ".." } else { "" };
    if cell.is_empty() { "an empty cell".to_string() } else { format!("{shown:?}{more}") }
}

/// The first of many names, as a message shows them.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = if names.len() > 10 { ", .." } else { "" };
    let shown: Vec<_> = names.take(10).map(|name| quoted(name.as_bytes())).collect();
    shown.join(", ") + more
}
