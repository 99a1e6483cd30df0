//! Evenness of the groups, method beside method: the claim about l1,2.

use super::object::{Comparison, Family, Trial, index};
use crate::commands::report::run::Run;
use crate::commands::report::sections::groups::{Spread, norms_chart};
use crate::failure::Failure;
use crate::output::html::{Section, figure, row, table};
use crate::output::table::Table;
use std::path::{Component, Path};

/// Methods that are drawn, the first of these that there are; the table has all.
const DRAWN: [&str; 6] = ["l11-l12", "exclusive", "l1", "group-lasso", "magnitude", "none"];

/// Layers that are drawn, those with the most groups.
const LAYERS: usize = 4;

/// A method and the groups of every layer.
struct Method {
    family: String,
    label: String,
    /// That of its marker.
    color: usize,
    spreads: Vec<Spread>,
}

/// The section, where the runs are there to be looked into.
pub(super) fn section(
    folder: &Path,
    comparison: &Comparison,
    families: &[Family],
) -> Result<Option<Section>, Failure> {
    let mut methods: Vec<Method> = Vec::new();
    for trial in results(comparison) {
        if let Some(path) = run_of(folder, trial)
            && !methods.iter().any(|method| method.family == trial.family)
        {
            let spreads = Spread::all(&Run::read(&path)?)?;
            methods.push(Method {
                family: trial.family.clone(),
                label: trial.label.clone(),
                color: index(families, &trial.family),
                spreads,
            });
        }
    }
    // One method is not beside another.
    let [first, _, ..] = &methods[..] else { return Ok(None) };
    let mut drawn: Vec<&Method> = DRAWN
        .iter()
        .filter_map(|name| methods.iter().find(|method| method.family == *name))
        .collect();
    if drawn.is_empty() {
        drawn = methods.iter().take(DRAWN.len()).collect();
    }
    let mut layers: Vec<usize> = (0..first.spreads.len()).collect();
    layers.sort_by_key(|&i| core::cmp::Reverse(first.spreads[i].groups));
    layers.truncate(LAYERS);
    layers.sort_unstable();
    let charts = layers.into_iter().map(|i| {
        let name = &first.spreads[i].layer;
        let lines = drawn.iter().enumerate().filter_map(|(i, method)| {
            let spread = method.spreads.iter().find(|spread| spread.layer == *name)?;
            let line = || spread.line(method.label.clone(), method.color, i % 2 == 1);
            (!spread.norms.is_empty()).then(line)
        });
        let caption = format!(
            "{name}: the l1 norm of each group that is kept over the mean of the method, from the largest \
             group to the smallest. A flat line at 1 is perfectly even."
        );
        figure([norms_chart(lines.collect())], caption)
    });
    let section = Section::new("groups", "How even the groups are").text(
        "l1,2 is said to make the weights of all groups about the same. Here is how the sums of |w| of the \
         groups that are left differ, method by method, for the first seed. Methods keep different \
         numbers of groups, which the table tells: a method that removes the small groups is even for \
         that reason alone.",
    );
    let numbers = figure(
        [table(&numbers(&methods))],
        "Evenness is the standard deviation of the l1 norms of the groups kept over their mean: 0 is \
         perfectly even. Beside it, how many groups are kept.",
    );
    Ok(Some(section.add(row(charts)).add(numbers)))
}

/// The trainings of the table with the first seed; of a sweep the middle ones.
fn results(comparison: &Comparison) -> impl Iterator<Item = &Trial> {
    let seed = comparison.seeds.first().copied();
    comparison.trials.iter().filter(move |trial| {
        (trial.chosen || trial.lambda.is_none())
            && trial.diverged.is_none()
            && seed.is_none_or(|seed| trial.seed == seed)
            && (trial.role.is_empty() || trial.role == "result")
    })
}

/// The run folder of a training, where it lies in the folder as it should.
fn run_of(folder: &Path, trial: &Trial) -> Option<std::path::PathBuf> {
    let run = Path::new(&trial.run);
    let inside = run.components().all(|part| matches!(part, Component::Normal(_)));
    let path = folder.join(run);
    (inside && path.join("model.safetensors").is_file()).then_some(path)
}

fn numbers(methods: &[Method]) -> Table {
    let layers: Vec<&str> = methods[0].spreads.iter().map(|spread| spread.layer.as_str()).collect();
    let heads: Vec<String> =
        layers.iter().flat_map(|name| [name.to_string(), "groups".to_owned()]).collect();
    let head: Vec<&str> = ["method"].into_iter().chain(heads.iter().map(String::as_str)).collect();
    let mut table = Table::new(&head);
    for method in methods {
        let cells = layers.iter().flat_map(|name| {
            match method.spreads.iter().find(|spread| spread.layer == *name) {
                Some(spread) if !spread.norms.is_empty() => {
                    [format!("{:.2}", spread.evenness), spread.norms.len().to_string()]
                }
                _ => ["-".to_owned(), "0".to_owned()],
            }
        });
        table.row([method.label.clone()].into_iter().chain(cells).collect());
    }
    table
}
