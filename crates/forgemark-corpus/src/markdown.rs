//! Markdown to plain text.
//!
//! Kept: headings, paragraphs, lists with their markers, quotes, code blocks as they stand, tables as one line a row
//! with ` | ` between the cells, image descriptions, footnotes. Dropped: markup, link targets, front matter (YAML
//! between `---`, TOML between `+++`), comments and tags of embedded HTML (its text stays).

#[cfg(test)]
mod tests;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::html;

/// The plain text of a Markdown document.
pub(crate) fn to_text(source: &str) -> String {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    // Without the line ends of other systems the parser would keep a CR in code blocks.
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut writer = PlainText::default();
    for event in Parser::new_ext(&source, options) {
        writer.event(event);
    }
    writer.out
}

#[derive(Default)]
struct PlainText {
    out: String,
    /// Open lists, innermost last: the next number of an ordered one.
    lists: Vec<Option<u64>>,
    /// Whether what comes is front matter.
    in_metadata: bool,
    in_code: bool,
    /// Cells of the table row so far.
    cells: usize,
    html: String,
}

impl PlainText {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            _ if self.in_metadata => {}
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) => {
                self.out.push_str(&text);
            }
            Event::DisplayMath(text) => {
                self.out.push_str(text.trim());
            }
            Event::Html(text) => self.html.push_str(&text),
            Event::InlineHtml(tag) => {
                let name = tag.trim_start_matches('<').trim_start();
                if name
                    .get(..2)
                    .is_some_and(|start| start.eq_ignore_ascii_case("br"))
                {
                    self.line();
                }
            }
            Event::FootnoteReference(label) => {
                self.out.push('[');
                self.out.push_str(&label);
                self.out.push(']');
            }
            Event::SoftBreak => self.out.push(' '),
            Event::HardBreak => self.line(),
            Event::Rule => self.block(),
            Event::TaskListMarker(done) => self.out.push_str(if done { "[x] " } else { "[ ] " }),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::MetadataBlock(_) => self.in_metadata = true,
            Tag::CodeBlock(_) => {
                self.block();
                self.in_code = true;
            }
            Tag::HtmlBlock => {
                self.block();
                self.html.clear();
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.block();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.line();
                let depth = self.lists.len().saturating_sub(1).min(8);
                self.out.push_str(&"  ".repeat(depth));
                match self.lists.last_mut() {
                    Some(Some(number)) => {
                        self.out.push_str(&number.to_string());
                        self.out.push_str(". ");
                        *number = number.saturating_add(1);
                    }
                    _ => self.out.push_str("- "),
                }
            }
            Tag::FootnoteDefinition(label) => {
                self.block();
                self.out.push('[');
                self.out.push_str(&label);
                self.out.push_str("] ");
            }
            Tag::TableHead | Tag::TableRow => {
                self.line();
                self.cells = 0;
            }
            Tag::TableCell => {
                if self.cells > 0 {
                    self.out.push_str(" | ");
                }
                self.cells += 1;
            }
            // The first paragraph of an item or a footnote stays on the line of its marker.
            Tag::Paragraph if self.after_marker() => {}
            Tag::Paragraph | Tag::Heading { .. } | Tag::BlockQuote(_) | Tag::Table(_) => {
                self.block();
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::MetadataBlock(_) => self.in_metadata = false,
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.block();
            }
            TagEnd::HtmlBlock => {
                html::strip_tags(&self.html, &mut self.out);
                self.block();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                if self.lists.is_empty() {
                    self.block();
                }
            }
            TagEnd::Item | TagEnd::TableHead | TagEnd::TableRow => self.line(),
            TagEnd::Paragraph if !self.lists.is_empty() => self.line(),
            TagEnd::Paragraph
            | TagEnd::Heading(_)
            | TagEnd::BlockQuote(_)
            | TagEnd::Table
            | TagEnd::FootnoteDefinition => self.block(),
            _ => {}
        }
    }

    /// Whether the text ends with a list or footnote marker that has no text yet.
    fn after_marker(&self) -> bool {
        let line = self
            .out
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .trim_start();
        let Some(marker) = line.strip_suffix(' ') else {
            return false;
        };
        marker == "-"
            || marker
                .strip_suffix('.')
                .is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
            || (marker.starts_with('[') && marker.ends_with(']') && !marker.contains(' '))
    }

    /// Ends the line, if anything stands on it.
    fn line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    /// Ends the block: an empty line follows.
    fn block(&mut self) {
        self.line();
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }
}
