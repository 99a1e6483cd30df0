//! Accuracy against size: every training, the rows with their deviation, and the front.

use super::object::{Comparison, Family, index, strength};
use crate::output::html::{
    Axis, Element, Mark, Scale, Scatter, Section, figure, key, legend, note,
};
use crate::output::number::{grouped, share, short};
use crate::study;

/// Trainings that hardly learned would take the room of all others: points lower than this many
/// times the spread of the better half under its middle are left to the table.
const REACH: f64 = 6.0;

pub(super) fn section(comparison: &Comparison, families: &[Family]) -> Section {
    let section = Section::new("size", "Accuracy against size");
    let mut marks = Vec::new();
    for trial in &comparison.trials {
        let (Some(kept), Some(accuracy)) = (trial.weights_kept, trial.test_accuracy) else {
            continue;
        };
        let family = index(families, &trial.family);
        let title = format!(
            "{}, lambda {}, seed {}: {} with {} weights",
            families[family].label,
            strength(trial.lambda),
            trial.seed,
            share(accuracy),
            grouped(kept)
        );
        marks.push(mark((kept as f64, 100.0 * accuracy), family, title));
    }
    let mut places = Vec::new();
    for row in &comparison.rows {
        let (Some(kept), Some(accuracy)) = (row.weights_kept, row.test_accuracy) else { continue };
        let family = index(families, &row.family);
        let place = (kept.mean, 100.0 * accuracy.mean);
        if row.front != Some(false) {
            places.push(place);
        }
        let title = format!(
            "{}, lambda {}: {} with {} weights, mean of {}",
            families[family].label,
            strength(row.lambda),
            share(accuracy.mean),
            grouped(kept.mean as u64),
            row.seeds
        );
        let spread = kept.std.zip(accuracy.std).map(|(x, y)| (x, 100.0 * y));
        marks.push(Mark { faint: false, spread, ..mark(place, family, title) });
    }
    // Without a weight there is no place on a logarithmic axis.
    marks.retain(|mark| mark.x > 0.0 && mark.y.is_finite());
    let all = marks.len();
    let lowest = lowest(&marks);
    marks.retain(|mark| mark.y >= lowest);
    if marks.is_empty() {
        return section.add(note("There is no training yet with a test accuracy to draw."));
    }
    let left_out = all - marks.len();
    let x = Axis::new(Scale::log(marks.iter().map(|m| m.x)), "Weights kept", short);
    let y = Axis::new(Scale::linear(marks.iter().flat_map(ends)), "Test accuracy (%)", short);
    let front = front(places);
    let chart =
        Scatter { title: "Test accuracy against weights kept".to_owned(), x, y, marks, front };
    let left_out = match left_out {
        0 => String::new(),
        n => format!(" {n} points far below are left out."),
    };
    let caption = format!(
        "Test accuracy in percent against the weights that are kept (logarithmic axis): up and to the left \
         is better. Large markers are the rows of the table, with one standard deviation to both sides; \
         small ones are single trainings. The dashed line is the front: no other row is smaller and as \
         accurate.{left_out}"
    );
    section.add(figure([markers(families), chart.draw()], caption).class("wide"))
}

fn markers(families: &[Family]) -> Element {
    legend(families.iter().enumerate().map(|(i, family)| key(i, &family.label)))
}

/// The places that no other one beats, smallest first.
fn front(mut places: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    places.retain(|(x, y)| x.is_finite() && y.is_finite());
    let mut is_on = study::front(&places).into_iter();
    places.retain(|_| is_on.next() == Some(true));
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    places
}

/// The lowest and the highest place of a mark.
fn ends(mark: &Mark) -> [f64; 2] {
    let deviation = mark.spread.map_or(0.0, |(_, y)| y);
    [mark.y - deviation, mark.y + deviation]
}

fn mark((x, y): (f64, f64), index: usize, title: String) -> Mark {
    Mark { x, y, spread: None, index, faint: true, title }
}

/// The accuracy under which nothing is drawn.
fn lowest(marks: &[Mark]) -> f64 {
    let mut sorted: Vec<f64> = marks.iter().map(|mark| mark.y).collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(best), Some(middle)) = (sorted.last(), sorted.get(sorted.len() / 2)) else {
        return f64::NEG_INFINITY;
    };
    // Rows stay in any case where they are all there is to see.
    middle - REACH * (best - middle).max(0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trainings_that_learned_nothing_do_not_take_the_room() {
        let marks: Vec<Mark> =
            [10.0, 96.0, 97.0, 98.0, 98.5].map(|y| mark((1.0, y), 0, String::new())).into();
        let lowest = lowest(&marks);
        assert!(10.0 < lowest && lowest < 96.0, "{lowest}");
    }
}
