//! The classes of a table, by the cells of its label column.

use super::record::Record;
use super::{listed, number, quoted};
use crate::data::{DataError, Place, Schema};
use std::collections::HashMap;

/// More classes than this are a column of measurements or of keys, not of labels.
const MAX_CLASSES: usize = 10_000;

/// What stands for a missing label, in small letters.
const GAPS: [&str; 5] = ["", "na", "n/a", "null", "?"];

pub(super) struct Classes {
    separator: u8,
    /// Those of a model, which admit no other.
    fixed: bool,
    /// By the order of their first line, or that of the model.
    classes: Vec<Class>,
    index_of: HashMap<String, u32>,
}

struct Class {
    name: String,
    place: Place,
}

/// Names in their final order, and the place among them of each class so far.
pub(super) struct Order {
    pub(super) names: Vec<String>,
    pub(super) places: Vec<u32>,
}

impl Classes {
    pub(super) fn new(expected: Option<&Schema>, separator: u8) -> Self {
        let names = expected.map(Schema::labels).unwrap_or_default();
        let index_of = (0..).zip(&names).map(|(index, name)| (name.clone(), index)).collect();
        let classes = names.into_iter().map(|name| Class { name, place: Place::Whole }).collect();
        Self { separator, fixed: expected.is_some(), classes, index_of }
    }

    pub(super) fn names(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.classes.iter().map(|class| &*class.name)
    }

    /// The class of a cell.
    pub(super) fn of(&mut self, record: &Record, column: usize) -> Result<u32, DataError> {
        let (cell, place) = (record.cell(column), record.place(column));
        let refuse = |expected: String, advice: &str| {
            Err(DataError::new(place, expected, quoted(cell), advice))
        };
        let Ok(name) = std::str::from_utf8(cell) else {
            let advice = "it may be in Latin-1; save the file as UTF-8";
            return refuse("a label in UTF-8".into(), advice);
        };
        if let Some(&class) = self.index_of.get(name) {
            return Ok(class);
        }
        let value = number::value(name, self.separator);
        if GAPS.contains(&&*name.to_lowercase()) || value.is_some_and(|value| !value.is_finite()) {
            let advice = "fill the gap or remove the line; a class needs another name";
            return refuse("a label".into(), advice);
        }
        if name.contains(['\n', '\r']) {
            let advice = "a quote was opened on this line and closed on a later one; close it here";
            return refuse("a label on one line".into(), advice);
        }
        if self.fixed {
            // `1.0` is class 1.
            let whole = value.filter(|value| is_whole(*value));
            let whole = whole.map(|value| (value as i64).to_string());
            if let Some(&class) = whole.and_then(|name| self.index_of.get(&name)) {
                return Ok(class);
            }
            let expected = format!("one of the model's classes, {}", listed(self.names()));
            return refuse(expected, "remove the line, or train a model with this class");
        }
        if self.classes.len() == MAX_CLASSES {
            let expected = format!("at most {MAX_CLASSES} different labels");
            return refuse(expected, "name the column that holds the labels");
        }
        let class = self.classes.len() as u32;
        self.index_of.insert(name.to_string(), class);
        self.classes.push(Class { name: name.to_string(), place });
        Ok(class)
    }

    /// The classes sorted; those of a model stay. If all names are numbers they go by value, so that
    /// `1` and `1.0` are one class; they must be whole then, since others would be measurements.
    pub(super) fn order(self) -> Result<Order, DataError> {
        let all = 0..self.classes.len() as u32;
        let names = self.classes.iter().map(|class| class.name.clone());
        if self.fixed {
            return Ok(Order { names: names.collect(), places: all.collect() });
        }
        let value = |class: &Class| number::value(&class.name, self.separator);
        let numbers: Option<Vec<f64>> = self.classes.iter().map(value).collect();
        let (names, places) = match numbers {
            None => ranks(names.collect()),
            Some(numbers) => {
                if let Some(at) = numbers.iter().position(|&value| !is_whole(value)) {
                    let Class { name, place } = &self.classes[at];
                    let advice =
                        "name the column that holds the labels; regression is not supported";
                    let expected = "a label: a name or a whole number";
                    return Err(DataError::new(*place, expected, quoted(name.as_bytes()), advice));
                }
                let (numbers, places) =
                    ranks(numbers.into_iter().map(|value| value as i64).collect());
                (numbers.iter().map(i64::to_string).collect(), places)
            }
        };
        if let [only] = &names[..] {
            let found = format!("only {}", quoted(only.as_bytes()));
            let advice = "name the column that holds the labels";
            return Err(DataError::new(Place::Whole, "two or more classes", found, advice));
        }
        Ok(Order { names, places })
    }
}

/// Whole, and exact in both f64 and i64.
fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() < 9e15
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
