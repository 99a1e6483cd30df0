//! A table in Markdown, and how a ratio is judged.

/// Rows of cells under a head, the first column to the left and all others to the right.
pub(crate) struct Table {
    text: String,
}

impl Table {
    pub(crate) fn new(title: &str, head: &[&str]) -> Table {
        let rule: Vec<_> = (0..head.len()).map(|i| if i == 0 { "---" } else { "---:" }).collect();
        let lines = [head.join(" | "), rule.join(" | ")].map(|line| format!("| {line} |\n"));
        Table { text: format!("\n### {title}\n{}", lines.concat()) }
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        self.text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }

    pub(crate) fn print(self) {
        print!("{}", self.text);
    }
}

/// Microseconds, or - for a peer that was not there.
pub(crate) fn micros(seconds: f64) -> String {
    if seconds.is_finite() { format!("{:.1}", seconds * 1e6) } else { "-".to_owned() }
}

/// Milliseconds.
pub(crate) fn millis(seconds: f64) -> String {
    format!("{:.2}", seconds * 1e3)
}

/// Whether a ratio reaches its goal, to the two digits that are printed.
pub(crate) fn meets(ratio: f64, goal: f64) -> bool {
    (100.0 * ratio).round() >= (100.0 * goal).round()
}

/// How many times faster, in bold where it misses the goal.
pub(crate) fn ratio(ratio: f64, met: bool) -> String {
    match (ratio.is_finite(), met) {
        (false, _) => "-".to_owned(),
        (true, true) => format!("{ratio:.2}"),
        (true, false) => format!("**{ratio:.2}**"),
    }
}
