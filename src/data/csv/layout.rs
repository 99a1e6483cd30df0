//! Which column of a file is what: a feature of the sample, the label, or nothing that is asked for.

use super::record::Record;
use super::{Label, listed, quoted};
use crate::data::{Columns, DataError, Place, Schema};
use std::collections::{HashMap, HashSet};

/// What a column of the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The value of this place in a sample.
    Feature(usize),
    Label,
    Ignored,
}

#[derive(Debug)]
pub(super) struct Layout {
    /// One a column.
    pub(super) roles: Vec<Role>,
    pub(super) label_column: usize,
    pub(super) columns: Columns,
    /// Whether the names of `columns` stood in this file or the schema.
    pub(super) named: bool,
    pub(super) notes: Vec<String>,
}

impl Layout {
    /// The layout by the first record, which is a header or a sample.
    pub(super) fn new(
        first: &Record,
        header: bool,
        label: &Label,
        expected: Option<&Schema>,
    ) -> Result<Self, DataError> {
        if first.len() < 2 {
            let cell = first.cell(0);
            let found = match cell.contains(&b' ') {
                true => format!("cells separated by spaces: {}", quoted(cell)),
                false => format!("one: {}", quoted(cell)),
            };
            let expected = "two or more columns: features and a label";
            let advice = "separate the cells by commas, semicolons, tabs or bars";
            return Err(DataError::new(Place::Line(first.line), expected, found, advice));
        }
        let wanted = expected.and_then(|schema| schema.columns.as_ref());
        let names = if header { Some(names(first)?) } else { None };
        match (names, wanted) {
            (Some(names), Some(wanted)) if wanted.are_named() || has_all(&names, wanted) => {
                Self::by_name(&names, wanted, first.line)
            }
            (names, wanted) => Self::by_position(first, names, label, wanted),
        }
    }

    /// The names of the file are the columns' names.
    fn by_position(
        first: &Record,
        names: Option<Vec<String>>,
        label: &Label,
        wanted: Option<&Columns>,
    ) -> Result<Self, DataError> {
        let width = first.len();
        if let Some(wanted) = wanted
            && width != wanted.features.len() + 1
        {
            let expected = format!(
                "{} columns, as in the table of the model, since there are no names to go by",
                wanted.features.len() + 1
            );
            let advice = "give all columns in that order, or name them in the first line";
            return Err(DataError::new(
                Place::Line(first.line),
                expected,
                width.to_string(),
                advice,
            ));
        }
        let label_column = match label {
            Label::Last => width - 1,
            Label::Index(index) if *index < width => *index,
            Label::Index(index) => {
                let expected = format!("a label column below {width}, counted from 0");
                let found = index.to_string();
                let place = Place::Line(first.line);
                return Err(DataError::new(place, expected, found, "name another column"));
            }
            Label::Name(name) => named_column(names.as_deref(), name, first.line)?,
        };
        let mut notes = Vec::new();
        let named = names.is_some() || wanted.is_some_and(Columns::are_named);
        if let Some(wanted) = wanted.filter(|wanted| wanted.are_named()) {
            let features = listed(wanted.features.iter().map(String::as_str));
            notes.push(format!("without a header, the columns are taken for {features}"));
        }
        let columns = match wanted {
            Some(wanted) => wanted.clone(),
            None => {
                let mut features = match names {
                    Some(names) => not_empty(names, &mut notes),
                    None => (0..width).map(Columns::unnamed).collect(),
                };
                let label = features.remove(label_column);
                Columns { features, label }
            }
        };
        let place = |column| column - usize::from(column > label_column);
        let roles = (0..width).map(|column| match column == label_column {
            true => Role::Label,
            false => Role::Feature(place(column)),
        });
        Ok(Self { roles: roles.collect(), label_column, columns, named, notes })
    }

