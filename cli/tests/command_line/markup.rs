//! A strict reader of the markup that `report` writes: XML, as far as that goes without a library.

/// What a page holds.
pub(crate) struct Markup {
    /// Each element's name with its attributes, unescaped, in the order of the file.
    pub(crate) elements: Vec<(String, Vec<(String, String)>)>,
    /// The text of each cell of each row of each table.
    pub(crate) rows: Vec<Vec<String>>,
    /// All text that is read, style left out, pieces apart by a space.
    pub(crate) text: String,
}

impl Markup {
    /// Reads a page; panics where it is not well-formed.
    pub(crate) fn read(page: &str) -> Markup {
        let mut rest = page.strip_prefix("<!DOCTYPE html>\n").expect("a doctype").trim_end();
        let mut markup = Markup { elements: Vec::new(), rows: Vec::new(), text: String::new() };
        let mut open: Vec<String> = Vec::new();
        while !rest.is_empty() {
            let Some(tag) = rest.strip_prefix('<') else {
                let end = rest.find('<').unwrap_or(rest.len());
                assert!(!open.is_empty(), "text after the end: {}", &rest[..end.min(40)]);
                let text = unescape(&rest[..end]);
                match open.last().unwrap().as_str() {
                    "style" => {}
                    "td" | "th" => {
                        markup.see(&text);
                        let row = markup.rows.last_mut().expect("a row");
                        row.last_mut().expect("a cell").push_str(&text);
                    }
                    _ => markup.see(&text),
                }
                rest = &rest[end..];
                continue;
            };
            let end = tag.find('>').expect("a closed tag");
            let inside = &tag[..end];
            rest = &tag[end + 1..];
            if let Some(name) = inside.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(name), "tags nest");
                continue;
            }
            let (inside, is_closed) = match inside.strip_suffix('/') {
                Some(inside) => (inside, true),
                None => (inside, false),
            };
            let (name, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
            let fits = |c: char| c.is_ascii_alphanumeric();
            assert!(!name.is_empty() && name.chars().all(fits), "an element: <{inside}>");
            markup.elements.push((name.to_owned(), read_attributes(attributes)));
            match name {
                "tr" => markup.rows.push(Vec::new()),
                "td" | "th" => markup.rows.last_mut().expect("a row").push(String::new()),
                _ => {}
            }
            if !is_closed {
                open.push(name.to_owned());
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
        markup
    }

    fn see(&mut self, text: &str) {
        self.text.push_str(text.trim());
        self.text.push(' ');
    }

    /// The rows of the table whose head starts so, without the head.
    pub(crate) fn table(&self, head: &[&str]) -> &[Vec<String>] {
        let is_head = |row: &Vec<String>| row.len() >= head.len() && row[..head.len()] == *head;
        let at = self.rows.iter().position(is_head).unwrap_or_else(|| panic!("a table {head:?}"));
        let columns = self.rows[at].len();
        let rows = &self.rows[at + 1..];
        let end = rows.iter().position(|row| row.len() != columns).unwrap_or(rows.len());
        &rows[..end]
    }

    /// The values of an attribute of all elements of a name.
    pub(crate) fn attributes<'a>(&'a self, element: &str, name: &str) -> Vec<&'a str> {
        let of = self.elements.iter().filter(|(found, _)| found == element);
        let all = of.flat_map(|(_, attributes)| attributes);
        all.filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
    }
}

fn read_attributes(text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").expect("name=\"value\"");
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(!name.is_empty() && name.chars().all(fits), "an attribute: {name}");
        let (value, after) = value.split_once('"').expect("a closed value");
        let is_new = attributes.iter().all(|(other, _)| other != name);
        assert!(is_new, "an attribute stands once: {name}");
        attributes.push((name.to_owned(), unescape(value)));
        rest = match after {
            "" => after,
            _ => after.strip_prefix(' ').expect("a space between attributes"),
        };
    }
    attributes
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (name, after) = after.split_once(';').expect("an entity ends");
        out.push_str(before);
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => panic!("an entity: &{name};"),
        });
        rest = after;
    }
    out.push_str(rest);
    assert!(!out.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{out}");
    out
}
