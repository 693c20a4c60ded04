//! Text that others wrote (models, documents, file names) on its way to a terminal or a report.
//!
//! A terminal obeys control sequences wherever they come from: a reply could clear the screen,
//! rewrite earlier lines or turn the reading direction round. Nothing from outside is printed
//! without going through this module.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Makes text safe for a terminal; line breaks and tabs stay.
///
/// Escaped as `\u{1b}`: C0 and C1 controls, DEL, line and paragraph separators, and the invisible
/// characters that turn the direction of what follows (embeddings, overrides, isolates) or carry
/// hidden text (tag characters). Joiners and the two direction marks belong to ordinary text of many
/// scripts and stay. A carriage return before a line feed is dropped.
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

/// Makes text safe for one line of a terminal: as [`for_terminal`], and line breaks become `⏎`,
/// tabs a space.
pub fn for_line(text: &str) -> Cow<'_, str> {
    match for_terminal(text) {
        safe if !safe.contains(['\n', '\t']) => safe,
        safe => Cow::Owned(safe.replace('\n', "⏎").replace('\t', " ")),
    }
}

/// Makes text safe inside a line of Markdown (a table cell, say): what Markdown would interpret is
/// escaped, and so is everything that [`for_line`] escapes.
pub fn for_markdown(text: &str) -> String {
    let safe = for_line(text);
    let mut out = String::with_capacity(safe.len());
    for c in safe.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// Makes JSON safe for a terminal without changing what it says: the characters that
/// [`for_terminal`] escapes and JSON allows raw in a string (C1 controls, direction overrides) are
/// written as `\uXXXX`.
pub fn for_json(text: Vec<u8>) -> String {
    let text = match String::from_utf8(text) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    let raw = |c: char| is_dangerous(c) && c != '\n';
    if !text.contains(raw) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if raw(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Cuts a line to a display width in columns; a cut is shown as `…`.
pub fn truncate(text: &str, width: usize) -> Cow<'_, str> {
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let mut out = String::new();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used >= width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    Cow::Owned(out)
}

fn escape(text: &str, keep: fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_dangerous(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\r' && chars.peek() == Some(&'\n') {
            continue;
        }
        if is_dangerous(c) && !keep(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests;
