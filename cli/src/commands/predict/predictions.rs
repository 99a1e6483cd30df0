//! The predictions: the JSON object and the table.

use super::images::Name;
use crate::output::table::Table;
use crate::run::inference::largest;
use serde::Serialize;

/// The number of classes in the table for each image.
const TOP: usize = 3;

/// The object that `predict --json` prints.
#[derive(Serialize)]
pub(super) struct Predictions {
    /// The file of the model.
    pub(super) model: String,
    pub(super) classes: usize,
    pub(super) predictions: Vec<Prediction>,
    pub(super) threads: usize,
    pub(super) isa: &'static str,
    pub(super) version: &'static str,
}

/// One image.
#[derive(Serialize)]
pub(super) struct Prediction {
    file: String,
    /// Its number from 0 in an IDX file; null for a PNG.
    index: Option<usize>,
    #[serde(flatten)]
    class: Class,
    /// The most probable classes, this one first.
    top: Vec<Class>,
    /// The outputs, before they became probabilities.
    logits: Vec<f32>,
}

#[derive(Clone, Serialize)]
struct Class {
    class: usize,
    /// Null where the data has no names.
    name: Option<String>,
    probability: f64,
}

impl Prediction {
    pub(super) fn new(name: Name, logits: &[f32], names: &[String]) -> Prediction {
        let most = f64::from(logits[largest(logits)]);
        let powers: Vec<f64> = logits.iter().map(|&x| (f64::from(x) - most).exp()).collect();
        let sum: f64 = powers.iter().sum();
        let mut order: Vec<usize> = (0..logits.len()).collect();
        // A stable order: of equal ones the first is the decision.
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        let class = |&class: &usize| Class {
            class,
            name: names.get(class).cloned(),
            probability: powers[class] / sum,
        };
        let top: Vec<Class> = order.iter().take(TOP).map(class).collect();
        let Name { file, index } = name;
        Prediction { file, index, class: top[0].clone(), top, logits: logits.to_vec() }
    }
}

impl Class {
    fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.class.to_string())
    }

    fn percent(&self) -> String {
        format!("{:.2}", 100.0 * self.probability)
    }
}

impl Predictions {
    pub(super) fn text(&self) -> String {
        let mut table = Table::new(&["image", "class", "%", "then", "%", "then", "%"]);
        for Prediction { file, index, top, .. } in &self.predictions {
            let image = index.map_or(file.clone(), |index| format!("{file} {index}"));
            let classes = top.iter().flat_map(|class| [class.label(), class.percent()]);
            table.row([image].into_iter().chain(classes).collect());
        }
        table.render()
    }
}
