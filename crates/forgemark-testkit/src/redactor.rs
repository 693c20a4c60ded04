//! Takes what differs from run to run out of text, so that a snapshot can hold the rest.

use std::path::Path;

/// Rules that are applied in the order in which they were added.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
enum Rule {
    Text { from: String, to: String },
    Timestamps,
    Durations,
}

impl Redactor {
    /// No rules.
    pub fn new() -> Self {
        Redactor::default()
    }

    /// Replaces a text wherever it stands.
    #[must_use]
    pub fn text(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        let (from, to) = (from.into(), to.into());
        if !from.is_empty() {
            self.rules.push(Rule::Text { from, to });
        }
        self
    }

    /// Replaces a path, as given and with its links resolved.
    #[must_use]
    pub fn path(self, path: &Path, to: &str) -> Self {
        let resolved = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.text(resolved.display().to_string(), to)
            .text(path.display().to_string(), to)
    }

    /// Replaces instants such as `2030-01-02T03:04:05.000006Z` by `[TIME]`.
    #[must_use]
    pub fn timestamps(mut self) -> Self {
        self.rules.push(Rule::Timestamps);
        self
    }

    /// Replaces durations such as `12ms`, `1.5 s` and `2m` by `[T]`, padded to the width that they had, so that
    /// columns stay in line.
    #[must_use]
    pub fn durations(mut self) -> Self {
        self.rules.push(Rule::Durations);
        self
    }

    /// The text after all rules.
    pub fn apply(&self, text: &str) -> String {
        self.rules
            .iter()
            .fold(text.to_owned(), |text, rule| match rule {
                Rule::Text { from, to } => text.replace(from, to),
                Rule::Timestamps => replace(&text, timestamp, |_| "[TIME]".to_owned()),
                Rule::Durations => replace(&text, duration, |found| {
                    format!("{:<width$}", "[T]", width = found.chars().count())
                }),
            })
    }
}

/// Replaces everything that `find` finds at the start of a word.
fn replace(
    text: &str,
    find: impl Fn(&str) -> Option<usize>,
    by: impl Fn(&str) -> String,
) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_word = false;
    while let Some(first) = rest.chars().next() {
        let found = if in_word { None } else { find(rest) };
        let len = found.unwrap_or(first.len_utf8());
        let (taken, after) = rest.split_at(len);
        if found.is_some() {
            out.push_str(&by(taken));
            in_word = true;
        } else {
            out.push_str(taken);
            in_word = first.is_alphanumeric() || matches!(first, '.' | '-' | '_');
        }
        rest = after;
    }
    out
}

/// Length of an instant at the start of `text`.
fn timestamp(text: &str) -> Option<usize> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let shaped = bytes.len() >= SHAPE.len()
        && SHAPE.iter().zip(bytes).all(|(shape, byte)| match shape {
            b'0' => byte.is_ascii_digit(),
            other => other == byte,
        });
    if !shaped {
        return None;
    }
    let mut len = SHAPE.len();
    if bytes.get(len) == Some(&b'.') {
        len += 1 + digits(&bytes[len + 1..]);
    }
    match bytes.get(len) {
        Some(b'Z') => len += 1,
        Some(b'+' | b'-') if digits(&bytes[len + 1..]) == 2 => len += 6.min(bytes.len() - len),
        _ => {}
    }
    Some(len)
}

/// Length of a duration at the start of `text`.
fn duration(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut len = digits(bytes);
    if len == 0 {
        return None;
    }
    if bytes.get(len) == Some(&b'.') && digits(&bytes[len + 1..]) > 0 {
        len += 1 + digits(&bytes[len + 1..]);
    }
    let spaced = usize::from(bytes.get(len) == Some(&b' '));
    let after = &text[len + spaced..];
    let unit = ["ms", "µs", "us", "ns", "s", "m", "h"]
        .into_iter()
        .find(|unit| after.strip_prefix(unit).is_some_and(ends_word))?;
    // "3 m" may be metres or the start of a sentence; a minute is written without a space.
    (spaced == 0 || unit.ends_with('s')).then_some(len + spaced + unit.len())
}

fn ends_word(rest: &str) -> bool {
    !rest
        .chars()
        .next()
        .is_some_and(|next| next.is_alphanumeric() || next == '_')
}

fn digits(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

#[cfg(test)]
mod tests;
