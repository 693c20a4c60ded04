//! Text rules that files depend on. Each follows Python's string methods, because the ledgers on disk were written by
//! them: a rule that differs in one character lets an old question be asked again.

#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest slug in bytes; longer ones are cut at a dash where possible.
const MAX_SLUG: usize = 80;

/// Whether Python's `str.split()` and `str.isspace()` take `c` for white space: Unicode's set and U+001C to U+001F.
pub fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c)
}

/// The normal form under which two questions are the same: Python's `" ".join(text.lower().split())`. No Unicode
/// normalization and no folding of punctuation or diacritics, as in the original.
pub fn python_lower_collapse(text: &str) -> String {
    let lower = text.to_lowercase();
    let mut out = String::with_capacity(lower.len());
    for word in lower.split(is_python_space).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Python's `str.strip()`.
pub fn python_strip(text: &str) -> &str {
    text.trim_matches(is_python_space)
}

/// The SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The question hash of the coverage ledger: the first 16 hexadecimal digits of the SHA-256 of
/// [`python_lower_collapse`]. An empty question has a hash too; where the ledger has no question it writes `""`.
pub fn question_hash(text: &str) -> String {
    hex(&Sha256::digest(python_lower_collapse(text).as_bytes())[..8])
}

/// The suffix that a language adds to a run id: lower case, everything but letters and digits becomes `-`, runs of it one,
/// none at the ends; `lang` when nothing is left. Letters of every script stay.
pub fn language_tag(label: &str) -> String {
    let tag = dashed(
        label
            .to_lowercase()
            .chars()
            .map(|c| if is_python_alphanumeric(c) { c } else { '-' }),
    );
    if tag.is_empty() {
        "lang".to_owned()
    } else {
        tag
    }
}

/// A name for a file or an anchor: ASCII letters and digits in lower case and single dashes, accents taken off, at most 80
/// bytes; `item` when nothing is left.
pub fn slug(text: &str) -> String {
    let plain = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase);
    let mut slug = dashed(plain.map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }));
    if slug.len() > MAX_SLUG {
        let cut = slug[..=MAX_SLUG]
            .rfind('-')
            .filter(|place| *place > MAX_SLUG / 2)
            .unwrap_or(MAX_SLUG);
        slug.truncate(cut);
    }
    if slug.is_empty() {
        "item".to_owned()
    } else {
        slug
    }
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Characters with runs of dashes squeezed and none at the ends.
fn dashed(chars: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    for c in chars {
        if c != '-' || (!out.is_empty() && !out.ends_with('-')) {
            out.push(c);
        }
    }
    if out.ends_with('-') {
        out.pop();
    }
    out
}

/// Python's `str.isalnum` for one character: letters and numbers by category. Rust's alphabetic set also holds
/// vowel signs and circled letters, which are no letters to Python.
fn is_python_alphanumeric(c: char) -> bool {
    let circled = matches!(c, '\u{24B6}'..='\u{24E9}' | '\u{1F130}'..='\u{1F149}' | '\u{1F150}'..='\u{1F169}' | '\u{1F170}'..='\u{1F189}');
    c.is_alphanumeric() && !is_combining_mark(c) && !circled
}
