//! The spread of the weights over the groups: the norms of the groups that are kept. l1,2 is said to make them
//! even.

use crate::commands::report::run::Run;
use crate::failure::Failure;
use crate::output::html::{
    Axis, Element, Histogram, Lines, Scale, Section, Series, figure, row, table,
};
use crate::output::number::{grouped, short};
use crate::output::table::Table;
use proxtape::optim::Regularized;

/// Layers with lines and histograms of their own; the table has all.
const DRAWN: usize = 6;

/// Points of a line.
const POINTS: usize = 120;

/// The groups of one layer that are kept.
pub(in crate::commands::report) struct Spread {
    pub(in crate::commands::report) layer: String,
    /// All of the layer.
    pub(in crate::commands::report) groups: usize,
    /// sum |w| of each, the largest first.
    pub(in crate::commands::report) norms: Vec<f64>,
    /// Weights of each that are not zero.
    pub(in crate::commands::report) nonzero: Vec<usize>,
    pub(in crate::commands::report) evenness: f64,
}

impl Spread {
    /// The groups of a weight.
    fn of(w: &[f32], r: &Regularized, layer: &str, evenness: f64) -> Spread {
        let groups = r.groups();
        let mut all = r.fold(w, (0.0f64, 0usize), |(norm, nonzero), w| {
            *norm += f64::from(w.abs());
            *nonzero += usize::from(w != 0.0);
        });
        all.retain(|&(_, nonzero)| nonzero > 0);
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (norms, nonzero) = all.into_iter().unzip();
        Spread { layer: layer.to_owned(), groups, norms, nonzero, evenness }
    }

    /// Those of every layer of a run.
    pub(in crate::commands::report) fn all(run: &Run) -> Result<Vec<Spread>, Failure> {
        let network = &run.trained.network;
        let params = network.params();
        let penalty = &run.trained.recipe.penalty.0;
        let regularized = penalty.resolve(network).map_err(Failure::failed)?;
        let layers = run.counted.layers.iter().zip(&regularized);
        Ok(layers.map(|(l, r)| Spread::of(params.value(r.id), r, &l.name, l.evenness)).collect())
    }

    fn mean(&self) -> f64 {
        self.norms.iter().sum::<f64>() / self.norms.len().max(1) as f64
    }

    /// From the largest group (0 %) to the smallest (100 %): its norm over the mean.
    pub(in crate::commands::report) fn line(
        &self,
        name: String,
        color: usize,
        dashed: bool,
    ) -> Series {
        let (n, mean) = (self.norms.len(), self.mean());
        let place = |rank: usize| match n {
            1 => 50.0,
            _ => 100.0 * rank as f64 / (n - 1) as f64,
        };
        let every = n.div_ceil(POINTS).max(1);
        let shown = (0..n).filter(|rank| rank % every == 0 || rank + 1 == n);
        let points = shown.map(|rank| (place(rank), self.norms[rank] / mean)).collect();
        Series { name, color, dashed, points }
    }
}

/// The chart of lines from [`Spread::line`].
pub(in crate::commands::report) fn norms_chart(series: Vec<Series>) -> Element {
    let x = Axis::new(Scale::Linear(0.0, 100.0), "Groups kept, largest first (%)", short);
    let values = series.iter().flat_map(|s| s.points.iter().map(|p| p.1)).chain([1.0]);
    let y = Axis::new(Scale::from_zero(values), "l1 norm over the mean", short);
    let chart = Lines::new("l1 norms of the groups kept, sorted", x, y, series);
    Lines { level: Some(1.0), quiet: true, ..chart }.draw()
}

pub(in crate::commands::report) fn section(run: &Run) -> Result<Section, Failure> {
    let all = Spread::all(run)?;
    let mut drawn: Vec<&Spread> = all.iter().filter(|s| !s.norms.is_empty()).collect();
    // The layers with the most groups have the most to show.
    drawn.sort_by_key(|s| core::cmp::Reverse(s.norms.len()));
    drawn.truncate(DRAWN);
    drawn.sort_by_key(|s| all.iter().position(|other| other.layer == s.layer));
    let section = Section::new("groups", "How even the groups are").text(
        "The penalty sees weights in groups. A layer is even where all groups that are left carry \
         about the same sum of |w|. Evenness is the standard deviation of these sums over their mean: \
         0 is perfectly even.",
    );
    let lines =
        drawn.iter().enumerate().map(|(i, s)| s.line(s.layer.clone(), i, i % 2 == 1)).collect();
    let curves = figure(
        [norms_chart(lines)],
        "The l1 norm of each group that is kept, over the mean of its layer, from the largest group to \
         the smallest. The flatter a line and the closer to 1, the more even the groups.",
    );
    let mut figures = vec![curves];
    for (i, spread) in drawn.iter().enumerate() {
        let counts = Histogram {
            title: format!("Non-zero weights of a group of {}", spread.layer),
            of: "Weights of a group that are not zero",
            label: "Groups",
            format: short,
            values: spread.nonzero.iter().map(|&n| n as f64).collect(),
            whole: true,
            color: i,
        };
        let caption = format!(
            "{}: how many of its {} groups that are kept have how many weights that are not zero.",
            spread.layer,
            grouped(spread.norms.len())
        );
        figures.push(figure([counts.draw()], caption));
    }
    Ok(section.add(row(figures)).add(table(&numbers(&all))))
}

fn numbers(all: &[Spread]) -> Table {
    let mut table = Table::new(&[
        "layer",
        "groups kept",
        "of",
        "smallest norm",
        "mean norm",
        "largest norm",
        "evenness",
        "non-zero, fewest",
        "mean",
        "most",
    ]);
    for spread in all {
        let or_dash = |x: Option<String>| x.unwrap_or_else(|| "-".to_owned());
        let (norms, counts) = (&spread.norms, &spread.nonzero);
        let norm = |x: f64| format!("{x:.4}");
        let some = !norms.is_empty();
        let mean = counts.iter().sum::<usize>() as f64 / counts.len().max(1) as f64;
        table.row(vec![
            spread.layer.clone(),
            grouped(norms.len()),
            grouped(spread.groups),
            or_dash(norms.last().copied().map(norm)),
            or_dash(some.then(|| norm(spread.mean()))),
            or_dash(norms.first().copied().map(norm)),
            or_dash(some.then(|| format!("{:.2}", spread.evenness))),
            or_dash(counts.iter().min().map(|&n| grouped(n))),
            or_dash(some.then(|| format!("{mean:.1}"))),
            or_dash(counts.iter().max().map(|&n| grouped(n))),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxtape::optim::{Groups, Regularizer};
    use proxtape::{Kind, Params};

    #[test]
    fn groups_are_sorted_by_their_norms_and_zero_ones_left_out() {
        // [outer 2, groups 3, inner 1]: columns of a 2 x 3 matrix.
        let w = Params::new().add("w", Kind::Weight, [2, 3]);
        let columns = Regularized::new(w, Regularizer::None, Groups::columns(2, 3));
        let spread = Spread::of(&[1.0, 0.0, 3.0, -1.0, 0.0, 0.0], &columns, "fc", 0.2);
        assert_eq!(
            (spread.groups, &spread.norms[..], &spread.nonzero[..]),
            (3, &[3.0, 2.0][..], &[1, 2][..])
        );
        let line = spread.line(String::new(), 0, false);
        assert_eq!(line.points, [(0.0, 1.2), (100.0, 0.8)]);
    }
}
