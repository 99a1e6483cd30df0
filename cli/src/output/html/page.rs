//! A page: head, style, sections, figures, tables.

use super::element::{Element, el};
use super::image::Picture;
use super::lines::COLORS;
use crate::output::table::Table;
use core::fmt::Display;

/// A whole file.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// The line under the title.
    pub(crate) subtitle: String,
    pub(crate) sections: Vec<Section>,
    /// The last line.
    pub(crate) footer: String,
}

/// A part with a heading.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    /// Of the link to it.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) body: Vec<Element>,
}

impl Section {
    pub(crate) fn new(id: &'static str, title: &'static str) -> Section {
        Section { id, title, body: Vec::new() }
    }

    /// With an element at its end.
    pub(crate) fn add(mut self, element: Element) -> Section {
        self.body.push(element);
        self
    }

    /// With a paragraph at its end.
    pub(crate) fn text(self, text: impl Display) -> Section {
        self.add(el("p").text(text))
    }
}

/// The file may load nothing, and run nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

impl Page {
    /// The text of the file.
    pub(crate) fn render(self) -> String {
        let meta = |name: &'static str, value: &str, content: &str| {
            el("meta").with(name, value).with("content", content)
        };
        let head = el("head")
            .child(el("meta").with("charset", "utf-8"))
            .child(el("title").text(format_args!("{} - proxtape", self.title)))
            .child(meta("name", "viewport", "width=device-width, initial-scale=1"))
            .child(meta("name", "color-scheme", "light dark"))
            .child(meta("http-equiv", "Content-Security-Policy", POLICY))
            .child(el("style").verbatim(include_str!("page.css")));
        let links = self.sections.iter().map(|section| {
            let link = el("a").with("href", format_args!("#{}", section.id));
            el("li").child(link.text(section.title))
        });
        let header = el("header")
            .child(el("h1").text(&self.title))
            .child(el("p").class("subtitle").text(&self.subtitle))
            .child(el("nav").with("aria-label", "Sections").child(el("ul").children(links)));
        let sections = self.sections.into_iter().map(|section| {
            let heading = el("h2").text(section.title);
            el("section").with("id", section.id).child(heading).children(section.body)
        });
        let footer = el("footer").child(el("p").text(&self.footer));
        let body = el("body").child(header).child(el("main").children(sections)).child(footer);
        let mut out = "<!DOCTYPE html>\n".to_owned();
        el("html").with("lang", "en").child(head).child(body).write(&mut out);
        out.push('\n');
        out
    }
}

/// A picture, chart or table with its caption.
pub(crate) fn figure(body: impl IntoIterator<Item = Element>, caption: impl Display) -> Element {
    el("figure").children(body).child(el("figcaption").text(caption))
}

/// A figure of one picture.
pub(crate) fn picture(picture: &Picture, scale: usize) -> Element {
    figure([picture.draw(scale)], &picture.caption)
}

/// Elements beside each other where there is room.
pub(crate) fn row(elements: impl IntoIterator<Item = Element>) -> Element {
    el("div").class("row").children(elements)
}

/// A table: the first column to the left, all others to the right. It scrolls in itself where the page
/// is narrow.
pub(crate) fn table(table: &Table) -> Element {
    let mut rows = table.rows().iter();
    let head = rows.next().into_iter().flatten();
    let head = head.map(|cell| el("th").with("scope", "col").text(cell));
    let body = rows.map(|row| {
        let cells = row.iter().enumerate().map(|(i, cell)| match i {
            0 => el("th").with("scope", "row").text(cell),
            _ => el("td").text(cell),
        });
        el("tr").children(cells)
    });
    let table = el("table").child(el("thead").child(el("tr").children(head)));
    el("div").class("scroll").child(table.child(el("tbody").children(body)))
}

/// The most important numbers: each with its name above and a remark below.
pub(crate) fn tiles(tiles: impl IntoIterator<Item = [String; 3]>) -> Element {
    let tiles = tiles.into_iter().map(|[name, value, remark]| {
        let name = el("dt").text(name);
        let value = el("dd").class("value").text(value);
        el("div").child(name).child(value).child(el("dd").text(remark))
    });
    el("dl").class("tiles").children(tiles)
}

/// Names and values.
pub(crate) fn facts(facts: impl IntoIterator<Item = (&'static str, String)>) -> Element {
    let facts = facts
        .into_iter()
        .map(|(name, value)| el("div").child(el("dt").text(name)).child(el("dd").text(value)));
    el("dl").class("facts").children(facts)
}

/// A folded part; printed unfolded.
pub(crate) fn details(summary: impl Display, body: Element) -> Element {
    el("details").child(el("summary").text(summary)).child(body)
}

/// A note on something missing, and how to get it; text between two backticks is code.
pub(crate) fn note(text: impl Display) -> Element {
    let text = text.to_string();
    text.split('`').enumerate().fold(el("p").class("note"), |note, (i, part)| match i % 2 {
        0 => note.text(part),
        _ => note.child(el("code").text(part)),
    })
}

/// Remarks, one under another.
pub(crate) fn list(items: &[String]) -> Element {
    el("ul").class("notes").children(items.iter().map(|item| el("li").text(item)))
}

/// Text to copy.
pub(crate) fn code(text: impl Display) -> Element {
    el("pre").child(el("code").lines(text))
}

/// Parts of wholes as bars: each with its name, its part from 0 to 1, and the number in words.
pub(crate) fn bars(color: usize, bars: impl IntoIterator<Item = (String, f64, String)>) -> Element {
    let bars = bars.into_iter().map(|(name, part, text)| {
        let width = format!("width:{:.2}%", 100.0 * part.clamp(0.0, 1.0));
        let bar = el("span").class("bar").child(el("span").with("style", width));
        let name = el("span").class("bar-name").text(name);
        el("li").child(name).child(bar).child(el("span").class("bar-value").text(text))
    });
    let list = el("ul").class(format_args!("bars s{}", color % COLORS));
    list.children(bars)
}

/// The names of the markers of a chart.
pub(crate) fn legend(keys: impl IntoIterator<Item = Element>) -> Element {
    el("ul").class("legend").children(keys)
}
