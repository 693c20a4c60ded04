//! Chunks: a sliding window over the characters of a canonical text.
//!
//! The rule is the original's: windows of `size` characters that begin `size - overlap` characters apart; the last one
//! is the first that reaches the end of the text; each is stripped of white space at both ends, and one that is empty
//! then does not count. Ordinals number the chunks that count, from 0. Characters are Unicode scalar values.

#[cfg(test)]
mod tests;

use forgemark_contract::text::is_python_space;

/// A chunk's place in its document, stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// First character and the one after the last, in Unicode scalar values.
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The same place in bytes of UTF-8.
    pub(crate) byte_start: u32,
    pub(crate) byte_end: u32,
}

/// The windows over a text of `chars` characters, before stripping, as (first, one after the last).
///
/// `overlap` must be less than `size`.
pub(crate) fn windows(chars: u32, size: u32, overlap: u32) -> impl Iterator<Item = (u32, u32)> {
    let step = size.saturating_sub(overlap).max(1);
    let mut next = (chars > 0).then_some(0_u32);
    std::iter::from_fn(move || {
        let start = next?;
        let end = start.saturating_add(size).min(chars);
        next = (end < chars).then(|| start + step);
        Some((start, end))
    })
}

/// The chunks of a text of `chars` characters.
pub(crate) fn chunks(text: &str, chars: u32, size: u32, overlap: u32) -> Vec<Span> {
    let mut starts = Cursor::new(text, chars);
    let mut ends = starts;
    let mut spans = Vec::new();
    for (start, end) in windows(chars, size, overlap) {
        let byte_start = starts.advance_to(start);
        let byte_end = ends.advance_to(end);
        let window = text.get(byte_start..byte_end).unwrap_or_default();
        let without_lead = window.trim_start_matches(is_python_space);
        let stripped = without_lead.trim_end_matches(is_python_space);
        if stripped.is_empty() {
            continue;
        }
        let lead = &window[..window.len() - without_lead.len()];
        let tail = &without_lead[stripped.len()..];
        spans.push(Span {
            start: start + crate::canonical::count(lead),
            end: end - crate::canonical::count(tail),
            byte_start: (byte_start + lead.len()) as u32,
            byte_end: (byte_end - tail.len()) as u32,
        });
    }
    spans
}

/// A place in a text that moves forward only.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    text: &'a str,
    ascii: bool,
    at_char: u32,
    at_byte: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str, chars: u32) -> Self {
        Cursor {
            text,
            ascii: text.len() == chars as usize,
            at_char: 0,
            at_byte: 0,
        }
    }

    /// The byte offset of the character `target`, which must not be before the last one asked for.
    fn advance_to(&mut self, target: u32) -> usize {
        if self.ascii {
            return target as usize;
        }
        let rest = self.text.get(self.at_byte..).unwrap_or_default();
        let step = (target - self.at_char) as usize;
        let bytes = rest
            .char_indices()
            .nth(step)
            .map_or(rest.len(), |(at, _)| at);
        self.at_char = target;
        self.at_byte += bytes;
        self.at_byte
    }
}
