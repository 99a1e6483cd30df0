//! From records to a dataset.

use super::classes::Classes;
use super::dialect::Dialect;
use super::header::{self, First};
use super::layout::{Layout, Role};
use super::number::{self, Column, Digits, Mark};
use super::record::Record;
use super::{Header, Label, Options, listed, quoted};
use crate::data::{DataError, Dataset, Place, Samples, Source, notes};

/// A cell that goes over more lines than this has swallowed them.
const MAX_LINES: usize = 3;

/// The samples so far.
pub(super) struct Table<'a> {
    options: &'a Options,
    dialect: Dialect,
    first: Record,
    /// What the first record is.
    kind: First,
    layout: Layout,
    values: Vec<f64>,
    /// Classes by the order of their first line.
    labels: Vec<u32>,
    classes: Classes,
    /// The decimal mark, and the line of its first number.
    mark: Option<(Mark, u64)>,
    /// How the numbers of each feature are written, where the separator leaves that open.
    written: Vec<Column>,
    /// Whether a cell was noted that goes over several lines.
    spread: bool,
    /// Of each feature.
    digits: Vec<Digits>,
}

impl<'a> Table<'a> {
    /// A table that is as wide as its first record.
    pub(super) fn new(
        first: Record,
        options: &'a Options,
        dialect: Dialect,
    ) -> Result<Self, DataError> {
        let expected = options.expected.as_ref();
        let named = expected.and_then(|schema| schema.columns.as_ref()).filter(|c| c.are_named());
        let kind = match (options.header, named, &options.label) {
            (Header::Present, ..) => First::Header,
            (Header::Absent, ..) => First::Sample,
            (Header::Detect, Some(wanted), _) => {
                header::expected(&first, wanted, dialect.separator)
            }
            // There must be names.
            (Header::Detect, None, Label::Name(_)) => First::Header,
            (Header::Detect, None, label) => {
                let label_column = match label {
                    Label::Index(index) => *index,
                    _ => first.len() - 1,
                };
                header::alone(&first, label_column, dialect.separator)
            }
        };
        let layout = Layout::new(&first, kind == First::Header, &options.label, expected)?;
        let features = layout.columns.features.len();
        let open = if dialect.separator == b',' { 0 } else { features };
        let mut table = Self {
            written: vec![Column::default(); open],
            options,
            dialect,
            first,
            kind,
            layout,
            values: Vec::new(),
            labels: Vec::new(),
            classes: Classes::new(expected, dialect.separator),
            mark: None,
            spread: false,
            digits: vec![Digits::default(); features],
        };
        if kind == First::Sample {
            let first = std::mem::take(&mut table.first);
            table.push(&first)?;
            table.first = first;
        }
        Ok(table)
    }

    /// Adds a sample.
    pub(super) fn push(&mut self, record: &Record) -> Result<(), DataError> {
        let width = self.layout.roles.len();
        if record.len() != width {
            let expected = format!("{width} cells, as in the first line");
            let found = record.len().to_string();
            let separator = match self.dialect.separator {
                b',' => "comma",
                b';' => "semicolon",
                b'\t' => "tab",
                _ => "bar",
            };
            let advice =
                format!("complete the line or remove it; a cell with a {separator} needs quotes");
            return Err(DataError::new(Place::Line(record.line), expected, found, advice));
        }
        let start = self.values.len();
        let features = self.layout.columns.features.len();
        if self.values.try_reserve(features).is_err() {
            let expected = "memory for all samples";
            let advice = "use a smaller table or a larger machine";
            return Err(DataError::new(Place::Line(record.line), expected, "less", advice));
        }
        self.values.resize(start + features, 0.0);
        for column in 0..width {
            match self.layout.roles[column] {
                Role::Feature(place) => {
                    self.values[start + place] = self.number(record, column, place)?;
                }
                Role::Label => {
                    let class = self.classes.of(record, column)?;
                    self.labels.push(class);
                }
                Role::Ignored => self.look_over(record, column)?,
            }
        }
        Ok(())
    }

    /// Notes the first unused cell that has lines in it: a forgotten quote would put them there. More
    /// than [`MAX_LINES`] are refused.
    fn look_over(&mut self, record: &Record, column: usize) -> Result<(), DataError> {
        let lines = record.lines(column);
        if lines > MAX_LINES {
            return Err(record.too_long(column, MAX_LINES));
        }
        if lines > 1 && !self.spread {
            self.spread = true;
            let (line, column) = (record.opened(column), column + 1);
            self.layout.notes.push(format!(
                "line {line}, column {column}: a cell in quotes goes over {lines} lines"
            ));
        }
        Ok(())
    }

    fn number(&mut self, record: &Record, column: usize, place: usize) -> Result<f64, DataError> {
        let cell = record.cell(column);
        let (value, mark) = number::parse(cell, self.dialect.separator)
            .map_err(|advice| self.not_a_number(record, column, advice))?;
        match (mark, self.mark) {
            (Some(mark), None) => self.mark = Some((mark, record.line)),
            (Some(mark), Some((first, line))) if mark != first => {
                let (expected, found, advice) = number::mixed(first, line, cell);
                return Err(DataError::new(record.place(column), expected, found, advice));
            }
            _ => {}
        }
        if let Some(written) = self.written.get_mut(place) {
            written.push(cell, record.line, (value, mark));
        }
        self.digits[place].push(cell, value);
        Ok(value)
    }

