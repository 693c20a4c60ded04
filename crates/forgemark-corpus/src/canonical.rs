//! Canonical text: the one form of a document that chunks, spans and quotes refer to.
//!
//! The characters stay as they were read, so that a quote is found in the source: no NFC, no case or quote folding (the
//! search folds for itself). Only this changes:
//!
//! - line ends: CR LF and CR become LF; form feed and vertical tab become LF, so that words do not fuse;
//! - NUL, DEL and every other C0 control but tab are removed; U+0085, U+2028 and U+2029 stay, they are text here;
//! - white space at both ends of the document is removed, as in the original.
//!
//! Offsets count Unicode scalar values from the start of this text. Pages, where a format has them, are marks on it.

#[cfg(test)]
mod tests;

use forgemark_contract::text::is_python_space;

/// Where a page begins in a canonical text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageStart {
    /// The physical page, from 1.
    pub(crate) page: u32,
    /// Its first character, counted from the start of the text.
    pub(crate) start: u32,
}

/// A canonical text with its page marks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Canonical {
    pub(crate) text: String,
    /// Length in Unicode scalar values.
    pub(crate) chars: u32,
    /// In ascending order of page and of start; empty for formats without pages. Pages without text are absent.
    pub(crate) pages: Vec<PageStart>,
}

impl Canonical {
    /// The canonical form of a text without pages. Costs no copy when the text already is canonical.
    pub(crate) fn of_text(text: String) -> Self {
        let mut text = if text.bytes().any(is_changed) {
            let mut clean = String::with_capacity(text.len());
            push_clean(&mut clean, &text);
            clean
        } else {
            text
        };
        trim_end(&mut text);
        let lead = text.len() - text.trim_start_matches(is_python_space).len();
        if lead > 0 {
            text.drain(..lead);
        }
        Canonical {
            chars: count(&text),
            text,
            pages: Vec::new(),
        }
    }

    /// The canonical form of a text in pages. A page's text carries its own separators, because only the reader knows
    /// whether a sentence runs on over the page break.
    pub(crate) fn of_pages<'a>(pages: impl IntoIterator<Item = (u32, &'a str)>) -> Self {
        let mut text = String::new();
        let mut marks: Vec<PageStart> = Vec::new();
        let mut chars = 0;
        for (page, raw) in pages {
            let before = text.len();
            push_clean(&mut text, raw);
            if before == 0 {
                let lead = text.len() - text.trim_start_matches(is_python_space).len();
                text.drain(..lead);
            }
            if text.len() > before {
                marks.push(PageStart { page, start: chars });
                chars += count(text.get(before..).unwrap_or_default());
            }
        }
        trim_end(&mut text);
        let chars = count(&text);
        marks.retain(|mark| mark.start < chars);
        Canonical {
            text,
            chars,
            pages: marks,
        }
    }
}

/// The page of the character at `offset`, or `None` when the document has no pages.
pub(crate) fn page_at(pages: &[PageStart], offset: u32) -> Option<u32> {
    let after = pages.partition_point(|mark| mark.start <= offset);
    pages.get(after.saturating_sub(1)).map(|mark| mark.page)
}

/// Length in Unicode scalar values. Documents are limited to less than 4 GiB, so it fits.
pub(crate) fn count(text: &str) -> u32 {
    // Counting the bytes that begin a character is what the compiler turns into vector code.
    text.bytes().filter(|&b| (b as i8) >= -0x40).count() as u32
}

/// Whether canonical form replaces or removes this byte.
fn is_changed(byte: u8) -> bool {
    matches!(byte, 0..=8 | 0x0b..=0x1f | 0x7f)
}

fn push_clean(out: &mut String, raw: &str) {
    let mut kept_from = 0;
    let mut previous = 0;
    for (at, byte) in raw.bytes().enumerate() {
        if is_changed(byte) || (byte == b'\n' && previous == b'\r') {
            // Every changed byte is ASCII, so both cuts are character boundaries.
            out.push_str(raw.get(kept_from..at).unwrap_or_default());
            kept_from = at + 1;
            if matches!(byte, b'\r' | 0x0b | 0x0c) {
                out.push('\n');
            }
        }
        previous = byte;
    }
    out.push_str(raw.get(kept_from..).unwrap_or_default());
}

fn trim_end(text: &mut String) {
    text.truncate(text.trim_end_matches(is_python_space).len());
}
