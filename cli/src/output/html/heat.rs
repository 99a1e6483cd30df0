//! A table whose cells are shaded by their numbers: the picture and its numbers at once.

use super::element::{Element, el};
use crate::output::number::grouped;

/// Counts by row and column: `[rows][columns]`. A cell is shaded by its part of the row; those of the
/// diagonal are right, and have a hue of their own.
pub(crate) fn heat_map(
    [row_name, column_name]: [&str; 2],
    names: &[String],
    counts: &[Vec<usize>],
) -> Element {
    let head = el("tr").child(el("th").class("corner").text(row_name));
    let head = head.children(names.iter().map(|name| el("th").with("scope", "col").text(name)));
    let rows = names.iter().zip(counts).enumerate().map(|(r, (name, row))| {
        let all: usize = row.iter().sum();
        let cells = row.iter().enumerate().map(|(c, &n)| {
            let part = 100.0 * n as f64 / all.max(1) as f64;
            let class = if r == c { "right" } else { "wrong" };
            // A count of one must be seen beside a thousand.
            let shade = if n == 0 { 0.0 } else { 6.0 + 0.94 * (10.0 * part.sqrt()) };
            let cell = el("td").with("style", format_args!("--part:{shade:.0}%"));
            let text = format!("{row_name} {name}, {column_name} {}: {n}, {part:.1} %", names[c]);
            let class = if shade > 55.0 { format!("{class} full") } else { class.to_owned() };
            let cell = cell.class(class).with("title", text);
            if n == 0 { cell.text("·") } else { cell.text(grouped(n)) }
        });
        el("tr").child(el("th").with("scope", "row").text(name)).children(cells)
    });
    let over = el("tr").child(el("td"));
    let over = over.child(el("th").with("colspan", names.len()).class("over").text(column_name));
    let table = el("table").class("heat");
    let table = table.child(el("thead").child(over).child(head)).child(el("tbody").children(rows));
    el("div").class("scroll").child(table)
}
