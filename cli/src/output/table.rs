//! A table in plain text: the first column to the left, all others to the right. Cells are shown on one
//! line each, whatever they hold.

use crate::output::escape;

/// Rows of cells under a head.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Table {
        Table { rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(escape::line).collect());
    }

    /// The head, and the rows under it.
    pub(crate) fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// The lines, each with its end; trailing spaces are cut.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |c: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(c));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (c, cell) in row.iter().enumerate() {
                let width = widths[c];
                // By hand: a formatter's width ends at 65,535, and a cell may be longer.
                let room = " ".repeat(width - cell.chars().count());
                match c {
                    0 => line.extend([cell.as_str(), &room]),
                    _ => line.extend(["  ", &room, cell]),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let mut table = Table::new(&["layer", "kept"]);
        table.row(vec!["fc1".into(), "1,234".into()]);
        table.row(vec!["é".into()]);
        assert_eq!(table.render(), "layer   kept\nfc1    1,234\né\n");
    }

    #[test]
    fn cells_may_be_as_long_as_they_like() {
        let mut table = Table::new(&["layer", "kept"]);
        table.row(vec!["n".repeat(70_000), "1".into()]);
        assert!(table.render().lines().all(|line| line.len() == 70_006));
    }
}
