//! Delimiters of mathematics in one form.
//!
//! | written | becomes |
//! |---|---|
//! | `\(` and `\)`, with the white space inside next to them | `$` |
//! | `\[` and `\]` | `$$` |
//! | `\begin{E}` and `\end{E}`, `E` one of equation, align and gather, starred or not | `$$` |
//!
//! # Source
//! The cleaning of the original's pipeline, which does it to first texts only; ours to every text that is kept.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// Environments that stand for display mathematics.
const ENVIRONMENTS: [&str; 6] = [
    "equation",
    "equation*",
    "align",
    "align*",
    "gather",
    "gather*",
];

/// `text` with its delimiters in one form; a text that has none of the others is borrowed. Cleaning twice changes nothing.
/// An escaped backslash before a bracket (`\\[2pt]`, a line break of a table) is none.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (found, after) = delimiter(&rest[at..]);
        match found {
            Delimiter::Open => {
                out.push('$');
                rest = after.trim_start_matches([' ', '\t', '\n', '\r']);
            }
            Delimiter::Close => {
                out.truncate(out.trim_end_matches([' ', '\t', '\n', '\r']).len());
                out.push('$');
                rest = after;
            }
            Delimiter::Display => {
                out.push_str("$$");
                rest = after;
            }
            Delimiter::None(text) => {
                out.push_str(text);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

enum Delimiter<'a> {
    Open,
    Close,
    Display,
    /// Something else that begins with a backslash, as it stands.
    None(&'a str),
}

/// What begins at a backslash, and what follows it.
fn delimiter(text: &str) -> (Delimiter<'_>, &str) {
    if let Some(after) = text.strip_prefix("\\(") {
        return (Delimiter::Open, after);
    }
    if let Some(after) = text.strip_prefix("\\)") {
        return (Delimiter::Close, after);
    }
    for display in ["\\[", "\\]"] {
        if let Some(after) = text.strip_prefix(display) {
            return (Delimiter::Display, after);
        }
    }
    for tag in ["\\begin{", "\\end{"] {
        let named = text
            .strip_prefix(tag)
            .and_then(|rest| rest.split_once('}'))
            .filter(|(name, _)| ENVIRONMENTS.contains(name));
        if let Some((_, after)) = named {
            return (Delimiter::Display, after);
        }
    }
    // A backslash and what it escapes belong together.
    let length = text.chars().take(2).map(char::len_utf8).sum();
    let (this, after) = text.split_at(length);
    (Delimiter::None(this), after)
}