    /// Columns are where the file names them.
    fn by_name(names: &[String], wanted: &Columns, line: u64) -> Result<Self, DataError> {
        let mut at: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut notes = Vec::new();
        let shown = not_empty(names.to_vec(), &mut notes);
        for (column, name) in shown.iter().enumerate().rev() {
            at.entry(name).or_default().push(column);
        }
        let mut roles = vec![Role::Ignored; names.len()];
        let mut missing = Vec::new();
        let mut label_column = 0;
        let features = wanted.features.iter().enumerate();
        let features = features.map(|(place, name)| (name, Role::Feature(place)));
        for (name, role) in features.chain([(&wanted.label, Role::Label)]) {
            // A name that stands there twice serves twice, in order.
            match at.get_mut(name.as_str()).and_then(Vec::pop) {
                Some(column) => {
                    roles[column] = role;
                    label_column = if role == Role::Label { column } else { label_column };
                }
                None => missing.push(name.as_str()),
            }
        }
        if missing == [wanted.label.as_str()] && wanted.features.contains(&wanted.label) {
            let found =
                format!("{}, which is a feature of the model", quoted(wanted.label.as_bytes()));
            let advice = "name the column of labels by the option label";
            return Err(DataError::new(Place::Line(line), "a column of labels", found, advice));
        }
        if !missing.is_empty() {
            let plural = if missing.len() == 1 { "the column" } else { "the columns" };
            let expected = format!("{plural} {} of the model's table", listed(missing.into_iter()));
            let found = listed(shown.iter().map(String::as_str));
            let advice = "name the columns as in the table that the model was trained on";
            return Err(DataError::new(Place::Line(line), expected, found, advice));
        }
        let extra: Vec<_> = (0..names.len()).filter(|&c| roles[c] == Role::Ignored).collect();
        let used = |name: &str| wanted.label == name || wanted.features.iter().any(|f| f == name);
        if let Some(&column) = extra.iter().find(|&&column| used(&shown[column])) {
            let expected = format!("one column named {}", quoted(shown[column].as_bytes()));
            let advice = "remove the one that is not meant, or give it another name";
            return Err(DataError::new(Place::Line(line), expected, "two of them", advice));
        }
        if !extra.is_empty() {
            let names = listed(extra.iter().map(|&column| shown[column].as_str()));
            notes.push(format!("columns that the model does not know are ignored: {names}"));
        }
        Ok(Self { roles, label_column, columns: wanted.clone(), named: true, notes })
    }
}

/// The cells of a header. A name in two lines is usual in some programs, in more it holds samples.
pub(super) fn names(header: &Record) -> Result<Vec<String>, DataError> {
    let name = |(column, cell): (usize, &[u8])| match std::str::from_utf8(cell) {
        Ok(_) if header.lines(column) > 2 => Err(header.too_long(column, 2)),
        Ok(name) => Ok(name.to_string()),
        Err(_) => {
            let advice = "it may be in Latin-1; save the file as UTF-8";
            Err(DataError::new(header.place(column), "a name in UTF-8", quoted(cell), advice))
        }
    };
    header.cells().enumerate().map(name).collect()
}

/// Names as notes and errors show them: none is empty.
fn not_empty(mut names: Vec<String>, notes: &mut Vec<String>) -> Vec<String> {
    let mut unnamed = Vec::new();
    for (column, name) in names.iter_mut().enumerate() {
        if name.is_empty() {
            *name = Columns::unnamed(column);
            unnamed.push(name.clone());
        } else if name.contains(['\n', '\r']) {
            notes.push(format!("the name {} has a line end in it", quoted(name.as_bytes())));
        }
    }
    if !unnamed.is_empty() {
        let called = listed(unnamed.iter().map(String::as_str));
        notes.push(format!("columns without a name are called {called}"));
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        notes.push(format!("there are two columns named {}", quoted(pair[0].as_bytes())));
    }
    names
}

/// Whether all columns are there by name.
fn has_all(names: &[String], wanted: &Columns) -> bool {
    let names: HashSet<&String> = names.iter().collect();
    names.contains(&wanted.label) && wanted.features.iter().all(|name| names.contains(name))
}

/// The one column of the name.
fn named_column(names: Option<&[String]>, wanted: &str, line: u64) -> Result<usize, DataError> {
    let all = names.unwrap_or_default();
    let mut columns = (0..all.len()).filter(|&column| all[column] == wanted);
    let first = columns.next();
    if let (Some(column), None) = (first, columns.next()) {
        return Ok(column);
    }
    let (found, advice) = match (first, names) {
        (Some(_), _) => ("two of them".to_string(), "give the column by its number"),
        (None, None) => (
            "no header".to_string(),
            "tell by the option header that there is one, or give the column's number",
        ),
        (None, Some(names)) => {
            (listed(names.iter().map(String::as_str)), "name one of these columns")
        }
    };
    let expected = format!("one column named {}", quoted(wanted.as_bytes()));
    Err(DataError::new(Place::Line(line), expected, found, advice))
}
