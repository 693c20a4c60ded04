//! HTML to plain text.
//!
//! Kept: the text of the body with its block structure as line ends, headings, list items with `- `, table rows as one
//! line with ` | ` between the cells, preformatted text as it stands, image descriptions, the title if the body does not
//! repeat it. Dropped: scripts, styles, templates, forms' controls, hidden elements, and navigation (`nav`, `aside`,
//! `footer`, and `header` outside of an article).
//!
//! The parser builds the tree that a browser would, so hostile input can make it large and slow: documents go through
//! the extraction child (see `child`). [`strip_tags`] is the small scanner for fragments inside Markdown.

mod tags;
#[cfg(test)]
mod tests;

use encoding_rs::Encoding;
use scraper::{ElementRef, Html, Node, Selector};

pub(crate) use tags::strip_tags;

/// The charset that the file declares in its first kilobyte.
pub(crate) fn declared_charset(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..bytes.len().min(1024))?.to_ascii_lowercase();
    let mut rest = head.as_slice();
    while let Some(at) = rest.windows(7).position(|window| window == b"charset") {
        rest = rest.get(at + 7..)?;
        let value = rest.trim_ascii_start();
        if let Some(value) = value.strip_prefix(b"=") {
            let value = value.trim_ascii_start();
            let value = value
                .strip_prefix(b"\"")
                .or(value.strip_prefix(b"'"))
                .unwrap_or(value);
            let end = value
                .iter()
                .position(|b| {
                    matches!(b, b'"' | b'\'' | b';' | b'>' | b'/') || b.is_ascii_whitespace()
                })
                .unwrap_or(value.len());
            return Encoding::for_label(value.get(..end)?);
        }
    }
    None
}

/// The plain text of an HTML document. Time and memory depend on the tree: call it in the extraction child.
pub(crate) fn to_text(source: &str) -> String {
    let document = Html::parse_document(source);
    let mut body = render(&document, is_noise);
    if body.trim().is_empty() {
        // A page that keeps all of its text in places that usually are noise still has text.
        body = render(&document, |element| is_program(element.value().name()));
    }
    match title(&document) {
        Some(title) if !body.contains(title.as_str()) => format!("{title}\n\n{body}"),
        _ => body,
    }
}

