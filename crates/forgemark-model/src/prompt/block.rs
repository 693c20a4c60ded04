//! Blocks of data in a prompt: `<name attribute="...">`, text on lines of its own, `</name>`.

use std::borrow::Cow;

use super::neutral::{push_neutral, push_reference, restore};

/// A block found in a prompt.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    attributes: &'a str,
    body: &'a str,
}

impl<'a> Block<'a> {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            let (key, after) = rest.trim_start().split_once("=\"")?;
            let (value, after) = after.split_once('"')?;
            if key == name {
                return Some(unescape(value));
            }
            rest = after;
        }
    }

    /// What stands between the tags, as it stands there: for blocks within blocks.
    pub fn body(&self) -> &'a str {
        self.body
    }

    /// The text that was put into the block.
    pub fn text(&self) -> Cow<'a, str> {
        restore(self.body)
    }
}

/// Appends ` name="value"`.
pub fn attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control()
                || matches!(c, '\u{202d}' | '\u{202e}' | '\u{e0000}'..='\u{e007f}') =>
            {
                push_reference(out, u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends `<name attributes>` and a line break.
pub fn push_open(out: &mut String, name: &str, attributes: &[(&str, &str)]) {
    out.push('<');
    out.push_str(name);
    for (key, value) in attributes {
        attribute(out, key, value);
    }
    out.push_str(">\n");
}

/// Appends a whole block with neutralised text and a final line break.
pub fn push_block(out: &mut String, name: &str, attributes: &[(&str, &str)], text: &str) {
    push_open(out, name, attributes);
    push_neutral(out, text);
    out.push_str("\n</");
    out.push_str(name);
    out.push_str(">\n");
}

/// Every block `name` of `prompt`, in order.
///
/// A tag counts only at the start of a line and with a line break behind it, so that a rule may
/// speak of `<passage>` in running text. A block without an end is none.
pub fn blocks<'a>(prompt: &'a str, name: &str) -> Vec<Block<'a>> {
    let mut found = Vec::new();
    let open = format!("<{name}");
    let close = format!("\n</{name}>");
    let mut from = 0;
    while let Some(at) = prompt[from..].find(&open).map(|at| from + at) {
        from = at + open.len();
        if at > 0 && prompt.as_bytes()[at - 1] != b'\n' {
            continue;
        }
        let Some((attributes, _)) = prompt[from..].split_once(">\n") else {
            break;
        };
        if attributes.contains('\n') || !(attributes.is_empty() || attributes.starts_with(' ')) {
            continue;
        }
        // The line break behind the opening tag may be the one before the closing tag.
        let body = from + attributes.len() + 1;
        let Some(length) = prompt[body..].find(&close) else {
            continue;
        };
        let text = &prompt[body..body + length];
        found.push(Block {
            attributes,
            body: text.strip_prefix('\n').unwrap_or(text),
        });
        from = body + length + close.len();
    }
    found
}

/// The attributes of the first `<name ... />` line.
pub fn self_closing<'a>(prompt: &'a str, name: &str) -> Option<Block<'a>> {
    let open = format!("<{name} ");
    prompt.lines().find_map(|line| {
        let attributes = line.trim().strip_prefix(&open)?.strip_suffix("/>")?;
        Some(Block {
            attributes,
            body: "",
        })
    })
}

fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = rest.find(';').and_then(|end| {
            let c = match &rest[1..end] {
                "amp" => '&',
                "quot" => '"',
                "lt" => '<',
                "gt" => '>',
                other => {
                    let hex = other.strip_prefix("#x")?;
                    char::from_u32(u32::from_str_radix(hex, 16).ok()?)?
                }
            };
            Some((c, end + 1))
        });
        let (c, taken) = known.unwrap_or(('&', 1));
        out.push(c);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}
