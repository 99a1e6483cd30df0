//! What a trained model expects of data that it is to be used on: the columns of its table and its classes.

/// Names of the columns of a table. A column without a name is called `column N`, with N from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The features, in the order of a sample's values.
    pub features: Vec<String>,
    /// The column of labels.
    pub label: String,
}

/// Columns and classes, as [`Dataset::schema`](super::Dataset::schema) gives them and a model keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Of a table.
    pub columns: Option<Columns>,
    /// The number of classes.
    pub classes: usize,
    /// The names of the classes: one a class, or none at all.
    pub class_names: Vec<String>,
}

#[cfg(feature = "csv")]
impl Columns {
    /// The name of a column that has none: `column N`.
    pub(super) fn unnamed(column: usize) -> String {
        format!("column {}", column + 1)
    }

    /// Whether there is a name that must have come from a file. A table may call its columns
    /// `column N`, too; names that all stand in a header count in any case.
    pub(super) fn are_named(&self) -> bool {
        let unnamed = |name: &String| {
            name.strip_prefix("column ").is_some_and(|number| number.parse::<usize>().is_ok())
        };
        !(self.features.iter().all(unnamed) && unnamed(&self.label))
    }
}

impl Schema {
    /// What stands for each class in a file: its name, or its number from 0.
    pub(super) fn labels(&self) -> Vec<String> {
        match self.class_names.is_empty() {
            true => (0..self.classes).map(|class| class.to_string()).collect(),
            false => self.class_names.clone(),
        }
    }
}