/// Walks the tree in document order, with a loop, so that depth costs no stack.
fn render(document: &Html, skip: impl Fn(&ElementRef<'_>) -> bool) -> String {
    let mut writer = Writer::default();
    let mut node = document.tree.root();
    loop {
        let mut descend = true;
        match node.value() {
            Node::Text(text) => writer.text(text),
            Node::Element(_) => {
                if let Some(element) = ElementRef::wrap(node) {
                    descend = !skip(&element);
                    if descend {
                        writer.open(&element);
                    }
                }
            }
            _ => {}
        }
        if descend && let Some(child) = node.first_child() {
            node = child;
            continue;
        }
        loop {
            if descend && let Node::Element(element) = node.value() {
                writer.close(element.name());
            }
            descend = true;
            if let Some(next) = node.next_sibling() {
                node = next;
                break;
            }
            match node.parent() {
                Some(parent) => node = parent,
                None => return writer.out,
            }
        }
    }
}

fn title(document: &Html) -> Option<String> {
    let selector = Selector::parse("head > title").ok()?;
    let text: String = document.select(&selector).next()?.text().collect();
    let title = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then_some(title)
}

/// Whether an element holds no prose at all.
fn is_program(name: &str) -> bool {
    matches!(
        name,
        "head"
            | "script"
            | "style"
            | "noscript"
            | "template"
            | "svg"
            | "iframe"
            | "object"
            | "canvas"
            | "audio"
            | "video"
    )
}

fn is_noise(element: &ElementRef<'_>) -> bool {
    let value = element.value();
    let name = value.name();
    if matches!(name, "html" | "body") {
        return false;
    }
    let hidden = value.attr("hidden").is_some() || value.attr("aria-hidden") == Some("true");
    let by_role = matches!(
        value.attr("role"),
        Some("navigation" | "banner" | "contentinfo" | "search")
    );
    let by_name = match name {
        "nav" | "aside" | "footer" | "button" | "select" | "input" | "textarea" | "dialog" => true,
        // The header of a page is a banner, that of an article is its title. The bound keeps hostile depth cheap.
        "header" => !element
            .ancestors()
            .take(64)
            .filter_map(ElementRef::wrap)
            .any(|above| matches!(above.value().name(), "article" | "main" | "section")),
        _ => is_program(name),
    };
    hidden || by_role || by_name
}

/// How an element stands in the flow of text.
fn flow(name: &str) -> Flow {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "ul" | "ol" | "dl"
        | "blockquote" | "pre" | "section" | "article" | "main" | "header" | "figure" | "hr"
        | "fieldset" | "body" => Flow::Block,
        "div" | "li" | "tr" | "dt" | "dd" | "figcaption" | "caption" | "address" | "center"
        | "details" | "summary" | "form" | "option" | "legend" | "thead" | "tbody" | "tfoot" => {
            Flow::Line
        }
        _ => Flow::Inline,
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Flow {
    #[default]
    Inline,
    /// A line of its own.
    Line,
    /// An empty line before and after.
    Block,
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Open `pre` elements: white space counts.
    preformatted: usize,
    /// What separates the next text from the last one.
    pending: Flow,
    /// A list marker or a cell begins here: what comes shares its line.
    marked: bool,
    /// White space was seen and not yet written.
    space: bool,
    /// Where the current table row begins, once its first cell is open.
    row: Option<usize>,
}

impl Writer {
    fn open(&mut self, element: &ElementRef<'_>) {
        let name = element.value().name();
        self.separate(flow(name));
        match name {
            "br" => self.out.push('\n'),
            "pre" => self.preformatted += 1,
            "li" => self.marker("- "),
            "tr" => self.row = None,
            "td" | "th" => self.cell(),
            "img" => {
                if let Some(description) = element.value().attr("alt") {
                    self.text(description);
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if name == "pre" {
            self.preformatted = self.preformatted.saturating_sub(1);
        }
        // An empty item or cell must not draw what follows it onto its line.
        self.marked &= !matches!(name, "li" | "td" | "th" | "tr");
        self.separate(flow(name));
    }

    /// Cells stand on one line, unless one of them has several lines (a table that only lays out the page).
    fn cell(&mut self) {
        match self.row {
            None => {
                self.marker("");
                self.row = Some(self.out.len());
            }
            Some(start) => {
                if self.out.get(start..).is_some_and(|row| row.contains('\n')) {
                    self.separate(Flow::Line);
                } else {
                    self.pending = Flow::Inline;
                    self.marker(" | ");
                }
            }
        }
    }

    /// Writes a mark that the text after it shares a line with.
    fn marker(&mut self, mark: &str) {
        self.flush();
        self.out.push_str(mark);
        self.marked = true;
        self.space = false;
    }

    fn separate(&mut self, flow: Flow) {
        if flow != Flow::Inline {
            self.pending = self.pending.max(flow);
            self.space = false;
        }
    }

    /// Writes the pending separation.
    fn flush(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let marked = std::mem::take(&mut self.marked);
        if pending == Flow::Inline || self.out.is_empty() || marked {
            return;
        }
        if !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        if pending == Flow::Block && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn text(&mut self, text: &str) {
        if self.preformatted > 0 {
            self.flush();
            self.out.push_str(text);
            return;
        }
        for character in text.chars() {
            // HTML's own white space: a no-break space is a character.
            if matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{c}') {
                self.space = true;
                continue;
            }
            self.flush();
            if self.space && !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
                self.out.push(' ');
            }
            self.space = false;
            self.out.push(character);
        }
    }
}
