//! Accuracy against size, drawn with characters.

use super::{Metric, Row};
use crate::output::number::grouped;

const WIDTH: usize = 60;
const HEIGHT: usize = 12;

/// The rows on logarithmic size and validation accuracy, `*` on the front; empty where there are no
/// two that differ.
pub(super) fn draw(rows: &[Row]) -> String {
    let point = |row: &Row| {
        let kept = row.numbers.mean(Metric::WeightsKept).filter(|&kept| kept > 0.0)?;
        let accuracy = row.numbers.mean(Metric::ValidationAccuracy)?;
        Some((kept, accuracy, row.front == Some(true)))
    };
    points(&rows.iter().filter_map(point).collect::<Vec<_>>())
}

fn points(points: &[(f64, f64, bool)]) -> String {
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], x| [a.min(x), b.max(x)])
    };
    let [small, large] = range(&mut points.iter().map(|point| point.0));
    let [low, high] = range(&mut points.iter().map(|point| point.1));
    if !(small < large && low < high) {
        return String::new();
    }
    let mut canvas = vec![vec![' '; WIDTH]; HEIGHT];
    for &(kept, accuracy, is_front) in points {
        let across = (kept / small).ln() / (large / small).ln();
        let down = (high - accuracy) / (high - low);
        let x = (across * (WIDTH - 1) as f64).round() as usize;
        let y = (down * (HEIGHT - 1) as f64).round() as usize;
        // A mark of the front is not drawn over.
        if canvas[y][x] != '*' {
            canvas[y][x] = if is_front { '*' } else { '+' };
        }
    }
    let mut text = String::new();
    for (y, line) in canvas.iter().enumerate() {
        let label = match y {
            0 => format!("{:.2} %", 100.0 * high),
            _ if y + 1 == HEIGHT => format!("{:.2} %", 100.0 * low),
            _ => String::new(),
        };
        let line: String = line.iter().collect();
        text.push_str(&format!("{label:>9} |{}\n", line.trim_end()));
    }
    let [small, large] = [small, large].map(|kept| grouped(kept.round() as u64));
    let space = WIDTH - small.len();
    text.push_str(&format!("{:>9} +{}\n", "", "-".repeat(WIDTH)));
    text.push_str(&format!("{:>9}  {small}{large:>space$}\n", "weights"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_the_extremes() {
        let text =
            points(&[(1_000.0, 0.9, true), (10_000.0, 0.95, true), (100_000.0, 0.92, false)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), HEIGHT + 2);
        // The most accurate is in the middle of the logarithm.
        assert_eq!(lines[0], format!("  95.00 % |{}*", " ".repeat(30)));
        assert_eq!(lines[HEIGHT - 1], "  90.00 % |*");
        assert!(lines[HEIGHT + 1].starts_with("  weights  1,000 "), "{text}");
        assert!(lines[HEIGHT + 1].ends_with(" 100,000"), "{text}");
        assert_eq!(text.matches('+').count(), 2, "a point, and the corner of the axes: {text}");
        assert_eq!(points(&[(10.0, 0.9, true), (10.0, 0.95, true)]), "");
        assert_eq!(points(&[]), "");
    }
}