    fn not_a_number(&self, record: &Record, column: usize, advice: &str) -> DataError {
        let expected = match (self.layout.roles[column], self.layout.named) {
            (Role::Feature(place), true) => {
                let name = &self.layout.columns.features[place];
                format!("a finite number for {}", quoted(name.as_bytes()))
            }
            _ => "a finite number".to_string(),
        };
        let last = self.layout.roles.len() - 1;
        let advice = match self.kind == First::Sample && self.labels.is_empty() {
            true => "if the first line is a header, set the option header",
            false if record.cell(last).is_empty() && self.options.label == Label::Last => {
                "the last column is empty: remove the separators that end the lines, and name the column \
                 of labels where it is not the last one then"
            }
            false if record.cell(last).is_empty() && column == last => {
                "fill the gap; where each line ends so, remove the separators that end the lines"
            }
            false => advice,
        };
        DataError::new(record.place(column), expected, quoted(record.cell(column)), advice)
    }

    /// The dataset, with the classes in their final order.
    pub(super) fn finish(mut self) -> Result<Source, DataError> {
        if self.kind == First::Open {
            self.decide()?;
        }
        if self.labels.is_empty() {
            let expected = "a line for each sample";
            let advice =
                "name a table, and tell by the option header whether its first line is one";
            return Err(DataError::new(Place::Whole, expected, "no sample", advice));
        }
        self.check_thousands()?;
        let summary = self.decisions();
        let fractions = self.fractions();
        let Self { layout, values, mut labels, classes, digits, .. } = self;
        let order = classes.order()?;
        for label in &mut labels {
            *label = order.places[*label as usize];
        }
        let shape = [layout.columns.features.len(), 1, 1];
        let set = Dataset::new(shape, Samples::F64(values), labels, order.names.len())?
            .with_class_names(order.names)?
            .with_columns(layout.columns)?;
        let mut decisions = vec![summary(&set)];
        decisions.extend(layout.notes);
        decisions.extend(fractions);
        decisions.extend(notes::of_classes(&set));
        let rounded = |column: usize| digits[column].rounded;
        let differs = |column: usize| digits[column].differ;
        decisions.extend(notes::of_columns(&set, rounded, differs));
        Ok(Source { train: set, test: None, notes: decisions })
    }

    /// Refuses a column in which a decimal mark seems to separate thousands.
    fn check_thousands(&self) -> Result<(), DataError> {
        for (column, role) in self.layout.roles.iter().enumerate() {
            if let Role::Feature(place) = role
                && let Some((line, text, whole)) =
                    self.written.get(*place).and_then(Column::grouped)
            {
                let expected = format!(
                    "numbers without thousands separators, as on line {whole}, or other fractions than \
                     of three digits"
                );
                let advice = "remove the thousands separators; to a fraction, add a zero";
                let place = Place::Cell { line, column: column as u64 + 1 };
                return Err(DataError::new(place, expected, quoted(text.as_bytes()), advice));
            }
        }
        Ok(())
    }

    /// Tells of columns whose decimal marks could be thousands separators.
    fn fractions(&self) -> Option<String> {
        let names = &self.layout.columns.features;
        let all = names.iter().zip(&self.written);
        let mut ambiguous = all.filter_map(|(name, column)| Some((name, column.ambiguous()?)));
        let (name, text) = ambiguous.next()?;
        let [name, text] = [name, text].map(|part| quoted(part.as_bytes()));
        let columns = match ambiguous.count() {
            0 => format!("column {name} is read as fractions: {text}"),
            more => format!("{} columns are read as fractions, as {name}: {text}", more + 1),
        };
        Some(format!("{columns} has no thousands separator"))
    }

    /// Decides what the first record is, now that the labels below are known.
    fn decide(&mut self) -> Result<(), DataError> {
        let (label_column, separator) = (self.layout.label_column, self.dialect.separator);
        self.kind = header::by_labels(&self.first, label_column, separator, self.classes.names())?;
        let first = std::mem::take(&mut self.first);
        if self.kind == First::Sample {
            // To the front: samples keep the order of the file.
            self.push(&first)?;
            self.values.rotate_right(self.layout.columns.features.len());
            self.labels.rotate_right(1);
        } else {
            let Options { label, expected, .. } = self.options;
            self.layout = Layout::new(&first, true, label, expected.as_ref())?;
        }
        self.first = first;
        Ok(())
    }

    /// What was decided, in one line.
    fn decisions(&self) -> impl FnOnce(&Dataset) -> String + use<> {
        let width = self.layout.roles.len();
        let label = match self.layout.label_column + 1 == width {
            true => "the last".to_string(),
            false => format!("number {}, counted from 0", self.layout.label_column),
        };
        let first = match (self.kind, self.options.header) {
            (First::Header, _) => "is a header",
            (_, Header::Detect) => {
                "is a sample, there is no header (if it names the columns, set the option header)"
            }
            _ => "is a sample, there is no header",
        };
        let mark = match self.mark {
            Some((Mark::Comma, _)) => " with decimal commas",
            _ => "",
        };
        let dialect = match self.dialect.separator {
            b',' => String::new(),
            _ => format!("; separated by {}{mark}", self.dialect.name),
        };
        move |set| {
            let name = set.columns().map_or("", |columns| &columns.label);
            format!(
                "{width} columns, label {} ({label}), {} classes: {}; the first line {first}{dialect}",
                quoted(name.as_bytes()),
                set.classes(),
                listed(set.class_names().iter().map(String::as_str)),
            )
        }
    }
}
