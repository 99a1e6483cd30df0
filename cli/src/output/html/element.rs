//! HTML and SVG as a tree of elements.
//!
//! Text and values of attributes are escaped where they are written, and every tag is closed, so a
//! name out of a recipe cannot become markup; hidden characters are shown by their numbers. The text is
//! HTML and well-formed XML at once.

use crate::output::escape;
use core::fmt::Display;

/// An element with its contents.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Element(Element),
    /// On one line, whatever it holds.
    Text(String),
    Lines(String),
    /// Written as it is: static text is the program's own.
    Verbatim(&'static str),
}

/// An element without attributes.
pub(crate) fn el(name: &'static str) -> Element {
    Element { name, attributes: Vec::new(), children: Vec::new() }
}

impl Element {
    /// With an attribute.
    pub(crate) fn with(mut self, name: &'static str, value: impl Display) -> Element {
        self.put(name, &value);
        self
    }

    fn put(&mut self, name: &'static str, value: &dyn Display) {
        self.attributes.push((name, value.to_string()));
    }

    fn push(&mut self, node: Node) {
        self.children.push(node);
    }

    fn push_text(&mut self, text: &dyn Display) {
        self.push(Node::Text(text.to_string()));
    }

    /// With a class.
    pub(crate) fn class(self, class: impl Display) -> Element {
        self.with("class", class)
    }

    /// With text at its end.
    pub(crate) fn text(mut self, text: impl Display) -> Element {
        self.push_text(&text);
        self
    }

    /// With lines of text at its end.
    pub(super) fn lines(mut self, text: impl Display) -> Element {
        self.push(Node::Lines(text.to_string()));
        self
    }

    /// With an element at its end.
    pub(crate) fn child(mut self, child: Element) -> Element {
        self.push(Node::Element(child));
        self
    }

    /// With elements at its end.
    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Element>) -> Element {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    /// With text of the program that is not to be escaped: a style sheet.
    pub(super) fn verbatim(mut self, text: &'static str) -> Element {
        self.children.push(Node::Verbatim(text));
        self
    }

    /// Adds its text.
    pub(super) fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(self.name);
        for (name, value) in &self.attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            escape(&escape::line(value), out);
            out.push('"');
        }
        if self.children.is_empty() && CLOSED_AT_ONCE.contains(&self.name) {
            out.push_str("/>");
        } else {
            out.push('>');
            for child in &self.children {
                match child {
                    Node::Element(element) => element.write(out),
                    Node::Text(text) => escape(&escape::line(text), out),
                    Node::Lines(text) => escape(&escape::text(text), out),
                    Node::Verbatim(text) => out.push_str(text),
                }
            }
            out.push_str("</");
            out.push_str(self.name);
            out.push('>');
        }
        if LINES.contains(&self.name) {
            out.push('\n');
        }
    }
}

/// Elements that are never open: HTML's void ones and shapes of SVG.
const CLOSED_AT_ONCE: [&str; 9] =
    ["meta", "img", "br", "path", "line", "rect", "circle", "polyline", "use"];

/// Elements that end a line, so that the file can be read and compared line by line.
const LINES: [&str; 14] = [
    "head", "title", "meta", "style", "h1", "h2", "p", "tr", "li", "div", "figure", "section",
    "svg", "g",
];

/// Escapes markup of an element or of an attribute in double quotes.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(element: Element) -> String {
        let mut out = String::new();
        element.write(&mut out);
        out
    }

    #[test]
    fn text_and_attributes_cannot_become_markup() {
        let hostile = "</b><script>alert('1')</script>\" onload=\"x&amp;\u{0}\u{7}";
        let written = text(el("b").with("title", hostile).text(hostile));
        assert_eq!(written.matches('<').count(), 2, "{written}");
        assert_eq!(written.matches('"').count(), 2, "{written}");
        assert!(written.contains("&amp;amp;\\u{0}\\u{7}"), "{written}");
    }

    #[test]
    fn elements_are_closed_as_html_wants_them() {
        assert_eq!(text(el("td")), "<td></td>");
        assert_eq!(text(el("br")), "<br/>");
        let titled = el("circle").with("r", 2).child(el("title").text("a < b"));
        assert_eq!(text(titled), "<circle r=\"2\"><title>a &lt; b</title>\n</circle>");
    }
}
